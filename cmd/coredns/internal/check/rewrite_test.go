// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUpstreamName(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "resolv.conf", "nameserver 192.0.2.53\n")
	write(t, dir, "none.conf", "# no nameserver\n")
	t.Chdir(dir)
	tests := map[string]string{
		"192.0.2.53":                            "",
		"192.0.2.53:5353":                       "",
		"[2001:db8::1]:53":                      "",
		"2001:db8::1":                           "",
		"tls://192.0.2.53%sni":                  "",
		"resolv.conf":                           "",
		"none.conf":                             "",
		"unix:///run/dns.sock":                  "",
		"grpc://dns.example.org":                "",
		"https://dns.example/path":              "",
		"":                                      "",
		"a..b":                                  "",
		"dns.example.org":                       "|dns.example.org|",
		"dns.example.org:5353":                  "|dns.example.org|:5353",
		"dns://dns.example.org":                 "dns://|dns.example.org|",
		"tls://dns.example.org%sni.example.org": "tls://|dns.example.org|%sni.example.org",
		"tls://dns.example.org%sni.example.org:853": "tls://|dns.example.org|%sni.example.org:853",
		"quic://dns.example.org:853":                "quic://|dns.example.org|:853",
		"https://dns.example.org":                   "https://|dns.example.org|",
		"192.0.2.300":                               "|192.0.2.300|",
		"/etc/gone/resolv.conf":                     "|/etc/gone/resolv.conf|",
	}
	for to, want := range tests {
		t.Run(to, func(t *testing.T) {
			got := ""
			if before, name, after, ok := upstreamName(to); ok {
				got = before + "|" + name + "|" + after
			}
			if got != want {
				t.Errorf("want %q, got %q", want, got)
			}
		})
	}
}

func TestInterfaceName(t *testing.T) {
	tests := map[string]bool{
		"eth0": true, "lo": true, "eth0.100": true, "br-a1b2c3d4e5f6": true,
		"": false, "localhost": false, "10.0.0.300": false, "1053": false, "ns.example.org": false, "fe80::1%eth0": false, "}": false,
		"a-very-long-interface": false,
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			if got := interfaceName(name); got != want {
				t.Errorf("want %v, got %v", want, got)
			}
		})
	}
}

func TestRewrite(t *testing.T) {
	tests := map[string]struct {
		text  string
		want  string
		notes []string
	}{
		"left alone": {"cache 30 example.org", "cache 30 example.org", nil},
		"forward": {
			"forward . 192.0.2.53 a.example.org:5353 tls://b.example.org {\n except c.example.org\n}",
			"forward . 192.0.2.53 192.0.2.1:5353 tls://192.0.2.1 { except c.example.org }",
			[]string{
				"Corefile:1: note: plugin/forward: a.example.org is not resolved here",
				"Corefile:1: note: plugin/forward: b.example.org is not resolved here",
			},
		},
		"forward mistakes": {
			"forward . 192.0.2.300 /gone/resolv.conf", "forward . 192.0.2.1 192.0.2.1",
			[]string{
				`Corefile:1: plugin/forward: "192.0.2.300" is neither an IP address nor a host name: a name does not end in a number`,
				`Corefile:1: plugin/forward: "/gone/resolv.conf" is neither an IP address nor a file that can be read here`,
			},
		},
		"bind": {
			"bind eth0 127.0.0.1 eth1 localhost {\n except eth0\n}",
			"bind 198.18.0.1 127.0.0.1 198.18.0.2 localhost { except 198.18.0.1 }",
			[]string{
				"Corefile:1: note: plugin/bind: interface eth0 is not looked up here",
				"Corefile:1: note: plugin/bind: interface eth1 is not looked up here",
				"Corefile:2: note: plugin/bind: interface eth0 is not looked up here",
			},
		},
		"dnssec": {
			"dnssec example.org {\n key aws_secretsmanager a b\n key aws_secretsmanager\n cache_capacity 9\n}",
			"dnssec example.org { key aws_secretsmanager cache_capacity 9 }",
			[]string{"Corefile:2: note: plugin/dnssec: keys of aws_secretsmanager are not fetched here"},
		},
		"in-cluster":           {"kubernetes", "kubernetes { endpoint http://192.0.2.1:1 }", nil},
		"in-cluster with zone": {"clusterdns cluster.local", "clusterdns cluster.local { endpoint http://192.0.2.1:1 }", nil},
		"in-cluster with block": {
			"kubernetes cluster.local {\n pods insecure\n}",
			"kubernetes cluster.local { endpoint http://192.0.2.1:1 pods insecure }", nil,
		},
		"empty block": {"kubernetes { }", "kubernetes { endpoint http://192.0.2.1:1 }", nil},
		"kubeconfig": {
			"clusterdns {\n kubeconfig /gone/kubeconfig admin\n ttl 5\n}",
			"clusterdns { endpoint http://192.0.2.1:1 ttl 5 }",
			[]string{"Corefile:2: note: plugin/clusterdns: /gone/kubeconfig does not exist here"},
		},
		"endpoint and tls": {
			"kubernetes {\n endpoint https://10.0.0.1:6443\n tls /gone/a /gone/b /gone/c\n}",
			"kubernetes { endpoint http://192.0.2.1:1 }",
			[]string{
				"Corefile:3: note: plugin/kubernetes: /gone/a does not exist here",
				"Corefile:3: note: plugin/kubernetes: /gone/b does not exist here",
				"Corefile:3: note: plugin/kubernetes: /gone/c does not exist here",
			},
		},
		"wrong number of arguments": {
			"kubernetes {\n kubeconfig\n endpoint\n tls a b\n}",
			"kubernetes { endpoint http://192.0.2.1:1 kubeconfig endpoint tls a b }", nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tokens := lex("Corefile", []byte(tt.text))
			before := words(tokens)
			r := newRewriter()
			got := words(r.rewrite(tokens[0].Text, tokens))
			if got != tt.want {
				t.Errorf("want %q, got %q", tt.want, got)
			}
			var notes []string
			for _, d := range r.found {
				notes = append(notes, d.String())
			}
			if diff := cmp.Diff(tt.notes, notes); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			if after := words(tokens); after != before {
				t.Errorf("the argument changed from %q to %q", before, after)
			}
		})
	}
}

// What the copy puts in must not be read as arguments of what is next to it.
func TestRewriteKeepsLines(t *testing.T) {
	tokens := lex("Corefile", []byte("kubernetes cluster.local {\n pods insecure\n}"))
	got := join(lines(newRewriter().rewrite("kubernetes", tokens)))
	want := []string{"kubernetes cluster.local { endpoint http://192.0.2.1:1", "pods insecure", "}"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
