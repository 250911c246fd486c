// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

var small = Size{Services: 30, Endpoints: 2, Namespaces: 4, Headless: []int{10, 250}, PerSlice: 100, Pods: 3}

func TestObjects(t *testing.T) {
	objects := New(small).Objects()
	services, slices, endpoints, pods := 0, 0, 0, 0
	for _, o := range objects {
		switch o := o.(type) {
		case *corev1.Service:
			services++
		case *discoveryv1.EndpointSlice:
			slices++
			endpoints += len(o.Endpoints)
		case *corev1.Pod:
			pods++
		}
	}
	if services != 32 || slices != 30+1+3 || endpoints != 60+260 || pods != 3 {
		t.Errorf("got %d services, %d slices, %d endpoints, %d pods", services, slices, endpoints, pods)
	}
	if !reflect.DeepEqual(objects, New(small).Objects()) {
		t.Error("the second world is another one")
	}
}

// TestZone holds the zone files to be what a server can read, with an answer
// for every query that gets records.
func TestZone(t *testing.T) {
	w := New(small)
	records := map[string][]dns.RR{}
	for zone, write := range map[string]func(*strings.Builder) error{
		Zone:        func(b *strings.Builder) error { return w.WriteZone(b) },
		ReverseZone: func(b *strings.Builder) error { return w.WriteReverseZone(b) },
	} {
		var text strings.Builder
		if err := write(&text); err != nil {
			t.Fatal(err)
		}
		p := dns.NewZoneParser(strings.NewReader(text.String()), "", zone)
		for rr, ok := p.Next(); ok; rr, ok = p.Next() {
			key := rr.Header().Name + dns.TypeToString[rr.Header().Rrtype]
			records[key] = append(records[key], rr)
			if !dns.IsSubDomain(zone, rr.Header().Name) || rr.Header().Ttl != TTL {
				t.Errorf("not of the zone %s: %s", zone, rr)
			}
		}
		if err := p.Err(); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]int{"a": 1, "srv": 1, "ptr": 1, "aaaa-nodata": 0, "nxdomain": 0, "headless-10-udp": 10, "headless-250-tcp": 250}
	seen := 0
	for _, m := range w.Mixes() {
		n, ok := want[m.Name]
		if !ok {
			continue
		}
		seen++
		for _, q := range m.Queries {
			name, qtype := q.Question[0].Name, q.Question[0].Qtype
			if got := records[name+dns.TypeToString[qtype]]; len(got) != n {
				t.Errorf("%s: records of %s: got %d, want %d", m.Name, name, len(got), n)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("mixes: got %d of %d", seen, len(want))
	}
	for _, rr := range records["_http._tcp."+w.Services[0].FQDN()+"SRV"] {
		if got, want := rr.(*dns.SRV).Port, uint16(80); got != want {
			t.Errorf("port: got %d, want %d", got, want)
		}
	}
}

func TestReverse(t *testing.T) {
	addr := netip.MustParseAddr("10.1.2.3")
	want, err := dns.ReverseAddr(addr.String())
	if got := Reverse(addr); got != want || err != nil {
		t.Errorf("got %s, want %s, %v", got, want, err)
	}
}

func TestNdots(t *testing.T) {
	w := New(small)
	for _, m := range w.Mixes() {
		if m.Name == "ndots" && len(m.Queries) != 8*len(w.Services) {
			t.Errorf("ndots: got %d queries for %d pairs of names", len(m.Queries), len(w.Services))
		}
		if _, err := m.Wire(); err != nil {
			t.Error(err)
		}
	}
}
