// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// A Zone is what a transfer is of.
type Zone struct {
	Origin string // in lower case
	// Cuts are zones below Origin, in lower case, that are answered for apart:
	// what is in one of them is not in this one.
	Cuts []string
	// ClusterSet says that the zone is one of the clusterset.
	ClusterSet bool
	// Options are those that queries are answered with. All of their Kinds are synced.
	Options *Options
}

// transferred are the types of the records that there are at a name. All others
// are made for the query (HINFO) or belong to the whole zone (SOA).
var transferred = []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypePTR, dns.TypeTXT, dns.TypeNS}

// Joint reports whether records of the zone may be made of what the cluster
// imports. Of such a zone there is no [Zone.Difference].
func (z Zone) Joint() bool {
	return z.ClusterSet || z.Options.ClusterSetZone != "" && (z.Origin == "." || z.Origin == "arpa." || !z.forward())
}

// Serial returns the serial of the zone.
func (z Zone) Serial(x *index.Index) uint32 {
	switch {
	case z.ClusterSet:
		return x.Imports().Serial()
	case z.Joint():
		return x.ReverseSerial()
	}
	return x.Serial()
}

// SerialIn is Serial of a state.
func (z Zone) SerialIn(st *index.State) uint32 {
	switch {
	case z.ClusterSet:
		return st.Imports.Serial
	case z.Joint():
		return st.Reverse
	}
	return st.Serial
}

// SOA returns the start of authority that the zone has at a serial.
func (z Zone) SOA(serial uint32) *dns.SOA {
	soa := new(dns.SOA)
	mname, rname := SOANames(z.Origin)
	SOA(soa, z.Origin, mname, rname, serial, z.Options.TTL, z.Options.NegativeTTL)
	return soa
}

// Records yields the records of the zone but for the SOA, those of one name at
// a time. They are what a query for each of the names would be answered.
func (z Zone) Records(st *index.State) iter.Seq[[]dns.RR] {
	return func(yield func([]dns.RR) bool) {
		x := st.Index(z.Reaches)
		for name := range z.names(st) {
			if rrs := z.at(x, name); len(rrs) > 0 && !yield(rrs) {
				return
			}
		}
	}
}

// Difference returns the records that the zone had and has no longer, and those
// that it has and had not. The changes are those that [index.Index.Since]
// returns within [Zone.Reaches], also for the Options' Local.
func (z Zone) Difference(c *index.Changes) (deleted, added []dns.RR) {
	before, now := c.Before.Index(z.Reaches), c.Now.Index(z.Reaches)
	for _, name := range z.changed(c) {
		was, is := z.at(before, name), z.at(now, name)
		deleted, added = append(deleted, without(was, is)...), append(added, without(is, was)...)
	}
	return deleted, added
}

// Reaches reports whether records of the zone may depend on who has the address a.
func (z Zone) Reaches(a netip.Addr) bool { return z.holds(a) || slices.Contains(z.Options.Local, a) }

// holds reports whether the name of the address a is in the zone.
func (z Zone) holds(a netip.Addr) bool {
	return covers(z.Origin, a) && !slices.ContainsFunc(z.Cuts, func(cut string) bool { return covers(cut, a) })
}

// covers reports whether the name of the address a is in zone.
func covers(zone string, a netip.Addr) bool {
	if zone == "." || zone == "arpa." {
		return true
	}
	p := qname.Parse(zone, zone).Prefix
	return p.IsValid() && p.Contains(a)
}

// forward reports whether names of Services can be in the zone.
func (z Zone) forward() bool { return !qname.IsReverse(z.Origin) }

// has reports whether name is in the zone.
func (z Zone) has(name string) bool {
	return qname.InZone(name, z.Origin) && !slices.ContainsFunc(z.Cuts, func(cut string) bool { return qname.InZone(name, cut) })
}

// at returns the records that there are at name.
func (z Zone) at(x *index.Index, name string) []dns.RR {
	var rrs []dns.RR
	for _, t := range transferred {
		a := Lookup(x, z.Options.Kinds, z.Options, Question{Name: name, Zone: z.Origin, Type: t, ClusterSet: z.ClusterSet})
		switch a.Result {
		case NameError:
			return nil
		case Alias:
			return a.Answer // there is nothing beside a CNAME (RFC 1034 section 3.6.2)
		case Success:
			rrs = append(rrs, a.Answer...)
		case NoData, NotSynced:
		}
	}
	return rrs
}

// names yields the names in the zone that may have records, each once.
func (z Zone) names(st *index.State) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range z.ownNames() {
			if !yield(name) {
				return
			}
		}
		own, services := st.Services, st.Services
		if z.ClusterSet {
			own = st.Imports.Services
		}
		if z.Joint() {
			services = slices.Concat(st.Services, st.Imports.Services)
		}
		_ = z.eachService(own, yield) && z.eachPod(st.Pods, yield) && z.eachAddr(services, st.Pods, yield)
	}
}

// changed returns the names in the zone whose records may differ. The name
// servers depend on who has the addresses of this server: they are always among them.
func (z Zone) changed(c *index.Changes) []string {
	names := z.ownNames()
	add := func(name string) bool { names = append(names, name); return true }
	_ = z.eachService(c.Services, add) && z.eachPod(c.Pods, add) && z.eachAddr(c.Services, c.Pods, add)
	slices.Sort(names)
	return slices.Compact(names)
}

// ownNames returns the names that are there whatever the cluster has.
func (z Zone) ownNames() []string {
	names := []string{z.Origin, qname.Join("dns-version", z.Origin), qname.Join("ns.dns", z.Origin)}
	return slices.DeleteFunc(names, func(name string) bool { return !z.has(name) })
}

// eachService yields the names of services, of their ports and of their endpoints.
func (z Zone) eachService(services []*index.Service, yield func(string) bool) bool {
	if !z.forward() {
		return true
	}
	for _, s := range services {
		for _, name := range z.serviceNames(s) {
			if z.has(name) && !yield(name) {
				return false
			}
		}
	}
	return true
}

func (z Zone) serviceNames(s *index.Service) []string {
	labels := appendPorts(nil, s.Ports)
	l := lookup{o: z.Options}
	for _, g := range s.Groups {
		labels = appendPorts(labels, g.Ports)
		for i := range g.Len() {
			var buf [64]byte
			label := string(l.label(buf[:0], g, i))
			if cluster := g.Cluster(); cluster != "" {
				label += "." + cluster
			}
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	own := qname.Join(s.Name+"."+s.Namespace+".svc", z.Origin)
	names := []string{own}
	for _, label := range slices.Compact(labels) {
		if len(label)+len(".")+len(own) <= maxName {
			names = append(names, label+"."+own)
		}
	}
	return names
}

// appendPorts appends the labels of ports that have a name, if it is one that a query can have.
func appendPorts(labels []string, ports []object.Port) []string {
	for _, p := range ports {
		if p.Name != "" && !strings.ContainsFunc(p.Name+p.Protocol, special) {
			labels = append(labels, "_"+p.Name+"._"+p.Protocol)
		}
	}
	return labels
}

// special reports whether r means something else, or is escaped, in a name.
func special(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`."();@\$`, r) }

// eachPod yields the names of Pods, each once. Those that are answered without
// asking whether there is such a Pod are too many to write down.
func (z Zone) eachPod(pods []*index.Pod, yield func(string) bool) bool {
	if !z.forward() || z.Options.Pods != PodsVerified {
		return true
	}
	seen := make(map[string]struct{})
	for _, p := range pods {
		for _, name := range z.podNames(p) {
			if _, again := seen[name]; again || !z.has(name) {
				continue
			}
			seen[name] = struct{}{}
			if !yield(name) {
				return false
			}
		}
	}
	return true
}

func (z Zone) podNames(p *index.Pod) []string {
	var names []string
	for _, a := range p.Addrs() {
		var buf [64]byte
		names = append(names, podName(string(qname.AppendDashed(buf[:0], a)), p.Namespace(), z.Origin))
	}
	if name := p.Record(); z.Options.PodNames && name != "" {
		if name = podName(name, p.Namespace(), z.Origin); len(name) <= maxName {
			names = append(names, name)
		}
	}
	return names
}

// eachAddr yields the names of the addresses of services, and of Pods if their
// names have addresses, each once.
func (z Zone) eachAddr(services []*index.Service, pods []*index.Pod, yield func(string) bool) bool {
	seen := make(map[netip.Addr]struct{})
	once := func(a netip.Addr) bool {
		if _, again := seen[a]; again || !z.holds(a) {
			return true
		}
		seen[a] = struct{}{}
		name := reverseName(a)
		return name == z.Origin || yield(name)
	}
	for _, s := range services {
		for a := range s.Addrs {
			if !once(a) {
				return false
			}
		}
	}
	if !z.Options.PodNames {
		return true
	}
	for _, p := range pods {
		for _, a := range p.Addrs() {
			if !once(a) {
				return false
			}
		}
	}
	return true
}

// reverseName returns the name of a in the reverse tree.
func reverseName(a netip.Addr) string {
	name, _ := dns.ReverseAddr(a.String()) // it fails for what is no address
	return name
}

// without returns the records of a that are not in b.
func without(a, b []dns.RR) []dns.RR {
	if len(b) == 0 {
		return a
	}
	has := make(map[string]struct{}, len(b))
	for _, rr := range b {
		has[wire(rr)] = struct{}{}
	}
	return slices.DeleteFunc(slices.Clone(a), func(rr dns.RR) bool {
		_, found := has[wire(rr)]
		return found
	})
}

// wire returns rr as it is sent, TTL and all.
func wire(rr dns.RR) string {
	buf := make([]byte, dns.Len(rr))
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return rr.String()
	}
	return string(buf[:n])
}
