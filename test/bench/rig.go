// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/test/apiserver"
	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

// A rig is test/apiserver with a world in it. A real API server resumes
// watches after a restart; this one can be told to forget, so that clients
// have to list everything again, and to be without WatchList.
type rig struct {
	bench  *bench
	api    *apiserver.Server
	world  world.World
	dir    string
	marker int // version of the Service that shows when a list was read
}

func (b *bench) newRig(size world.Size) (*rig, error) {
	dir, err := os.MkdirTemp(b.cache, "rig-")
	if err != nil {
		return nil, err
	}
	r := &rig{bench: b, api: apiserver.New(), world: world.New(size), dir: dir}
	r.api.Replace(world.AsStored(r.world.Objects())...)
	r.mark()
	return r, nil
}

func (r *rig) close() {
	r.api.Close()
	_ = os.RemoveAll(r.dir)
}

// markerNamespace comes after all others.
const markerNamespace = "zz-marker"

// mark changes a Service and a slice, to be looked for.
func (r *rig) mark() {
	r.marker++
	r.api.Apply(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: markerNamespace}})
	for _, s := range r.markers() {
		r.api.Apply(s.Object())
		if !s.ClusterIP.IsValid() {
			r.api.Apply(s.Slice(0, s.Endpoints))
		}
	}
}

// markers are the last of their kind in the order of the API server.
func (r *rig) markers() []world.Service {
	addr := netip.AddrFrom4([4]byte{10, 254, byte(r.marker >> 8), byte(r.marker)})
	return []world.Service{
		{Namespace: markerNamespace, Name: "service", ClusterIP: addr},
		{Namespace: markerNamespace, Name: "headless", Endpoints: []netip.Addr{addr}},
	}
}

// start starts a server for the rig.
func (r *rig) start(k kind, pods string, group *proc.Cgroup) (*server, error) {
	return r.startWith(k, source{pods: pods}, group)
}

// startWith starts a server that reads the rig as src says.
func (r *rig) startWith(k kind, src source, group *proc.Cgroup) (*server, error) {
	src.api, src.upstream = endpoint(r.api.URL()), r.bench.upstream.addr
	return r.bench.start(k, launch{dir: r.dir, source: src, cores: r.bench.allCores, group: group})
}

// seen waits until the server knows the markers, and all else is read, too.
func (r *rig) seen(ctx context.Context, s *server) error {
	timed, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if _, err := s.awaitReady(timed); err != nil {
		return err
	}
	for _, svc := range r.markers() {
		addr := svc.ClusterIP
		if !addr.IsValid() {
			addr = svc.Endpoints[0]
		}
		if _, err := s.await(timed, question(svc.FQDN()), func(m *dns.Msg) bool { return holds(m, addr) }); err != nil {
			return err
		}
	}
	return nil
}

// relist restarts the API server so that everything has to be listed again,
// and waits until it was.
func (r *rig) relist(ctx context.Context, s *server) error {
	kinds := []string{"namespaces", "services", "endpointslices"}
	before := map[string]int{}
	for _, k := range kinds {
		before[k] = r.lists(k)
	}
	r.api.Stop()
	r.api.Compact()
	r.mark()
	r.api.Start()
	timed, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := r.seen(timed, s); err != nil {
		return err
	}
	for timed.Err() == nil {
		again := true
		for _, k := range kinds {
			again = again && r.lists(k) > before[k] && r.api.OpenWatches(k) > 0
		}
		if again {
			return nil
		}
		if err := s.ended(); err != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.Join(fmt.Errorf("%s does not list again", s.name), context.Cause(ctx))
}

func (r *rig) lists(resource string) int {
	return r.api.Count(apiserver.VerbList, resource) + r.api.Count(apiserver.VerbWatchList, resource)
}

// modes are the two ways to read everything.
var modes = []struct {
	name      string
	watchList bool
}{{"watchlist", true}, {"list", false}}
