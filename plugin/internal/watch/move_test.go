// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// part is an EndpointSlice of the Service web.
func part(name string, addrs ...string) *discoveryv1.EndpointSlice {
	return slice(name, endpoints(addrs...), func(s *discoveryv1.EndpointSlice) {
		s.Labels = map[string]string{discoveryv1.LabelServiceName: "web"}
	})
}

func headless(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "None", nil }

// An endpoint moves to and fro between two EndpointSlices: it is there when it is
// in none of them, and gone when the last EndpointSlice that it was in has lost it for good.
func TestMovesAreSeamless(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(namespace("default"), service("web", headless), part("a", "10.1.0.1", "10.1.0.9"), part("z", "10.1.0.2"))
		l := synced(t, config(s), basic)
		judged := 0
		move := func(from, to *discoveryv1.EndpointSlice) {
			began := time.Now()
			told(t, l, object.EndpointSlices, s.Apply(from))
			there := owned(l.Index(), "10.1.0.9")
			if time.Since(began) < 200*time.Millisecond { // else this machine is too slow to tell
				judged++
				if !there {
					t.Error("the endpoint is missing while it moves")
				}
			}
			told(t, l, object.EndpointSlices, s.Apply(to))
			if !owned(l.Index(), "10.1.0.9") {
				t.Error("the endpoint is missing after it moved")
			}
		}
		for judged < 10 {
			move(part("a", "10.1.0.1"), part("z", "10.1.0.2", "10.1.0.9"))
			move(part("z", "10.1.0.2"), part("a", "10.1.0.1", "10.1.0.9"))
		}
		s.Delete(part("a"))
		eventually(t, "its endpoints are gone", func() bool { return !owned(l.Index(), "10.1.0.9") && !owned(l.Index(), "10.1.0.1") })
		if !owned(l.Index(), "10.1.0.2") {
			t.Error("the endpoint of the other is gone")
		}
	})
}

// What waits for an endpoint is left behind by nobody: not when the watch ends,
// nor when the store does.
func TestMovesThatEnd(t *testing.T) {
	for name, end := range map[string]func(s *apiserver.Server, l *watch.Lease){
		"time":       func(*apiserver.Server, *watch.Lease) {},
		"disconnect": func(s *apiserver.Server, _ *watch.Lease) { s.DisconnectWatches() },
		"outage":     func(s *apiserver.Server, _ *watch.Lease) { s.Stop() },
		"release":    func(_ *apiserver.Server, l *watch.Lease) { l.Release() },
		"Service":    func(s *apiserver.Server, _ *watch.Lease) { s.Delete(service("web")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.Apply(namespace("default"), service("web", headless), part("a", "10.1.0.1", "10.1.0.9"), part("z", "10.1.0.2"))
			l := synced(t, config(s), basic)
			told(t, l, object.EndpointSlices, s.Apply(part("a", "10.1.0.1")))
			end(s, l)
			eventually(t, "the endpoint is gone", func() bool { return !owned(l.Index(), "10.1.0.9") })
			if name == "Service" {
				if l.Index().Service("default", "web") != nil {
					t.Error("the Service is there")
				}
			}
		})
	}
}
