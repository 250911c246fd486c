// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// A zoneFile is what the zones of a cluster would be if they were written down:
// name -> type -> data. Names in the primary zone are relative to it. It is made
// with no thought of how the index or the answers work.
type zoneFile struct {
	records map[string]map[string]map[string]bool
	empty   map[string]bool            // names that exist without a record
	bare    map[string]bool            // those of them that are no empty non-terminals
	glue    map[string]map[string]bool // name -> additional records of its SRV records
	below   []netip.Addr               // whose networks exist, hidden or not
	above   map[string]bool            // all that exist, made when it is needed
	ptrs    map[netip.Addr][]ptr       // names of endpoints
}

// A ptr is what a reverse lookup of an endpoint's address may tell.
type ptr struct {
	namespace, service, label string
	hostname                  bool // of the endpoint
}

// told returns those of the names of an address that mode tells.
func told(mode answer.PTRMode, all []ptr) []ptr {
	if mode == answer.PTRAll || len(all) == 0 {
		return all
	}
	if named := slices.DeleteFunc(slices.Clone(all), func(p ptr) bool { return !p.hostname }); len(named) > 0 {
		all = named
	}
	if mode == answer.PTRHostname {
		return all
	}
	return []ptr{slices.MinFunc(all, func(a, b ptr) int {
		return cmp.Or(strings.Compare(a.namespace, b.namespace), strings.Compare(a.service, b.service), strings.Compare(a.label, b.label))
	})}
}

func (z *zoneFile) add(name, typ, data string) {
	if z.records[name] == nil {
		z.records[name] = make(map[string]map[string]bool)
	}
	if z.records[name][typ] == nil {
		z.records[name][typ] = make(map[string]bool)
	}
	z.records[name][typ][data] = true
}

func (z *zoneFile) addr(name string, a netip.Addr) {
	if a.Is4() {
		z.add(name, "A", a.String())
	} else {
		z.add(name, "AAAA", a.String())
	}
}

// srv adds a record whose weight is not known until all are there, and addresses of its target.
func (z *zoneFile) srv(name string, number uint16, target string, addrs ...netip.Addr) {
	z.add(name, "SRV", fmt.Sprintf("0 WEIGHT %d %s", number, target))
	if z.glue[name] == nil {
		z.glue[name] = make(map[string]bool)
	}
	for _, a := range addrs {
		typ := "AAAA"
		if a.Is4() {
			typ = "A"
		}
		z.glue[name][target+" "+typ+" "+a.String()] = true
	}
}

// exists reports whether there is the name, or one below it. Nothing is added after it was asked.
func (z *zoneFile) exists(name string) bool {
	if z.above == nil {
		z.above = maps.Clone(z.empty)
		for name := range z.records {
			for found := true; found; _, name, found = strings.Cut(name, ".") {
				z.above[name] = true
			}
		}
	}
	return z.above[name]
}

// reply is RFC 1034 section 4.3.2 with RFC 2308, 8020 and 8482.
func (z *zoneFile) reply(name, typ string) reply {
	types := z.records[strings.ToLower(name)]
	rrs := func(typ string) (out []string) {
		for data := range types[typ] {
			data = strings.Replace(data, "WEIGHT", fmt.Sprint(max(1, 100/len(types[typ]))), 1)
			out = append(out, name+" "+typ+" "+data)
		}
		slices.Sort(out)
		return out
	}
	switch {
	case !z.exists(strings.ToLower(name)):
		return nameError
	case typ == "ANY" && (len(types) > 0 || z.bare[strings.ToLower(name)]):
		return ok(name + ` HINFO "RFC8482" ""`)
	case len(types["CNAME"]) > 0 && typ != "CNAME":
		rr := rrs("CNAME")[0]
		target := rr[strings.LastIndex(rr, " ")+1:]
		if !strings.HasSuffix(target, ".") {
			target += "." + primary
		}
		return alias(target, rr)
	case len(types[typ]) > 0:
		return ok(rrs(typ)...)
	}
	return noData
}

// A cluster is a random set of objects.
type cluster struct {
	namespaces []string
	services   []object.Service
	slices     []object.EndpointSlice
	pods       []object.Pod

	imports      []object.Service
	importSlices []object.EndpointSlice
}

var allNamespaces = []string{"demo", "ghost", "prod"}

func some[T any](r *rand.Rand, most int, from ...T) []T {
	r.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
	return from[:r.IntN(min(most, len(from))+1)]
}

func one[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// A habit says what names endpoints have.
type habit struct {
	pods bool // names of Pods are kept
	// records says that Pods have records.
	records bool
	wild    bool // endpoints may get one name in several ways
}

// tame are endpoints of which no two have the same name and the same address.
func tame(o answer.Options) habit { return habit{pods: o.EndpointPodNames, records: o.PodNames} }

func wild(o answer.Options) habit {
	return habit{pods: o.EndpointPodNames, records: o.PodNames, wild: true}
}

// endpoint returns an endpoint with a random name.
func (h habit) endpoint(r *rand.Rand, a netip.Addr) object.Endpoint {
	e := object.Endpoint{Addr: a, Hostname: one(r, "", "", "a", "b")}
	switch {
	case h.wild:
		e.Hostname = one(r, "", "", "a", "10-0-0-1", "fd00--1")
		e.Pod = one(r, "", "a", "c", "10-0-0-1")
	case e.Hostname == "":
		e.Pod = one(r, "", "c", "d")
	}
	if !h.pods {
		e.Pod = ""
	}
	return e
}

func newCluster(r *rand.Rand, h habit) cluster {
	c := cluster{namespaces: some(r, 3, allNamespaces...)}
	allPorts := ports("http/tcp/80", "https/tcp/443", "alt/tcp/80", "dns/udp/53", "dns/tcp/53", "/tcp/9090", "/sctp/7")
	for _, ns := range allNamespaces {
		for n, name := range some(r, 5, "api", "db", "ext", "web", "10-0-0-1") {
			s := object.Service{Namespace: ns, Name: name, Type: one(r, object.ClusterIP, object.Headless, object.ExternalName)}
			switch s.Type {
			case object.ClusterIP:
				s.ClusterIPs = addrs(some(r, 1, "10.96.0.1", "10.96.0.2", "10.97.1.1")...)
				s.ClusterIPs = append(s.ClusterIPs, addrs(some(r, 1, "fd00:96::1", fmt.Sprintf("fd00:96::1:%d", n))...)...)
				s.Ports = some(r, 4, slices.Clone(allPorts)...)
			case object.ExternalName:
				s.ExternalName = one(r, "db.example.com.", "web.demo.svc."+primary, "")
			case object.Headless:
				s.Ports = some(r, 2, slices.Clone(allPorts)...)
			}
			c.services = append(c.services, s)
			for i := range r.IntN(4) {
				c.slices = append(c.slices, newSlice(r, h, ns, name, i, some(r, 3, slices.Clone(allPorts)...)))
			}
		}
		for _, name := range some(r, 3, "p0", "p1", "10-0-0-2") {
			p := object.Pod{Namespace: ns, Name: name, IPs: addrs(some(r, 2, "10.0.0.1", "10.0.0.2", "10.2.0.1", "fd00::1", "fd00::")...)}
			p.HostNetwork = r.IntN(5) == 0
			p.Record = h.records && r.IntN(5) > 0
			p.Named = p.Record
			c.pods = append(c.pods, p)
		}
		c.addImports(r, h, ns, allPorts)
	}
	return c
}

func (c *cluster) addImports(r *rand.Rand, h habit, ns string, allPorts []object.Port) {
	for n, name := range some(r, 4, "api", "db", "far", "east") {
		s := object.Service{Namespace: ns, Name: name, Type: one(r, object.ClusterIP, object.Headless), Ports: some(r, 4, slices.Clone(allPorts)...)}
		if s.Type == object.ClusterIP {
			s.ClusterIPs = addrs(some(r, 2, "10.96.0.1", "10.112.0.1", fmt.Sprintf("10.112.1.%d", n), "fd00:112::1")...)
		}
		c.imports = append(c.imports, s)
		for i := range r.IntN(4) {
			s := newSlice(r, h, ns, name, i, some(r, 3, slices.Clone(allPorts)...))
			s.Cluster = one(r, "east", "west")
			c.importSlices = append(c.importSlices, s)
		}
	}
}

func newSlice(r *rand.Rand, h habit, ns, service string, n int, ps []object.Port) object.EndpointSlice {
	s := object.EndpointSlice{Namespace: ns, Name: fmt.Sprintf("%s-%d", service, n), Service: service, Ports: ps}
	pool := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "11.0.0.1"}
	if r.IntN(3) == 0 {
		pool = []string{"fd00::1", "fd00::", "2001:db8::1:0:0:1", "fd00:0:0:1::1"}
	}
	for _, a := range some(r, 4, pool...) {
		for range 1 + r.IntN(2)*r.IntN(2) {
			s.Endpoints = append(s.Endpoints, h.endpoint(r, netip.MustParseAddr(a)))
		}
	}
	sortEndpoints(s.Endpoints)
	s.Endpoints = slices.Compact(s.Endpoints)
	return s
}

func (c cluster) index() *index.Index {
	var all []any
	for _, ns := range c.namespaces {
		all = append(all, ns)
	}
	for _, s := range c.slices {
		all = append(all, s)
	}
	for _, s := range c.services {
		all = append(all, s)
	}
	for _, p := range c.pods {
		all = append(all, p)
	}
	for _, s := range c.imports {
		all = append(all, imported{s})
	}
	for _, s := range c.importSlices {
		all = append(all, imported{s})
	}
	return newIndex(all...)
}

func newOptions(r *rand.Rand) answer.Options {
	return with(func(o *answer.Options) {
		o.EndpointPodNames = r.IntN(2) == 0
		o.IgnoreEmptyService = r.IntN(4) == 0
		if r.IntN(3) == 0 {
			o.Namespaces = map[string]struct{}{"demo": {}, "ghost": {}}
		}
		if r.IntN(2) == 0 {
			o.Pods, o.Kinds = answer.PodsVerified, everything
			o.PodNames = r.IntN(3) > 0
		}
		o.PTR = one(r, answer.PTRAll, answer.PTRAll, answer.PTRHostname, answer.PTRSingle)
		if r.IntN(8) == 0 {
			o.Kinds &^= object.Set(object.EndpointSlices)
		}
		if r.IntN(3) > 0 {
			o.ClusterSetZone = setZone
			o.Kinds |= object.Imports
		}
	})
}

// zoneFile writes down what c is under o.
func (c cluster) zoneFile(o answer.Options) *zoneFile {
	z := &zoneFile{
		records: make(map[string]map[string]map[string]bool),
		empty:   map[string]bool{"svc": true, "pod": true, "dns": true, "ns.dns": true},
		bare:    map[string]bool{"ns.dns": true},
		glue:    make(map[string]map[string]bool),
		ptrs:    make(map[netip.Addr][]ptr),
	}
	z.add("dns-version", "TXT", `"1.1.0" ttl 28800`)
	exposed := func(ns string) bool {
		_, listed := o.Namespaces[ns]
		return slices.Contains(c.namespaces, ns) && (o.Namespaces == nil || listed)
	}
	for _, ns := range c.namespaces {
		if exposed(ns) {
			z.empty[ns+".svc"] = true
			z.empty[ns+".pod"] = o.Pods != answer.PodsDisabled
		}
	}
	maps.DeleteFunc(z.empty, func(_ string, there bool) bool { return !there })
	for _, p := range c.pods {
		for _, a := range p.IPs {
			if o.Pods == answer.PodsVerified && exposed(p.Namespace) {
				z.addr(dashed(a)+"."+p.Namespace+".pod", a)
			}
		}
	}
	services := slices.Clone(c.services)
	slices.SortFunc(services, func(a, b object.Service) int {
		return strings.Compare(a.Namespace+"\x00"+a.Name, b.Namespace+"\x00"+b.Name)
	})
	owner := make(map[netip.Addr]bool) // addresses that are a cluster IP
	for _, s := range services {
		z.below = append(z.below, s.ClusterIPs...)
		for _, a := range s.ClusterIPs {
			if exposed(s.Namespace) && !owner[a] {
				owner[a] = true
				z.add(reverseName(a), "PTR", s.Name+"."+s.Namespace+".svc")
			}
		}
	}
	for _, s := range c.slices {
		for _, e := range s.Endpoints {
			z.below = append(z.below, e.Addr)
		}
	}
	for _, s := range services {
		if exposed(s.Namespace) {
			c.service(z, o, s, owner)
		}
	}
	for a, all := range z.ptrs {
		for _, p := range told(o.PTR, all) {
			z.add(reverseName(a), "PTR", p.label+"."+p.service+"."+p.namespace+".svc")
		}
	}
	if o.PodNames {
		c.podNames(z, exposed)
	}
	if o.ClusterSetZone != "" {
		c.clusterSet(z, o, exposed)
	}
	return z
}

// podNames writes down the names of Pods, when all else is.
func (c cluster) podNames(z *zoneFile, exposed func(ns string) bool) {
	have := make(map[netip.Addr][]object.Pod)
	for _, p := range c.pods {
		for _, a := range p.IPs {
			have[a] = append(have[a], p)
			if p.Record && !p.HostNetwork {
				z.below = append(z.below, a)
			}
		}
		name := p.Name + "." + p.Namespace + ".pod"
		if p.Record && exposed(p.Namespace) && z.records[name] == nil { // an address goes before a name
			for _, a := range p.IPs {
				z.addr(name, a)
			}
		}
	}
	for a, pods := range have {
		p := pods[0]
		if len(pods) == 1 && p.Record && !p.HostNetwork && exposed(p.Namespace) && z.records[reverseName(a)] == nil {
			z.add(reverseName(a), "PTR", p.Name+"."+p.Namespace+".pod")
		}
	}
}

// clusterSet writes down the zone of the clusterset, and the addresses that
// have no name in the cluster.
func (c cluster) clusterSet(z *zoneFile, o answer.Options, exposed func(ns string) bool) {
	for _, name := range slices.Collect(maps.Keys(z.empty)) {
		if strings.Count(name, ".") < 2 { // not of a Service
			z.empty[name+"~"], z.bare[name+"~"] = true, z.bare[name]
		}
	}
	taken := make(map[string]bool)
	for name, types := range z.records {
		taken[name] = len(types["PTR"]) > 0
		for data := range types["A"] {
			if strings.HasSuffix(name, ".pod") {
				z.add(name+"~", "A", data)
			}
		}
		for data := range types["AAAA"] {
			if strings.HasSuffix(name, ".pod") {
				z.add(name+"~", "AAAA", data)
			}
		}
	}
	z.add("dns-version~", "TXT", `"1.0.0" ttl 28800`)
	slices.SortFunc(c.imports, func(a, b object.Service) int {
		return strings.Compare(a.Namespace+"\x00"+a.Name, b.Namespace+"\x00"+b.Name)
	})
	for _, s := range c.imports {
		z.below = append(z.below, s.ClusterIPs...)
		for _, a := range s.ClusterIPs {
			if name := reverseName(a); exposed(s.Namespace) && !taken[name] {
				taken[name] = true
				z.add(name, "PTR", s.Name+"."+s.Namespace+".svc~")
			}
		}
	}
	for _, s := range c.importSlices {
		for _, e := range s.Endpoints {
			z.below = append(z.below, e.Addr)
		}
	}
	for _, s := range c.imports {
		if exposed(s.Namespace) {
			c.imported(z, o, s, taken)
		}
	}
}

// called returns the label of an endpoint.
func called(o answer.Options, e object.Endpoint) string {
	switch {
	case e.Hostname != "":
		return e.Hostname
	case o.EndpointPodNames && e.Pod != "":
		return e.Pod
	}
	return dashed(e.Addr)
}

// imported writes down one imported Service.
func (c cluster) imported(z *zoneFile, o answer.Options, s object.Service, taken map[string]bool) {
	name := s.Name + "." + s.Namespace + ".svc~"
	type endpoint struct {
		object.Endpoint
		cluster string
	}
	numbers := make(map[endpoint][]object.Port)
	for _, slice := range c.importSlices {
		if slice.Namespace == s.Namespace && slice.Service == s.Name {
			for _, e := range slice.Endpoints {
				at := endpoint{e, slice.Cluster}
				numbers[at] = append(numbers[at], slice.Ports...)
			}
		}
	}
	if s.Type == object.ClusterIP && (len(numbers) > 0 || !o.IgnoreEmptyService) {
		z.clusterIP(name, s)
	}
	for e, ports := range numbers {
		label := called(o, e.Endpoint)
		target := label + "." + e.cluster + "." + name
		z.addr(target, e.Addr)
		if s.Type == object.Headless {
			z.addr(name, e.Addr)
			if r := reverseName(e.Addr); !taken[r] {
				z.add(r, "PTR", target)
			}
		}
		for _, p := range ports {
			z.srv(target, p.Number, target, e.Addr)
			if s.Type != object.Headless {
				continue
			}
			z.srv(name, p.Number, target, e.Addr)
			if p.Name != "" {
				port := "_" + p.Name + "._" + p.Protocol + "." + name
				z.addr(port, e.Addr)
				z.srv(port, p.Number, target, e.Addr)
			}
		}
	}
}

// service writes down one Service.
func (c cluster) service(z *zoneFile, o answer.Options, s object.Service, owner map[netip.Addr]bool) {
	name := s.Name + "." + s.Namespace + ".svc"
	numbers := make(map[object.Endpoint][]object.Port)
	var endpoints []object.Endpoint
	for _, slice := range c.slices {
		if slice.Namespace == s.Namespace && slice.Service == s.Name && o.Kinds.Has(object.Set(object.EndpointSlices)) {
			for _, e := range slice.Endpoints {
				endpoints = append(endpoints, e)
				numbers[e] = append(numbers[e], slice.Ports...)
			}
		}
	}
	switch {
	case s.Type == object.ExternalName:
		if s.ExternalName != "" {
			z.add(name, "CNAME", relative(s.ExternalName))
		}
		return
	case s.Type == object.ClusterIP && (len(endpoints) > 0 || !o.IgnoreEmptyService):
		z.clusterIP(name, s)
	}
	for _, e := range endpoints {
		label := called(o, e)
		target := label + "." + name
		z.addr(target, e.Addr)
		if !owner[e.Addr] {
			z.ptrs[e.Addr] = append(z.ptrs[e.Addr], ptr{s.Namespace, s.Name, label, e.Hostname != ""})
		}
		if s.Type == object.Headless {
			z.addr(name, e.Addr)
		}
		for _, p := range numbers[e] {
			z.srv(target, p.Number, target, e.Addr)
			if s.Type != object.Headless {
				continue
			}
			z.srv(name, p.Number, target, e.Addr)
			if p.Name != "" {
				port := "_" + p.Name + "._" + p.Protocol + "." + name
				z.addr(port, e.Addr)
				z.srv(port, p.Number, target, e.Addr)
			}
		}
	}
}

func (z *zoneFile) clusterIP(name string, s object.Service) {
	owners := []string{name}
	for _, p := range s.Ports {
		if p.Name != "" {
			protocol := "_" + p.Protocol + "." + name
			z.empty[protocol] = true
			owners = append(owners, "_"+p.Name+"."+protocol)
		}
	}
	for _, owner := range owners {
		for _, a := range s.ClusterIPs {
			z.addr(owner, a)
		}
		for _, p := range s.Ports {
			if owner != name && owner != "_"+p.Name+"._"+p.Protocol+"."+name || len(s.ClusterIPs) == 0 {
				continue // without an address of the target there is no SRV record (RFC 2782)
			}
			z.srv(owner, p.Number, name, s.ClusterIPs...)
		}
		if z.records[owner] == nil {
			z.empty[owner], z.bare[owner] = true, true
		}
	}
}

func dashed(a netip.Addr) string {
	s := strings.NewReplacer(".", "-", ":", "-").Replace(a.String())
	if strings.HasSuffix(s, "-") {
		s += "0"
	}
	return s
}

func reverseName(a netip.Addr) string {
	name, err := dns.ReverseAddr(a.String())
	if err != nil {
		panic(err)
	}
	return name
}

// names returns the names to ask for: all that exist, all above them, some
// below them, and some that were never there.
func (z *zoneFile) names() []string {
	seen := make(map[string]bool)
	add := func(name string) {
		for seen[name] = true; ; seen[name] = true {
			_, rest, found := strings.Cut(name, ".")
			if !found || rest == "in-addr.arpa." || rest == "ip6.arpa." {
				return
			}
			name = rest
		}
	}
	for name := range z.records {
		add(name)
		seen["x."+name] = true
		if !strings.HasSuffix(name, ".") {
			seen["_tcp."+name], seen["_sctp."+name], seen["_dns._udp."+name], seen["a."+name], seen["10-0-0-1."+name] = true, true, true, true, true
		}
	}
	for _, a := range z.below {
		add(reverseName(a))
	}
	for name := range z.empty {
		add(name)
	}
	for _, ns := range allNamespaces {
		for _, s := range []string{"api", "db", "ext", "web", "none"} {
			add("_http._tcp." + s + "." + ns + ".svc")
			add("c." + s + "." + ns + ".svc")
			if z.empty["svc~"] {
				add("web-0.east." + s + "." + ns + ".svc~")
				add("10-0-0-1.west." + s + "." + ns + ".svc~")
			}
		}
		add("10-0-0-2." + ns + ".pod")
		add("p0." + ns + ".pod")
		add(reverseName(netip.MustParseAddr("10.2.0.1")))
		if z.empty["svc~"] {
			add("10-0-0-2." + ns + ".pod~")
		}
	}
	for _, name := range []string{"www", "1.2.3.4.in-addr.arpa.", "4.3.2.1.ip6.arpa.", "256.in-addr.arpa.", "g.ip6.arpa.", "svc.in-addr.arpa."} {
		add(name)
	}
	return slices.Sorted(maps.Keys(seen))
}

// hidden reports whether name is a network in which there is an address, of a
// Service that is hidden or missing: that is not told from the others.
func (z *zoneFile) hidden(name string) bool {
	for _, zone := range zones[1:3] {
		if qname.InZone(name, zone) {
			n := qname.Parse(name, zone)
			return n.Kind == qname.Network && slices.ContainsFunc(z.below, n.Prefix.Contains)
		}
	}
	return false
}

// randomCase changes the case of letters that are not of a zone's name.
func randomCase(r *rand.Rand, name string) string {
	b := []byte(name)
	for i := range b {
		if r.IntN(2) == 0 {
			b[i] = strings.ToUpper(name[i : i+1])[0]
		}
	}
	return string(b)
}

// TestModel: for random clusters and options, the answers are those of a zone
// that is written down; if a name exists all names above it do (RFC 8020); and
// what a PTR record says has that address (RFC 1912 section 2.1).
func TestModel(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			o := newOptions(r)
			c := newCluster(r, tame(o))
			x, z := c.index(), c.zoneFile(o)
			failed := 0
			for _, name := range z.names() {
				for _, typ := range []string{"A", "AAAA", "SRV", "PTR", "TXT", "CNAME", "ANY"} {
					asked := randomCase(r, name)
					want := z.reply(asked, typ)
					if want.Result == "NXDOMAIN" && z.hidden(name) {
						want = noData
					}
					got := ask(t, x, o, asked+" "+typ)
					if typ == "SRV" {
						want.Extra = slices.Sorted(maps.Keys(z.glue[name]))
					}
					if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
						t.Errorf("%s %s (-want +got):\n%s", asked, typ, diff)
						failed++
					}
					for _, target := range targetsInWords(got, "PTR") {
						forward := append(ask(t, x, o, target+" A").Answer, ask(t, x, o, target+" AAAA").Answer...)
						back := slices.ContainsFunc(forward, func(rr string) bool {
							return reverseName(netip.MustParseAddr(strings.Fields(rr)[2])) == strings.ToLower(name)
						})
						if !back && !o.IgnoreEmptyService {
							t.Errorf("%s is %s, which is %v", name, target, forward)
						}
					}
				}
				if failed > 5 {
					break
				}
			}
			if t.Failed() {
				t.Logf("options %+v\ncluster %+v", o, c)
			}
		})
	}
}

// TestClosure is RFC 8020 for names of any kind, without a model of them: if
// a name exists, so do all above it, and for every type.
func TestClosure(t *testing.T) {
	all := []string{".", primary, setZone, "in-addr.arpa.", "ip6.arpa.", "10.in-addr.arpa.", "0.0.d.f.ip6.arpa."}
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			o := newOptions(r)
			c := newCluster(r, tame(o))
			o.Local = addrs(some(r, 2, "10.0.0.1", "fd00::1")...)
			if r.IntN(3) == 0 {
				o.Pods = answer.PodsInsecure
			}
			x := c.index()
			for _, name := range c.zoneFile(o).names() {
				q := question(t, name+" A", all[1:]...)
				exists := existence(t, x, o, q)
				for below := exists; q.Name != q.Zone; below = exists {
					q.Name = above(q.Name, 1)
					if exists = existence(t, x, o, q); below && !exists {
						t.Fatalf("%s does not exist, but a name below it does\noptions %+v\ncluster %+v", q.Name, o, c)
					}
				}
			}
		})
	}
}

// existence reports whether the name of q exists: for one type if and only if for all.
func existence(t *testing.T, x *index.Index, o answer.Options, q answer.Question) bool {
	t.Helper()
	n := 0
	types := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypePTR, dns.TypeTXT, dns.TypeNS, dns.TypeSOA, dns.TypeCNAME, dns.TypeANY, dns.TypeHINFO, dns.TypeDS}
	for _, q.Type = range types {
		a := answer.Lookup(x, o.Kinds, &o, q)
		wellFormed(t, q, a)
		if a.Result != answer.NameError {
			n++
		}
	}
	if n != 0 && n != len(types) {
		t.Errorf("%s exists for %d of %d types", q.Name, n, len(types))
	}
	return n > 0
}

func targets(rrs []dns.RR) (out []string) {
	for _, rr := range rrs {
		switch rr := rr.(type) {
		case *dns.SRV:
			out = append(out, rr.Target)
		case *dns.NS:
			out = append(out, rr.Ns)
		case *dns.PTR:
			out = append(out, rr.Ptr)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// targetsInWords returns the targets of the records of one type.
func targetsInWords(r reply, typ string) (out []string) {
	for _, rr := range r.Answer {
		if words := strings.Fields(rr); words[1] == typ {
			out = append(out, words[len(words)-1])
		}
	}
	return out
}
