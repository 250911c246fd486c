// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A model is what an index should hold, in maps and without cleverness.
type model struct {
	namespaces map[string]uint32 // name -> generation
	services   map[key]modelService
	slices     map[key]modelSlice
	pods       map[key]modelPod
	nodes      map[string]modelNode
}

type (
	key          struct{ namespace, name string }
	modelService struct {
		object.Service
		gen uint32
	}
	modelSlice struct {
		object.EndpointSlice
		gen uint32
	}
	modelPod struct {
		object.Pod
		gen uint32
	}
	modelNode struct {
		object.Node
		gen uint32
	}
)

func newModel() *model {
	return &model{make(map[string]uint32), make(map[key]modelService), make(map[key]modelSlice), make(map[key]modelPod), make(map[string]modelNode)}
}

// An op is one event. Exactly one of its fields, beside gen, says what it does.
type op struct {
	gen                         uint32
	setNamespace, delNamespace  string
	setNode                     *object.Node
	delNode                     string
	setService                  *object.Service
	setSlice                    *object.EndpointSlice
	setPod                      *object.Pod
	delService, delSlice, delPd *key
	sweep                       *object.Kind
}

func (o op) String() string {
	switch {
	case o.setNamespace != "":
		return fmt.Sprintf("SetNamespace(%q, %d)", o.setNamespace, o.gen)
	case o.delNamespace != "":
		return fmt.Sprintf("DeleteNamespace(%q)", o.delNamespace)
	case o.setNode != nil:
		return fmt.Sprintf("SetNode(%+v, %d)", *o.setNode, o.gen)
	case o.delNode != "":
		return fmt.Sprintf("DeleteNode(%q)", o.delNode)
	case o.setService != nil:
		return fmt.Sprintf("SetService(%+v, %d)", *o.setService, o.gen)
	case o.setSlice != nil:
		return fmt.Sprintf("SetEndpointSlice(%+v, %d)", *o.setSlice, o.gen)
	case o.setPod != nil:
		return fmt.Sprintf("SetPod(%+v, %d)", *o.setPod, o.gen)
	case o.delService != nil:
		return fmt.Sprintf("DeleteService(%v)", *o.delService)
	case o.delSlice != nil:
		return fmt.Sprintf("DeleteEndpointSlice(%v)", *o.delSlice)
	case o.delPd != nil:
		return fmt.Sprintf("DeletePod(%v)", *o.delPd)
	}
	return fmt.Sprintf("Sweep(%s, %d)", *o.sweep, o.gen)
}

// apply does o to x, which gets copies: it owns what it is given.
func (o op) apply(x *index.Index) {
	switch {
	case o.setNamespace != "":
		x.SetNamespace(o.setNamespace, o.gen)
	case o.delNamespace != "":
		x.DeleteNamespace(o.delNamespace)
	case o.setNode != nil:
		n := *o.setNode
		n.Addrs, n.PodCIDRs = slices.Clone(n.Addrs), slices.Clone(n.PodCIDRs)
		x.SetNode(n, o.gen)
	case o.delNode != "":
		x.DeleteNode(o.delNode)
	case o.setService != nil:
		s := *o.setService
		s.ClusterIPs, s.Ports = slices.Clone(s.ClusterIPs), slices.Clone(s.Ports)
		x.SetService(s, o.gen)
	case o.setSlice != nil:
		s := *o.setSlice
		s.Endpoints, s.Ports = slices.Clone(s.Endpoints), slices.Clone(s.Ports)
		x.SetEndpointSlice(s, o.gen)
	case o.setPod != nil:
		p := *o.setPod
		p.IPs = slices.Clone(p.IPs)
		x.SetPod(p, o.gen)
	case o.delService != nil:
		x.DeleteService(o.delService.namespace, o.delService.name)
	case o.delSlice != nil:
		x.DeleteEndpointSlice(o.delSlice.namespace, o.delSlice.name)
	case o.delPd != nil:
		x.DeletePod(o.delPd.namespace, o.delPd.name)
	default:
		x.Sweep(*o.sweep, o.gen)
	}
}

// do does o to m.
func (m *model) do(o op) {
	switch {
	case o.setNamespace != "":
		m.namespaces[o.setNamespace] = o.gen
	case o.delNamespace != "":
		delete(m.namespaces, o.delNamespace)
	case o.setNode != nil:
		m.nodes[o.setNode.Name] = modelNode{*o.setNode, o.gen}
	case o.delNode != "":
		delete(m.nodes, o.delNode)
	case o.setService != nil:
		m.services[key{o.setService.Namespace, o.setService.Name}] = modelService{*o.setService, o.gen}
	case o.setSlice != nil:
		m.slices[key{o.setSlice.Namespace, o.setSlice.Name}] = modelSlice{*o.setSlice, o.gen}
	case o.setPod != nil:
		m.pods[key{o.setPod.Namespace, o.setPod.Name}] = modelPod{*o.setPod, o.gen}
	case o.delService != nil:
		delete(m.services, *o.delService)
	case o.delSlice != nil:
		delete(m.slices, *o.delSlice)
	case o.delPd != nil:
		delete(m.pods, *o.delPd)
	default:
		m.sweep(*o.sweep, o.gen)
	}
}

func (m *model) sweep(k object.Kind, gen uint32) {
	switch k {
	case object.Namespaces:
		sweep(m.namespaces, func(g uint32) bool { return g != gen })
	case object.Services:
		sweep(m.services, func(s modelService) bool { return s.gen != gen })
	case object.EndpointSlices:
		sweep(m.slices, func(s modelSlice) bool { return s.gen != gen })
	case object.Pods:
		sweep(m.pods, func(p modelPod) bool { return p.gen != gen })
	case object.Nodes:
		sweep(m.nodes, func(n modelNode) bool { return n.gen != gen })
	}
}

func sweep[K comparable, V any](m map[K]V, gone func(V) bool) {
	for k, v := range m {
		if gone(v) {
			delete(m, k)
		}
	}
}

// service says what the index should say of the Service k.
func (m *model) service(k key) string {
	s, ok := m.services[k]
	if !ok {
		return "none"
	}
	ports := make(map[located][]object.Port) // of the slices that have the endpoint
	endpoints := make(map[located]bool)
	for _, slice := range m.slices {
		if slice.Namespace != k.namespace || slice.Service != k.name {
			continue
		}
		for _, e := range slice.Endpoints {
			at := located{e, slice.Cluster}
			ports[at] = append(ports[at], slice.Ports...)
			endpoints[at] = true
		}
	}
	var lines []string
	for e := range endpoints {
		lines = append(lines, endpointLine(e, ports[e]))
	}
	return serviceText(s.Service, lines)
}

// observed is what x says of the Service k.
func observed(s *index.Service) string {
	if s == nil {
		return "none"
	}
	var lines []string
	for _, g := range s.Groups {
		for i := range g.Len() {
			e := located{object.Endpoint{Addr: g.Addr(i), Hostname: g.Hostname(i), Pod: g.Pod(i)}, g.Cluster()}
			lines = append(lines, endpointLine(e, g.Ports))
		}
	}
	return serviceText(object.Service{
		Namespace: s.Namespace, Name: s.Name, Type: s.Type,
		ClusterIPs: s.ClusterIPs.AppendTo(nil), ExternalName: s.ExternalName(), Ports: s.Ports,
	}, lines)
}

// A located endpoint is one of a cluster, if it is that of an imported Service.
type located struct {
	object.Endpoint
	cluster string
}

func endpointLine(e located, ports []object.Port) string {
	ports = slices.Clone(ports)
	slices.SortFunc(ports, func(a, b object.Port) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Number, b.Number))
	})
	return fmt.Sprintf("%s %q %q %q %v", e.Addr, e.Hostname, e.Pod, e.cluster, slices.Compact(ports))
}

func serviceText(s object.Service, lines []string) string {
	slices.Sort(lines)
	return fmt.Sprintf("%s/%s %d %v %q %v\n%s", s.Namespace, s.Name, s.Type, s.ClusterIPs, s.ExternalName, s.Ports, strings.Join(lines, "\n"))
}

// owners returns for each address the Services that have it. Those of which
// only EndpointSlices are known are left out, their addresses are not.
func (m *model) owners() map[netip.Addr][]string {
	byAddr := make(map[netip.Addr]map[key]bool)
	add := func(a netip.Addr, k key) {
		if byAddr[a] == nil {
			byAddr[a] = make(map[key]bool)
		}
		byAddr[a][k] = true
	}
	for k, s := range m.services {
		for _, a := range s.ClusterIPs {
			add(a, k)
		}
	}
	for _, s := range m.slices {
		for _, e := range s.Endpoints {
			add(e.Addr, key{s.Namespace, s.Service})
		}
	}
	owners := make(map[netip.Addr][]string)
	for a, keys := range byAddr {
		owners[a] = nil
		var sorted []key
		for k := range keys {
			sorted = append(sorted, k)
		}
		slices.SortFunc(sorted, func(a, b key) int {
			return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
		})
		for _, k := range sorted {
			if _, ok := m.services[k]; ok {
				owners[a] = append(owners[a], k.namespace+"/"+k.name)
			}
		}
	}
	return owners
}

func observedOwners(x *index.Index, a netip.Addr) (names []string) {
	for s := range x.Owners(a) {
		names = append(names, s.Namespace+"/"+s.Name)
	}
	return names
}

// visible is all that a query can see.
func (m *model) visible() string {
	var lines []string
	for n := range m.namespaces {
		lines = append(lines, "namespace "+n)
	}
	for k := range m.services {
		lines = append(lines, "service "+m.service(k))
	}
	for k, p := range m.pods {
		for _, a := range p.IPs {
			lines = append(lines, "pod "+k.namespace+" "+a.String())
			if at := m.podAt(a); at != nil && at.Record {
				lines = append(lines, fmt.Sprintf("name of %s: %s/%s", a, at.Namespace, at.Name))
			}
		}
		if p.Record {
			lines = append(lines, fmt.Sprint("record of ", k, sorted(p.IPs)))
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}

// state is all that there is, but for generations.
func (m *model) state() string {
	var lines []string
	for n := range m.namespaces {
		lines = append(lines, n)
	}
	for _, s := range m.services {
		lines = append(lines, fmt.Sprint(s.Service))
	}
	for _, s := range m.slices {
		lines = append(lines, fmt.Sprint(s.EndpointSlice))
	}
	for _, p := range m.pods {
		lines = append(lines, fmt.Sprint(p.Pod))
	}
	for _, n := range m.nodes {
		lines = append(lines, fmt.Sprint(n.Node))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// A universe is what ops are made of. It is small, so that things meet.
type universe struct {
	clusters                                         []string
	namespaces, services, slices, pods, hosts, nodes []string
	clusterIPs, v4, v6                               []netip.Addr
	networks                                         []netip.Prefix
	ports                                            []object.Port
}

func newUniverse() *universe {
	u := &universe{
		clusters:   []string{""},
		namespaces: []string{"demo", "prod"},
		services:   []string{"api", "db", "web"},
		slices:     []string{"s0", "s1", "s2", "s3", "s4"},
		pods:       []string{"p0", "p1", "p2", "p3"},
		hosts:      []string{"", "", "", "h0", "h1"},
		nodes:      []string{"n0", "n1", "n2"},
		ports: []object.Port{
			{Name: "http", Protocol: "tcp", Number: 80}, {Name: "dns", Protocol: "udp", Number: 53}, {Protocol: "tcp", Number: 9090},
		},
	}
	for _, s := range []string{"10.96.0.1", "10.96.0.2", "10.96.1.1", "fd00:96::1", "fd00:96::2"} {
		u.clusterIPs = append(u.clusterIPs, netip.MustParseAddr(s))
	}
	for _, s := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "10.1.0.1", "11.0.0.1", "192.0.2.1"} {
		u.v4 = append(u.v4, netip.MustParseAddr(s))
	}
	for _, s := range []string{"fd00::1", "fd00::2", "fd00::1:1", "fd00:0:0:1::1", "2001:db8::1", "2001:db8::1001", "2001:db8:0:7:1::1"} {
		u.v6 = append(u.v6, netip.MustParseAddr(s))
	}
	for _, s := range []string{"10.0.0.0/24", "10.0.0.0/16", "10.0.1.0/24", "fd00::/64", "fd00::/112", "10.1.0.1/32"} {
		u.networks = append(u.networks, netip.MustParsePrefix(s))
	}
	return u
}

// addrs returns every address that may be in an index.
func (u *universe) addrs() []netip.Addr { return slices.Concat(u.clusterIPs, u.v4, u.v6) }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// some returns up to most of from, in random order.
func some[T any](r *rand.Rand, from []T, most int) []T {
	shuffled := slices.Clone(from)
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return shuffled[:r.IntN(min(most, len(from))+1)]
}

func (u *universe) op(r *rand.Rand) op {
	o := op{gen: uint32(r.IntN(3))}
	ns := pick(r, u.namespaces)
	switch r.IntN(40) {
	case 0, 1:
		o.setNamespace = ns
	case 2:
		o.delNamespace = ns
	case 3, 4, 5, 6, 7, 8:
		o.setService = u.service(r, ns)
	case 9, 10, 11:
		o.delService = &key{ns, pick(r, u.services)}
	case 12, 13:
		o.delPd = &key{ns, pick(r, u.pods)}
	case 14, 15, 16, 17:
		o.setPod = u.pod(r, ns)
	case 24:
		o.delNode = pick(r, u.nodes)
	case 25, 26:
		o.setNode = u.node(r)
	case 18, 19, 20, 21, 22:
		o.delSlice = &key{ns, pick(r, u.slices)}
	case 23:
		k := object.Kind(r.IntN(object.NumKinds))
		o.sweep = &k
	default:
		o.setSlice = u.slice(r, ns)
	}
	return o
}

func (u *universe) service(r *rand.Rand, ns string) *object.Service {
	s := &object.Service{Namespace: ns, Name: pick(r, u.services)}
	switch s.Type = object.ServiceType(r.IntN(3)); s.Type {
	case object.ClusterIP:
		s.ClusterIPs = some(r, u.clusterIPs, 2)
	case object.ExternalName:
		s.ExternalName = pick(r, []string{"a.example.org.", "b.example.org.", ""})
	case object.Headless:
	}
	if s.Type != object.ExternalName {
		s.Ports = some(r, u.ports, 2)
	}
	return s
}

// pod returns a random Pod. Those that are called alike have as much kept.
func (u *universe) pod(r *rand.Rand, ns string) *object.Pod {
	p := &object.Pod{Namespace: ns, Name: pick(r, u.pods), IPs: some(r, slices.Concat(u.v4, u.v6), 3), HostNetwork: r.IntN(8) == 0}
	if p.Name == u.pods[0] {
		return p
	}
	p.Named, p.Record = true, p.Name != u.pods[1]
	if r.IntN(2) == 0 {
		p.Labels = object.Labels(pick(r, []string{"app\x00web\x00", "app\x00db\x00"}))
		p.Node, p.Zone = pick(r, append(u.nodes, "gone", "")), pick(r, []string{"", "a", "b"})
	}
	return p
}

func (u *universe) node(r *rand.Rand) *object.Node {
	return &object.Node{
		Name: pick(r, u.nodes), Zone: pick(r, []string{"", "a", "b"}),
		Addrs: some(r, slices.Concat(u.v4[4:], u.v6[4:]), 2), PodCIDRs: some(r, u.networks, 2),
	}
}

// podAt returns the Pod that has the address a beyond doubt, or nil.
func (m *model) podAt(a netip.Addr) *object.Pod {
	var have []object.Pod
	for _, p := range m.pods {
		if slices.Contains(p.IPs, a) {
			have = append(have, p.Pod)
		}
	}
	if len(have) != 1 || have[0].HostNetwork {
		return nil
	}
	return &have[0]
}

// client says what the index should say of who has the address a.
func (m *model) client(a netip.Addr) index.Client {
	var c index.Client
	best := -1
	in := make(map[string]bool) // the nodes that have the smallest network
	for _, n := range m.nodes {
		networks := slices.Clone(n.PodCIDRs)
		for _, own := range n.Addrs {
			networks = append(networks, netip.PrefixFrom(own, own.BitLen()))
		}
		for _, p := range networks {
			if !p.Contains(a) || p.Bits() < best {
				continue
			}
			if p.Bits() > best {
				best, in = p.Bits(), make(map[string]bool)
			}
			in[n.Name] = true
		}
		c.Host = c.Host || slices.Contains(n.Addrs, a)
	}
	if len(in) == 1 {
		for name := range in {
			c.Node, c.Zone = name, m.nodes[name].Zone
		}
	}
	p := m.podAt(a)
	if c.Host || p == nil {
		return c
	}
	c.Namespace, c.Labels = p.Namespace, p.Labels
	if p.Named {
		c.Pod = p.Name
	}
	if p.Node != "" {
		c.Node, c.Zone = p.Node, m.nodes[p.Node].Zone
	}
	if c.Zone == "" {
		c.Zone = p.Zone
	}
	return c
}

// checkClients returns what differs between x and m of who has an address, or "".
func (u *universe) checkClients(x *index.Index, m *model) string {
	for _, a := range append(u.addrs(), netip.MustParseAddr("10.0.2.9"), netip.MustParseAddr("10.0.0.77")) {
		if diff := gocmp.Diff(m.client(a), x.Client(a)); diff != "" {
			return fmt.Sprintf("Client(%s) (-want +got):\n%s", a, diff)
		}
		var want, got [3]any
		if p := m.podAt(a); p != nil && p.Record {
			want = [3]any{p.Namespace, p.Name, true}
		} else {
			want = [3]any{"", "", false}
		}
		got[0], got[1], got[2] = x.PodRecord(a)
		if got != want {
			return fmt.Sprintf("PodRecord(%s) = %v, want %v", a, got, want)
		}
	}
	for _, ns := range append(u.namespaces, "other") {
		for _, name := range append(u.pods, "other") {
			p := m.pods[key{ns, name}]
			var want []netip.Addr
			if p.Record {
				want = sorted(p.IPs)
			}
			if got := sorted(x.AppendPodAddrs(nil, strings.ToUpper(ns), strings.ToUpper(name))); !slices.Equal(got, want) {
				return fmt.Sprintf("AppendPodAddrs(%s, %s) = %v, want %v", ns, name, got, want)
			}
		}
	}
	return ""
}

func sorted(addrs []netip.Addr) []netip.Addr {
	return slices.SortedFunc(slices.Values(addrs), netip.Addr.Compare)
}

// slice returns a random EndpointSlice as package object makes them: endpoints
// are in order, and no two are the same.
func (u *universe) slice(r *rand.Rand, ns string) *object.EndpointSlice {
	s := &object.EndpointSlice{Namespace: ns, Name: pick(r, u.slices), Service: pick(r, u.services), Cluster: pick(r, u.clusters), Ports: some(r, u.ports, 2)}
	family := u.v4
	if r.IntN(3) == 0 {
		family = u.v6
	}
	for _, a := range some(r, family, 5) {
		s.Endpoints = append(s.Endpoints, object.Endpoint{Addr: a, Hostname: pick(r, u.hosts), Pod: pick(r, u.hosts)})
		if r.IntN(4) == 0 {
			s.Endpoints = append(s.Endpoints, object.Endpoint{Addr: a, Hostname: pick(r, u.hosts)})
		}
	}
	slices.SortFunc(s.Endpoints, func(a, b object.Endpoint) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.Pod, b.Pod))
	})
	s.Endpoints = slices.Compact(s.Endpoints)
	return s
}

// prefixes returns the prefixes of all addresses at every label, and of some that no object has.
func (u *universe) prefixes() []netip.Prefix {
	seen := make(map[netip.Prefix]bool)
	for _, a := range append(u.addrs(), netip.MustParseAddr("10.0.2.9"), netip.MustParseAddr("fd00::1:2001"), netip.MustParseAddr("::")) {
		step := 4
		if a.Is4() {
			step = 8
		}
		for bits := 0; bits <= a.BitLen(); bits += step {
			seen[netip.PrefixFrom(a, bits).Masked()] = true
			first := netip.PrefixFrom(a, a.BitLen()/2).Masked().Addr() // of the network, which nobody may have
			seen[netip.PrefixFrom(first, bits).Masked()] = true
		}
	}
	var out []netip.Prefix
	for p := range seen {
		out = append(out, p)
	}
	return out
}

// check returns what differs between x and m, or "".
func (u *universe) check(x *index.Index, m *model) string {
	for _, ns := range append(u.namespaces, "other") {
		_, want := m.namespaces[ns]
		if name, ok := x.Namespace(strings.ToUpper(ns)); ok != want || ok && name != ns {
			return fmt.Sprintf("Namespace(%q) = %q, %t, want %t", strings.ToUpper(ns), name, ok, want)
		}
		for _, name := range append(u.services, "other") {
			s := x.Service(strings.ToUpper(ns), strings.ToUpper(name))
			if diff := gocmp.Diff(m.service(key{ns, name}), observed(s)); diff != "" {
				return fmt.Sprintf("Service(%s, %s) (-want +got):\n%s", ns, name, diff)
			}
			if bad := inconsistent(s); bad != "" {
				return fmt.Sprintf("Service(%s, %s): %s", ns, name, bad)
			}
		}
		for _, a := range u.addrs() {
			want := false
			for k, p := range m.pods {
				want = want || k.namespace == ns && slices.Contains(p.IPs, a)
			}
			if got := x.HasPod(strings.ToUpper(ns), a); got != want {
				return fmt.Sprintf("HasPod(%s, %s) = %t, want %t", ns, a, got, want)
			}
		}
	}
	var all []string
	for s := range x.Services() {
		all = append(all, s.Namespace+"/"+s.Name)
	}
	slices.Sort(all)
	var wantAll []string
	for k := range m.services {
		wantAll = append(wantAll, k.namespace+"/"+k.name)
	}
	slices.Sort(wantAll)
	if diff := gocmp.Diff(wantAll, all); diff != "" {
		return "Services() (-want +got):\n" + diff
	}

	owners := m.owners()
	for _, a := range u.addrs() {
		if diff := gocmp.Diff(owners[a], observedOwners(x, a)); diff != "" {
			return fmt.Sprintf("Owners(%s) (-want +got):\n%s", a, diff)
		}
	}
	for _, p := range u.prefixes() {
		want := false
		for a := range owners {
			want = want || p.Contains(a)
		}
		for _, pod := range m.pods {
			want = want || pod.Record && !pod.HostNetwork && slices.ContainsFunc(pod.IPs, p.Contains)
		}
		if got := x.AnyBelow(p); got != want {
			return fmt.Sprintf("AnyBelow(%s) = %t, want %t", p, got, want)
		}
	}

	endpoints := 0
	for _, s := range m.slices {
		endpoints += len(s.Endpoints)
	}
	got := [...]int{x.Objects(object.Namespaces), x.Objects(object.Services), x.Objects(object.EndpointSlices), x.Objects(object.Pods), x.Objects(object.Nodes), x.Endpoints()}
	want := [...]int{len(m.namespaces), len(m.services), len(m.slices), len(m.pods), len(m.nodes), endpoints}
	if got != want {
		return fmt.Sprintf("namespaces, services, slices, pods, nodes, endpoints = %v, want %v", got, want)
	}
	return u.checkClients(x, m)
}

// inconsistent says what is wrong with a record by itself, or "".
func inconsistent(s *index.Service) string {
	if s == nil {
		return ""
	}
	groupOf := make(map[located]int)
	for n, g := range s.Groups {
		if g.Len() == 0 {
			return fmt.Sprintf("group %d is empty", n)
		}
		for i := range g.Len() {
			a := g.Addr(i)
			e := located{object.Endpoint{Addr: a, Hostname: g.Hostname(i), Pod: g.Pod(i)}, g.Cluster()}
			if other, ok := groupOf[e]; ok && other != n {
				return fmt.Sprintf("%v is in group %d and in group %d", e, other, n)
			}
			groupOf[e] = n
			if a.Is4() != g.Is4() {
				return fmt.Sprintf("%s is in a group of the other family", a)
			}
			if i > 0 && g.Addr(i-1).Compare(a) > 0 {
				return fmt.Sprintf("%s follows %s", a, g.Addr(i-1))
			}
			if g.Same(i) != (i > 0 && g.Addr(i-1) == a) {
				return fmt.Sprintf("Same(%d) = %t for %s", i, g.Same(i), a)
			}
			if first, last := g.FindAddr(a); i < first || i >= last || g.Addr(first) != a || g.Addr(last-1) != a {
				return fmt.Sprintf("FindAddr(%s) = %d, %d, which is not about %d", a, first, last, i)
			}
			if h := g.Hostname(i); h != "" && !slices.Contains(g.ByHostname(strings.ToUpper(h)), uint32(i)) {
				return fmt.Sprintf("ByHostname(%q) = %v, without %d", h, g.ByHostname(h), i)
			}
			if p := g.Pod(i); p != "" && !slices.Contains(g.ByPod(strings.ToUpper(p)), uint32(i)) {
				return fmt.Sprintf("ByPod(%q) = %v, without %d", p, g.ByPod(p), i)
			}
		}
	}
	return ""
}

// run does ops to an index and to a model, and returns the first step that
// goes wrong, and why. every is how many steps there are from check to check.
func (u *universe) run(ops []op, every int) (step int, wrong string) {
	x, m := index.New(), newModel()
	type held struct {
		*index.Service
		text string
	}
	var published []held // readers may still look at them
	serial, visible, state := x.Serial(), m.visible(), m.state()
	for i, o := range ops {
		o.apply(x)
		m.do(o)
		before, visibleBefore, stateBefore := serial, visible, state
		serial, visible, state = x.Serial(), m.visible(), m.state()
		switch {
		case visible != visibleBefore && serial <= before:
			return i, fmt.Sprintf("a visible change left the serial at %d", before)
		case state == stateBefore && serial != before:
			return i, fmt.Sprintf("no change, and the serial rose from %d to %d", before, serial)
		case o.ofPod() && serial != before+rises(visible != visibleBefore):
			return i, fmt.Sprintf("the serial rose from %d to %d; a visible change: %t", before, serial, visible != visibleBefore)
		}
		if i%every == 0 || i == len(ops)-1 {
			if wrong := u.check(x, m); wrong != "" {
				return i, wrong
			}
			for s := range x.Services() {
				published = append(published, held{s, observed(s)})
			}
		}
	}
	for _, h := range published {
		if now := observed(h.Service); now != h.text {
			return len(ops), "a published record was changed:\n" + gocmp.Diff(h.text, now)
		}
	}
	return 0, ""
}

// ofPod reports whether o is an event of one Pod or Node: it takes one step of
// the API server's resourceVersion, so it may make one of the serial, and none if
// nobody can see it.
func (o op) ofPod() bool {
	return o.setPod != nil || o.delPd != nil || o.setNode != nil || o.delNode != ""
}

func rises(visible bool) uint32 {
	if visible {
		return 1
	}
	return 0
}

// shrink returns as few of ops as it finds that still go wrong.
func (u *universe) shrink(ops []op) []op {
	for n := len(ops) / 2; n > 0; n /= 2 {
		for i := 0; i+n <= len(ops); {
			fewer := slices.Delete(slices.Clone(ops), i, i+n)
			if _, wrong := u.run(fewer, 1); wrong != "" {
				ops = fewer
			} else {
				i += n
			}
		}
	}
	return ops
}

// testModel compares an index with a model over random events.
func testModel(t *testing.T, u *universe, seeds, steps int) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			ops := make([]op, steps)
			for i := range ops {
				ops[i] = u.op(r)
			}
			step, wrong := u.run(ops, 7)
			if wrong == "" {
				return
			}
			few := u.shrink(ops[:min(step+1, len(ops))])
			_, why := u.run(few, 1)
			for _, o := range few {
				t.Log(o)
			}
			t.Errorf("step %d: %s\nafter the %d steps above: %s", step, wrong, len(few), why)
		})
	}
}

// TestModel: any order of events gives the same index as a few maps.
func TestModel(t *testing.T) { testModel(t, newUniverse(), 10, 600) }

// TestModelOfImports: nor does it matter that an address, and a hostname, may be
// in several clusters of a clusterset.
func TestModelOfImports(t *testing.T) {
	u := newUniverse()
	u.clusters = []string{"east", "east", "west"}
	testModel(t, u, 6, 600)
}

// TestBugClusterIPIsEndpoint: a Service may have an EndpointSlice, made by hand,
// that has one of its cluster IPs. The count of addresses that are in several
// slices then counts the cluster IP too, and not the same when it comes as when
// it goes: after that, addresses that are in two slices are in two groups.
func TestBugClusterIPIsEndpoint(t *testing.T) {
	t.Run("example", func(t *testing.T) {
		x := index.New()
		vip, a := netip.MustParseAddr("10.96.0.1"), netip.MustParseAddr("10.0.0.1")
		slice := func(name string, addr netip.Addr) object.EndpointSlice {
			return object.EndpointSlice{Namespace: "demo", Name: name, Service: "web", Endpoints: []object.Endpoint{{Addr: addr}}}
		}
		x.SetEndpointSlice(slice("s0", vip), 1)
		x.SetService(object.Service{Namespace: "demo", Name: "web", ClusterIPs: []netip.Addr{vip}}, 1)
		x.DeleteEndpointSlice("demo", "s0")
		x.SetEndpointSlice(slice("s1", a), 1)
		x.SetEndpointSlice(slice("s2", a), 1) // the controller moves it from s1 to s2
		if bad := inconsistent(x.Service("demo", "web")); bad != "" {
			t.Error(bad)
		}
	})
	u := newUniverse()
	u.clusterIPs = append(u.v4[:3:3], u.v6[:2]...)
	testModel(t, u, 3, 300)
}

// TestBugSerialRisesUnseen: an EndpointSlice without a ready endpoint (the
// controller makes one for each Service that selects no Pod), and one that says
// what another says already, is no change that a query can see.
func TestBugSerialRisesUnseen(t *testing.T) {
	web := object.Service{Namespace: "demo", Name: "web", Type: object.Headless}
	slice := func(name string, addrs ...string) object.EndpointSlice {
		s := object.EndpointSlice{Namespace: "demo", Name: name, Service: "web"}
		for _, a := range addrs {
			s.Endpoints = append(s.Endpoints, object.Endpoint{Addr: netip.MustParseAddr(a)})
		}
		return s
	}
	tests := map[string]func(x *index.Index){
		"an empty slice comes":      func(x *index.Index) { x.SetEndpointSlice(slice("empty"), 1) },
		"an empty slice goes":       func(x *index.Index) { x.DeleteEndpointSlice("demo", "nothing") },
		"an endpoint comes again":   func(x *index.Index) { x.SetEndpointSlice(slice("more", "10.0.0.1"), 1) },
		"an endpoint's double goes": func(x *index.Index) { x.DeleteEndpointSlice("demo", "twin") },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			x := index.New()
			x.SetService(web, 1)
			x.SetEndpointSlice(slice("first", "10.0.0.1", "10.0.0.2"), 1)
			x.SetEndpointSlice(slice("twin", "10.0.0.1"), 1)
			x.SetEndpointSlice(slice("nothing"), 1)
			before, text := x.Serial(), observed(x.Service("demo", "web"))
			change(x)
			if got := observed(x.Service("demo", "web")); got != text {
				t.Fatalf("that was to be no change:\n%s", gocmp.Diff(text, got))
			}
			if got := x.Serial(); got != before {
				t.Errorf("serial rose from %d to %d", before, got)
			}
		})
	}
}
