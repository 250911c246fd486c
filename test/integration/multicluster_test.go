// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/internal/kube"
)

// inClusterSet returns a Corefile of a cluster that is of a clusterset.
func inClusterSet(line string, options ...string) string {
	return fmt.Sprintf("cluster.local clusterset.local in-addr.arpa {\n\terrors\n\t%s\n\tclusterdns {\n\t\tmulticluster clusterset.local\n\t\t%s\n\t}\n}\n",
		line, strings.Join(options, "\n\t\t"))
}

// crd installs the CRD of ServiceImports, or removes it.
func crd(t *testing.T, change func(*kube.Client, context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := change(client, ctx); err != nil {
		t.Fatal(err)
	}
}

func serviceImport(namespace, name, spec string) string {
	return fmt.Sprintf("{apiVersion: multicluster.x-k8s.io/v1alpha1, kind: ServiceImport, metadata: {namespace: %s, name: %s}, spec: {%s}}\n---\n", namespace, name, spec)
}

func importSlice(namespace, service, cluster, endpoints string) string {
	return fmt.Sprintf(`{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice,
  metadata: {namespace: %[1]s, name: imported-%[2]s-%[3]s, labels: {multicluster.kubernetes.io/service-name: %[2]s, multicluster.kubernetes.io/source-cluster: %[3]s}},
  addressType: IPv4, ports: [{name: http, port: 80}], endpoints: [%[4]s]}
---
`, namespace, service, cluster, endpoints)
}

const imports = "ports: [{name: http, port: 80}]"

// The CRD of ServiceImports is installed while the server runs, removed with
// all its objects, and installed again. The zone of the cluster never notices.
func TestServiceImportsComeLate(t *testing.T) {
	noStore(t)
	told := logs(t)
	crd(t, (*kube.Client).RemoveServiceImports)
	apply(t, namespace("sets")+
		service("sets", "web", "clusterIP: 10.96.25.1, "+http)+
		importSlice("sets", "db", "east", "{addresses: [10.5.25.1], hostname: db-0}")) // which needs no CRD
	line, ready := readyAt(t)
	s := start(t, inClusterSet(line, real()))
	const shop, db = "shop.sets.svc.clusterset.local", "db.sets.svc.clusterset.local"
	local := []fact{{"web.sets.svc.cluster.local", dns.TypeA, "NOERROR 10.96.25.1"}, {"missing.sets.svc.cluster.local", dns.TypeA, "NXDOMAIN"}}
	empty := []fact{
		{shop, dns.TypeA, "NXDOMAIN"}, {db, dns.TypeA, "NXDOMAIN"}, {"sets.svc.clusterset.local", dns.TypeA, "NOERROR"},
		{"dns-version.clusterset.local", dns.TypeTXT, `NOERROR "1.0.0"`},
		{"1.25.112.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"}, {"1.25.5.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"},
	}
	full := []fact{
		{shop, dns.TypeA, "NOERROR 10.112.25.1"}, {shop, dns.TypeSRV, "NOERROR 0 100 80 " + shop + "."}, {db, dns.TypeA, "NOERROR 10.5.25.1"},
		{"db-0.east." + db, dns.TypeA, "NOERROR 10.5.25.1"}, {"east." + db, dns.TypeA, "NOERROR"}, {"missing.sets.svc.clusterset.local", dns.TypeA, "NXDOMAIN"},
		{"1.25.112.10.in-addr.arpa", dns.TypePTR, "NOERROR " + shop + "."}, {"1.25.5.10.in-addr.arpa", dns.TypePTR, "NOERROR db-0.east." + db + "."},
	}
	if !ready() {
		t.Error("it is not ready without the CRD")
	}
	are(t, s, append(local, empty...)...)
	eventually(t, "the log says what is missing", func() bool { return strings.Contains(told(), "install the CRDs of the Multi-Cluster Services API") })

	_, end := ceaselessly(t, s, local...)
	objects := serviceImport("sets", "shop", "type: ClusterSetIP, ips: [10.112.25.1], "+imports) + serviceImport("sets", "db", "type: Headless, "+imports)
	for round := range 2 {
		crd(t, (*kube.Client).InstallServiceImports)
		apply(t, objects)
		become(t, s, full...)
		are(t, s, full...)
		crd(t, (*kube.Client).RemoveServiceImports)
		become(t, s, empty...)
		eventually(t, "the log says so again, once", func() bool { return strings.Count(told(), "install the CRDs") == round+2 })
	}
	end()
	if !ready() {
		t.Error("it is no longer ready")
	}
	crd(t, (*kube.Client).InstallServiceImports) // for the objects to be deleted at the end
}

// The right to ServiceImports is missing: their names are not known, and all
// else is, until the manifest of this repository is applied.
func TestRightToServiceImportsMissing(t *testing.T) {
	noStore(t)
	told := logs(t)
	crd(t, (*kube.Client).InstallServiceImports)
	apply(t, namespace("sets")+
		service("sets", "web", "clusterIP: 10.96.25.2, "+http)+
		serviceImport("sets", "shop", "type: ClusterSetIP, ips: [10.112.25.2], "+imports))
	manifest, err := os.ReadFile(filepath.Join(kube.Root(), "manifests", "rbac", "coredns.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	rule := "- apiGroups: [multicluster.x-k8s.io]\n  resources: [serviceimports]\n  verbs: [list, watch]\n"
	without := strings.Replace(string(manifest), rule, "", 1)
	if without == string(manifest) {
		t.Fatalf("the manifest has no rule %q", rule)
	}
	apply(t, without)
	line, ready := readyAt(t)
	s := start(t, inClusterSet(line, "kubeconfig "+control(t, "kubeconfig system:serviceaccount:kube-system:coredns")))
	eventually(t, "it is ready", ready) // rights take a moment to be effective
	const shop = "shop.sets.svc.clusterset.local"
	are(t, s,
		fact{"web.sets.svc.cluster.local", dns.TypeA, "NOERROR 10.96.25.2"},
		fact{"missing.sets.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
		fact{"2.25.96.10.in-addr.arpa", dns.TypePTR, "NOERROR web.sets.svc.cluster.local."},
		fact{"2.25.112.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"},
		fact{shop, dns.TypeA, "SERVFAIL EDE 14"},
		fact{"missing.sets.svc.clusterset.local", dns.TypeA, "SERVFAIL EDE 14"},
		fact{"sets.svc.clusterset.local", dns.TypeA, "NOERROR"},
	)
	eventually(t, "the log says that the right is missing", func() bool {
		return strings.Contains(told(), "grant list and watch on serviceimports.multicluster.x-k8s.io ")
	})

	apply(t, string(manifest))
	become(t, s,
		fact{shop, dns.TypeA, "NOERROR 10.112.25.2"},
		fact{"missing.sets.svc.clusterset.local", dns.TypeA, "NXDOMAIN"},
		fact{"2.25.112.10.in-addr.arpa", dns.TypePTR, "NOERROR " + shop + "."})
}
