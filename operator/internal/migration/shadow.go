// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// most is how many questions are asked of each at the most. Of a large cluster they
// are about some of the Services.
const most = 4000

// A Question is asked of an old server and of one of ours.
type Question struct {
	Name string
	Type uint16
	// TCP says to ask over TCP.
	TCP bool
	// Outside says that the cluster does not know the name itself: another answer
	// may be as good.
	Outside bool
}

func (q Question) String() string {
	if q.TCP {
		return q.Name + " " + dns.TypeToString[q.Type] + " over TCP"
	}
	return q.Name + " " + dns.TypeToString[q.Type]
}

// Names are what a corpus is made of.
type Names struct {
	Domain   string
	Services []corev1.Service
	Slices   []discoveryv1.EndpointSlice
	// Zones are forwarded; Probes are those of the spec.
	Zones  []string
	Probes []v1alpha1.Probe
}

// Corpus returns what is asked: all that the API server says exists, some that
// does not, and what is forwarded. The order is that of the names.
func Corpus(n Names) []Question {
	var out []Question
	ask := func(name string, types ...uint16) {
		for _, t := range types {
			out = append(out, Question{Name: dns.Fqdn(strings.ToLower(name)), Type: t})
		}
	}
	for i := range n.Services {
		n.service(&n.Services[i], ask)
	}
	for i := range n.Slices {
		n.endpoints(&n.Slices[i], ask)
	}
	ask("no-such-service.default.svc."+n.Domain, dns.TypeA, dns.TypeAAAA)
	ask("www.example.org.default.svc."+n.Domain, dns.TypeA) // as search paths make it
	ask("kubernetes.default."+n.Domain, dns.TypeA)
	slices.SortFunc(out, func(a, b Question) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type)) })
	out = slices.Compact(out)
	if len(out) > most {
		out = out[:most]
	}
	for i, q := range out[:min(len(out), 50)] {
		if i%2 == 0 {
			q.TCP = true
			out = append(out, q)
		}
	}
	for _, z := range n.Zones {
		out = append(out, Question{Name: dns.Fqdn(z), Type: dns.TypeSOA, Outside: true}, Question{Name: dns.Fqdn(z), Type: dns.TypeNS, TCP: true, Outside: true})
	}
	for _, p := range n.Probes {
		out = append(out, Question{Name: dns.Fqdn(string(p.Domain)), Type: dns.StringToType[cmp.Or(string(p.Type), "A")], Outside: true})
	}
	return out
}

func (n Names) service(s *corev1.Service, ask func(string, ...uint16)) {
	name := fmt.Sprintf("%s.%s.svc.%s", s.Name, s.Namespace, n.Domain)
	ask(name, dns.TypeA, dns.TypeAAAA)
	for _, p := range s.Spec.Ports {
		if p.Name != "" {
			ask(fmt.Sprintf("_%s._%s.%s", p.Name, strings.ToLower(string(cmp.Or(p.Protocol, corev1.ProtocolTCP))), name), dns.TypeSRV)
		}
	}
	for _, ip := range s.Spec.ClusterIPs {
		if reverse, err := dns.ReverseAddr(ip); err == nil && ip != corev1.ClusterIPNone {
			ask(reverse, dns.TypePTR)
		}
	}
}

// endpoints asks for the addresses of Pods, and for their names.
func (n Names) endpoints(s *discoveryv1.EndpointSlice, ask func(string, ...uint16)) {
	service := s.Labels[discoveryv1.LabelServiceName]
	for _, e := range s.Endpoints {
		if e.Hostname != nil {
			ask(fmt.Sprintf("%s.%s.%s.svc.%s", *e.Hostname, service, s.Namespace, n.Domain), dns.TypeA)
		}
		if a, err := netip.ParseAddr(e.Addresses[0]); err == nil && a.Is4() {
			ask(fmt.Sprintf("%s.%s.pod.%s", strings.ReplaceAll(a.String(), ".", "-"), s.Namespace, n.Domain), dns.TypeA)
		}
	}
}

// A Response is what a server said.
type Response struct {
	// Problem says why there is none, or "".
	Problem string
	Rcode   int
	Records []dns.RR
}

// silent reports whether a server does not know the answer.
func (r Response) silent() bool {
	return r.Problem != "" || r.Rcode == dns.RcodeServerFailure || r.Rcode == dns.RcodeRefused
}

// Compare says how an old answer and ours differ: in a way that is known and
// harmless, or in another one. Both are "" if they do not.
func Compare(q Question, old, ours Response) (explained, mismatch string) {
	switch {
	case ours.Problem != "" && old.Problem == "":
		return "", fmt.Sprintf("%s: ours does not answer: %s", q, ours.Problem)
	case old.silent() && ours.silent():
		return "neither answers", ""
	case old.silent():
		return "the old server does not answer", ""
	}
	a, b := canonical(old.Records), canonical(ours.Records)
	switch {
	case old.Rcode == ours.Rcode && slices.Equal(a, b):
		return "", ""
	case q.Outside && old.Rcode == ours.Rcode:
		return "the answer of an upstream", ""
	case q.Type == dns.TypeSRV && old.Rcode == ours.Rcode && slices.Equal(ports(old.Records), ports(ours.Records)):
		return "SRV records with other names for the same ports", ""
	case len(a) == 0 && len(b) == 0 && old.Rcode == dns.RcodeNameError && ours.Rcode == dns.RcodeSuccess:
		return "a name with names below it exists (RFC 8020)", ""
	}
	return "", fmt.Sprintf("%s: old %s %v, ours %s %v", q, dns.RcodeToString[old.Rcode], a, dns.RcodeToString[ours.Rcode], b)
}

// canonical writes records without their TTL, in an order, each once.
func canonical(records []dns.RR) []string {
	out := make([]string, 0, len(records))
	for _, rr := range records {
		c := dns.Copy(rr)
		c.Header().Ttl = 0
		out = append(out, strings.ToLower(strings.Join(strings.Fields(c.String()), " ")))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ports returns those of SRV records, sorted.
func ports(records []dns.RR) []uint16 {
	var out []uint16
	for _, rr := range records {
		if s, ok := rr.(*dns.SRV); ok {
			out = append(out, s.Port)
		}
	}
	slices.Sort(out)
	return out
}

// Tally takes the comparison of one question into a report.
func Tally(r *v1alpha1.ShadowReport, explained, mismatch string) {
	const samples = 10
	r.Queries++
	switch {
	case mismatch != "":
		r.Mismatches++
		if len(r.Samples) < samples {
			r.Samples = append(r.Samples, mismatch)
		}
	case explained != "":
		r.Explained++
	}
}
