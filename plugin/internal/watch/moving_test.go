// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A mover is a moving with an index that has the Service web, and a clock.
type mover struct {
	*moving
	now time.Time
}

func newMover() *mover {
	x := index.New()
	x.SetService(object.Service{Namespace: "demo", Name: "web", Type: object.Headless}, 1)
	return &mover{newMoving(x), time.Unix(1e9, 0)}
}

// slice applies an EndpointSlice of the Service web, of these endpoints. One with
// a "!" is terminating, with a "-" not ready, with a "+" both terminating and
// ready, as publishNotReadyAddresses makes them.
func (m *mover) slice(name string, endpoints ...string) { m.sliceOf("web", name, endpoints...) }

func (m *mover) sliceOf(service, name string, endpoints ...string) {
	o := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "demo", Name: name,
			Labels: map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	yes, no := true, false
	for _, e := range endpoints {
		var c discoveryv1.EndpointConditions
		switch {
		case strings.HasPrefix(e, "!"):
			c = discoveryv1.EndpointConditions{Ready: &no, Terminating: &yes}
		case strings.HasPrefix(e, "-"):
			c = discoveryv1.EndpointConditions{Ready: &no}
		case strings.HasPrefix(e, "+"):
			c = discoveryv1.EndpointConditions{Ready: &yes, Terminating: &yes}
		}
		e = strings.TrimLeft(e, "!-+")
		if strings.Contains(e, ":") {
			o.AddressType = discoveryv1.AddressTypeIPv6
		}
		o.Endpoints = append(o.Endpoints, discoveryv1.Endpoint{Addresses: []string{e}, Conditions: c})
	}
	made, _, ok := object.FromEndpointSlice(o, object.Keep{})
	if !ok {
		m.drop("demo", name)
		return
	}
	m.set(m.now, made, o, 1)
}

func (m *mover) delete(name string) { m.remove(m.now, "demo", name, 1) }

// wait lets time pass, and what is due happen.
func (m *mover) wait(d time.Duration) {
	m.now = m.now.Add(d)
	if next := m.due(); !next.IsZero() && !next.After(m.now) {
		m.expire(m.now)
	}
}

// answered returns the addresses of the Service web.
func (m *mover) answered() string {
	var all []netip.Addr
	for _, g := range m.x.Service("demo", "web").Groups {
		for i := range g.Len() {
			all = append(all, g.Addr(i))
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return strings.Trim(fmt.Sprint(slices.Compact(all)), "[]")
}

// left checks that nothing is left to do.
func (m *mover) left(t *testing.T) {
	t.Helper()
	if len(m.leaving) != 0 || m.staying != 0 {
		t.Errorf("left: %d EndpointSlices with %d endpoints that stay", len(m.leaving), m.staying)
	}
	m.expire(m.now)
	if !m.due().IsZero() {
		t.Errorf("left: something is due at %s", m.due())
	}
}

func TestMoving(t *testing.T) {
	const a, b, c, six, seven = "10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::6", "fd00::7"
	for name, tc := range map[string]struct {
		do   func(m *mover)
		now  string // answered at once
		late string // answered after 300 ms
	}{
		"removed where it cannot have moved": {func(m *mover) { m.slice("x", a, b); m.slice("x", a) }, a, a},
		"removed beside another":             {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.slice("x", a) }, a + " " + b + " " + c, a + " " + c},
		"removed beside an empty one":        {func(m *mover) { m.slice("x", a, b); m.slice("y"); m.slice("x", a) }, a + " " + b, a},
		"removed beside another family":      {func(m *mover) { m.slice("x", a, b); m.slice("y", six); m.slice("x", a) }, a + " " + six, a + " " + six},
		"removed beside another Service":     {func(m *mover) { m.slice("x", a, b); m.sliceOf("other", "y", c); m.slice("x", a) }, a, a},
		"moved, added first":                 {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.slice("y", b, c); m.slice("x", a) }, a + " " + b + " " + c, a + " " + b + " " + c},
		"moved, removed first":               {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.slice("x", a); m.slice("y", b, c) }, a + " " + b + " " + c, a + " " + b + " " + c},
		"moved into one that is not ready":   {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.slice("x", a); m.slice("y", "-"+b, c) }, a + " " + c, a + " " + c},
		"moved and terminating":              {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.slice("x", a); m.slice("y", "!"+b, c) }, a + " " + c, a + " " + c},
		"not ready any more":                 {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.slice("x", a, "-"+b) }, a + " " + c, a + " " + c},
		"terminating":                        {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.slice("x", a, "!"+b); m.slice("x", a) }, a + " " + c, a + " " + c},
		"ready and terminating, then gone":   {func(m *mover) { m.slice("x", a, "+"+b); m.slice("y", c); m.slice("x", a) }, a + " " + c, a + " " + c},
		"seen terminating in another":        {func(m *mover) { m.slice("x", a, b); m.slice("y", c, "!"+b); m.slice("x", a) }, a + " " + c, a + " " + c},
		"terminating once, and back":         {func(m *mover) { m.slice("x", a, "!"+b); m.slice("x", a, b); m.slice("y", c); m.slice("x", a) }, a + " " + b + " " + c, a + " " + c},
		"EndpointSlice deleted":              {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.delete("x") }, a + " " + b + " " + c, c},
		"EndpointSlice deleted after a move": {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.slice("y", a, b, c); m.delete("x") }, a + " " + b + " " + c, a + " " + b + " " + c},
		"EndpointSlice deleted, then moved":  {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.delete("x"); m.slice("y", b, c) }, a + " " + b + " " + c, b + " " + c},
		"EndpointSlice deleted and made":     {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.delete("x"); m.slice("x", a) }, a + " " + b + " " + c, a + " " + c},
		"last EndpointSlice deleted":         {func(m *mover) { m.slice("x", a, b); m.delete("x") }, "", ""},
		"all EndpointSlices deleted":         {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.delete("x"); m.delete("y") }, "", ""},
		"last of its family deleted":         {func(m *mover) { m.slice("x", a, b); m.slice("y", six); m.delete("x") }, six, six},
		"two families":                       {func(m *mover) { m.slice("x", six, seven); m.slice("y", "fd00::9"); m.slice("z", a); m.slice("x", six) }, a + " " + six + " " + seven + " fd00::9", a + " " + six + " fd00::9"},
		"unknown EndpointSlice deleted":      {func(m *mover) { m.slice("x", a); m.delete("y") }, a, a},
		"another Service's now":              {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.sliceOf("other", "x", a) }, c, c},
		"nobody's now":                       {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.sliceOf("", "x", a) }, c, c},
		"flushed":                            {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.slice("x", a); m.flush() }, a + " " + c, a + " " + c},
		"back where it was":                  {func(m *mover) { m.slice("x", a, b); m.slice("y", c); m.slice("x", a); m.slice("x", a, b) }, a + " " + b + " " + c, a + " " + b + " " + c},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMover()
			tc.do(m)
			if got := m.answered(); got != tc.now {
				t.Errorf("at once: got %q, want %q", got, tc.now)
			}
			m.wait(moveTime)
			if got := m.answered(); got != tc.late {
				t.Errorf("after %s: got %q, want %q", moveTime, got, tc.late)
			}
			m.left(t)
		})
	}
}

// An endpoint stays for no longer than moveTime, whatever happens beside it.
func TestMovingTakesItsTime(t *testing.T) {
	m := newMover()
	m.slice("x", "10.0.0.1", "10.0.0.2", "10.0.0.3")
	m.slice("y", "10.0.0.9")
	m.slice("x", "10.0.0.1", "10.0.0.2")
	m.wait(moveTime / 2)
	m.slice("x", "10.0.0.1")
	m.wait(moveTime/2 - 2*moveGrain)
	if got, want := m.answered(), "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.9"; got != want {
		t.Errorf("before: got %q, want %q", got, want)
	}
	m.wait(2 * moveGrain)
	if got, want := m.answered(), "10.0.0.1 10.0.0.2 10.0.0.9"; got != want {
		t.Errorf("after the time of the first: got %q, want %q", got, want)
	}
	m.wait(moveTime / 2)
	if got, want := m.answered(), "10.0.0.1 10.0.0.9"; got != want {
		t.Errorf("after the time of both: got %q, want %q", got, want)
	}
	m.left(t)
}

// In whatever order the controller's changes come: an endpoint that is there
// before and after is there all the time, one that terminates is gone with the
// event that says so, and in the end all orders come to the same.
func TestMovingInAnyOrder(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 0))
		m := newMover()
		before, after := anySlices(r), anySlices(r)
		for name, endpoints := range before {
			m.slice(name, endpoints...)
		}
		stay := intersection(ready(before), ready(after))
		changes := slices.Collect(maps.Keys(before))
		for name := range after {
			if _, ok := before[name]; !ok {
				changes = append(changes, name)
			}
		}
		slices.Sort(changes)
		r.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
		passed := time.Duration(0)
		for _, name := range changes {
			if endpoints, ok := after[name]; ok {
				m.slice(name, endpoints...)
			} else {
				m.delete(name)
			}
			got := m.answered()
			for _, a := range stay {
				if !strings.Contains(got+" ", a+" ") {
					t.Fatalf("seed %d, order %v, after %s: %s is missing in %q\nbefore %v\nafter %v", seed, changes, name, a, got, before, after)
				}
			}
			for _, e := range after[name] {
				if a, ok := strings.CutPrefix(e, "!"); ok && strings.Contains(got+" ", a+" ") && !slices.Contains(ready(before), a) {
					t.Fatalf("seed %d: %s terminates and is answered", seed, a)
				}
			}
			if d := time.Duration(r.IntN(int(moveTime-2*moveGrain) / len(changes))); passed+d < moveTime-2*moveGrain {
				passed += d
				m.wait(d)
			}
		}
		m.wait(moveTime)
		want := newMover()
		for name, endpoints := range after {
			want.slice(name, endpoints...)
		}
		if got, want := m.answered(), want.answered(); got != want {
			t.Fatalf("seed %d: in the end got %q, want %q", seed, got, want)
		}
		m.left(t)
		if got, want := m.x.Objects(object.EndpointSlices), len(after); got != want {
			t.Fatalf("seed %d: got %d EndpointSlices in the end, want %d", seed, got, want)
		}
	}
}

// anySlices returns EndpointSlices of the Service web, each endpoint in one of
// them. Two of them are always there, so that there is always another one.
func anySlices(r *rand.Rand) map[string][]string {
	all := map[string][]string{"always": {"10.9.9.8"}, "too": {"10.9.9.9"}}
	for i := range 4 {
		if r.IntN(3) > 0 {
			all[fmt.Sprint("s", i)] = nil
		}
	}
	names := slices.Sorted(maps.Keys(all))
	for i := range 9 {
		e := fmt.Sprint("10.0.0.", i)
		switch r.IntN(6) {
		case 0:
			continue
		case 1:
			e = "!" + e
		}
		name := names[r.IntN(len(names))]
		all[name] = append(all[name], e)
	}
	return all
}

func ready(all map[string][]string) []string {
	var addrs []string
	for _, endpoints := range all {
		for _, e := range endpoints {
			if !strings.HasPrefix(e, "!") {
				addrs = append(addrs, e)
			}
		}
	}
	return addrs
}

func intersection(a, b []string) []string {
	return slices.DeleteFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// A rolling update of 5,000 endpoints that nobody saw terminating leaves nothing
// behind, and never keeps more than it may.
func TestMovingIsBounded(t *testing.T) {
	m := newMover()
	const perSlice, n = 100, 150 // more than maxMoving
	addr := func(slice, i int) string { return fmt.Sprintf("10.%d.%d.%d", slice>>8, slice&255, i) }
	fill := func(slice int) (endpoints []string) {
		for i := range perSlice {
			endpoints = append(endpoints, addr(slice, i))
		}
		return endpoints
	}
	for s := range n {
		m.slice(fmt.Sprint("s", s), fill(s)...)
	}
	most := 0
	for s := range n {
		m.slice(fmt.Sprint("s", s), fill(n+s)...)
		most = max(most, m.staying)
	}
	if most != maxMoving {
		t.Errorf("endpoints that stay: got at most %d, want %d", most, maxMoving)
	}
	if got, want := m.x.Endpoints(), n*perSlice+maxMoving; got != want {
		t.Errorf("endpoints: got %d, want %d", got, want)
	}
	m.wait(moveTime)
	if got, want := m.x.Endpoints(), n*perSlice; got != want {
		t.Errorf("endpoints in the end: got %d, want %d", got, want)
	}
	m.left(t)
}
