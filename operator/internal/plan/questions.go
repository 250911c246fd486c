// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// A Want says which answer to a question is good.
type Want int

const (
	// WantRecords is NOERROR with an answer.
	WantRecords Want = iota
	// WantAnswer is one of a server that knows: NOERROR or NXDOMAIN.
	WantAnswer
)

// A Question is to be asked before the next plan is made.
type Question struct {
	// Key names the question in [Observed].Answers.
	Key string
	// Zone is the one that is forwarded, if the question is about that.
	Zone string
	// OfNode says that the server is one of the operator's node: others may have others.
	OfNode bool
	// Address of the server, which is a Pod's if Pod has its name.
	Address   netip.AddrPort
	Pod       string
	Transport v1alpha1.Transport
	// UDP says to ask over UDP where the transport is DNS; otherwise over TCP.
	UDP bool
	// ServerName, Certificates and Secret are those of [v1alpha1.UpstreamTLS].
	ServerName, Certificates, Secret string

	Name, Type  string
	NoRecursion bool
	Want        Want
	// Addresses are those of which one has to be in the answer, if there are any.
	Addresses []netip.Addr
}

// Questions returns what to ask before [For] is called.
func Questions(o Observed) []Question {
	if o.ClusterDNS == nil || o.ClusterDNS.Spec.ManagementState == v1alpha1.Unmanaged {
		return nil
	}
	p := newPlanner(o)
	questions := p.upstreamQuestions()
	for _, s := range p.servers() {
		questions = append(questions, p.clusterQuestions(s)...)
	}
	if c := p.canary(p.target.name); c != nil && ready(c) {
		questions = append(questions, p.clusterQuestions(c)...)
		questions = append(questions, p.zoneQuestions(c)...)
		questions = append(questions, p.userQuestions(c)...)
	}
	return questions
}

// to returns a question to a Pod, over UDP.
func (p *planner) to(pod *corev1.Pod, key, name, qtype string) Question {
	a, _ := netip.ParseAddr(pod.Status.PodIP)
	port := uint16(render.Port(&p.ClusterDNS.Spec)) //nolint:gosec // a port
	for _, c := range pod.Spec.Containers[0].Ports {
		if c.Name == "dns" {
			port = uint16(c.ContainerPort) //nolint:gosec // a port
		}
	}
	return Question{Key: pod.Name + " " + key, Address: netip.AddrPortFrom(a, port), Pod: pod.Name, UDP: true, Name: name, Type: qtype}
}

// clusterQuestions are for a name that every cluster has.
func (p *planner) clusterQuestions(pod *corev1.Pod) []Question {
	if !ready(pod) {
		return nil
	}
	udp := p.to(pod, "cluster over UDP", "kubernetes.default.svc."+p.domainOf(pod), "A")
	if c := p.ClusterDNS.Spec.Cluster; c != nil && (len(c.Namespaces) > 0 || c.NamespaceSelector != nil || c.Selector != nil) {
		udp.Want = WantAnswer // it may be left out
	}
	tcp := udp
	tcp.Key, tcp.UDP = pod.Name+" cluster over TCP", false
	return []Question{udp, tcp}
}

// domainOf returns the cluster domain that a Pod serves: that of its revision.
func (p *planner) domainOf(pod *corev1.Pod) string {
	name := revisionOf(&pod.Spec)
	if name == p.target.name {
		return p.domain()
	}
	if r, ok := p.kept.named(name); ok {
		if f, err := corefile.Parse(r.corefile); err == nil {
			return or(f.ClusterDomain(), p.domain())
		}
	}
	return p.domain()
}

// zoneQuestions are for the zones that are forwarded.
func (p *planner) zoneQuestions(pod *corev1.Pod) []Question {
	var out []Question
	ask := func(u *v1alpha1.Upstreams, zone string) {
		name, qtype := about(u, zone)
		udp := p.to(pod, "zone "+zone+" over UDP", name, qtype)
		udp.Zone, udp.Want = zone, WantAnswer
		tcp := udp
		tcp.Key, tcp.UDP = pod.Name+" zone "+zone+" over TCP", false
		out = append(out, udp, tcp)
	}
	ask(p.ClusterDNS.Spec.Upstreams, ".")
	for i := range p.ClusterDNS.Spec.StubZones {
		s := &p.ClusterDNS.Spec.StubZones[i]
		for _, z := range s.Zones {
			ask(&s.Upstreams, string(z))
		}
	}
	return out
}

// about returns what upstreams are asked for a zone: what everybody knows who
// serves it, or what their health check asks.
func about(u *v1alpha1.Upstreams, zone string) (name, qtype string) {
	switch {
	case u != nil && u.HealthCheck != nil && u.HealthCheck.Domain != "":
		return string(u.HealthCheck.Domain), "NS"
	case zone == ".":
		return ".", "NS"
	}
	return origin(zone), "SOA"
}

func (p *planner) userQuestions(pod *corev1.Pod) []Question {
	var out []Question
	if r := p.ClusterDNS.Spec.Rollout; r != nil {
		for _, u := range r.Probes {
			q := p.to(pod, "probe "+u.Name, string(u.Domain), or(string(u.Type), "A"))
			for _, a := range u.Answers {
				if a, err := netip.ParseAddr(string(a)); err == nil {
					q.Addresses = append(q.Addresses, a)
				}
			}
			out = append(out, q)
		}
	}
	return out
}

// origin returns the first reverse zone of a network, or the zone itself.
func origin(zone string) string {
	network, err := netip.ParsePrefix(zone)
	if err != nil {
		return zone
	}
	var digits []string
	root, size := "in-addr.arpa", 8
	if network.Addr().Is6() {
		root, size = "ip6.arpa", 4
	}
	for i := 0; i < (network.Bits()+size-1)/size; i++ {
		b := network.Addr().AsSlice()[i*size/8]
		switch {
		case size == 8:
			digits = append(digits, strconv.Itoa(int(b)))
		case i%2 == 0:
			digits = append(digits, strconv.FormatUint(uint64(b>>4), 16))
		default:
			digits = append(digits, strconv.FormatUint(uint64(b&15), 16))
		}
	}
	slices.Reverse(digits)
	return strings.Join(append(digits, root), ".")
}

// A server is an endpoint of upstreams, with an address of it.
type server struct {
	of       *v1alpha1.Upstreams
	endpoint *v1alpha1.Endpoint
	address  netip.Addr
}

// upstreamServers are all whose address is known. Of those of the nodes these are
// the ones of the operator's.
func (p *planner) upstreamServers() []server {
	var out []server
	add := func(u *v1alpha1.Upstreams) {
		for i := range u.Endpoints {
			e := &u.Endpoints[i]
			if a, ok := render.Address(e, p.facts()); ok {
				out = append(out, server{u, e, a})
			}
			if e.ResolvConf == render.ResolvConf {
				for _, a := range p.NodeResolvers {
					out = append(out, server{u, e, a})
				}
			}
		}
	}
	if spec := &p.ClusterDNS.Spec; spec.Upstreams == nil && spec.ManagementState != v1alpha1.Overlay {
		add(render.DefaultUpstreams())
	}
	for u := range upstreamsOf(&p.ClusterDNS.Spec) {
		add(u)
	}
	return out
}

// upstreamQuestions ask each upstream.
func (p *planner) upstreamQuestions() []Question {
	var out []Question
	for _, s := range p.upstreamServers() {
		out = append(out, p.upstreamQuestion(s)...)
	}
	return out
}

func (p *planner) upstreamQuestion(s server) []Question {
	u, e := s.of, s.endpoint
	zone := p.zonesOf(u)[0]
	name, qtype := about(u, zone)
	q := Question{
		Zone: zone, OfNode: e.ResolvConf != "", Address: s.addrPort(),
		Transport: u.Transport, ServerName: string(e.ServerName), Name: name, Type: qtype, Want: WantAnswer,
	}
	if h := u.HealthCheck; h != nil {
		q.NoRecursion = h.NoRecursion
	}
	if t := u.TLS; t != nil {
		q.ServerName = or(q.ServerName, string(t.ServerName))
		q.Certificates, q.Secret = string(t.CAConfigMap), string(t.ClientCertificateSecret)
	}
	q.Key = p.upstreamKey(s)
	if u.Transport != "" && u.Transport != v1alpha1.TransportDNS {
		return []Question{q}
	}
	tcp := q
	q.UDP, tcp.Key = true, q.Key+" over TCP"
	return []Question{q, tcp}
}

// upstreamKey names a server and whom it is asked for.
func (p *planner) upstreamKey(s server) string {
	return fmt.Sprintf("upstream %s of %s", s, p.zonesOf(s.of)[0])
}

func (s server) addrPort() netip.AddrPort {
	return netip.AddrPortFrom(s.address, uint16(cmp.Or(int(s.endpoint.Port), render.DefaultPort(s.of.Transport)))) //nolint:gosec // a port
}

// String writes a server for people.
func (s server) String() string {
	scheme := ""
	switch s.of.Transport {
	case v1alpha1.TransportTLS, v1alpha1.TransportHTTPS, v1alpha1.TransportQUIC, v1alpha1.TransportTCP:
		scheme = strings.ToLower(string(s.of.Transport)) + "://"
	}
	return scheme + s.addrPort().String()
}

// zonesOf returns the zones that upstreams are asked for.
func (p *planner) zonesOf(u *v1alpha1.Upstreams) []string {
	for i := range p.ClusterDNS.Spec.StubZones {
		if s := &p.ClusterDNS.Spec.StubZones[i]; &s.Upstreams == u {
			zones := make([]string, len(s.Zones))
			for i, z := range s.Zones {
				zones[i] = string(z)
			}
			return zones
		}
	}
	return []string{"."}
}

// forwards returns what a Corefile forwards each zone to, and how.
func forwards(text string) map[string]string {
	out := make(map[string]string)
	f, err := corefile.Parse(text)
	if err != nil {
		return out
	}
	for _, b := range f.ServerBlocks() {
		var how []string
		for _, d := range b.Find("forward") {
			how = append(how, d.Values()...)
			if d.Block != nil {
				for _, o := range d.Block.Directives {
					how = append(how, o.Name.Value()+" "+strings.Join(o.Values(), " "))
				}
			}
		}
		for _, key := range b.Zones() {
			out[zoneOf(key)] = strings.Join(how, "\n")
		}
	}
	return out
}

// zoneOf returns the zone of a key that render wrote: without the port.
func zoneOf(key string) string {
	if i := strings.LastIndex(key, ":"); i > 0 {
		return key[:i]
	}
	return key
}
