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
		"pod":                     {50_000, fillPods},
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

func fillPods(x *index.Index, n int) {
	for i := range n {
		x.SetPod(object.Pod{
			Namespace: fmt.Sprintf("namespace-%03d", i%100), Name: fmt.Sprintf("service-%06d-7d9f8b6c5d-x7k2p", i),
			IPs: []netip.Addr{address(i)},
		}, 1)
	}
}
