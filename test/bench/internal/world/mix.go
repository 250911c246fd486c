// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/miekg/dns"
)

// A Mix is a sequence of queries of one sort.
type Mix struct {
	Name    string
	TCP     bool
	Window  int // queries under way on each socket
	Queries []*dns.Msg
	// Addrs, if set, are all addresses that an answer may have: what is left
	// of a truncated one must be of these.
	Addrs map[netip.Addr]bool
}

// Floor reports whether the mix is asked of servers that know no cluster, too.
func (m Mix) Floor() bool { return m.Addrs == nil }

const (
	most   = 1000 // Services in a mix: the denials of eight queries each fit into the cache
	window = 16
)

// Mixes returns all mixes of the world, in an order that is always the same.
func (w World) Mixes() []Mix {
	var a, aaaa, srv, ptr, nx, ndots []*dns.Msg
	services := w.sample()
	for i, s := range services {
		search := "." + s.Namespace + ".svc." + Zone
		a = append(a, query(s.FQDN(), dns.TypeA))
		aaaa = append(aaaa, query(s.FQDN(), dns.TypeAAAA))
		srv = append(srv, query("_http._tcp."+s.FQDN(), dns.TypeSRV))
		if i%2 == 0 || len(s.Endpoints) == 0 {
			ptr = append(ptr, query(Reverse(s.ClusterIP), dns.TypePTR))
		} else {
			ptr = append(ptr, query(Reverse(s.Endpoints[0]), dns.TypePTR))
		}
		nx = append(nx, query(fmt.Sprintf("www-%d.example.org", i)+search, dns.TypeA))
		ndots = append(ndots, expansion(fmt.Sprintf("www-%d.example.org", i), s)...)
	}
	mixes := []Mix{
		{Name: "a", Queries: a}, {Name: "aaaa-nodata", Queries: aaaa}, {Name: "srv", Queries: srv},
		{Name: "ptr", Queries: ptr}, {Name: "nxdomain", Queries: nx}, {Name: "ndots", Queries: ndots},
	}
	for i := range mixes {
		mixes[i].Window = window
	}
	for _, s := range w.Headless {
		mixes = append(mixes, headless(s)...)
	}
	return mixes
}

// sample returns Services in a shuffled order, not more than are asked for.
func (w World) sample() []Service {
	random := rand.New(rand.NewPCG(3, 5))
	var sample []Service
	for _, i := range random.Perm(len(w.Services)) {
		if len(sample) == most {
			break
		}
		sample = append(sample, w.Services[i])
	}
	return sample
}

// expansion is what a Pod with ndots:5 asks a cluster when it looks up an
// outside name and a Service of its own namespace: eight queries, one of which
// gets records.
func expansion(outside string, s Service) []*dns.Msg {
	var queries []*dns.Msg
	for _, suffix := range []string{"." + s.Namespace + ".svc." + Zone, ".svc." + Zone, "." + Zone} {
		queries = append(queries, query(outside+suffix, dns.TypeA), query(outside+suffix, dns.TypeAAAA))
	}
	return append(queries, query(s.FQDN(), dns.TypeA), query(s.FQDN(), dns.TypeAAAA))
}

// headless asks for the addresses of a headless Service in three ways.
func headless(s Service) []Mix {
	addrs := make(map[netip.Addr]bool)
	for _, addr := range s.Endpoints {
		addrs[addr] = true
	}
	in := window
	if len(s.Endpoints) > 100 {
		in = 1 // an answer can take 50 ms: no queue of them may form
	}
	plain, edns := query(s.FQDN(), dns.TypeA), query(s.FQDN(), dns.TypeA)
	edns.SetEdns0(1232, false)
	return []Mix{
		{Name: s.Name + "-udp", Window: in, Queries: []*dns.Msg{plain}, Addrs: addrs},
		{Name: s.Name + "-edns", Window: in, Queries: []*dns.Msg{edns}, Addrs: addrs},
		{Name: s.Name + "-tcp", Window: in, Queries: []*dns.Msg{plain}, Addrs: addrs, TCP: true},
	}
}

func query(name string, qtype uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.Id = 0
	return m
}

// Wire returns the queries as they are sent.
func (m Mix) Wire() ([][]byte, error) {
	var wire [][]byte
	for _, q := range m.Queries {
		b, err := q.Pack()
		if err != nil {
			return nil, fmt.Errorf("packing the query for %s: %w", q.Question[0].Name, err)
		}
		wire = append(wire, b)
	}
	return wire, nil
}
