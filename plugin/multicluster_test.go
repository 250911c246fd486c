// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"context"
	"fmt"
	golog "log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// Which of the zones are those of the clusterset, and which ones PTR records point into.
func TestMulticlusterZones(t *testing.T) {
	for _, tc := range []struct {
		zones, option     string
		set, primary, ptr string
	}{
		{"cluster.local", "multicluster", "", "cluster.local.", ""},
		{"cluster.local clusterset.local", "multicluster clusterset.local", "clusterset.local.", "cluster.local.", "clusterset.local."},
		{"clusterset.local cluster.local", "multicluster ClusterSet.local.", "clusterset.local.", "cluster.local.", "clusterset.local."},
		{"b.set a.set cluster.local", "multicluster a.set b.set", "b.set. a.set.", "cluster.local.", "b.set."},
		{"in-addr.arpa a.set", "multicluster a.set", "a.set.", "", "a.set."},
		{"a.set in-addr.arpa", "multicluster in-addr.arpa", "", "a.set.", ""}, // answers for both sorts in any case
		{"a.set 10.0.0.0/8", "multicluster a.set 10.0.0.0/8", "a.set.", "", "a.set."},
		{"a.set b.set c", "multicluster a.set\nmulticluster b.set", "b.set.", "a.set.", "b.set."},
	} {
		t.Run(tc.zones+" "+tc.option, func(t *testing.T) {
			c, err := parseText("clusterdns " + tc.zones + " {\nendpoint http://127.0.0.1:1\n" + tc.option + "\n}")
			if err != nil {
				t.Fatal(err)
			}
			var set []string
			for _, z := range c.zones {
				if z.clusterset {
					set = append(set, z.origin)
				}
			}
			if got := strings.Join(set, " "); got != tc.set {
				t.Errorf("zones of the clusterset: got %q, want %q", got, tc.set)
			}
			if got := c.opts.PrimaryZone; got != tc.primary {
				t.Errorf("zone of the cluster's PTR records: got %q, want %q", got, tc.primary)
			}
			if got := c.opts.ClusterSetZone; got != tc.ptr {
				t.Errorf("zone of the clusterset's PTR records: got %q, want %q", got, tc.ptr)
			}
			if got, want := c.opts.Kinds.Has(object.Imports), tc.set != ""; got != want {
				t.Errorf("imports are watched: got %t, want %t", got, want)
			}
		})
	}
}

const setBlock = "clusterdns cluster.local clusterset.local in-addr.arpa {\nmulticluster clusterset.local\nstartup_timeout 0\n}"

// serviceImport returns a ServiceImport of the namespace default.
func serviceImport(name, kind string, ips ...string) *unstructured.Unstructured {
	list := []any{}
	for _, ip := range ips {
		list = append(list, ip)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport",
		"metadata": map[string]any{"namespace": "default", "name": name},
		"spec": map[string]any{
			"type": kind, "ips": list,
			"ports": []any{map[string]any{"name": "http", "protocol": "TCP", "port": int64(80)}},
		},
	}}
}

// importSlice returns an EndpointSlice of a ServiceImport of the namespace default.
func importSlice(service, cluster string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	port, name := int32(8080), "http"
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: service + "-" + cluster, Labels: map[string]string{
			object.LabelImport: service, object.LabelCluster: cluster,
		}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
		Endpoints:   endpoints,
	}
}

// newSetAPI starts an API server that has the CRD, and objects.
func newSetAPI(t testing.TB, objects ...runtime.Object) *apiserver.Server {
	t.Helper()
	s := newAPI(t)
	s.AddKind(apiserver.ServiceImports())
	s.Apply(objects...)
	return s
}

// listen returns a function that returns what was logged since.
func listen(t *testing.T) func() string {
	t.Helper()
	l := &logbook{}
	golog.SetOutput(l)
	t.Cleanup(func() { golog.SetOutput(os.Stderr) })
	return func() string {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.text.String()
	}
}

type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements [io.Writer].
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// The CRD is not there at start, comes, goes and comes again. Until then the
// clusterset is empty, and nothing else waits for it.
func TestMulticlusterWithoutCRD(t *testing.T) {
	api := newAPI(t, population()...)
	said := listen(t)
	c := newHandler(t, api, setBlock)
	eventually(t, "it is ready", c.Ready)
	expect := func(name string, want string) {
		t.Helper()
		if got := summary(ask(t, c, query(name, dns.TypeA, 0))); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	expect("v4.default.svc.cluster.local", "NOERROR, A 10.0.0.2")
	expect("shop.default.svc.clusterset.local", "NXDOMAIN")
	expect("default.svc.clusterset.local", "NOERROR")
	if got := summary(ask(t, c, query("9.9.9.9.in-addr.arpa", dns.TypePTR, 0))); got != "NXDOMAIN" {
		t.Errorf("an address of nobody: got %s, want NXDOMAIN", got)
	}
	eventually(t, "the log says what to do", func() bool { return strings.Contains(said(), "install the CRDs") })

	api.AddKind(apiserver.ServiceImports())
	api.Apply(serviceImport("shop", "ClusterSetIP", "10.112.0.1"))
	eventually(t, "the import is answered", func() bool {
		return summary(ask(t, c, query("shop.default.svc.clusterset.local", dns.TypeA, 0))) == "NOERROR, A 10.112.0.1"
	})
	eventually(t, "the log says that it works", func() bool {
		return strings.Contains(said(), "serviceimports of "+strings.TrimPrefix(api.URL(), "http://")+": works again")
	})
	if got := strings.Count(said(), "install the CRDs"); got != 1 {
		t.Errorf("the log says it %d times, want once", got)
	}
}

// Without the right to read ServiceImports their names are not known, and
// everything else is.
func TestMulticlusterDenied(t *testing.T) {
	api := newSetAPI(t, append(population(), serviceImport("shop", "ClusterSetIP", "10.112.0.1"))...)
	api.Deny("serviceimports", http.StatusForbidden)
	said := listen(t)
	c := newHandler(t, api, setBlock)
	eventually(t, "it is ready", c.Ready)
	for name, want := range map[string]string{
		"v4.default.svc.cluster.local.":      "NOERROR, A 10.0.0.2",
		"shop.default.svc.clusterset.local.": "SERVFAIL",
		"none.default.svc.clusterset.local.": "SERVFAIL",
		"none.ghost.svc.clusterset.local.":   "SERVFAIL",
		"default.svc.clusterset.local.":      "NOERROR",
	} {
		m := ask(t, c, query(name, dns.TypeA, 1232))
		if got := summary(m); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if e := ede(m); (e != nil) != (want == "SERVFAIL") || e != nil && e.InfoCode != dns.ExtendedErrorCodeNotReady {
			t.Errorf("%s: got EDE %v", name, e)
		}
	}
	for name, want := range map[string]string{
		"9.9.9.9.in-addr.arpa.":    "NXDOMAIN",
		"2.0.0.10.in-addr.arpa.":   "NOERROR, PTR v4.default.svc.cluster.local.",
		"1.0.112.10.in-addr.arpa.": "NXDOMAIN",
	} {
		if got := summary(ask(t, c, query(name, dns.TypePTR, 0))); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	eventually(t, "the log says what to do", func() bool {
		return strings.Contains(said(), "grant list and watch on serviceimports.multicluster.x-k8s.io")
	})

	if _, err := c.Transfer("clusterset.local.", 0); err == nil {
		t.Error("a zone was transferred that is not known")
	}
	if got := transferred(t, c, "cluster.local.", 0); !strings.Contains(got, "v4.default.svc.cluster.local.") {
		t.Errorf("the cluster's own zone: got %s", got)
	}

	api.Deny("serviceimports", 0)
	eventually(t, "the import is answered", func() bool {
		return summary(ask(t, c, query("shop.default.svc.clusterset.local", dns.TypeA, 0))) == "NOERROR, A 10.112.0.1"
	})
	if got, want := summary(ask(t, c, query("1.0.112.10.in-addr.arpa", dns.TypePTR, 0))), "NOERROR, PTR shop.default.svc.clusterset.local."; got != want {
		t.Errorf("the address: got %s, want %s", got, want)
	}
	api.Deny("serviceimports", http.StatusForbidden) // what was read stays
	api.DisconnectWatches()
	eventually(t, "it is refused again", func() bool { return strings.Count(said(), "grant list and watch on serviceimports") == 2 })
	if got, want := summary(ask(t, c, query("shop.default.svc.clusterset.local", dns.TypeA, 0))), "NOERROR, A 10.112.0.1"; got != want || !c.Ready() {
		t.Errorf("got %s, ready %t, want %s, true", got, c.Ready(), want)
	}
}

// transferred returns the records of a zone since a serial, as they are sent.
func transferred(t *testing.T, c *ClusterDNS, zone string, serial uint32) string {
	t.Helper()
	ch, err := c.Transfer(zone, serial)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rrs := range ch {
		for _, rr := range rrs {
			lines = append(lines, rr.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Zones of the clusterset, and the reverse zones beside them, are transferred as a whole.
func TestMulticlusterTransfer(t *testing.T) {
	api := newSetAPI(t, append(population(), serviceImport("shop", "ClusterSetIP", "10.112.0.1"))...)
	c := newHandler(t, api, setBlock)
	eventually(t, "it is ready", c.Ready)
	soa := func(zone string) *dns.SOA {
		return ask(t, c, query(zone, dns.TypeSOA, 0)).Answer[0].(*dns.SOA)
	}
	for zone, want := range map[string]string{
		"clusterset.local.": "shop.default.svc.clusterset.local.\t5\tIN\tA\t10.112.0.1",
		"in-addr.arpa.":     "1.0.112.10.in-addr.arpa.\t5\tIN\tPTR\tshop.default.svc.clusterset.local.",
	} {
		old := soa(zone)
		whole := transferred(t, c, zone, 0)
		if !strings.Contains(whole, want) || !strings.HasPrefix(whole, old.String()) || !strings.HasSuffix(whole, old.String()) {
			t.Errorf("%s: got\n%s\nwant %s in it", zone, whole, want)
		}
		if got := transferred(t, c, zone, old.Serial); got != old.String() {
			t.Errorf("%s since its serial: got %s", zone, got)
		}
		if got := transferred(t, c, zone, old.Serial-1); got != whole {
			t.Errorf("%s since an older serial: got\n%s\nwant\n%s", zone, got, whole)
		}
	}
	if got := transferred(t, c, "cluster.local.", 0); strings.Contains(got, "clusterset") {
		t.Errorf("the cluster's own zone has what is imported:\n%s", got)
	}
}

// A denial says of which serial it is: each sort of zone has its own (B7).
func TestMulticlusterSerials(t *testing.T) {
	api := newSetAPI(t, population()...)
	c := newHandler(t, api, setBlock)
	eventually(t, "it is ready", c.Ready)
	serials := func() [3]uint32 {
		var got [3]uint32
		for i, name := range []string{"none.svc.cluster.local", "none.svc.clusterset.local", "9.9.9.9.in-addr.arpa"} {
			m := ask(t, c, query(name, dns.TypeA, 0))
			apex := ask(t, c, query(m.Ns[0].Header().Name, dns.TypeSOA, 0))
			got[i] = m.Ns[0].(*dns.SOA).Serial
			if serial := apex.Answer[0].(*dns.SOA).Serial; serial != got[i] {
				t.Errorf("%s: serial of the denial is %d, of the apex %d", name, got[i], serial)
			}
		}
		return got
	}
	annotated := serviceImport("shop", "ClusterSetIP", "10.112.0.1")
	annotated.SetAnnotations(map[string]string{"a": "b"})
	before := serials()
	for _, step := range []struct {
		what   string
		kind   object.Kind
		change func() uint64
		want   [3]uint32
	}{
		{"a Service comes", object.Services, func() uint64 { return api.Apply(service("new", clusterIP("10.0.0.99"))) }, [3]uint32{1, 0, 1}},
		{"an import comes", object.ServiceImports, func() uint64 { return api.Apply(serviceImport("shop", "ClusterSetIP", "10.112.0.1")) }, [3]uint32{0, 1, 1}},
		{"it is annotated", object.ServiceImports, func() uint64 { return api.Apply(annotated) }, [3]uint32{0, 0, 0}},
		{"its address changes", object.ServiceImports, func() uint64 { return api.Apply(serviceImport("shop", "ClusterSetIP", "10.112.0.2")) }, [3]uint32{0, 1, 1}},
		{"an endpoint comes", object.ImportSlices, func() uint64 {
			return api.Apply(importSlice("shop", "east", discoveryv1.Endpoint{Addresses: []string{"10.9.0.1"}}))
		}, [3]uint32{0, 1, 1}},
		{"it goes", object.ImportSlices, func() uint64 { return api.Delete(importSlice("shop", "east")) }, [3]uint32{0, 1, 1}},
		{"the import goes", object.ServiceImports, func() uint64 { return api.Delete(annotated) }, [3]uint32{0, 1, 1}},
		{"a namespace comes", object.Namespaces, func() uint64 { return api.Apply(namespace("new")) }, [3]uint32{1, 1, 1}},
	} {
		told(t, step.kind, step.change())
		now := serials()
		got := [3]uint32{now[0] - before[0], now[1] - before[1], now[2] - before[2]}
		if got != step.want {
			t.Errorf("%s: the serials of cluster, clusterset and reverse zone rise by %d, want %d", step.what, got, step.want)
		}
		before = now
	}
}

func TestMulticlusterAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	host := func(i int) string { return fmt.Sprintf("a-rather-long-host-name-of-more-than-a-few-octets-%d", i) }
	endpoints := func(network byte, n int, named bool) []discoveryv1.Endpoint {
		var all []discoveryv1.Endpoint
		for i := range n {
			name := host(i)
			e := discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", network, i>>8, i&255)}}
			if named {
				e.Hostname = &name
			}
			all = append(all, e)
		}
		return all
	}
	cluster := "a-cluster-with-a-rather-long-name-of-more-than-a-few-octets"
	api := newSetAPI(t, append(population(),
		serviceImport("shop", "ClusterSetIP", "10.112.0.1", "fd00:112::1"), importSlice("shop", "east", endpoints(20, 2, false)...),
		serviceImport("db", "Headless"), importSlice("db", "east", endpoints(21, 100, true)...), importSlice("db", cluster, endpoints(22, 100, true)...),
		serviceImport("raw", "Headless"), importSlice("raw", "east", endpoints(23, 100, false)...), importSlice("raw", cluster, endpoints(24, 100, false)...))...)
	c := newHandler(t, api, setBlock)
	eventually(t, "it is ready", c.Ready)
	for _, q := range []struct {
		name  string
		qtype uint16
		some  bool
	}{
		{"shop.default.svc.clusterset.local.", dns.TypeA, true},
		{"shop.default.svc.clusterset.local.", dns.TypeSRV, true},
		{"none.default.svc.clusterset.local.", dns.TypeA, false},
		{"db.default.svc.clusterset.local.", dns.TypeA, true},
		{"db.default.svc.clusterset.local.", dns.TypeAAAA, false},
		{"_http._tcp.db.default.svc.clusterset.local.", dns.TypeSRV, true},
		{host(2) + "." + cluster + ".db.default.svc.clusterset.local.", dns.TypeA, true},
		{host(2) + "." + cluster + ".db.default.svc.clusterset.local.", dns.TypeSRV, true},
		{"_http._tcp.raw.default.svc.clusterset.local.", dns.TypeSRV, true},
		{"10-24-0-1." + cluster + ".raw.default.svc.clusterset.local.", dns.TypeA, true},
		{cluster + ".db.default.svc.clusterset.local.", dns.TypeA, false},
		{"1.0.112.10.in-addr.arpa.", dns.TypePTR, true},
		{"2.0.22.10.in-addr.arpa.", dns.TypePTR, true},
		{"9.9.9.9.in-addr.arpa.", dns.TypePTR, false},
		{"dns-version.clusterset.local.", dns.TypeTXT, true},
		{"clusterset.local.", dns.TypeSOA, true},
	} {
		for _, remote := range []net.Addr{udpClient, tcpClient} {
			t.Run(fmt.Sprintf("%s %s %s", q.name, dns.TypeToString[q.qtype], remote.Network()), func(t *testing.T) {
				r := query(q.name, q.qtype, 0)
				w := &recorder{remote: remote}
				ctx := context.Background()
				if got := testing.AllocsPerRun(20, func() { _, _ = c.ServeDNS(ctx, w, r) }); got > maxAllocs {
					t.Errorf("allocations: got %v, want at most %d", got, maxAllocs)
				}
				if got := len(w.msg.Answer) > 0; got != q.some {
					t.Errorf("got %.200s, want records: %t", summary(w.msg), q.some)
				}
			})
		}
	}
}
