# Copyright The clusterdns Authors
# SPDX-License-Identifier: Apache-2.0

GO        ?= go
PORT      ?= 1053
CLUSTER   ?= own
FUZZTIME  ?= 10s
SIZE      ?= S
NODES     ?= 1
CLUSTERFLAGS ?=
BENCHFLAGS ?=
TOOL      := $(GO) tool -modfile=go.tool.mod
GEN       := $(GO) tool -modfile=go.gen.mod controller-gen
GENERATED ?= .
CHART     := manifests/helm/clusterdns

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build programs ## Start a cluster and our DNS for it, and try it with dig [PORT=1053] [CLUSTER=existing]
	@CGO_ENABLED=0 $(GO) build -trimpath -o bin/run ./test/run
	@exec bin/run --port=$(PORT) --cluster=$(CLUSTER)

.PHONY: test
test: deps build programs helm vet race unit fuzz ## Run all tests; on Debian as root it installs what is missing
	$(GO) -C test/cluster test ./...
	$(GO) -C cmd/image test ./...
	$(GO) -C test/images test ./...
	$(GO) -C test/conformance test ./...

.PHONY: build
build: ## Build bin/coredns and bin/clusterdns
	@test/build.sh bin/coredns ./cmd/coredns
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/clusterdns ./cmd/clusterdns

.PHONY: programs
programs: ## Build the Kubernetes programs that make run and the tests start (6 to 8 minutes the first time)
	@CGO_ENABLED=0 $(GO) -C test/cluster build -trimpath -o ../../bin/cluster ./cmd/cluster
	@bin/cluster build

.PHONY: node-programs
node-programs: programs ## Build and install what real nodes need: containerd and Debian packages; as root on Linux
	@test/deps.sh nodes
	@bin/cluster build --nodes

.PHONY: test-nodes
test-nodes: node-programs ## Test the clusters with real nodes themselves, as root on Linux (2 minutes)
	$(GO) -C test/cluster test -tags nodes -count=1 -run Nodes .

.PHONY: cluster
cluster: programs ## Run a cluster with real nodes until Ctrl-C, as root on Linux [NODES=1] [CLUSTERFLAGS=--proxy-mode=iptables]
	@exec test/cluster.sh $(NODES) $(CLUSTERFLAGS)

.PHONY: helm
helm: bin/helm ## Build bin/helm, which installs the chart and tests it (about 2 minutes the first time)

# Made anew when the module file changes, which has all that it is built from.
bin/helm: go.helm.mod go.helm.sum
	@echo "building $@ (about 2 minutes the first time on 2 cores)"
	@CGO_ENABLED=0 $(GO) build -modfile=go.helm.mod -trimpath -ldflags '-s -w' -o $@ helm.sh/helm/v3/cmd/helm
	@touch $@

IMAGEFLAGS ?=

.PHONY: image
image: ## Make OCI images of both programs for amd64 and arm64, without Docker [IMAGEFLAGS=--help]
	@CGO_ENABLED=0 $(GO) -C cmd/image build -trimpath -o ../../bin/image .
	@bin/image $(IMAGEFLAGS)

.PHONY: e2e-images
e2e-images: ## Make the images of the pods of the end-to-end tests, without Docker [IMAGES=names]
	@test/deps.sh images
	@CGO_ENABLED=0 $(GO) -C test/images build -trimpath -o ../../bin/test-images .
	@bin/test-images $(IMAGES)

CONFORMANCEFLAGS ?=

.PHONY: conformance
conformance: ## Run Kubernetes' own DNS tests, in a cluster of its own or that of KUBECONFIG [CONFORMANCEFLAGS=--help]
	@CGO_ENABLED=0 $(GO) -C test/conformance build -trimpath -o ../../bin/conformance/conformance .
	@test -n "$(KUBECONFIG)" || $(MAKE) --no-print-directory conformance-cluster
	@bin/conformance/conformance $(CONFORMANCEFLAGS)

# What the cluster that make conformance starts is made of.
.PHONY: conformance-cluster
conformance-cluster: node-programs
	@CGO_ENABLED=0 $(GO) -C cmd/image build -trimpath -o ../../bin/image .
	@bin/image --out=bin/conformance --platform=linux/$$($(GO) env GOARCH)
	@$(MAKE) --no-print-directory e2e-images IMAGES='agnhost glibc-dns-testing'

.PHONY: e2e
e2e: ## Test the DNS from Pods on real nodes, as root on Linux, or in the cluster of E2E_KUBECONFIG
	@test/e2e.sh

.PHONY: e2e-all
e2e-all: ## The same with all kinds of networks, and Kubernetes' own tests
	@test/e2e.sh all

.PHONY: release
release: programs helm ## Make all that a release has, in dist: images, clusterdns for people, chart, manifests, checksums
	@CGO_ENABLED=0 $(GO) -C cmd/image build -trimpath -o ../../bin/image .
	@cmd/release.sh

.PHONY: deps
deps: ## Install the Debian packages that the tests need, or name them
	@test/deps.sh

.PHONY: vet
vet: ## Check the format and vet
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these files"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags e2e ./test/e2e
	$(GO) -C test/cluster vet -tags nodes ./...
	$(GO) -C test/cluster/containerd vet ./...
	$(GO) -C cmd/image vet ./...
	$(GO) -C test/images vet ./...
	$(GO) -C test/conformance vet ./...

.PHONY: race
race: ## Run the tests of the root module with the race detector
	@test/race.sh

.PHONY: unit
unit: ## Run the tests of the plugin without it: some count allocations
	$(GO) test ./plugin/... ./test/differential

.PHONY: fuzz
fuzz: ## Fuzz the parsers of names and Corefiles, edits of these, and the handler, FUZZTIME (10s) each
	$(GO) test -run '^$$' -fuzz '^FuzzParse$$' -fuzztime $(FUZZTIME) ./plugin/internal/qname
	$(GO) test -run '^$$' -fuzz '^FuzzServeDNS$$' -fuzztime $(FUZZTIME) ./plugin
	$(GO) test -run '^$$' -fuzz '^FuzzParse$$' -fuzztime $(FUZZTIME) ./corefile
	$(GO) test -run '^$$' -fuzz '^FuzzEdit$$' -fuzztime $(FUZZTIME) ./corefile
	$(GO) test -run '^$$' -fuzz '^FuzzWord$$' -fuzztime $(FUZZTIME) ./corefile

.PHONY: bench
bench: build programs ## Measure beside stock CoreDNS, NSD and Knot [SIZE=S|M|L] [BENCHFLAGS=--help]
	@CGO_ENABLED=0 $(GO) build -trimpath -o bin/bench ./test/bench
	@exec bin/bench --size=$(SIZE) $(BENCHFLAGS)

.PHONY: gobench
gobench: ## Run the Go benchmarks of the plugin
	$(GO) test -run '^$$' -bench . -benchmem ./plugin/...

.PHONY: generate
generate: ## Write the generated parts anew: deep copies, the CRD and its reference, the rights of the operator, what the Helm chart has of manifests
	@mkdir -p $(GENERATED)/$(CHART)/crds $(GENERATED)/$(CHART)/files $(GENERATED)/api/v1alpha1 $(GENERATED)/manifests/crd $(GENERATED)/manifests/rbac $(GENERATED)/docs
	@$(GEN) rbac:roleName=clusterdns-operator,headerFile=api/header.yaml.txt,fileName=operator.yaml paths=./operator output:rbac:dir=$(GENERATED)/manifests/rbac
	@$(GEN) object:headerFile=api/header.txt paths=./api/v1alpha1 output:object:dir=$(GENERATED)/api/v1alpha1
	@$(GEN) crd:headerFile=api/header.yaml.txt paths=./api/v1alpha1 output:crd:dir=$(GENERATED)/manifests/crd
	@$(GO) run ./api/internal/reference $(GENERATED)/manifests/crd/*.yaml > $(GENERATED)/docs/api.md.new
	@mv $(GENERATED)/docs/api.md.new $(GENERATED)/docs/api.md
	@cp $(GENERATED)/manifests/crd/*.yaml $(GENERATED)/$(CHART)/crds
	@cp $(GENERATED)/manifests/rbac/operator.yaml $(GENERATED)/$(CHART)/files/rbac.yaml
	@cp manifests/operator/account.yaml manifests/operator/deployment.yaml manifests/monitoring/alerts.yaml manifests/monitoring/dashboard.json $(GENERATED)/$(CHART)/files
	@cp manifests/monitoring/operator.yaml $(GENERATED)/$(CHART)/files/monitor.yaml
	@cp manifests/samples/clusterdns/default.yaml $(GENERATED)/$(CHART)/files/clusterdns.yaml

.PHONY: lint
lint: ## Run golangci-lint
	$(TOOL) golangci-lint run ./...

.PHONY: clean
clean: ## Remove what was built and the state of make run and make cluster
	@for dir in .cache/cluster .cache/conformance/cluster; do \
		if [ -d $$dir ] && [ -x bin/cluster ]; then bin/cluster stop --dir $$dir || exit 1; fi; done
	rm -rf bin .cache
