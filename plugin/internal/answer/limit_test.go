// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// many returns an index with demo/many: sizes[i] endpoints in EndpointSlice i.
// Slices of even number are IPv4 and have port a, the others are IPv6; all have
// port b. Every third endpoint is called "third".
func many(sizes ...int) *index.Index {
	x := newIndex("demo", headless("demo/many"))
	for n, size := range sizes {
		ps := ports("b/tcp/2")
		if n%2 == 0 {
			ps = ports("a/tcp/1", "b/tcp/2")
		}
		s := slice("demo/many", fmt.Sprint("s", n), ps)
		for i := range size {
			e := object.Endpoint{Addr: netip.AddrFrom4([4]byte{10, 0, byte(n), byte(i)})}
			if n%2 == 1 {
				e.Addr = netip.AddrFrom16([16]byte{0xfd, 14: byte(n), 15: byte(i)})
			}
			if i%3 == 0 {
				e.Hostname = "third"
			}
			s.Endpoints = append(s.Endpoints, e)
		}
		x.SetEndpointSlice(s, 1)
	}
	return x
}

// TestWindows: of a larger RRset exactly as many records are answered as fit,
// no two of them the same, and in turn all of them equally often.
func TestWindows(t *testing.T) {
	for _, sizes := range [][]int{{1}, {2}, {7}, {3, 0, 4}, {5, 5}, {1, 9, 1, 9, 1}, {0, 3, 10, 2, 0, 8}} {
		x := many(sizes...)
		for _, in := range []string{
			"many.demo.svc A", "many.demo.svc AAAA", "_a._tcp.many.demo.svc A", "_a._tcp.many.demo.svc AAAA",
			"_b._tcp.many.demo.svc AAAA", "third.many.demo.svc A", "third.many.demo.svc AAAA",
		} {
			all := rrsInWords(answer.Lookup(x, everything, new(defaults()), question(t, in)).Answer)
			for limit := 1; limit <= len(all)+1; limit++ {
				t.Run(fmt.Sprintf("%v/%s/limit=%d", sizes, in, limit), func(t *testing.T) {
					windows(t, x, in, limit, all)
				})
			}
		}
	}
}

func windows(t *testing.T, x *index.Index, in string, limit int, all []string) {
	t.Helper()
	windowsOf(t, x, defaults(), in, limit, all)
}

func windowsOf(t *testing.T, x *index.Index, o answer.Options, in string, limit int, all []string) {
	t.Helper()
	q := question(t, in)
	q.Limit = limit
	seen := make(map[string]int)
	for start := range all {
		q.Start = uint32(start)
		a := answer.Lookup(x, everything, &o, q)
		got := rrsInWords(a.Answer)
		if want := min(limit, len(all)); len(got) != want || len(slices.Compact(slices.Clone(got))) != want {
			t.Errorf("start %d: %d records, want %d that differ: %v", start, len(got), want, got)
		}
		for _, rr := range got {
			seen[rr]++
			if !slices.Contains(all, rr) {
				t.Errorf("start %d: %s is none of the RRset", start, rr)
			}
		}
	}
	for _, rr := range all {
		if want := min(limit, len(all)); seen[rr] != want {
			t.Errorf("%s is in %d of %d windows, want %d", rr, seen[rr], len(all), want)
		}
	}
	for _, start := range []uint32{math.MaxUint32, math.MaxInt32, 1 << 31} { // on every platform an index
		q.Start = start
		if got := len(answer.Lookup(x, everything, &o, q).Answer); got != min(limit, len(all)) {
			t.Errorf("start %d: %d records", start, got)
		}
	}
}

// TestWindowOfNothing: a limit makes nothing of a denial, and nothing of what is no RRset of endpoints.
func TestWindowOfNothing(t *testing.T) {
	x, o := demo(), defaults()
	for in, want := range map[string]string{
		"dup.demo.svc AAAA": "NODATA", "quiet.demo.svc A": "NXDOMAIN", "web.demo.svc AAAA": "NODATA", "none.db.demo.svc A": "NXDOMAIN",
		"web.demo.svc A": "SUCCESS", "ext.demo.svc A": "ALIAS", "web.demo.svc SRV": "SUCCESS", "1.0.0.10.in-addr.arpa. PTR": "SUCCESS",
	} {
		q := question(t, in)
		q.Limit, q.Start = 1, 12345
		a := answer.Lookup(x, o.Kinds, &o, q)
		wellFormed(t, q, a)
		if got := inWords(a).Result; got != want {
			t.Errorf("%s with a limit = %s, want %s", in, got, want)
		}
	}
}

// TestSRVLimit: at least as many records are answered as are sure not to fit,
// and not many more, each with its address.
func TestSRVLimit(t *testing.T) {
	x := many(7, 6, 5)
	o := defaults()
	for _, in := range []string{"many.demo.svc SRV", "_a._tcp.many.demo.svc SRV", "_b._tcp.many.demo.svc SRV"} {
		q := question(t, in)
		all := rrsInWords(answer.Lookup(x, everything, &o, q).Answer)
		const most = 2 // ports of an endpoint
		for limit := 1; limit <= len(all)+1; limit++ {
			q.Limit = limit
			a := answer.Lookup(x, everything, &o, q)
			wellFormed(t, q, a)
			if got := len(a.Answer); got < min(limit, len(all)) || got >= limit+most || got > len(all) {
				t.Errorf("%s, limit %d: %d records of %d", in, limit, got, len(all))
			}
			glued := make(map[string]bool)
			for _, rr := range a.Extra {
				glued[rr.Header().Name] = true
			}
			for _, target := range targets(a.Answer) {
				if !glued[target] {
					t.Errorf("%s, limit %d: %s has no address", in, limit, target)
				}
			}
		}
	}
}
