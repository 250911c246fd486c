// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

func TestCorpus(t *testing.T) {
	got := Corpus(Names{
		Domain: "cluster.local",
		Services: []corev1.Service{
			{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "web"}, Spec: corev1.ServiceSpec{ClusterIPs: []string{"10.96.0.7"}, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}},
			{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "db"}, Spec: corev1.ServiceSpec{ClusterIPs: []string{"None"}}},
		},
		Slices: []discoveryv1.EndpointSlice{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Labels: map[string]string{discoveryv1.LabelServiceName: "db"}},
			Endpoints:  []discoveryv1.Endpoint{{Addresses: []string{"10.244.0.7"}, Hostname: new("db-0")}},
		}},
		Zones:  []string{"corp.example"},
		Probes: []v1alpha1.Probe{{Name: "www", Domain: "www.example.org"}},
	})
	var text []string
	tcp := 0
	for _, q := range got {
		if q.TCP {
			tcp++
			continue
		}
		text = append(text, q.String())
	}
	want := []string{
		"10-244-0-7.demo.pod.cluster.local. A",
		"7.0.96.10.in-addr.arpa. PTR",
		"_http._tcp.web.demo.svc.cluster.local. SRV",
		"db-0.db.demo.svc.cluster.local. A",
		"db.demo.svc.cluster.local. A", "db.demo.svc.cluster.local. AAAA",
		"kubernetes.default.cluster.local. A",
		"no-such-service.default.svc.cluster.local. A", "no-such-service.default.svc.cluster.local. AAAA",
		"web.demo.svc.cluster.local. A", "web.demo.svc.cluster.local. AAAA",
		"www.example.org.default.svc.cluster.local. A",
		"corp.example. SOA",
		"www.example.org. A",
	}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if tcp == 0 {
		t.Error("nothing is asked over TCP")
	}
}

func TestCompare(t *testing.T) {
	a, srv, outside := Question{Name: "web.demo.svc.cluster.local.", Type: dns.TypeA}, Question{Name: "_http._tcp.web.", Type: dns.TypeSRV}, Question{Name: "example.org.", Type: dns.TypeA, Outside: true}
	says := func(rcode int, records ...string) Response {
		r := Response{Rcode: rcode}
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				t.Fatal(err)
			}
			r.Records = append(r.Records, rr)
		}
		return r
	}
	one, two := "web.demo.svc.cluster.local. 30 IN A 10.96.0.7", "web.demo.svc.cluster.local. 5 IN A 10.96.0.8"
	for name, test := range map[string]struct {
		q                   Question
		old, ours           Response
		explained, mismatch string
	}{
		"equal":                {q: a, old: says(0, one), ours: says(0, one)},
		"TTL, order and case":  {q: a, old: says(0, one, two), ours: says(0, two, strings.ToUpper(strings.Replace(one, " 30 ", " 5 ", 1)))},
		"another address":      {q: a, old: says(0, one), ours: says(0, two), mismatch: "ours NOERROR [web.demo.svc.cluster.local. 0 in a 10.96.0.8]"},
		"fewer":                {q: a, old: says(0, one, two), ours: says(0, two), mismatch: "old NOERROR"},
		"not there":            {q: a, old: says(0, one), ours: says(dns.RcodeNameError), mismatch: "ours NXDOMAIN []"},
		"there":                {q: a, old: says(dns.RcodeNameError), ours: says(0, one), mismatch: "old NXDOMAIN []"},
		"empty non-terminal":   {q: a, old: says(dns.RcodeNameError), ours: says(0), explained: "RFC 8020"},
		"denied too much":      {q: a, old: says(0), ours: says(dns.RcodeNameError), mismatch: "old NOERROR [], ours NXDOMAIN []"},
		"SRV with hashes":      {q: srv, old: says(0, "_http._tcp.web. 30 IN SRV 10 100 80 abcd.web."), ours: says(0, "_http._tcp.web. 30 IN SRV 0 100 80 web."), explained: "other names"},
		"SRV of another port":  {q: srv, old: says(0, "_http._tcp.web. 30 IN SRV 10 100 80 abcd.web."), ours: says(0, "_http._tcp.web. 30 IN SRV 0 100 81 web."), mismatch: "SRV"},
		"an upstream":          {q: outside, old: says(0, "example.org. 30 IN A 192.0.2.1"), ours: says(0, "example.org. 30 IN A 192.0.2.2"), explained: "upstream"},
		"an upstream refuses":  {q: outside, old: says(0, "example.org. 30 IN A 192.0.2.1"), ours: says(dns.RcodeRefused), mismatch: "ours REFUSED"},
		"the old one is away":  {q: a, old: Response{Problem: "i/o timeout"}, ours: says(0, one), explained: "the old server does not answer"},
		"the old one fails":    {q: a, old: says(dns.RcodeServerFailure), ours: says(0, one), explained: "the old server does not answer"},
		"ours does not answer": {q: a, old: says(0, one), ours: Response{Problem: "i/o timeout"}, mismatch: "ours does not answer: i/o timeout"},
		"nobody answers":       {q: outside, old: Response{Problem: "i/o timeout"}, ours: Response{Problem: "i/o timeout"}, explained: "neither"},
	} {
		explained, mismatch := Compare(test.q, test.old, test.ours)
		if (explained == "") != (test.explained == "") || !strings.Contains(explained, test.explained) || (mismatch == "") != (test.mismatch == "") || !strings.Contains(mismatch, test.mismatch) {
			t.Errorf("%s: explained %q, mismatch %q, want %q, %q", name, explained, mismatch, test.explained, test.mismatch)
		}
	}
}
