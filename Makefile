# Copyright The clusterdns Authors
# SPDX-License-Identifier: Apache-2.0

GO        ?= go
PORT      ?= 1053
CLUSTER   ?= own
FUZZTIME  ?= 10s
SIZE      ?= S
BENCHFLAGS ?=
TOOL      := $(GO) tool -modfile=go.tool.mod
GEN       := $(GO) tool -modfile=go.gen.mod controller-gen
GENERATED ?= .
CHART     := manifests/helm/clusterdns

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build cluster ## Start a cluster and our DNS for it, and try it with dig [PORT=1053] [CLUSTER=existing]
	@CGO_ENABLED=0 $(GO) build -trimpath -o bin/run ./test/run
	@exec bin/run --port=$(PORT) --cluster=$(CLUSTER)

.PHONY: test
test: deps build cluster helm vet race unit fuzz ## Run all tests; on Debian as root it installs what is missing
	$(GO) -C test/cluster test ./...
	$(GO) -C cmd/image test ./...

.PHONY: build
build: ## Build bin/coredns and bin/clusterdns
	@test/build.sh bin/coredns ./cmd/coredns
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/clusterdns ./cmd/clusterdns

.PHONY: cluster
cluster: ## Build the Kubernetes programs that make run and the tests start (6 to 8 minutes the first time)
	@CGO_ENABLED=0 $(GO) -C test/cluster build -trimpath -o ../../bin/cluster ./cmd/cluster
	@bin/cluster build

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

.PHONY: deps
deps: ## Install the Debian packages that the tests need, or name them
	@test/deps.sh

.PHONY: vet
vet: ## Check the format and vet
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these files"; exit 1; }
	$(GO) vet ./...
	$(GO) -C test/cluster vet ./...
	$(GO) -C cmd/image vet ./...

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
bench: build cluster ## Measure beside stock CoreDNS, NSD and Knot [SIZE=S|M|L] [BENCHFLAGS=--help]
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
	@$(GO) run ./api/internal/reference $(GENERATED)/manifests/crd/clusterdns.io_clusterdnses.yaml > $(GENERATED)/docs/api.md.new
	@mv $(GENERATED)/docs/api.md.new $(GENERATED)/docs/api.md
	@cp $(GENERATED)/manifests/crd/clusterdns.io_clusterdnses.yaml $(GENERATED)/$(CHART)/crds
	@cp $(GENERATED)/manifests/rbac/operator.yaml $(GENERATED)/$(CHART)/files/rbac.yaml
	@cp manifests/operator/account.yaml manifests/operator/deployment.yaml manifests/monitoring/alerts.yaml manifests/monitoring/dashboard.json $(GENERATED)/$(CHART)/files
	@cp manifests/monitoring/operator.yaml $(GENERATED)/$(CHART)/files/monitor.yaml
	@cp manifests/samples/clusterdns/default.yaml $(GENERATED)/$(CHART)/files/clusterdns.yaml

.PHONY: lint
lint: ## Run golangci-lint
	$(TOOL) golangci-lint run ./...

.PHONY: clean
clean: ## Remove what was built and the state of make run
	rm -rf bin .cache
