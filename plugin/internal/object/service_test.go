// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// same compares what the From functions return: nil and empty are the same.
var same = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()}

var (
	label63   = strings.Repeat("a", 63)
	label64   = strings.Repeat("a", 64)
	kelvin    = "\u212a" // is "k" in lower case, and no letter of ASCII
	demoWeb   = metav1.ObjectMeta{Namespace: "demo", Name: "web"}
	notLabels = map[string]string{
		"empty":         "",
		"64 octets":     label64,
		"dot":           "a.b",
		"escape":        `a\.b`,
		"upper case":    "Web",
		"space":         "a b",
		"star":          "*",
		"slash":         "a/b",
		"not ASCII":     "\u00fcber",
		"not UTF-8":     "\xff",
		"NUL":           "a\x00",
		"Kelvin sign":   kelvin + "8s",
		"trailing dot":  "web.",
		"only dots":     "..",
		"percent":       "a%b",
		"at sign":       "a@b",
		"colon":         "a:b",
		"newline":       "a\nb",
		"300 octets":    strings.Repeat("a", 300),
		"quotation":     `"a"`,
		"parentheses":   "(a)",
		"trailing zero": "a\x00\x00",
	}
)

func addrs(ss ...string) []netip.Addr {
	out := make([]netip.Addr, 0, len(ss))
	for _, s := range ss {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// A result is what a From function returns.
type result[T any] struct {
	Object  T
	Skipped []object.Skip
	OK      bool
}

func TestFromService(t *testing.T) {
	web := object.Service{Namespace: "demo", Name: "web"}
	with := func(f func(*object.Service)) object.Service {
		s := web
		f(&s)
		return s
	}
	ports := func(ps ...corev1.ServicePort) corev1.ServiceSpec {
		return corev1.ServiceSpec{ClusterIP: "10.96.0.1", Ports: ps}
	}
	one := addrs("10.96.0.1")
	tests := map[string]struct {
		in   corev1.Service
		want result[object.Service]
	}{
		"cluster IP": {
			corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.0.1", ClusterIPs: []string{"10.96.0.1"},
				Ports: []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80}},
			}},
			result[object.Service]{with(func(s *object.Service) {
				s.ClusterIPs, s.Ports = one, []object.Port{{Name: "http", Protocol: "tcp", Number: 80}}
			}), nil, true},
		},
		"dual stack": {
			corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.1", ClusterIPs: []string{"10.96.0.1", "fd00::1"}}},
			result[object.Service]{with(func(s *object.Service) { s.ClusterIPs = addrs("10.96.0.1", "fd00::1") }), nil, true},
		},
		"only the old field": {
			corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{ClusterIP: "fd00::1"}},
			result[object.Service]{with(func(s *object.Service) { s.ClusterIPs = addrs("fd00::1") }), nil, true},
		},
		"node port": {
			corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort, ClusterIP: "10.96.0.1"}},
			result[object.Service]{with(func(s *object.Service) { s.ClusterIPs = one }), nil, true},
		},
		"load balancer": {
			corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, ClusterIP: "10.96.0.1", ExternalName: "ignored.example.org"}},
			result[object.Service]{with(func(s *object.Service) { s.ClusterIPs = one }), nil, true},
		},
		"nothing but a name": {
			corev1.Service{ObjectMeta: demoWeb},
			result[object.Service]{web, nil, true},
		},
		"cluster IP twice": {
			corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{ClusterIPs: []string{"10.96.0.1", "10.96.0.1", "::ffff:10.96.0.1"}}},
			result[object.Service]{with(func(s *object.Service) { s.ClusterIPs = one }), nil, true},
		},
		"cluster IP, IPv4-mapped": {
			corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{ClusterIP: "::ffff:10.96.0.1"}},
			result[object.Service]{with(func(s *object.Service) { s.ClusterIPs = one }), nil, true},
		},
		"cluster IPs that are none": {
			corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{ClusterIPs: []string{
				"", "10.96.0", "010.96.0.1", "10.96.0.1/32", "fe80::1%eth0", " 10.96.0.1", "web.example.org", "10.96.0.1",
			}}},
			result[object.Service]{with(func(s *object.Service) { s.ClusterIPs = one }), repeat(object.SkipAddress, 7), true},
		},
		"headless": {
			corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Ports: []corev1.ServicePort{{Port: 80}}}},
			result[object.Service]{with(func(s *object.Service) {
				s.Type, s.Ports = object.Headless, []object.Port{{Protocol: "tcp", Number: 80}}
			}), nil, true},
		},
		"headless by the list": {
			corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{ClusterIPs: []string{corev1.ClusterIPNone}}},
			result[object.Service]{with(func(s *object.Service) { s.Type = object.Headless }), nil, true},
		},
		"ports": {
			corev1.Service{ObjectMeta: demoWeb, Spec: ports(
				corev1.ServicePort{Name: "DNS", Protocol: corev1.ProtocolUDP, Port: 53},
				corev1.ServicePort{Name: "dns-tcp", Port: 53},
				corev1.ServicePort{Protocol: corev1.ProtocolSCTP, Port: 65535},
				corev1.ServicePort{Protocol: "Odd", Port: 1},
			)},
			result[object.Service]{with(func(s *object.Service) {
				s.ClusterIPs = one
				s.Ports = []object.Port{{Name: "dns", Protocol: "udp", Number: 53}, {Name: "dns-tcp", Protocol: "tcp", Number: 53}, {Protocol: "sctp", Number: 65535}, {Protocol: "odd", Number: 1}}
			}), nil, true},
		},
		"ports out of range": {
			corev1.Service{ObjectMeta: demoWeb, Spec: ports(
				corev1.ServicePort{Port: 0}, corev1.ServicePort{Port: -1}, corev1.ServicePort{Port: 70000},
				corev1.ServicePort{Port: 65536}, corev1.ServicePort{Port: 65537}, corev1.ServicePort{Port: 1 << 30}, corev1.ServicePort{Name: "ok", Port: 8080},
			)},
			result[object.Service]{with(func(s *object.Service) {
				s.ClusterIPs, s.Ports = one, []object.Port{{Name: "ok", Protocol: "tcp", Number: 8080}}
			}), repeat(object.SkipPort, 6), true},
		},
		"longest names": {
			corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: label63, Name: label63}},
			result[object.Service]{object.Service{Namespace: label63, Name: label63}, nil, true},
		},
		"name begins with a digit": {
			corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "1", Name: "1web"}},
			result[object.Service]{object.Service{Namespace: "1", Name: "1web"}, nil, true},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := tc.in.DeepCopy()
			got, skipped, ok := object.FromService(&tc.in)
			if diff := cmp.Diff(tc.want, result[object.Service]{got, skipped, ok}, same); diff != "" {
				t.Errorf("FromService (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, &tc.in); diff != "" {
				t.Errorf("FromService changed its argument:\n%s", diff)
			}
		})
	}
}

func TestFromServiceExternalName(t *testing.T) {
	fqdn253 := strings.Repeat(strings.Repeat("a", 62)+".", 4) + "b" // 253 octets
	tests := map[string]struct {
		in   string
		want string // "" if it is refused
	}{
		"name":                    {"db.example.org", "db.example.org."},
		"trailing dot":            {"db.example.org.", "db.example.org."},
		"case is kept":            {"DB.Example.ORG", "DB.Example.ORG."},
		"one label":               {"localhost", "localhost."},
		"underscore":              {"_dmarc.example.org", "_dmarc.example.org."},
		"numbers, no address":     {"1.2.3", "1.2.3."},
		"253 octets":              {fqdn253, fqdn253 + "."},
		"253 octets and a dot":    {fqdn253 + ".", fqdn253 + "."},
		"254 octets":              {"x" + fqdn253, ""},
		"300 octets":              {strings.Repeat("a.", 150), ""},
		"label of 63 octets":      {label63 + ".example.org", label63 + ".example.org."},
		"label of 64 octets":      {label64 + ".example.org", ""},
		"empty":                   {"", ""},
		"root":                    {".", ""},
		"two trailing dots":       {"example.org..", ""},
		"leading dot":             {".example.org", ""},
		"empty label":             {"db..example.org", ""},
		"IPv4":                    {"192.0.2.1", ""},
		"IPv4 and a dot":          {"192.0.2.1.", ""},
		"IPv6":                    {"2001:db8::1", ""},
		"IPv6 in brackets":        {"[2001:db8::1]", ""},
		"IPv6 with zone":          {"fe80::1%eth0", ""},
		"space":                   {"db example.org", ""},
		"leading space":           {" db.example.org", ""},
		"newline":                 {"db.example.org\n", ""},
		"wildcard":                {"*.example.org", ""},
		"escape":                  {`a\.b.example.org`, ""},
		"decimal escape":          {`a\046b.example.org`, ""},
		"backslash at the end":    {`example.org\`, ""},
		"URL":                     {"https://example.org/", ""},
		"host and port":           {"example.org:443", ""},
		"mail address":            {"hostmaster@example.org", ""},
		"not ASCII":               {"b\u00fccher.example.org", ""},
		"not UTF-8":               {"\xff.example.org", ""},
		"long label in mid":       {"a." + label64 + ".org", ""},
		"quotation marks":         {`"example.org"`, ""},
		"semicolon is a comment":  {"example.org;x", ""},
		"parenthesis":             {"(example.org", ""},
		"dollar":                  {"$ORIGIN.example.org", ""},
		"label that is a hyphen":  {"-.example.org", "-.example.org."},
		"A-label":                 {"xn--bcher-kva.example.org", "xn--bcher-kva.example.org."},
		"NUL":                     {"a\x00.example.org", ""},
		"127 labels, 253 octets":  {strings.Repeat("a.", 126) + "a", strings.Repeat("a.", 127)},
		"128 labels":              {strings.Repeat("a.", 127) + "a", ""},
		"in-cluster name":         {"web.demo.svc.cluster.example.org", "web.demo.svc.cluster.example.org."},
		"IPv4-mapped":             {"::ffff:192.0.2.1", ""},
		"looks like IPv4 in hex":  {"0x7f000001", "0x7f000001."},
		"IPv4 with leading zeros": {"192.000.002.001", "192.000.002.001."},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			in := &corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeExternalName, ExternalName: tc.in,
				ClusterIP: "10.96.0.1", ClusterIPs: []string{"10.96.0.1"}, Ports: []corev1.ServicePort{{Port: 80}, {Port: -1}},
			}}
			before := in.DeepCopy()
			want := result[object.Service]{object.Service{Namespace: "demo", Name: "web", Type: object.ExternalName, ExternalName: tc.want}, nil, true}
			if tc.want == "" {
				want.Skipped = []object.Skip{object.SkipExternal}
			}
			got, skipped, ok := object.FromService(in)
			if diff := cmp.Diff(want, result[object.Service]{got, skipped, ok}, same); diff != "" {
				t.Errorf("FromService (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, in); diff != "" {
				t.Errorf("FromService changed its argument:\n%s", diff)
			}
		})
	}
}

// TestBugExternalNameWithKelvinSign: labels are folded with the rules of
// Unicode, not with those of ASCII (RFC 4343), before they are looked at. The
// Kelvin sign passes as a k, and the name that is kept is not the one that was
// looked at: one octet became three, so a label may be too long for a message.
func TestBugExternalNameWithKelvinSign(t *testing.T) {
	in := &corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeExternalName, ExternalName: strings.Repeat(kelvin, 60) + ".example.org",
	}}
	got, skipped, _ := object.FromService(in)
	if got.ExternalName != "" || !cmp.Equal(skipped, []object.Skip{object.SkipExternal}) {
		t.Errorf("externalName %q is taken as %q, skipped %v, want %v", in.Spec.ExternalName, got.ExternalName, skipped, object.SkipExternal)
	}
}

func TestNamesThatAreNoLabels(t *testing.T) {
	for name, in := range notLabels {
		t.Run(name, func(t *testing.T) {
			for _, meta := range []metav1.ObjectMeta{{Namespace: "demo", Name: in}, {Namespace: in, Name: "web"}} {
				want := []object.Skip{object.SkipName}
				if _, skipped, ok := object.FromService(&corev1.Service{ObjectMeta: meta}); ok || !cmp.Equal(skipped, want) {
					t.Errorf("FromService(%q/%q) = %v, %t, want %v, false", meta.Namespace, meta.Name, skipped, ok, want)
				}
			}
			if _, skipped, ok := object.FromNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: in}}); ok || len(skipped) != 1 {
				t.Errorf("FromNamespace(%q) = %v, %t", in, skipped, ok)
			}
		})
	}
}

func TestFromNamespace(t *testing.T) {
	tests := map[string]struct {
		in   string
		want result[string]
	}{
		"name":       {"demo", result[string]{"demo", nil, true}},
		"digits":     {"1", result[string]{"1", nil, true}},
		"63 octets":  {label63, result[string]{label63, nil, true}},
		"64 octets":  {label64, result[string]{"", []object.Skip{object.SkipName}, false}},
		"upper case": {"Demo", result[string]{"", []object.Skip{object.SkipName}, false}},
		"dots":       {"a.b", result[string]{"", []object.Skip{object.SkipName}, false}},
		"empty":      {"", result[string]{"", []object.Skip{object.SkipName}, false}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, skipped, ok := object.FromNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tc.in}})
			if diff := cmp.Diff(tc.want, result[string]{got, skipped, ok}, same); diff != "" {
				t.Errorf("FromNamespace(%q) (-want +got):\n%s", tc.in, diff)
			}
		})
	}
}

func repeat(s object.Skip, n int) []object.Skip {
	out := make([]object.Skip, n)
	for i := range out {
		out[i] = s
	}
	return out
}

// TestFromServiceTTL: the annotation counts only if it is a TTL.
func TestFromServiceTTL(t *testing.T) {
	for text, want := range map[string]object.TTL{
		"0": {Own: true}, "30": {Seconds: 30, Own: true}, "3600": {Seconds: 3600, Own: true},
		"": {}, "3601": {}, "-1": {}, "5s": {}, "1.5": {}, " 5": {},
	} {
		in := corev1.Service{ObjectMeta: demoWeb}
		in.Annotations = map[string]string{object.TTLAnnotation: text}
		got, skipped, ok := object.FromService(&in)
		var wantSkipped []object.Skip
		if !want.Own {
			wantSkipped = []object.Skip{object.SkipTTL}
		}
		if got.TTL != want || !ok || !cmp.Equal(skipped, wantSkipped) {
			t.Errorf("%q is taken as %+v, skipped %v", text, got.TTL, skipped)
		}
	}
}

func TestFromServiceTraffic(t *testing.T) {
	for text, want := range map[string]object.Traffic{
		"PreferClose": object.SameZone, "PreferSameZone": object.SameZone, "PreferSameNode": object.SameNode, "": object.Anywhere, "Other": object.Anywhere,
	} {
		in := corev1.Service{ObjectMeta: demoWeb, Spec: corev1.ServiceSpec{TrafficDistribution: &text}}
		if got, _, _ := object.FromService(&in); got.Traffic != want {
			t.Errorf("%q is taken as %d, want %d", text, got.Traffic, want)
		}
	}
}
