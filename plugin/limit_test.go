// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"fmt"
	"net"
	"testing"

	"github.com/miekg/dns"
)

// TestTooMany: so many of the shortest records do not fit, and hardly fewer do.
func TestTooMany(t *testing.T) {
	v4, v6 := net.IPv4(10, 0, 0, 1).To4(), net.ParseIP("fd00::1")
	for _, name := range []string{"web.demo.svc.cluster.local.", "a.b.svc.", `w\101b.demo.svc.cluster.local.`} {
		for _, octets := range []int{0, 512, 1232, 4096, dns.MaxMsgSize} {
			for _, rr := range []dns.RR{
				&dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: v4},
				&dns.AAAA{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeAAAA, Class: dns.ClassINET}, AAAA: v6},
				&dns.SRV{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeSRV, Class: dns.ClassINET}, Target: "."},
				&dns.PTR{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypePTR, Class: dns.ClassINET}, Ptr: name},
			} {
				t.Run(fmt.Sprintf("%s %d %s", name, octets, dns.TypeToString[rr.Header().Rrtype]), func(t *testing.T) {
					m := new(dns.Msg).SetQuestion(name, rr.Header().Rrtype)
					m.Compress = true
					n := tooMany(octets, &m.Question[0])
					for range n {
						m.Answer = append(m.Answer, rr)
					}
					if got := m.Len(); got <= octets {
						t.Errorf("%d records take %d octets: they fit", n, got)
					}
					if m.Answer = m.Answer[:(n-1)*9/10]; m.Len() > octets && n > 1 {
						t.Errorf("%d records do not fit either: %d octets", len(m.Answer), m.Len())
					}
				})
			}
		}
	}
}
