// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterdns/clusterdns/test/internal/clients"
	"github.com/clusterdns/clusterdns/test/internal/dig"
	"github.com/clusterdns/clusterdns/test/upstream"
)

// values are those of this test: images that the nodes have, and roll-outs that
// are quick.
const values = `
servers: {image: {local: true}}
clusterDNS:
  create: true
  spec:
    upstreams: {endpoints: [{address: %s, port: %d}]}
    scaling: {replicas: 1}
    rollout: {lameduck: 3s}
`

const (
	install = "helm install clusterdns manifests/helm/clusterdns -n kube-system -f values.yaml --wait --timeout=90s"
	wait    = "kubectl wait --for=condition=Programmed clusterdns/default --timeout=90s"
	// released are what a release consists of, beside the ClusterDNS.
	released = "deployment/clusterdns-operator serviceaccount/clusterdns-operator role/clusterdns-operator rolebinding/clusterdns-operator " +
		"clusterrole/clusterdns-operator clusterrolebinding/clusterdns-operator"
	// kept is what has to outlive it. Pods have the label, too: no server may be replaced.
	kept     = "deployment/clusterdns service/kube-dns serviceaccount/clusterdns clusterrole/clusterdns:servers crd/clusterdnses.clusterdns.io clusterdns/default"
	labelled = "configmaps,pods -l app.kubernetes.io/name=clusterdns"
)

// TestRelease goes through the life of a release in one cluster.
func TestRelease(t *testing.T) {
	l := start(t)
	u, err := upstream.Start(upstream.Config{Zones: []string{"example"}, Records: []string{"www.corp.example. 60 IN A 192.0.2.80"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Stop() })
	l.values(t, u.Address(upstream.UDP))

	l.do(t, l.with(install))
	l.do(t, wait)
	at := l.expose(t, "kube-system")
	answered(t, at, "kubernetes.default.svc.cluster.local", "10.96.0.1")
	answered(t, at, "www.corp.example", "192.0.2.80")

	c := clients.Ask(at)
	for _, step := range []struct {
		name string
		run  func(*testing.T, *lab, netip.AddrPort)
	}{
		{"the API server takes all that the chart can render", takesAll},
		{"an upgrade changes what was asked for", upgrade},
		{"no right is missing", func(t *testing.T, l *lab, _ netip.AddrPort) { l.obeyed(t) }},
		{"an upgrade of the CRD is a line of kubectl", upgradeCRD},
		{"the DNS outlives the release, which can be installed again", reinstall},
		{"a release of another name takes over when it is told to", takeOwnership},
		{"so does one after the kustomization", afterKustomize},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, l, at) }) {
			break
		}
	}
	c.None(t)
	if t.Failed() {
		return
	}
	t.Run("what the manual deletes is all", deleteAll(l))
	t.Run("another namespace", elsewhere(l))
}

func takesAll(t *testing.T, l *lab, _ netip.AddrPort) {
	l.apply(t, monitoringCRD("PrometheusRule", "prometheusrules")+monitoringCRD("PodMonitor", "podmonitors"))
	l.do(t, "kubectl wait --for=condition=Established --timeout=60s crd/prometheusrules.monitoring.coreos.com crd/podmonitors.monitoring.coreos.com")
	out := l.do(t, l.with("helm template clusterdns manifests/helm/clusterdns --include-crds -f values.yaml --set alerts.create=true,dashboard.create=true |"+
		" kubectl apply --server-side --force-conflicts --dry-run=server -f -"))
	if n := strings.Count(out, "serverside-applied"); n != 12 {
		t.Errorf("%d objects:\n%s", n, out)
	}
}

func upgrade(t *testing.T, l *lab, at netip.AddrPort) {
	const change = "helm upgrade clusterdns manifests/helm/clusterdns -n kube-system --reset-then-reuse-values --wait --timeout=90s "
	before, spec := l.versions(t, released), l.versions(t, kept)
	l.do(t, change+"--set replicas=1")
	if diff := cmp.Diff([]string{"Deployment/clusterdns-operator"}, differ(before, l.versions(t, released))); diff != "" {
		t.Errorf("with another number of replicas these changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(spec, l.versions(t, kept)); diff != "" {
		t.Errorf("and of the DNS:\n%s", diff)
	}
	before = l.versions(t, released)
	l.do(t, change+`--set-json 'clusterDNS.spec.hosts=[{"name":"printer.example","addresses":["192.0.2.99"]}]'`)
	l.do(t, wait)
	answered(t, at, "printer.example", "192.0.2.99")
	if diff := cmp.Diff(before, l.versions(t, released)); diff != "" {
		t.Errorf("with another spec:\n%s", diff)
	}
	out := l.do(t, "kubectl get clusterdns default -o jsonpath='{.spec.scaling.replicas} {.spec.hosts[*].name}'")
	if out != "1 printer.example" {
		t.Errorf("the spec has %q", out)
	}
}

// upgradeCRD has somebody else change the CRD before.
func upgradeCRD(t *testing.T, l *lab, _ netip.AddrPort) {
	const version = "kubectl get crd clusterdnses.clusterdns.io -o jsonpath='{.metadata.annotations.controller-gen\\.kubebuilder\\.io/version}'"
	want := l.do(t, version)
	l.do(t, "kubectl annotate --overwrite crd clusterdnses.clusterdns.io controller-gen.kubebuilder.io/version=v0.0.0")
	for _, line := range manual(t, "Upgrade", "helm") {
		l.do(t, line)
	}
	if got := l.do(t, version); got != want || want == "" {
		t.Errorf("the CRD is of controller-gen %q, want %q", got, want)
	}
}

func reinstall(t *testing.T, l *lab, at netip.AddrPort) {
	before, servers := l.versions(t, kept), l.versions(t, labelled)
	l.uninstall(t)
	l.refused(t, "kubectl -n kube-system get "+released, `"clusterdns-operator" not found`)
	same(t, "after the uninstall", before, l.versions(t, kept))
	same(t, "after the uninstall", servers, l.versions(t, labelled))
	answered(t, at, "printer.example", "192.0.2.99")

	// The values have no such host, but what stayed has: Helm leaves it as it is.
	l.do(t, l.with(install))
	l.do(t, wait)
	same(t, "installed again", before, l.versions(t, kept))
	same(t, "installed again", servers, l.versions(t, labelled))
}

func takeOwnership(t *testing.T, l *lab, at netip.AddrPort) {
	before := l.versions(t, "crd/clusterdnses.clusterdns.io service/kube-dns deployment/clusterdns")
	l.uninstall(t)
	other := strings.Replace(l.with(install), "install clusterdns", "install other", 1)
	l.refused(t, other, "ClusterDNS", "invalid ownership metadata", "release-name")
	l.do(t, other+" --take-ownership --force")
	l.do(t, wait)
	after := l.versions(t, "crd/clusterdnses.clusterdns.io service/kube-dns deployment/clusterdns")
	if diff := cmp.Diff([]string{"Deployment/clusterdns"}, differ(before, after)); diff != "" {
		t.Errorf("without the host these changed (-want +got):\n%s", diff)
	}
	answered(t, at, "kubernetes.default.svc.cluster.local", "10.96.0.1")
	l.do(t, "helm uninstall other -n kube-system --wait")
}

func afterKustomize(t *testing.T, l *lab, at netip.AddrPort) {
	l.do(t, manual(t, "With kustomize", "kubectl apply -k")[0])
	l.do(t, "kubectl -n kube-system rollout status deployment/clusterdns-operator --timeout=90s")
	before, servers := l.versions(t, kept), l.versions(t, labelled)
	l.refused(t, l.with(install), "invalid ownership metadata")
	l.do(t, l.with(install)+" --take-ownership")
	l.do(t, wait)
	same(t, "taken from kubectl", before, l.versions(t, kept))
	same(t, "taken from kubectl", servers, l.versions(t, labelled))
	l.uninstall(t)
	answered(t, at, "kubernetes.default.svc.cluster.local", "10.96.0.1")
}

func deleteAll(l *lab) func(*testing.T) {
	return func(t *testing.T) {
		for _, line := range manual(t, "Uninstall", "kubectl") {
			l.do(t, line)
		}
		l.do(t, "kubectl -n kube-system wait --for=delete pods -l app.kubernetes.io/name=clusterdns --timeout=60s")
		out := l.do(t, "kubectl api-resources --verbs=list -o name | paste -sd, | xargs -I@ kubectl get @ -A -o name --ignore-not-found")
		for line := range strings.Lines(out) {
			if strings.Contains(line, "clusterdns") && !strings.HasPrefix(line, "event") {
				t.Errorf("%s is left", strings.TrimSpace(line))
			}
		}
		l.do(t, "kubectl -n kube-system delete service kube-dns")
	}
}

func elsewhere(l *lab) func(*testing.T) {
	return func(t *testing.T) {
		l.do(t, "kubectl create namespace dns")
		at := l.expose(t, "dns")
		l.do(t, strings.Replace(l.with(install), "-n kube-system", "-n dns --set namespace=dns", 1))
		l.do(t, wait)
		answered(t, at, "kubernetes.default.svc.cluster.local", "10.96.0.1")
		l.refused(t, "kubectl -n kube-system get service kube-dns", "not found")
		l.do(t, "helm uninstall clusterdns -n dns --wait")
		answered(t, at, "www.corp.example", "192.0.2.80")
	}
}

// values writes values.yaml, which with puts into a line.
func (l *lab) values(t *testing.T, upstream netip.AddrPort) {
	t.Helper()
	if err := os.WriteFile(l.file("values.yaml"), fmt.Appendf(nil, values, upstream.Addr(), upstream.Port()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (l *lab) with(line string) string {
	return strings.ReplaceAll(line, "values.yaml", l.file("values.yaml"))
}

func (l *lab) file(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) uninstall(t *testing.T) {
	t.Helper()
	for _, line := range manual(t, "Uninstall", "helm") {
		l.do(t, line+" --wait")
	}
	l.do(t, "kubectl -n kube-system wait --for=delete pods -l app.kubernetes.io/name=clusterdns-operator --timeout=60s")
}

// apply has kubectl apply a text.
func (l *lab) apply(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(l.file("apply.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.do(t, "kubectl apply -f "+l.file("apply.yaml"))
}

// versions returns objects by kind and name, and for each what is another when
// somebody makes it anew or writes it. A status does not count.
func (l *lab) versions(t *testing.T, what string) map[string]string {
	t.Helper()
	out := l.do(t, "kubectl -n kube-system get "+what+` -o jsonpath='{range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.metadata.generation} {.metadata.resourceVersion} {.metadata.deletionTimestamp}{"\n"}{end}'`)
	all := make(map[string]string)
	for line := range strings.Lines(out) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(words) != 5 {
			t.Fatalf("%s: %q", what, line)
		}
		if words[4] != "" { // on its way out
			continue
		}
		version := words[2]
		if version == "" { // has no status
			version = words[3]
		}
		kind, _, _ := strings.Cut(words[0], "/")
		if kind == "Pod" {
			version = ""
		}
		all[words[0]] = words[1] + " " + version
	}
	return all
}

// differ returns the names of what is not the same.
func differ(before, after map[string]string) []string {
	names := make(map[string]map[string]any)
	for name, v := range before {
		if after[name] != v {
			names[name] = nil
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			names[name] = nil
		}
	}
	return keys(names)
}

func same(t *testing.T, when string, want, got map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-before +now):\n%s", when, diff)
	}
}

// answered fails the test unless dig gets an address for a name. A Service that
// has just got its endpoints may be known a moment later.
func answered(t *testing.T, at netip.AddrPort, name, address string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		out, err := dig.Run(t.Context(), at.String(), at.String(), name, "A")
		if err == nil && strings.HasPrefix(out, "NOERROR") && strings.Contains(out, " A "+address) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is answered %v\n%s\nwant %s", name, err, out, address)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// monitoringCRD returns as much of the Prometheus operator as takes what it is given.
func monitoringCRD(kind, plural string) string {
	return strings.NewReplacer("KIND", kind, "PLURAL", plural).Replace(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: PLURAL.monitoring.coreos.com
  annotations:
    api-approved.kubernetes.io: unapproved, for a test
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: KIND, plural: PLURAL}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
---
`)
}
