// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net/netip"
	"strings"
	"testing"
)

// adapted returns the Corefile of a Pod that has also the files of its volume
// below /etc/coredns, and these as they are then.
func adapted(text string, others files) (string, files) {
	all := files{"/pod/volumes/config/Corefile": []byte(text)}
	for name, other := range others {
		all["/pod/volumes/config/"+name] = other
	}
	a := adapter{
		address:    netip.MustParseAddr("127.244.0.2"),
		kubeconfig: "/kubeconfig",
		mounts:     mounts{{resolvConf, "/upstreams"}, {"/etc/coredns", "/pod/volumes/config"}},
		values:     map[string]string{"ZONE": "example.org:53", "TEXT": "two words"},
		folder:     "/pod/volumes/config",
		files:      all,
		done:       make(map[string]bool),
	}
	a.adapt("/pod/volumes/config/Corefile")
	return string(all["/pod/volumes/config/Corefile"]), all
}

func TestAdapt(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{
			"a usual Corefile",
			`.:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    clusterdns cluster.local in-addr.arpa {
        pods verified
    }
    prometheus :9153
    forward . /etc/resolv.conf 10.244.0.3
}
`, `.:1053 {
    bind 127.244.0.2
    errors
    health 127.244.0.2:8080 {
        lameduck 5s
    }
    ready 127.244.0.2:8181
    clusterdns cluster.local in-addr.arpa {
        pods verified
        kubeconfig /kubeconfig
    }
    prometheus 127.244.0.2:9153
    forward . /upstreams 10.244.0.3
}
`,
		},
		{
			"keys",
			"example.org, 10.0.0.0/8:5300 tls://example.net {\n    whoami\n}\n",
			"example.org:1053 10.0.0.0/8:5300 tls://example.net:1853 {\n    bind 127.244.0.2\n    whoami\n}\n",
		},
		{
			"bind is replaced, in snippets too, and localhost is no address for all Pods",
			"(all) {\n    bind 0.0.0.0\n    prometheus localhost:80\n}\n. {\n    import all\n    bind 10.0.0.1\n    clusterdns\n}\n",
			"(all) {\n    prometheus 127.244.0.2:1080\n}\n.:1053 {\n    bind 127.244.0.2\n    import all\n    clusterdns {\n        kubeconfig /kubeconfig\n    }\n}\n",
		},
		{
			"variables",
			"{$ZONE} {\n    template {$TEXT} {%ZONE%}\n}\n",
			"example.org:1053 {\n    bind 127.244.0.2\n    template {$TEXT} example.org:53\n}\n",
		},
		{
			"files of a volume",
			". {\n    file /etc/coredns/db.example.org example.org\n    tls /etc/coredns-other/crt\n    kubernetes {\n        endpoint http://127.0.0.1\n    }\n}\n",
			".:1053 {\n    bind 127.244.0.2\n    file /pod/volumes/config/db.example.org example.org\n    tls /etc/coredns-other/crt\n    kubernetes {\n        endpoint http://127.0.0.1\n    }\n}\n",
		},
		{
			"what is no Corefile is for CoreDNS to refuse",
			".:53 {\n    errors\n",
			".:53 {\n    errors\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, _ := adapted(c.text, nil); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func TestAdaptImports(t *testing.T) {
	got, all := adapted("import /etc/coredns/*.server\n. {\n    import /etc/coredns/*.override\n    import ./c.relative\n}\n", files{
		"a.server":   []byte("example.org {\n    health\n}\n"),
		"b.override": []byte("bind 10.0.0.1\nready\nforward . /etc/resolv.conf\n"),
		"c.relative": []byte("health\n"),
		"unused":     []byte("example.org {\n}\n"),
	})
	want := "import /pod/volumes/config/*.server\n.:1053 {\n    bind 127.244.0.2\n    import /pod/volumes/config/*.override\n    import ./c.relative\n}\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	for name, want := range map[string]string{
		"a.server":   "example.org:1053 { bind 127.244.0.2 health 127.244.0.2:8080 }",
		"b.override": "ready 127.244.0.2:8181 forward . /upstreams",
		"c.relative": "health 127.244.0.2:8080",
		"unused":     "example.org { }",
	} {
		if got := strings.Join(strings.Fields(string(all["/pod/volumes/config/"+name])), " "); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
