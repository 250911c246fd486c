// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"cmp"
	"fmt"
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

const (
	primary = "cluster.example.org."
	setZone = "clusterset.example.org."
	ttl     = 5
)

// zones are those that the tests ask in, unless they say otherwise.
var zones = []string{primary, "in-addr.arpa.", "ip6.arpa.", setZone}

// everything is all kinds.
var everything = object.Set(object.Namespaces, object.Services, object.EndpointSlices, object.Pods)

// defaults are the options of a stanza without a block.
func defaults() answer.Options {
	return answer.Options{
		PrimaryZone: primary,
		Kinds:       object.Set(object.Namespaces, object.Services, object.EndpointSlices),
		TTL:         ttl,
		NegativeTTL: ttl,
	}
}

func with(change func(o *answer.Options)) answer.Options {
	o := defaults()
	change(&o)
	return o
}

// A reply is an answer in words. Names in the primary zone are written without
// it, those in the clusterset zone with a tilde for it, records without the class and the default TTL; both sections are sorted.
type reply struct {
	Result string
	Answer []string
	Extra  []string
	Target string
}

var (
	noData    = reply{Result: "NODATA"}
	nameError = reply{Result: "NXDOMAIN"}
	notSynced = reply{Result: "NOT SYNCED"}
)

// ok is a success. Extra records come after "+".
func ok(rrs ...string) reply {
	if i := slices.Index(rrs, "+"); i >= 0 {
		return reply{Result: "SUCCESS", Answer: rrs[:i], Extra: rrs[i+1:]}
	}
	return reply{Result: "SUCCESS", Answer: rrs}
}

func alias(target string, rr string) reply {
	return reply{Result: "ALIAS", Answer: []string{rr}, Target: target}
}

var results = map[answer.Result]string{
	answer.Success: "SUCCESS", answer.NoData: "NODATA", answer.NameError: "NXDOMAIN",
	answer.NotSynced: "NOT SYNCED", answer.Alias: "ALIAS",
}

func inWords(a answer.Answer) reply {
	return reply{results[a.Result], rrsInWords(a.Answer), rrsInWords(a.Extra), a.Target}
}

func rrsInWords(rrs []dns.RR) []string {
	out := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		out = append(out, rrInWords(rr))
	}
	slices.Sort(out)
	return out
}

func rrInWords(rr dns.RR) string {
	h := rr.Header()
	data := strings.Fields(strings.TrimPrefix(rr.String(), h.String()))
	for i, word := range data {
		data[i] = relative(word)
	}
	words := append([]string{relative(h.Name), dns.TypeToString[h.Rrtype]}, data...)
	if h.Class != dns.ClassINET {
		words = append(words, "class", fmt.Sprint(h.Class))
	}
	if h.Ttl != ttl {
		words = append(words, "ttl", fmt.Sprint(h.Ttl))
	}
	return strings.Join(words, " ")
}

func relative(name string) string {
	switch name {
	case primary:
		return "@"
	case setZone:
		return "~"
	}
	if set, ok := strings.CutSuffix(name, "."+setZone); ok {
		return set + "~"
	}
	return strings.TrimSuffix(name, "."+primary)
}

// question reads "name TYPE"; a name without a dot at its end is in the primary
// zone, one with a tilde there in the clusterset zone. The zone is the longest of all that the name is in, as the name has it.
func question(t testing.TB, text string, all ...string) answer.Question {
	t.Helper()
	name, typ, found := strings.Cut(text, " ")
	qtype, known := dns.StringToType[typ]
	if !found || !known {
		t.Fatalf("%q is no question", text)
	}
	switch {
	case name == "@":
		name = primary
	case strings.HasSuffix(name, "~"):
		name = strings.TrimPrefix(strings.TrimSuffix(name, "~")+"."+setZone, ".")
	case !strings.HasSuffix(name, "."):
		name += "." + primary
	}
	if len(all) == 0 {
		all = zones
	}
	best := ""
	for _, zone := range all {
		if len(zone) > len(best) && qname.InZone(name, zone) {
			best = zone
		}
	}
	if best == "" {
		t.Fatalf("%q is in no zone", name)
	}
	return answer.Question{Name: name, Zone: name[len(name)-len(best):], Type: qtype, ClusterSet: best == setZone}
}

// ask returns what x says in words, and checks what every answer has to be.
func ask(t testing.TB, x *index.Index, o answer.Options, text string, all ...string) reply {
	t.Helper()
	q := question(t, text, all...)
	a := answer.Lookup(x, o.Kinds, &o, q)
	wellFormed(t, q, a)
	return inWords(a)
}

// wellFormed checks what holds for every answer.
func wellFormed(t testing.TB, q answer.Question, a answer.Answer) {
	t.Helper()
	if (a.Result == answer.Success || a.Result == answer.Alias) != (len(a.Answer) > 0) || (a.Result == answer.Alias) != (a.Target != "") {
		t.Errorf("%s %s: result %d with %d records, target %q", q.Name, dns.Type(q.Type), a.Result, len(a.Answer), a.Target)
	}
	for _, rr := range a.Answer {
		if rr.Header().Name != q.Name {
			t.Errorf("%s %s: owner %s, want the name in the letter case of the query", q.Name, dns.Type(q.Type), rr.Header().Name)
		}
	}
	for _, section := range [][]dns.RR{a.Answer, a.Extra} {
		if words := rrsInWords(section); len(slices.Compact(words)) != len(section) {
			t.Errorf("%s %s: a record is there twice (RFC 2181 section 5): %v", q.Name, dns.Type(q.Type), rrsInWords(section))
		}
	}
	// What other plugins append to the sections must not overwrite anything.
	extra := rrsInWords(a.Extra)
	_ = append(a.Answer, new(dns.A))
	if diff := gocmp.Diff(extra, rrsInWords(a.Extra)); diff != "" {
		t.Errorf("%s %s: appending to Answer changes Extra:\n%s", q.Name, dns.Type(q.Type), diff)
	}
	m := dns.Msg{Question: []dns.Question{{Name: q.Name, Qtype: q.Type, Qclass: dns.ClassINET}}, Answer: a.Answer, Extra: a.Extra, Compress: true}
	wire, err := m.Pack()
	if err == nil {
		err = new(dns.Msg).Unpack(wire)
	}
	if err != nil {
		t.Errorf("%s %s: the answer is no message: %v", q.Name, dns.Type(q.Type), err)
	}
}

// A test is a question and what is said.
type test struct {
	in   string
	want reply
}

func run(t *testing.T, x *index.Index, o answer.Options, tests map[string]test, all ...string) {
	t.Helper()
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := ask(t, x, o, tc.in, all...)
			if diff := cmpReply(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.in, diff)
			}
		})
	}
}

// cmpReply returns what differs, or "". The order of records does not count.
func cmpReply(want, got reply) string {
	slices.Sort(want.Answer)
	slices.Sort(want.Extra)
	return gocmp.Diff(want, got, cmpopts.EquateEmpty())
}

// Objects for an index.

func addrs(ss ...string) []netip.Addr {
	out := make([]netip.Addr, 0, len(ss))
	for _, s := range ss {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// ports reads "name/protocol/number"; the name may be empty.
func ports(ss ...string) []object.Port {
	var out []object.Port
	for _, s := range ss {
		var p object.Port
		name, rest, _ := strings.Cut(s, "/")
		protocol, number, _ := strings.Cut(rest, "/")
		if _, err := fmt.Sscan(number, &p.Number); err != nil {
			panic(err)
		}
		p.Name, p.Protocol = name, protocol
		out = append(out, p)
	}
	return out
}

// clusterIP returns a Service "namespace/name".
func clusterIP(name string, ips []netip.Addr, ps ...string) object.Service {
	s := headless(name, ps...)
	s.Type, s.ClusterIPs = object.ClusterIP, ips
	return s
}

func headless(name string, ps ...string) object.Service {
	namespace, name, _ := strings.Cut(name, "/")
	return object.Service{Namespace: namespace, Name: name, Type: object.Headless, Ports: ports(ps...)}
}

func external(name, target string) object.Service {
	s := headless(name)
	s.Type, s.ExternalName = object.ExternalName, target
	return s
}

// slice returns an EndpointSlice of the Service "namespace/name" with endpoints
// "address", "address hostname" or "address hostname pod"; "-" is no hostname.
func slice(service, name string, ps []object.Port, endpoints ...string) object.EndpointSlice {
	namespace, service, _ := strings.Cut(service, "/")
	s := object.EndpointSlice{Namespace: namespace, Name: name, Service: service, Ports: ps}
	for _, text := range endpoints {
		words := append(strings.Fields(text), "", "")
		e := object.Endpoint{Addr: netip.MustParseAddr(words[0]), Hostname: strings.TrimPrefix(words[1], "-"), Pod: words[2]}
		s.Endpoints = append(s.Endpoints, e)
	}
	sortEndpoints(s.Endpoints)
	return s
}

// sortEndpoints puts endpoints in the order that package object makes.
func sortEndpoints(es []object.Endpoint) {
	slices.SortFunc(es, func(a, b object.Endpoint) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.Pod, b.Pod))
	})
}

// An imported object is a Service or an EndpointSlice of the clusterset.
type imported struct{ object any }

// inCluster returns an EndpointSlice of a cluster of the clusterset.
func inCluster(cluster string, s object.EndpointSlice) imported {
	s.Cluster, s.Name = cluster, s.Name+"-"+cluster
	return imported{s}
}

// newIndex returns an index of objects: namespaces are strings.
func newIndex(objects ...any) *index.Index {
	x := index.New()
	for _, o := range objects {
		switch o := o.(type) {
		case string:
			x.SetNamespace(o, 1)
		case object.Service:
			x.SetService(o, 1)
		case object.EndpointSlice:
			x.SetEndpointSlice(o, 1)
		case object.Pod:
			x.SetPod(o, 1)
		case imported:
			switch o := o.object.(type) {
			case object.Service:
				x.Imports().SetService(o, 1)
			case object.EndpointSlice:
				x.Imports().SetEndpointSlice(o, 1)
			}
		default:
			panic(fmt.Sprintf("%T is no object", o))
		}
	}
	return x
}

// demo is a cluster that has one of everything.
func demo() *index.Index {
	http, pg := ports("http/tcp/8080", "https/tcp/8443"), ports("pg/tcp/5432")
	return newIndex(
		"demo", "prod", "void", "kube-system", // and not "ghost"

		clusterIP("demo/web", addrs("10.96.0.1"), "http/tcp/80", "https/tcp/443"),
		slice("demo/web", "web-1", http, "10.0.0.1", "10.0.0.2 - web-pod"),
		clusterIP("demo/dual", addrs("10.96.0.2", "fd00:96::2"), "http/tcp/80"),
		clusterIP("demo/six", addrs("fd00:96::6"), "http/tcp/80"),
		clusterIP("demo/dns", addrs("10.96.0.3"), "dns/udp/53", "dns-tcp/tcp/53"),
		clusterIP("demo/unnamed", addrs("10.96.0.4"), "/tcp/9090"),
		clusterIP("demo/portless", addrs("10.96.0.5")),
		clusterIP("demo/empty", addrs("10.96.0.6"), "http/tcp/80"),
		slice("demo/empty", "empty-1", http),
		clusterIP("demo/pending", nil, "http/tcp/80"),
		clusterIP("demo/named", addrs("10.96.0.7"), "http/tcp/80"),
		slice("demo/named", "named-1", http, "10.0.0.71 n0", "10.0.0.72"),
		slice("demo/named", "named-2", http, "fd00::71 n0"),

		headless("demo/db", "pg/tcp/5432"),
		slice("demo/db", "db-4", pg, "10.0.1.1 db-0 p0", "10.0.1.2 db-1 p1", "10.0.1.3", "10.0.1.4 - db-pod"),
		slice("demo/db", "db-6", pg, "fd00::1:1 db-0 p0", "fd00::1:3"),
		headless("demo/dup"),
		slice("demo/dup", "dup-1", ports("a/tcp/1", "b/udp/2"), "10.0.2.1 twin", "10.0.2.2 twin", "10.0.2.3 z"),
		headless("demo/quiet", "http/tcp/80"),
		headless("demo/gone", "http/tcp/80"),
		slice("demo/gone", "gone-1", http),
		headless("demo/bare"),
		slice("demo/bare", "bare-4", nil, "10.0.3.1"),
		slice("demo/bare", "bare-6", nil, "fd00::3:1"),
		headless("demo/anon"),
		slice("demo/anon", "anon-1", ports("/tcp/7000"), "10.0.3.2"),
		headless("demo/parts"), // slices with different ports
		slice("demo/parts", "parts-1", ports("http/tcp/80"), "10.0.5.1", "10.0.5.2"),
		slice("demo/parts", "parts-2", ports("http/tcp/81", "admin/tcp/9000"), "10.0.5.2", "10.0.5.3"),

		external("demo/ext", "db.example.com."),
		external("demo/inner", "Web.demo.svc."+primary),
		external("demo/badext", ""),
		external("demo/extslice", "db.example.com."),
		slice("demo/extslice", "extslice-1", http, "10.0.6.1 e0"),
		slice("demo/orphan", "orphan-1", http, "10.0.7.1 o0"), // of a Service that is not there

		clusterIP("prod/web", addrs("10.96.1.1", "fd00:96:1::1"), "http/tcp/80"),
		slice("prod/web", "web-1", http, "10.0.0.1 shared"), // an endpoint of demo/web too
		clusterIP("ghost/web", addrs("10.96.9.1"), "http/tcp/80"),
		headless("ghost/db"),
		slice("ghost/db", "db-1", pg, "10.0.9.1 g0"),

		object.Pod{Namespace: "demo", Name: "p", IPs: addrs("10.0.0.1", "fd00::a")},
		object.Pod{Namespace: "demo", Name: "six", IPs: addrs("fd00::")},
		object.Pod{Namespace: "ghost", Name: "g", IPs: addrs("10.0.9.1")},
	)
}
