// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
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

// zoneSets are the zones of server blocks. The first is the primary one.
var zoneSets = [][]string{
	zones,
	{primary, "10.in-addr.arpa.", "0.10.in-addr.arpa.", "3.0.0.10.in-addr.arpa.", "0.0.d.f.ip6.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa."},
	{primary, "demo.svc." + primary, "in-addr.arpa."},
	{primary, setZone, "10.in-addr.arpa."},
	{"."},
	{".", "in-addr.arpa."},
	{primary, "arpa."},
}

// blockOf returns the zones of a server block as transfers have them.
func blockOf(all []string, o *answer.Options) []answer.Zone {
	var block []answer.Zone
	for _, origin := range all {
		z := answer.Zone{Origin: origin, ClusterSet: origin == setZone, Options: o}
		for _, other := range all {
			if other != origin && qname.InZone(other, origin) {
				z.Cuts = append(z.Cuts, other)
			}
		}
		block = append(block, z)
	}
	return block
}

// optionsFor returns options of a server block with those zones.
func optionsFor(r *rand.Rand, all []string) answer.Options {
	o := newOptions(r)
	if o.PrimaryZone = all[0]; slices.Contains(all, setZone) {
		o.ClusterSetZone = setZone
		o.Kinds |= object.Imports
	}
	return o
}

// content returns the records of the zone, and fails if one is there twice.
func content(t *testing.T, z answer.Zone, st *index.State) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for rrs := range z.Records(st) {
		for _, rr := range rrs {
			if all[rr.String()] {
				t.Errorf("%s has twice: %s", z.Origin, rr)
			}
			all[rr.String()] = true
			if !qname.InZone(rr.Header().Name, z.Origin) {
				t.Errorf("%s has what is not in it: %s", z.Origin, rr)
			}
		}
	}
	return all
}

// types are those that records of a zone may have.
var types = []string{"A", "AAAA", "SRV", "TXT", "PTR", "CNAME", "NS"}

// TestTransferIsAllAnswers: for random clusters, options and zones, what is
// transferred is what queries for all the names are answered.
func TestTransferIsAllAnswers(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			all := zoneSets[seed%uint64(len(zoneSets))]
			o := optionsFor(r, all)
			o.Local = addrs(some(r, 2, "10.0.0.1", "10.0.0.2", "fd00::1", "192.0.2.1")...)
			h := tame(o)
			if r.IntN(2) == 0 {
				h = wild(o)
			}
			c := newCluster(r, h)
			x, model := c.index(), c.zoneFile(o)
			want := make(map[string]map[string]bool)
			for _, origin := range all {
				names := model.names()
				for i, name := range names {
					if name = strings.TrimSuffix(name, "~"); !strings.HasSuffix(name, ".") {
						name = qname.Join(name, origin)
					}
					names[i] = name
				}
				for _, name := range append(names, origin, qname.Join("ns.dns", origin)) {
					if !slices.ContainsFunc(all, func(zone string) bool { return qname.InZone(name, zone) }) {
						continue
					}
					for _, typ := range types {
						q := question(t, name+" "+typ, all...)
						for _, rr := range answer.Lookup(x, o.Kinds, &o, q).Answer {
							if want[q.Zone] == nil {
								want[q.Zone] = make(map[string]bool)
							}
							want[q.Zone][rr.String()] = true
						}
					}
				}
			}
			for _, z := range blockOf(all, &o) {
				got := content(t, z, x.State())
				if diff := gocmp.Diff(slices.Sorted(maps.Keys(want[z.Origin])), slices.Sorted(maps.Keys(got)), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-answers +transfer):\n%s\noptions %+v", z.Origin, diff, o)
				}
			}
			if t.Failed() {
				t.Logf("cluster %+v", c)
			}
		})
	}
}

// event does something random to x.
func event(r *rand.Rand, x *index.Index, h habit) {
	c := newCluster(r, h)
	switch r.IntN(12) {
	case 10:
		for _, s := range some(r, 2, c.imports...) {
			x.Imports().SetService(s, 1)
		}
	case 11:
		for _, s := range some(r, 2, c.importSlices...) {
			x.Imports().SetEndpointSlice(s, 1)
		}
	case 0:
		if ns := one(r, allNamespaces...); r.IntN(3) == 0 {
			x.DeleteNamespace(ns)
		} else {
			x.SetNamespace(ns, 1)
		}
	case 1, 2, 3:
		for _, s := range some(r, 2, c.services...) {
			x.SetService(s, 1)
		}
	case 4:
		for _, s := range some(r, 1, c.services...) {
			x.DeleteService(s.Namespace, s.Name)
		}
	case 5, 6, 7:
		for _, s := range some(r, 2, c.slices...) {
			x.SetEndpointSlice(s, 1)
		}
	case 8:
		for _, s := range some(r, 1, c.slices...) {
			x.DeleteEndpointSlice(s.Namespace, s.Name)
		}
	case 9:
		for _, p := range some(r, 2, c.pods...) {
			if r.IntN(2) == 0 {
				x.SetPod(p, 1)
			} else {
				x.DeletePod(p.Namespace, p.Name)
			}
		}
	}
}

// TestDifference: after random changes, what changed since any serial, done to
// the zone of that serial, gives the zone.
func TestDifference(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 8))
			all := zoneSets[seed%uint64(len(zoneSets))]
			o := optionsFor(r, all)
			o.Local = addrs(some(r, 2, "10.0.0.1", "10.0.0.2", "fd00::1")...)
			h := tame(o)
			x := newCluster(r, h).index()
			x.Raise(1<<32 - 20) // it wraps around on the way
			x.KeepHistory(true)
			block := blockOf(all, &o)
			kept := make(map[uint32][]map[string]bool)
			joint := make([]map[uint32]map[string]bool, len(block)) // the same of zones that have no differences
			for i := range joint {
				joint[i] = make(map[uint32]map[string]bool)
			}
			var serials []uint32
			for range 50 {
				event(r, x, h)
				st := x.State()
				var now []map[string]bool
				for i, z := range block {
					now = append(now, content(t, z, st))
					if z.ClusterSet { // who serves it does not count: that depends on Services of the cluster
						maps.DeleteFunc(now[i], func(rr string, _ bool) bool {
							return strings.Contains(rr, "\tNS\t") || strings.HasPrefix(rr, "ns.dns.")
						})
					}
					if known, again := joint[i][z.SerialIn(st)]; again && !gocmp.Equal(known, now[i]) {
						t.Fatalf("%s changed and its serial did not: %s", z.Origin, gocmp.Diff(known, now[i]))
					}
					if z.Joint() {
						joint[i][z.SerialIn(st)], now[i] = now[i], nil
					}
				}
				if before, again := kept[st.Serial]; again && !gocmp.Equal(before, now) {
					t.Fatalf("the zones changed and their serial did not: %s", gocmp.Diff(before, now))
				} else if !again {
					serials = append(serials, st.Serial)
				}
				kept[st.Serial] = now
				for i, serial := range serials {
					if i%5 != 0 && i < len(serials)-2 { // they take long
						continue
					}
					for n, z := range block {
						same(t, x, z, serial, kept[serial][n], now[n])
					}
				}
				if t.Failed() {
					t.FailNow()
				}
			}
		})
	}
}

// same checks that the zone changed from before to now since serial.
func same(t *testing.T, x *index.Index, z answer.Zone, serial uint32, before, now map[string]bool) {
	t.Helper()
	if z.Joint() {
		return
	}
	c, ok := x.Since(serial, z.Reaches, z.Options.Local)
	if !ok {
		t.Errorf("what changed since %d is not known at %d", serial, x.Serial())
		return
	}
	got := maps.Clone(before)
	deleted, added := z.Difference(c)
	for _, rr := range deleted {
		if !got[rr.String()] {
			t.Errorf("%s since %d: deletes what was not there: %s", z.Origin, serial, rr)
		}
		delete(got, rr.String())
	}
	for _, rr := range added {
		if got[rr.String()] {
			t.Errorf("%s since %d: adds what is there: %s", z.Origin, serial, rr)
		}
		got[rr.String()] = true
	}
	if diff := gocmp.Diff(now, got); diff != "" {
		t.Errorf("%s from %d to %d (-zone +zone made from the difference):\n%s", z.Origin, serial, x.Serial(), diff)
	}
}

// A transfer is of the moment it began at, and of nothing that happens later.
func TestTransferIsOfOneMoment(t *testing.T) {
	o := with(func(o *answer.Options) { o.Pods, o.Kinds = answer.PodsVerified, everything })
	r := rand.New(rand.NewPCG(1, 9))
	x := newCluster(r, tame(o)).index()
	x.KeepHistory(true)
	for _, z := range blockOf(zones, &o) {
		st, serial := x.State(), x.Serial()
		want := content(t, z, st)
		got := make(map[string]bool)
		for rrs := range z.Records(st) {
			for _, rr := range rrs {
				got[rr.String()] = true
			}
			event(r, x, tame(o))
			x.SetService(object.Service{Namespace: "demo", Name: fmt.Sprintf("new-%d", len(got)), ClusterIPs: []netip.Addr{netip.MustParseAddr("10.96.0.1")}}, 1)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-when it began +what was sent):\n%s", z.Origin, diff)
		}
		if st.Serial != serial || len(want) > 0 && x.Serial() == serial {
			t.Errorf("serial: got %d, then %d, want %d, then another one", st.Serial, x.Serial(), serial)
		}
	}
}

// dns-version and such: what a zone has without a cluster.
func TestTransferOfEmptyCluster(t *testing.T) {
	o := with(func(o *answer.Options) { o.Local = addrs("192.0.2.1") })
	for origin, want := range map[string][]string{
		primary: {
			"cluster.example.org.\t5\tIN\tNS\tns.dns.cluster.example.org.",
			"dns-version.cluster.example.org.\t28800\tIN\tTXT\t\"1.1.0\"",
			"ns.dns.cluster.example.org.\t5\tIN\tA\t192.0.2.1",
		},
		"in-addr.arpa.": {
			"in-addr.arpa.\t5\tIN\tNS\tns.dns.in-addr.arpa.",
			"ns.dns.in-addr.arpa.\t5\tIN\tA\t192.0.2.1",
		},
	} {
		got := slices.Sorted(maps.Keys(content(t, answer.Zone{Origin: origin, Options: &o}, index.New().State())))
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", origin, diff)
		}
	}
}

// The SOA record of a transfer is the one of an answer.
func TestTransferSOA(t *testing.T) {
	o, x := defaults(), demo()
	for _, origin := range zones {
		q := answer.Question{Name: origin, Zone: origin, Type: dns.TypeSOA}
		want := answer.Lookup(x, o.Kinds, &o, q).Answer[0].String()
		if got := (answer.Zone{Origin: origin, Options: &o}).SOA(x.Serial()).String(); got != want {
			t.Errorf("%s: got %s, want %s", origin, got, want)
		}
	}
}

// BenchmarkTransfer makes the records of a zone of 50,000 Services, and of what
// one change makes of it.
func BenchmarkTransfer(b *testing.B) {
	x := index.New()
	x.SetNamespace("demo", 1)
	web := func(i, version int) object.Service {
		ip := netip.AddrFrom4([4]byte{10, byte(100 + i>>16), byte(i >> 8), byte(i)})
		return clusterIP(fmt.Sprintf("demo/web-%d", i), []netip.Addr{ip}, fmt.Sprintf("http/tcp/%d", version))
	}
	for i := range 50_000 {
		x.SetService(web(i, 1), 1)
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		x.SetEndpointSlice(object.EndpointSlice{
			Namespace: "demo", Name: fmt.Sprintf("web-%d-x", i), Service: fmt.Sprintf("web-%d", i),
			Ports: ports("http/tcp/80"), Endpoints: []object.Endpoint{{Addr: a}},
		}, 1)
	}
	x.KeepHistory(true)
	o := with(func(o *answer.Options) { o.Local = addrs("10.0.0.1") })
	b.Run("copy", func(b *testing.B) {
		for b.Loop() {
			x.State()
		}
	})
	for _, z := range blockOf(zones[:2], &o) {
		b.Run("whole/"+z.Origin, func(b *testing.B) {
			for b.Loop() {
				n := 0
				for rrs := range z.Records(x.State()) {
					n += len(rrs)
				}
				b.ReportMetric(float64(n), "records")
			}
		})
		b.Run("one change/"+z.Origin, func(b *testing.B) {
			version := 1
			for b.Loop() {
				version++
				x.SetService(web(7, version%60_000+1), 1)
				c, _ := x.Since(x.Serial()-1, z.Reaches, o.Local)
				z.Difference(c)
			}
		})
	}
}
