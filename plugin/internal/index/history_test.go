// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// since says what is known of the changes since serial.
func since(x *index.Index, serial uint32) string {
	c, ok := x.Since(serial, func(netip.Addr) bool { return true }, nil)
	if !ok {
		return "unknown"
	}
	text := fmt.Sprintf("%d to %d", c.Before.Serial, c.Now.Serial)
	for _, s := range c.Services {
		text += " " + s.Namespace + "/" + s.Name
	}
	for _, p := range c.Pods {
		for _, a := range p.Addrs() {
			text += " " + p.Namespace() + " " + a.String()
		}
	}
	return text
}

func TestHistory(t *testing.T) {
	web := object.Service{Namespace: "demo", Name: "web", ClusterIPs: []netip.Addr{netip.MustParseAddr("10.96.0.1")}}
	db := object.Service{Namespace: "demo", Name: "db", Type: object.Headless}
	newIndex := func() *index.Index {
		x := index.New()
		x.SetNamespace("demo", 1)
		x.Raise(100)
		x.KeepHistory(true)
		return x
	}
	tests := map[string]struct {
		change func(x *index.Index)
		since  uint32
		want   string
	}{
		"nothing":         {func(*index.Index) {}, 100, "100 to 100"},
		"before it began": {func(*index.Index) {}, 99, "unknown"},
		"newer":           {func(*index.Index) {}, 101, "unknown"},
		"much older":      {func(*index.Index) {}, 1 << 31, "unknown"},
		"one":             {func(x *index.Index) { x.SetService(web, 1) }, 100, "100 to 101 demo/web"},
		"of two the last": {func(x *index.Index) { x.SetService(web, 1); x.SetService(db, 1) }, 101, "101 to 102 demo/db"},
		"came and went":   {func(x *index.Index) { x.SetService(web, 1); x.DeleteService("demo", "web") }, 100, "100 to 102"},
		"no change":       {func(x *index.Index) { x.SetNamespace("demo", 2) }, 100, "100 to 100"},
		"namespace gone":  {func(x *index.Index) { x.SetService(web, 1); x.DeleteNamespace("demo") }, 101, "101 to 102 demo/web demo/web"},
		"Pod of two":      {func(x *index.Index) { x.SetPod(pod("p", "10.0.0.1", "fd00::1"), 1) }, 100, "100 to 101 demo 10.0.0.1 demo fd00::1"},
		"raised":          {func(x *index.Index) { x.SetService(web, 1); x.Raise(200) }, 101, "unknown"},
		"raised, now":     {func(x *index.Index) { x.SetService(web, 1); x.Raise(200) }, 200, "200 to 200"},
		"not raised":      {func(x *index.Index) { x.SetService(web, 1); x.Raise(101) }, 100, "100 to 101 demo/web"},
		"hidden":          {func(x *index.Index) { x.Hide(object.Pods); x.SetPod(pod("p", "10.0.0.1"), 1) }, 100, "100 to 100"},
		"hidden, others":  {func(x *index.Index) { x.Hide(object.Pods); x.SetService(web, 1) }, 100, "100 to 101 demo/web"},
		"shown":           {func(x *index.Index) { x.SetService(web, 1); x.Show(object.Pods) }, 100, "unknown"},
		"no longer":       {func(x *index.Index) { x.KeepHistory(false) }, 100, "unknown"},
		"already":         {func(x *index.Index) { x.SetService(web, 1); x.KeepHistory(true) }, 100, "100 to 101 demo/web"},
		"again":           {func(x *index.Index) { x.SetService(web, 1); x.KeepHistory(false); x.KeepHistory(true) }, 100, "unknown"},
		"wrapped":         {func(x *index.Index) { x.Raise(1<<32 - 1); x.SetService(web, 1) }, 1<<32 - 1, "4294967295 to 0 demo/web"},
		"a sweep is one":  {func(x *index.Index) { x.SetService(web, 1); x.SetService(db, 1); x.Sweep(object.Services, 2) }, 102, "102 to 103 demo/db demo/web"},
		"changed name only": {func(x *index.Index) {
			x.SetService(web, 1)
			w := web
			w.Ports = []object.Port{{Number: 80}}
			x.SetService(w, 1)
		}, 101, "101 to 102 demo/web demo/web"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			x := newIndex()
			tc.change(x)
			if got := since(x, tc.since); got != tc.want {
				t.Errorf("since %d: got %q, want %q", tc.since, got, tc.want)
			}
		})
	}
}

func pod(name string, ips ...string) object.Pod {
	p := object.Pod{Namespace: "demo", Name: name}
	for _, ip := range ips {
		p.IPs = append(p.IPs, netip.MustParseAddr(ip))
	}
	return p
}

// One event costs the API server one resourceVersion, so the serial rises by
// no more than one, however much of the index changes.
func TestSerialRisesOncePerEvent(t *testing.T) {
	slice := func(service string) object.EndpointSlice {
		return object.EndpointSlice{Namespace: "demo", Name: "s", Service: service, Endpoints: []object.Endpoint{{Addr: netip.MustParseAddr("10.0.0.1")}}}
	}
	for name, change := range map[string]func(x *index.Index){
		"Pod with two addresses comes":  func(x *index.Index) { x.SetPod(pod("p", "10.0.0.1", "fd00::1"), 1) },
		"Pod with two addresses goes":   func(x *index.Index) { x.DeletePod("demo", "old") },
		"Pod with others":               func(x *index.Index) { x.SetPod(pod("old", "10.0.0.8", "fd00::8"), 1) },
		"EndpointSlice changes hands":   func(x *index.Index) { x.SetEndpointSlice(slice("db"), 1) },
		"many are gone after a relist":  func(x *index.Index) { x.Sweep(object.Services, 2) },
		"and Pods, by their generation": func(x *index.Index) { x.Sweep(object.Pods, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			x := index.New()
			x.SetService(object.Service{Namespace: "demo", Name: "web", Type: object.Headless}, 1)
			x.SetService(object.Service{Namespace: "demo", Name: "db", Type: object.Headless}, 1)
			x.SetEndpointSlice(slice("web"), 1)
			x.SetPod(pod("old", "10.0.0.9", "fd00::9"), 1)
			before := x.Serial()
			change(x)
			if got := x.Serial(); got != before+1 {
				t.Errorf("serial: got %d after %d, want one more", got, before)
			}
			x.DeleteService("demo", "web")
			x.SetNamespace("new", 1)
			if got := x.Serial(); got < before+2 {
				t.Errorf("serial after another event: got %d after %d", got, before)
			}
		})
	}
}

// The history forgets the oldest changes when there are too many of them, or
// they keep too much alive.
func TestHistoryIsBounded(t *testing.T) {
	t.Run("count", func(t *testing.T) {
		x := index.New()
		x.KeepHistory(true)
		const more, most = 10, 8192
		for i := range most + more {
			x.SetNamespace(fmt.Sprint("n", i), 1)
		}
		if got := since(x, more-1); got != "unknown" {
			t.Errorf("one change too many: got %s", got)
		}
		if got, want := since(x, more), fmt.Sprintf("%d to %d", more, most+more); got != want {
			t.Errorf("as many as are kept: got %s, want %s", got, want)
		}
	})
	t.Run("what is hidden takes no room", func(t *testing.T) {
		x := index.New()
		x.Hide(object.Pods)
		x.KeepHistory(true)
		x.SetNamespace("other", 1)
		for i := range 10_000 {
			x.SetPod(object.Pod{Namespace: "demo", Name: fmt.Sprint("p", i), IPs: []netip.Addr{address(i)}}, 1)
		}
		if got, want := since(x, 0), "0 to 1"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("size", func(t *testing.T) {
		x := index.New()
		x.SetService(object.Service{Namespace: "demo", Name: "web", Type: object.Headless}, 1)
		big := object.EndpointSlice{Namespace: "demo", Name: "s", Service: "web"}
		for i := range 5000 {
			big.Endpoints = append(big.Endpoints, object.Endpoint{Addr: address(i), Hostname: fmt.Sprintf("web-%d", i)})
		}
		x.KeepHistory(true)
		before := heap()
		serial := x.Serial()
		for i := range 500 {
			big.Ports = []object.Port{{Number: uint16(i + 1)}}
			x.SetEndpointSlice(big, 1)
		}
		if got, want := x.Serial(), serial+500; got != want {
			t.Fatalf("serial: got %d, want %d", got, want)
		}
		if got := since(x, serial); got != "unknown" {
			t.Errorf("since all of them: got %s", got)
		}
		if got := since(x, x.Serial()-10); got == "unknown" {
			t.Errorf("since a few: got %s", got)
		}
		if got := heap() - before; got > 24<<20 {
			t.Errorf("the history has %d MiB, want about 8", got>>20)
		}
		x.SetService(object.Service{Namespace: "demo", Name: "web", Type: object.ClusterIP}, 1)
	})
}

func TestNewer(t *testing.T) {
	for _, tc := range []struct {
		a, b uint32
		want bool
	}{
		{1, 0, true}, {0, 1, false}, {5, 5, false}, {0, 1<<32 - 1, true}, {1<<32 - 1, 0, false},
		{1<<31 - 1, 0, true}, {0, 1<<31 - 1, false}, {1 << 31, 0, false}, {0, 1 << 31, false}, {100, 1<<31 + 101, true},
	} {
		if got := index.Newer(tc.a, tc.b); got != tc.want {
			t.Errorf("Newer(%d, %d): got %v, want %v", tc.a, tc.b, got, tc.want)
		}
	}
}
