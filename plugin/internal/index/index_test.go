// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index_test

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

func addrs(ss ...string) []netip.Addr {
	out := make([]netip.Addr, 0, len(ss))
	for _, s := range ss {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// owns reports whether a Service has the address a.
func owns(x *index.Index, a netip.Addr) bool {
	for range x.Owners(a) {
		return true
	}
	return false
}

func TestEmptyIndex(t *testing.T) {
	x := index.New()
	if _, ok := x.Namespace("demo"); ok {
		t.Error("has a namespace")
	}
	if x.Service("demo", "web") != nil {
		t.Error("has a Service")
	}
	for s := range x.Services() {
		t.Errorf("has %v", s)
	}
	for _, a := range addrs("10.0.0.1", "fd00::1", "::", "0.0.0.0") {
		if owns(x, a) || x.HasPod("demo", a) || x.AnyBelow(netip.PrefixFrom(a, 0)) || x.AnyBelow(netip.PrefixFrom(a, a.BitLen())) {
			t.Errorf("has %s", a)
		}
	}
	x.DeleteNamespace("demo")
	x.DeleteService("demo", "web")
	x.DeleteEndpointSlice("demo", "web-abc")
	x.DeletePod("demo", "web-0")
	for k := range object.Kind(object.NumKinds) {
		x.Sweep(k, 1)
		if n := x.Objects(k); n != 0 {
			t.Errorf("has %d %s", n, k)
		}
	}
	if x.Serial() != 0 || x.Endpoints() != 0 {
		t.Errorf("serial %d, %d endpoints", x.Serial(), x.Endpoints())
	}
}

// TestLabelsOfAnyLength: a query may ask for labels that no object can have.
func TestLabelsOfAnyLength(t *testing.T) {
	x := index.New()
	long := strings.Repeat("a", 63)
	x.SetNamespace(long, 1)
	x.SetService(object.Service{Namespace: long, Name: long}, 1)
	escaped := strings.Repeat(`\255`, 63)
	for _, name := range []string{"", "a", long + "a", strings.Repeat("a", 300), escaped, "\x00", strings.Repeat(".", 63)} {
		if _, ok := x.Namespace(name); ok {
			t.Errorf("has namespace %q", name)
		}
		if x.Service(long, name) != nil || x.Service(name, long) != nil {
			t.Errorf("has Service %q", name)
		}
		if x.HasPod(name, netip.MustParseAddr("10.0.0.1")) {
			t.Errorf("has a Pod in %q", name)
		}
	}
	if x.Service(strings.ToUpper(long), strings.ToUpper(long)) == nil {
		t.Error("does not find the longest names in upper case")
	}
}

// TestNamesDoNotRunTogether: a.bc is not ab.c.
func TestNamesDoNotRunTogether(t *testing.T) {
	x := index.New()
	x.SetService(object.Service{Namespace: "a", Name: "bc"}, 1)
	if x.Service("ab", "c") != nil || x.Service("bc", "a") != nil {
		t.Error("finds a Service by letters of another's name")
	}
}

func TestSerial(t *testing.T) {
	x := index.New()
	x.Raise(1000)
	if got := x.Serial(); got != 1000 {
		t.Errorf("Serial after Raise(1000) = %d", got)
	}
	x.Raise(10)
	if got := x.Serial(); got != 1000 {
		t.Errorf("Serial after Raise(10) = %d", got)
	}
	x.SetNamespace("demo", 1)
	if got := x.Serial(); got != 1001 {
		t.Errorf("Serial after a change = %d", got)
	}
	x.SetNamespace("demo", 2)
	x.Raise(1001)
	x.Raise(0)
	if got := x.Serial(); got != 1001 {
		t.Errorf("Serial after no change = %d", got)
	}
	x.Raise(math.MaxUint32) // RFC 1982: the next one is zero
	x.SetNamespace("prod", 2)
	if got := x.Serial(); got != 0 {
		t.Errorf("Serial after the greatest one = %d", got)
	}
	x.SetNamespace("other", 2)
	if got := x.Serial(); got != 1 {
		t.Errorf("Serial after zero = %d", got)
	}
}

// TestImports: the Services of the clusterset are others than those of the
// cluster. What both share counts for both serials, all else for one.
func TestImports(t *testing.T) {
	a := netip.MustParseAddr("10.0.0.1")
	service := object.Service{Namespace: "demo", Name: "web", ClusterIPs: []netip.Addr{a}}
	slice := object.EndpointSlice{Namespace: "demo", Name: "s", Service: "web", Endpoints: []object.Endpoint{{Addr: a}}}
	tests := map[string]struct {
		change          func(x *index.Index)
		local, imported bool
	}{
		"a Service":             {func(x *index.Index) { x.SetService(service, 1) }, true, false},
		"an imported Service":   {func(x *index.Index) { x.Imports().SetService(service, 1) }, false, true},
		"a namespace":           {func(x *index.Index) { x.SetNamespace("demo", 1) }, true, true},
		"a Pod":                 {func(x *index.Index) { x.SetPod(object.Pod{Namespace: "demo", Name: "p", IPs: []netip.Addr{a}}, 1) }, true, true},
		"an unseen namespace":   {func(x *index.Index) { x.Hide(object.Namespaces); x.SetNamespace("demo", 1) }, false, false},
		"a slice of nobody":     {func(x *index.Index) { x.SetEndpointSlice(slice, 1) }, false, false},
		"another cluster's":     {func(x *index.Index) { x.Imports().SetEndpointSlice(slice, 1) }, false, false},
		"an imported Service's": {func(x *index.Index) { x.Imports().SetEndpointSlice(slice, 1); x.Imports().SetService(service, 1) }, false, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			x := index.New()
			tc.change(x)
			if got := x.Serial() != 0; got != tc.local {
				t.Errorf("the serial of the cluster changes: got %t, want %t", got, tc.local)
			}
			if got := x.Imports().Serial() != 0; got != tc.imported {
				t.Errorf("the serial of the clusterset changes: got %t, want %t", got, tc.imported)
			}
			_, here := x.Namespace("DEMO")
			if _, too := x.Imports().Namespace("DEMO"); too != here {
				t.Errorf("the clusterset has the namespace: got %t, want %t", too, here)
			}
			if x.Service("demo", "web") != nil && x.Imports().Service("demo", "web") != nil {
				t.Error("the Service is in both")
			}
			if owns(x, a) && owns(x.Imports(), a) {
				t.Error("the address is of both")
			}
		})
	}
	t.Run("a slice changes its cluster", func(t *testing.T) {
		x := index.New().Imports()
		x.SetService(service, 1)
		for _, slice.Cluster = range []string{"east", "west"} {
			before := x.Serial()
			x.SetEndpointSlice(slice, 1)
			if got := x.Service("demo", "web").Groups[0].Cluster(); got != slice.Cluster {
				t.Errorf("cluster: got %q, want %q", got, slice.Cluster)
			}
			if got := x.Serial(); got != before+1 {
				t.Errorf("serial: got %d, want %d", got, before+1)
			}
		}
	})
}

// TestClustersAreOrdered: it does not matter which cluster came first.
func TestClustersAreOrdered(t *testing.T) {
	for _, clusters := range [][]string{{"east", "west"}, {"west", "east"}} {
		x := index.New().Imports()
		x.SetService(object.Service{Namespace: "demo", Name: "web", Type: object.Headless}, 1)
		for _, cluster := range clusters {
			x.SetEndpointSlice(object.EndpointSlice{
				Namespace: "demo", Name: cluster, Service: "web", Cluster: cluster, Endpoints: []object.Endpoint{{Addr: netip.MustParseAddr("10.0.0.1")}},
			}, 1)
		}
		s := x.Service("demo", "web")
		for what, groups := range map[string][]*index.Group{"groups": s.Groups, "slices": s.Slices()} {
			var got []string
			for _, g := range groups {
				got = append(got, g.Cluster())
			}
			if diff := cmp.Diff([]string{"east", "west"}, got); diff != "" {
				t.Errorf("%s after %v (-want +got):\n%s", what, clusters, diff)
			}
		}
		if !s.Overlap {
			t.Error("an address of two clusters is no overlap")
		}
	}
}

// TestSliceChangesService: the label of an EndpointSlice may be changed.
func TestSliceChangesService(t *testing.T) {
	x := index.New()
	slice := object.EndpointSlice{Namespace: "demo", Name: "s", Service: "web", Endpoints: []object.Endpoint{{Addr: netip.MustParseAddr("10.0.0.1")}}}
	x.SetService(object.Service{Namespace: "demo", Name: "web"}, 1)
	x.SetEndpointSlice(slice, 1)
	slice.Service = "api"
	x.SetEndpointSlice(slice, 1)
	if n := len(x.Service("demo", "web").Groups); n != 0 {
		t.Errorf("web has %d groups", n)
	}
	x.SetService(object.Service{Namespace: "demo", Name: "api"}, 1)
	if n := len(x.Service("demo", "api").Groups); n != 1 {
		t.Errorf("api has %d groups", n)
	}
	if diff := cmp.Diff([]string{"demo/api"}, observedOwners(x, netip.MustParseAddr("10.0.0.1"))); diff != "" {
		t.Errorf("Owners (-want +got):\n%s", diff)
	}
}

// TestSlicesOfSameNameInTwoNamespaces are two.
func TestSlicesOfSameNameInTwoNamespaces(t *testing.T) {
	x := index.New()
	for _, ns := range []string{"demo", "prod"} {
		x.SetService(object.Service{Namespace: ns, Name: "web"}, 1)
		x.SetEndpointSlice(object.EndpointSlice{Namespace: ns, Name: "s", Service: "web", Endpoints: []object.Endpoint{{Addr: netip.MustParseAddr("10.0.0.1")}}}, 1)
	}
	x.DeleteEndpointSlice("demo", "s")
	if diff := cmp.Diff([]string{"prod/web"}, observedOwners(x, netip.MustParseAddr("10.0.0.1"))); diff != "" {
		t.Errorf("Owners (-want +got):\n%s", diff)
	}
}

// TestRecycledPodAddress (B20): an address that went from one Pod to another
// belongs to the new one, whatever comes first.
func TestRecycledPodAddress(t *testing.T) {
	a := netip.MustParseAddr("10.0.0.1")
	x := index.New()
	x.SetPod(object.Pod{Namespace: "demo", Name: "old", IPs: []netip.Addr{a}}, 1)
	x.SetPod(object.Pod{Namespace: "prod", Name: "new", IPs: []netip.Addr{a}}, 1)
	if !x.HasPod("demo", a) || !x.HasPod("prod", a) {
		t.Error("two Pods of one address (host network) are not both there")
	}
	x.DeletePod("demo", "old")
	if x.HasPod("demo", a) || !x.HasPod("prod", a) {
		t.Error("the Pod that is gone is still there, or the other one is not")
	}
	x.SetPod(object.Pod{Namespace: "prod", Name: "same node", IPs: []netip.Addr{a}}, 1)
	x.DeletePod("prod", "new")
	if !x.HasPod("prod", a) {
		t.Error("one of two Pods of a namespace went, and took the other's address along")
	}
}

func TestGroupSearch(t *testing.T) {
	x := index.New()
	x.SetService(object.Service{Namespace: "demo", Name: "web"}, 1)
	x.SetEndpointSlice(object.EndpointSlice{Namespace: "demo", Name: "s", Service: "web", Endpoints: []object.Endpoint{
		{Addr: netip.MustParseAddr("10.0.0.1"), Hostname: "b"},
		{Addr: netip.MustParseAddr("10.0.0.2")},
		{Addr: netip.MustParseAddr("10.0.0.2"), Hostname: "a-b", Pod: "p"},
		{Addr: netip.MustParseAddr("10.0.0.2"), Hostname: "a_b"},
		{Addr: netip.MustParseAddr("10.0.0.3"), Hostname: "a"},
		{Addr: netip.MustParseAddr("10.0.0.4"), Hostname: "a", Pod: "p"},
		{Addr: netip.MustParseAddr("10.0.0.5"), Hostname: "a0"},
		{Addr: netip.MustParseAddr("10.0.0.6"), Hostname: "aa"},
	}}, 1)
	g := x.Service("demo", "web").Groups[0]
	names := map[string]struct {
		in   string
		want []uint32
	}{
		"one":          {"b", []uint32{0}},
		"two":          {"a", []uint32{4, 5}},
		"upper case":   {"A", []uint32{4, 5}},
		"hyphen":       {"A-B", []uint32{2}},
		"underscore":   {"A_B", []uint32{3}},
		"digit":        {"a0", []uint32{6}},
		"longer":       {"aaa", nil},
		"empty":        {"", nil},
		"before all":   {"-", nil},
		"after all":    {"zz", nil},
		"bracket":      {"a[b", nil},
		"not ASCII":    {"\xff", nil},
		"escape":       {`a\045b`, nil},
		"300 octets":   {strings.Repeat("a", 300), nil},
		"prefix of ab": {"a-", nil},
	}
	for name, tc := range names {
		t.Run("hostname/"+name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, slices.Clone(g.ByHostname(tc.in))); diff != "" {
				t.Errorf("ByHostname(%q) (-want +got):\n%s", tc.in, diff)
			}
		})
	}
	if diff := cmp.Diff([]uint32{2, 5}, g.ByPod("P")); diff != "" {
		t.Errorf("ByPod (-want +got):\n%s", diff)
	}
	found := map[string]struct {
		in   string
		want [2]int
	}{
		"first":       {"10.0.0.1", [2]int{0, 1}},
		"three":       {"10.0.0.2", [2]int{1, 4}},
		"last":        {"10.0.0.6", [2]int{7, 8}},
		"before all":  {"10.0.0.0", [2]int{}},
		"after all":   {"10.0.0.7", [2]int{}},
		"IPv6":        {"fd00::1", [2]int{}},
		"IPv4-mapped": {"::ffff:10.0.0.1", [2]int{}},
	}
	for name, tc := range found {
		t.Run("address/"+name, func(t *testing.T) {
			first, last := g.FindAddr(netip.MustParseAddr(tc.in))
			if first == last { // nothing, wherever it is
				first, last = 0, 0
			}
			if got := [2]int{first, last}; got != tc.want {
				t.Errorf("FindAddr(%s) = %v, want %v", tc.in, got, tc.want)
			}
		})
	}
}

// TestAnyBelowEdges: the search of a prefix ends at the end of the address space.
func TestAnyBelowEdges(t *testing.T) {
	last6, last4 := netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), netip.MustParseAddr("255.255.255.255")
	x := index.New()
	x.SetService(object.Service{Namespace: "demo", Name: "web", ClusterIPs: []netip.Addr{last6, last4}}, 1)
	for bits := 0; bits <= 128; bits += 4 {
		if !x.AnyBelow(netip.PrefixFrom(last6, bits)) {
			t.Errorf("AnyBelow(%s/%d) = false", last6, bits)
		}
		other := netip.PrefixFrom(netip.MustParseAddr("fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), bits).Masked()
		if got, want := x.AnyBelow(other), other.Contains(last6); got != want {
			t.Errorf("AnyBelow(%s) = %t, want %t", other, got, want)
		}
	}
	for bits := 0; bits <= 32; bits += 8 {
		if !x.AnyBelow(netip.PrefixFrom(last4, bits)) {
			t.Errorf("AnyBelow(%s/%d) = false", last4, bits)
		}
	}
	x.DeleteService("demo", "web")
	for bits := 0; bits <= 128; bits += 4 {
		if x.AnyBelow(netip.PrefixFrom(last6, bits)) {
			t.Errorf("AnyBelow(%s/%d) = true after all are gone", last6, bits)
		}
	}
}

// TestManyObjects: tables grow, and shrink again, without losing anything.
func TestManyObjects(t *testing.T) {
	const n = 3000
	x := index.New()
	name := func(i int) string { return fmt.Sprintf("n%d", i) }
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	for round := range 3 {
		gen := uint32(round + 1)
		for i := range n {
			x.SetNamespace(name(i), gen)
			x.SetService(object.Service{Namespace: name(i), Name: "web", ClusterIPs: []netip.Addr{addr(i)}}, gen)
			x.SetPod(object.Pod{Namespace: name(i), Name: "p", IPs: []netip.Addr{addr(i)}}, gen)
		}
		for i := range n {
			if _, ok := x.Namespace(name(i)); !ok || x.Service(name(i), "web") == nil || !x.HasPod(name(i), addr(i)) || !owns(x, addr(i)) {
				t.Fatalf("round %d: lost object %d", round, i)
			}
		}
		for i := range n {
			if i%100 != 0 {
				x.DeleteNamespace(name(i))
				x.DeleteService(name(i), "web")
				x.DeletePod(name(i), "p")
			}
		}
		for i := range n {
			_, ok := x.Namespace(name(i))
			kept := i%100 == 0
			if ok != kept || (x.Service(name(i), "web") != nil) != kept || x.HasPod(name(i), addr(i)) != kept || (owns(x, addr(i))) != kept {
				t.Fatalf("round %d: object %d is half there, or half gone", round, i)
			}
		}
	}
	for k := range object.Kind(object.NumKinds) {
		x.Sweep(k, 99)
		if got := x.Objects(k); got != 0 {
			t.Errorf("%d %s after a sweep", got, k)
		}
	}
}

// TestBugRemovedMarkIsFound: the marks of removed entries are zero values, and
// "equal no key": but that of a namespace is the namespace of the empty name,
// and that of a Pod's address the address that is none, in it.
func TestBugRemovedMarkIsFound(t *testing.T) {
	for range 20 { // the hash decides whether a mark is met
		x := index.New()
		for i := range 6 {
			x.SetNamespace(fmt.Sprint(i), 1)
			x.SetPod(object.Pod{Namespace: "demo", Name: fmt.Sprint(i), IPs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})}}, 1)
		}
		x.Sweep(object.Namespaces, 2)
		x.Sweep(object.Pods, 2)
		if name, ok := x.Namespace(""); ok {
			t.Fatalf("Namespace of no name = %q, true", name)
		}
		if x.HasPod("", netip.Addr{}) {
			t.Fatal("HasPod of no address = true")
		}
	}
}

func TestReadersAllocateNothing(t *testing.T) {
	x := index.New()
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")
	x.SetNamespace("demo", 1)
	x.SetService(object.Service{Namespace: "demo", Name: "web", ClusterIPs: []netip.Addr{a, b}}, 1)
	x.SetPod(object.Pod{Namespace: "demo", Name: "p", IPs: []netip.Addr{a}}, 1)
	client := addrs("10.1.0.1", "fd00:1::1")
	x.SetPod(object.Pod{Namespace: "demo", Name: "client", IPs: client, Named: true, Record: true, Labels: "app\x00web\x00", Node: "n"}, 1)
	x.SetNode(object.Node{Name: "n", Zone: "z", PodCIDRs: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/24")}}, 1)
	v6 := []netip.Prefix{netip.MustParsePrefix("fd00::/16"), netip.MustParsePrefix("fd00::1000/116")}
	tests := map[string]func(){
		"Namespace":     func() { _, _ = x.Namespace("DEMO") },
		"Service":       func() { _ = x.Service("Demo", "WEB") },
		"no Service":    func() { _ = x.Service("Demo", "other") },
		"Owners":        func() { _ = owns(x, b) },
		"HasPod":        func() { _ = x.HasPod("demo", a) },
		"AnyBelow /16":  func() { _ = x.AnyBelow(v6[0]) },
		"AnyBelow /116": func() { _ = x.AnyBelow(v6[1]) },
		"Serial":        func() { _ = x.Serial() },
		"Client":        func() { _ = x.Client(client[0]) },
		"Client, IPv6":  func() { _ = x.Client(client[1]) },
		"no Client":     func() { _ = x.Client(b) },
		"PodRecord":     func() { _, _, _ = x.PodRecord(client[0]) },
		"AppendPodAddrs": func() {
			var buf [2]netip.Addr
			_ = x.AppendPodAddrs(buf[:0], "Demo", "CLIENT")
		},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, f); got != 0 {
				t.Errorf("allocates %v times, want 0", got)
			}
		})
	}
}

// TestBugAnyBelowAllocates: the hash of a counted prefix is made by appending to
// a full array, which goes to the heap for every question about a network.
func TestBugAnyBelowAllocates(t *testing.T) {
	x := index.New()
	x.SetService(object.Service{Namespace: "demo", Name: "web", ClusterIPs: addrs("10.0.0.1", "fd00::1")}, 1)
	for _, p := range []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/64")} {
		if got := testing.AllocsPerRun(100, func() { _ = x.AnyBelow(p) }); got != 0 {
			t.Errorf("AnyBelow(%s) allocates %v times, want 0", p, got)
		}
	}
}

// TestBugDeleteInAnotherCase: Kubernetes' names differ by letter case, those of
// DNS do not. An object in upper case is malformed and is not served; that it is
// deleted must not take along the one that is.
func TestBugDeleteInAnotherCase(t *testing.T) {
	x := index.New()
	x.SetNamespace("demo", 1)
	x.SetService(object.Service{Namespace: "demo", Name: "web"}, 1)
	x.DeleteService("demo", "WEB")
	x.DeleteNamespace("Demo")
	if x.Service("demo", "web") == nil {
		t.Error("deleting WEB deletes web")
	}
	if _, ok := x.Namespace("demo"); !ok {
		t.Error("deleting Demo deletes demo")
	}
}
