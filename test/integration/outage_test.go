// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/test/apiserver"
	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/internal/server"
)

// The API server stops, and comes back: no answer changes while it is away, and
// what changes afterwards is seen.
func TestAPIServerRestarts(t *testing.T) {
	noStore(t)
	logs(t)
	apply(t, namespace("outage")+
		service("outage", "web", "clusterIP: 10.96.21.1, "+http)+
		service("outage", "db", "clusterIP: None, "+http)+
		slice("outage", "db", "IPv4", "{addresses: [10.1.21.1], hostname: db-0}")+
		service("outage", "gone", "clusterIP: 10.96.21.2, "+http)+
		pod("outage", "p", "10.1.21.9"))
	s := start(t, block(real()))
	stay := []fact{
		{"web.outage.svc.cluster.local", dns.TypeA, "NOERROR 10.96.21.1"},
		{"web.outage.svc.cluster.local", dns.TypeAAAA, "NOERROR"},
		{"db.outage.svc.cluster.local", dns.TypeA, "NOERROR 10.1.21.1"},
		{"db.outage.svc.cluster.local", dns.TypeSRV, "NOERROR 0 100 80 db-0.db.outage.svc.cluster.local."},
		{"1.21.96.10.in-addr.arpa", dns.TypePTR, "NOERROR web.outage.svc.cluster.local."},
		{"1.21.1.10.in-addr.arpa", dns.TypePTR, "NOERROR db-0.db.outage.svc.cluster.local."},
		{"10-1-21-9.outage.pod.cluster.local", dns.TypeA, "NOERROR 10.1.21.9"},
		{"kubernetes.default.svc.cluster.local", dns.TypeA, "NOERROR 10.96.0.1"},
		{"missing.outage.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
	}
	are(t, s, stay...)
	_, end := ceaselessly(t, s, stay...)
	control(t, "stop-apiserver")
	failures := metric(t, "rest_client_requests_total", "code=<error>", host())
	eventually(t, "the plugin has noticed", func() bool {
		return metric(t, "rest_client_requests_total", "code=<error>", host()) >= failures+8
	})
	if got := metric(t, "synced", theStore(t)); got != 4 {
		t.Errorf("kinds synced without an API server: got %v, want 4", got)
	}
	control(t, "start-apiserver")

	apply(t, service("outage", "new", "clusterIP: 10.96.21.3, "+http))
	remove(t, service("outage", "gone", ""))
	apply(t, service("outage", "db2", "clusterIP: None, "+http)+slice("outage", "db2", "IPv4", "{addresses: [10.1.21.2], hostname: db-1}"))
	become(t, s,
		fact{"new.outage.svc.cluster.local", dns.TypeA, "NOERROR 10.96.21.3"},
		fact{"gone.outage.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
		fact{"db-1.db2.outage.svc.cluster.local", dns.TypeA, "NOERROR 10.1.21.2"})

	end()
}

// The API server restarts and no longer knows of changes as old as the last one
// we heard of: 410 Gone. Everything is read again, and meanwhile every record
// that stays is answered. A real API server keeps its history over most restarts.
func TestGone(t *testing.T) {
	noStore(t)
	logs(t)
	named := func(name, ip string) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
			Spec:       corev1.ServiceSpec{ClusterIP: ip, ClusterIPs: []string{ip}},
		}
	}
	api := apiserver.New()
	defer api.Close()
	api.Apply(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, named("stays", "10.0.0.1"), named("goes", "10.0.0.2"))
	for i := range 3000 {
		api.Apply(named(fmt.Sprintf("s%d", i), fmt.Sprintf("10.1.%d.%d", i/256, i%256)))
	}
	for _, watchList := range []bool{true, false} {
		t.Run(fmt.Sprintf("watchlist %v", watchList), func(t *testing.T) {
			api.SetWatchList(watchList)
			api.Apply(named("goes", "10.0.0.2"))
			api.Delete(named("comes", ""))
			s := start(t, block("endpoint "+api.URL()))
			become(t, s, fact{"s2999.default.svc.cluster.local", dns.TypeA, "NOERROR 10.1.11.183"})
			_, end := ceaselessly(t, s,
				fact{"stays.default.svc.cluster.local", dns.TypeA, "NOERROR 10.0.0.1"},
				fact{"s0.default.svc.cluster.local", dns.TypeA, "NOERROR 10.1.0.0"},
				fact{"s2999.default.svc.cluster.local", dns.TypeA, "NOERROR 10.1.11.183"},
				fact{"183.11.1.10.in-addr.arpa", dns.TypePTR, "NOERROR s2999.default.svc.cluster.local."})
			relists := metric(t, "watch_relists_total", "resource=services")
			api.Stop()
			api.Delete(named("goes", ""))
			api.Apply(named("comes", "10.0.0.3"))
			api.Compact()
			api.Start()
			become(t, s,
				fact{"comes.default.svc.cluster.local", dns.TypeA, "NOERROR 10.0.0.3"},
				fact{"goes.default.svc.cluster.local", dns.TypeA, "NXDOMAIN"})
			end()
			if got := metric(t, "watch_relists_total", "resource=services"); got <= relists {
				t.Errorf("relists: got %v, want more than %v", got, relists)
			}
		})
	}
}

// readyAt returns a line of a Corefile for the ready plugin, and a function
// that asks it.
func readyAt(t *testing.T) (line string, ready func() bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	return "ready " + addr + "\n", func() bool {
		resp, err := nethttp.Get("http://" + addr + "/ready")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode == nethttp.StatusOK
	}
}

// corefile is [block] with more lines.
func corefile(lines string, options ...string) string {
	return strings.Replace(block(options...), "errors\n", "errors\n"+lines, 1)
}

// unsynced are answers of a server that knows nothing yet.
var unsynced = []fact{
	{"kubernetes.default.svc.cluster.local", dns.TypeA, "SERVFAIL EDE 14"},
	{"kubernetes.default.svc.cluster.local", dns.TypeAAAA, "SERVFAIL EDE 14"},
	{"missing.default.svc.cluster.local", dns.TypeA, "SERVFAIL EDE 14"},
	{"default.svc.cluster.local", dns.TypeA, "SERVFAIL EDE 14"},
	{"1.0.96.10.in-addr.arpa", dns.TypePTR, "SERVFAIL EDE 14"},
	{"10-1-2-3.default.pod.cluster.local", dns.TypeA, "SERVFAIL EDE 14"},
	{"dns-version.cluster.local", dns.TypeTXT, `NOERROR "1.1.0"`},
	{"missing.cluster.local", dns.TypeA, "NXDOMAIN"},
}

// synced are the same questions, answered by one that knows all.
var synced = []fact{
	{"kubernetes.default.svc.cluster.local", dns.TypeA, "NOERROR 10.96.0.1"},
	{"kubernetes.default.svc.cluster.local", dns.TypeAAAA, "NOERROR"},
	{"missing.default.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
	{"default.svc.cluster.local", dns.TypeA, "NOERROR"},
	{"1.0.96.10.in-addr.arpa", dns.TypePTR, "NOERROR kubernetes.default.svc.cluster.local."},
	{"10-1-2-3.default.pod.cluster.local", dns.TypeA, "NXDOMAIN"},
	{"dns-version.cluster.local", dns.TypeTXT, `NOERROR "1.1.0"`},
	{"missing.cluster.local", dns.TypeA, "NXDOMAIN"},
}

// CoreDNS starts before there is an API server: it waits as long as it was told
// to, then says that it does not know yet, and recovers by itself.
func TestNoAPIServerAtStart(t *testing.T) {
	noStore(t)
	told := logs(t)
	control(t, "stop-apiserver")
	running := false
	defer func() {
		if !running {
			control(t, "start-apiserver")
		}
	}()

	// Defect B11 of the kubernetes plugin: startup_timeout 0 panics there.
	began := time.Now()
	impatient, err := server.Start(block(real(), "startup_timeout 0"))
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 4*time.Second { // the default is 5
		t.Errorf("startup_timeout 0: took %s", took)
	}
	are(t, impatient, unsynced...)
	if err := impatient.Stop(); err != nil {
		t.Error(err)
	}

	line, ready := readyAt(t)
	began = time.Now()
	s := start(t, corefile(line, real(), "startup_timeout 1s"))
	if took := time.Since(began); took < time.Second || took > 4*time.Second {
		t.Errorf("startup_timeout 1s: took %s", took)
	}
	are(t, s, unsynced...)
	if ready() {
		t.Error("it is ready without an API server")
	}
	if text := told(); !strings.Contains(text, "startup_timeout 1s") || !strings.Contains(text, "connection refused") {
		t.Error("the log does not say that it starts without the API server, and why")
	}

	control(t, "start-apiserver")
	running = true
	eventually(t, "it is ready", ready)
	are(t, s, synced...)
}

// fact of objects that the tests of rights ask for.
const (
	rightsWeb = "web.rights.svc.cluster.local"
	rightsDB  = "db.rights.svc.cluster.local"
)

func applyRights(t *testing.T) {
	t.Helper()
	apply(t, namespace("rights")+
		service("rights", "web", "clusterIP: 10.96.22.1, "+http)+
		service("rights", "db", "clusterIP: None, "+http)+slice("rights", "db", "IPv4", "{addresses: [10.1.22.1]}"))
}

// The credentials allow nothing: that is told with the remedy, nothing is
// denied or invented, and all is well once the manifest of this repository is applied.
func TestRightsMissing(t *testing.T) {
	noStore(t)
	told := logs(t)
	applyRights(t)
	const account = "system:serviceaccount:kube-system:coredns"
	manifest, err := os.ReadFile(filepath.Join(kube.Root(), "manifests", "rbac", "coredns.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	serviceAccount, rights, _ := strings.Cut(string(manifest), "\n---\n")
	apply(t, serviceAccount)
	line, ready := readyAt(t)
	s := start(t, corefile(line, "kubeconfig "+control(t, "kubeconfig "+account), "startup_timeout 1s"))
	are(t, s, unsynced...)
	are(t, s, fact{rightsWeb, dns.TypeA, "SERVFAIL EDE 14"}, fact{rightsDB, dns.TypeA, "SERVFAIL EDE 14"})
	if ready() {
		t.Error("it is ready without rights")
	}
	for _, resource := range []string{"namespaces", "services", "endpointslices.discovery.k8s.io", "pods"} {
		eventually(t, "the log says that rights on "+resource+" are missing", func() bool {
			return strings.Contains(told(), "grant list and watch on "+resource+" ")
		})
	}
	if n := strings.Count(told(), "grant list and watch"); n != 4 {
		t.Errorf("told %d times, want once for each kind", n)
	}

	apply(t, rights)
	eventually(t, "it is ready", ready)
	are(t, s, synced...)
	are(t, s, fact{rightsWeb, dns.TypeA, "NOERROR 10.96.22.1"}, fact{rightsDB, dns.TypeA, "NOERROR 10.1.22.1"})
	if !strings.Contains(told(), "works again") {
		t.Error("the log does not say that it works again")
	}
}

// Only the right to EndpointSlices is missing: what does not need them is answered.
func TestRightToEndpointSlicesMissing(t *testing.T) {
	noStore(t)
	logs(t)
	applyRights(t)
	const user = "integration-partial"
	role := func(extra string) string {
		return fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %[1]s}
rules:
- {apiGroups: [""], resources: [namespaces, services, pods], verbs: [list, watch]}
%[2]s
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]s}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %[1]s}]
`, user, extra)
	}
	apply(t, role(""))
	line, ready := readyAt(t)
	s := start(t, corefile(line, "kubeconfig "+control(t, "kubeconfig "+user), "startup_timeout 2s"))
	become(t, s, fact{rightsWeb, dns.TypeA, "NOERROR 10.96.22.1"}) // rights take a moment to be effective
	partial := []fact{
		{rightsWeb, dns.TypeA, "NOERROR 10.96.22.1"},
		{rightsWeb, dns.TypeAAAA, "NOERROR"},
		{rightsWeb, dns.TypeSRV, "NOERROR 0 100 80 " + rightsWeb + "."},
		{"1.22.96.10.in-addr.arpa", dns.TypePTR, "NOERROR " + rightsWeb + "."},
		{"missing.rights.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
		{rightsDB, dns.TypeA, "SERVFAIL EDE 14"},
		{rightsDB, dns.TypeAAAA, "SERVFAIL EDE 14"},
		{rightsDB, dns.TypeSRV, "SERVFAIL EDE 14"},
		{"10-1-22-1." + rightsDB, dns.TypeA, "SERVFAIL EDE 14"},
		{"1.22.1.10.in-addr.arpa", dns.TypePTR, "SERVFAIL EDE 14"},
	}
	are(t, s, partial...)
	if ready() {
		t.Error("it is ready without EndpointSlices")
	}

	apply(t, role("- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}"))
	eventually(t, "it is ready", ready)
	are(t, s, partial[:5]...)
	are(t, s,
		fact{rightsDB, dns.TypeA, "NOERROR 10.1.22.1"},
		fact{"1.22.1.10.in-addr.arpa", dns.TypePTR, "NOERROR 10-1-22-1." + rightsDB + "."})
}
