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

// BenchmarkSetEndpointSlice changes one endpoint of a Service, as a rolling
// update does once for each Pod: beside other EndpointSlices, and while an
// address is in two of them.
func BenchmarkSetEndpointSlice(b *testing.B) {
	const perSlice = 100
	part := func(n, version int) object.EndpointSlice {
		s := object.EndpointSlice{Namespace: "demo", Name: fmt.Sprint("s", n), Service: "web", Ports: []object.Port{{Name: "http", Protocol: "tcp", Number: 80}}}
		for i := range perSlice {
			a := netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), byte(i)})
			if i == perSlice-1 {
				a = netip.AddrFrom4([4]byte{11, byte(n >> 8), byte(n), byte(version % 2)})
			}
			s.Endpoints = append(s.Endpoints, object.Endpoint{Addr: a})
		}
		return s
	}
	for _, slices := range []int{1, 50, 500} {
		for _, twin := range []bool{false, true} {
			b.Run(fmt.Sprintf("endpoints=%d/shared=%t", slices*perSlice, twin), func(b *testing.B) {
				x := index.New()
				x.SetService(object.Service{Namespace: "demo", Name: "web", Type: object.Headless}, 1)
				for n := range slices {
					x.SetEndpointSlice(part(n, 0), 1)
				}
				if twin {
					s := part(0, 0)
					s.Name, s.Endpoints = "twin", s.Endpoints[:1]
					x.SetEndpointSlice(s, 1)
				}
				b.ReportAllocs()
				version := 0
				for b.Loop() {
					version++
					x.SetEndpointSlice(part(0, version), 1)
				}
			})
		}
	}
}
