// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import "testing"

func TestParseName(t *testing.T) {
	zones := []string{"cluster.local.", "in-addr.arpa.", "0.0.d.f.ip6.arpa."}
	for _, tt := range []struct{ name, want string }{
		{"example.org.", kindOutside},
		{"Cluster.LOCAL.", kindApex},
		{"dns-version.cluster.local.", kindVersion},
		{"dns.cluster.local.", kindNSParent},
		{"ns.dns.cluster.local.", kindNS},
		{"x.ns.dns.cluster.local.", kindElse},
		{"svc.cluster.local.", kindServices},
		{"demo.svc.cluster.local.", kindNamespace},
		{"web.demo.svc.cluster.local.", kindService},
		{"_tcp.web.demo.svc.cluster.local.", kindProtocol},
		{"_http._tcp.web.demo.svc.cluster.local.", kindPort},
		{"_http.tcp.web.demo.svc.cluster.local.", kindLoosePort},
		{"_._tcp.web.demo.svc.cluster.local.", kindLoosePort},
		{"web-0.web.demo.svc.cluster.local.", kindEndpoint},
		{"a.b.c.web.demo.svc.cluster.local.", kindElse},
		{"pod.cluster.local.", kindPods},
		{"demo.pod.cluster.local.", kindPodSpace},
		{"10-0-0-1.demo.pod.cluster.local.", kindPodName},
		{"x.10-0-0-1.demo.pod.cluster.local.", kindBelowPod},
		{"in-addr.arpa.", kindApex},
		{"10.in-addr.arpa.", kindNetwork},
		{"1.0.0.10.in-addr.arpa.", kindAddress},
		{"01.0.0.10.in-addr.arpa.", kindReverseElse},
		{"x.1.0.0.10.in-addr.arpa.", kindBelowAddr},
		{"svc.in-addr.arpa.", kindInReverse},
		{"ns.dns.in-addr.arpa.", kindNS},
		{"1.0.0.d.f.ip6.arpa.", kindNetwork},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.F.ip6.arpa.", kindAddress},
		{"2.ip6.arpa.", kindOutside},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ParseName(tt.name, zones).Kind; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDashed(t *testing.T) {
	for _, tt := range []struct{ label, want string }{
		{"10-0-0-1", "10.0.0.1"},
		{"fd00--1", "fd00::1"},
		{"fd00--0", "fd00::"},
		{"fd00-0-0-0-0-0-0-1", "fd00::1"},
		{"--ffff-a00-1", "10.0.0.1"},
		{"web-0", "invalid IP"},
	} {
		if got, _ := undashed(tt.label); got.String() != tt.want {
			t.Errorf("%s: got %s, want %s", tt.label, got, tt.want)
		}
	}
}
