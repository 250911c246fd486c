// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// BenchmarkMemory reports what objects cost in live heap, as bytes per object.
func BenchmarkMemory(b *testing.B) {
	for name, fill := range map[string]struct {
		n    int
		fill func(x *index.Index, n int)
	}{
		"service and slice of 2":  {50_000, func(x *index.Index, n int) { fillServices(x, n, 2) }},
		"service and slice of 10": {10_000, func(x *index.Index, n int) { fillServices(x, n, 10) }},
		"pod":                     {50_000, func(x *index.Index, n int) { fillPods(x, n, func(*object.Pod, int) {}) }},
		"pod with labels":         {50_000, func(x *index.Index, n int) { fillPods(x, n, labelled) }},
		"pod of a StatefulSet":    {50_000, func(x *index.Index, n int) { fillPods(x, n, stateful) }},
		"pod with record":         {50_000, func(x *index.Index, n int) { fillPods(x, n, recorded) }},
		"node":                    {5_000, fillNodes},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				x := index.New()
				fill.fill(x, fill.n)
				b.ReportMetric(float64(heap()-before)/float64(fill.n), "B/object")
				runtime.KeepAlive(x)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func address(i int) netip.Addr {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 10<<24|uint32(i))
	return netip.AddrFrom4(ip)
}

func fillServices(x *index.Index, n, endpoints int) {
	for i := range n {
		ns, name := fmt.Sprintf("namespace-%03d", i%100), fmt.Sprintf("service-%06d", i)
		x.SetService(object.Service{
			Namespace: ns, Name: name,
			ClusterIPs: []netip.Addr{address(1<<23 + i)},
			Ports:      []object.Port{{Name: "http", Protocol: "tcp", Number: 80}},
		}, 1)
		s := object.EndpointSlice{
			Namespace: ns, Name: name + "-x7k2p", Service: name,
			Ports: []object.Port{{Name: "http", Protocol: "tcp", Number: 8080}},
		}
		for j := range endpoints {
			s.Endpoints = append(s.Endpoints, object.Endpoint{Addr: address(i*endpoints + j)})
		}
		x.SetEndpointSlice(s, 1)
	}
}

func fillPods(x *index.Index, n int, with func(p *object.Pod, i int)) {
	for i := range n {
		p := object.Pod{
			Namespace: fmt.Sprintf("namespace-%03d", i%100), Name: fmt.Sprintf("service-%06d-7d9f8b6c5d-x7k2p", i),
			IPs: []netip.Addr{address(i)},
		}
		with(&p, i)
		x.SetPod(p, 1)
	}
}

// recorded gives p what pod_names keeps.
func recorded(p *object.Pod, _ int) { p.Named, p.Record = true, true }

// labelled gives p what metadata keeps, with the labels of a Deployment of ten.
func labelled(p *object.Pod, i int) {
	p.Named = true
	p.Labels = object.Labels(fmt.Sprintf("app.kubernetes.io/instance\x00shop\x00app.kubernetes.io/managed-by\x00Helm\x00"+
		"app.kubernetes.io/name\x00service-%06d\x00app.kubernetes.io/version\x001.2.3\x00pod-template-hash\x007d9f8b6c5d\x00", i/10))
}

// stateful gives p what metadata keeps, with labels that no other Pod has.
func stateful(p *object.Pod, i int) {
	labelled(p, i)
	p.Labels += object.Labels(fmt.Sprintf("statefulset.kubernetes.io/pod-name\x00service-%06d-%d\x00", i/10, i%10))
}

func fillNodes(x *index.Index, n int) {
	for i := range n {
		x.SetNode(object.Node{
			Name: fmt.Sprintf("node-%d.example.org", i), Zone: []string{"eu-1a", "eu-1b", "eu-1c"}[i%3],
			Addrs: []netip.Addr{address(1<<24 + i)}, PodCIDRs: []netip.Prefix{netip.PrefixFrom(address(i<<8), 24)},
		}, 1)
	}
}
