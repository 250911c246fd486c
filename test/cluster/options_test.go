// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOptionsThatCannotWork(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, assets string
		opts         Options
		want         []string
	}{
		{"no directory", "", Options{}, []string{"no state directory given"}},
		{"directory is a file", "", Options{Dir: file}, []string{"making the state directory", file}},
		{"not built", "", Options{Dir: t.TempDir(), Bin: "/no/bin"}, []string{"/no/bin: no etcd, kube-apiserver, kube-controller-manager there", "cluster build"}},
		{"no folder of programs", "", Options{Dir: t.TempDir()}, []string{"no directory with the Kubernetes programs given"}},
		{"empty assets", "/no/assets", Options{Dir: t.TempDir()}, []string{"/no/assets: no etcd, kube-apiserver there", AssetsEnv}},
		{"no CIDR", "", Options{Dir: t.TempDir(), ServiceCIDRs: "10.96.0.0"}, []string{`service CIDRs "10.96.0.0"`}},
		{"two of a family", "", Options{Dir: t.TempDir(), ServiceCIDRs: "10.96.0.0/16,10.97.0.0/16"}, []string{"an IPv4 and an IPv6 one"}},
		{"too many nodes", "", Options{Dir: t.TempDir(), Nodes: &NodeOptions{Count: 201}}, []string{"201 nodes: there can be 0 to 200"}},
		{"unknown CNI", "", Options{Dir: t.TempDir(), Nodes: &NodeOptions{CNI: "vlan"}}, []string{`CNI "vlan": there are bridge and ptp`}},
		{"unknown proxy mode", "", Options{Dir: t.TempDir(), Nodes: &NodeOptions{ProxyMode: "ipvs"}}, []string{`proxy mode "ipvs": there are nftables and iptables`}},
		{"nodes in a long path", "", Options{Dir: filepath.Join(t.TempDir(), strings.Repeat("long", 20)), Nodes: &NodeOptions{}}, []string{"characters too long"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv(AssetsEnv, tc.assets)
			_, err := Start(t.Context(), tc.opts)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not contain %q", err, want)
				}
			}
		})
	}
}

func TestNoCluster(t *testing.T) {
	for _, dir := range []string{filepath.Join(t.TempDir(), "missing"), t.TempDir()} {
		_, kubeconfig := Kubeconfig(dir)
		_, status := Inspect(t.Context(), dir)
		for _, err := range []error{kubeconfig, status} {
			if err == nil || !strings.Contains(err.Error(), dir+" holds no cluster") {
				t.Errorf("got %v", err)
			}
		}
	}
}

func TestPorts(t *testing.T) {
	var a, b, c int
	if err := choosePorts(&a, &b, &c); err != nil {
		t.Fatal(err)
	}
	if a == b || b == c || a == c {
		t.Errorf("chose %d, %d, %d", a, b, c)
	}
	same, twice := a, a
	if err := choosePorts(&same, &twice); err != nil {
		t.Fatal(err)
	}
	if same != a || twice == a {
		t.Errorf("of %d and %d became %d and %d", a, a, same, twice)
	}
}

func TestFileNames(t *testing.T) {
	seen := map[string]string{}
	for _, user := range []string{"bob", "bob,dev", "b/ob", "b:ob", "../../etc", strings.Repeat("x", 300)} {
		name, groups, _ := strings.Cut(user, ",")
		got := fileName(name, strings.Fields(groups))
		if strings.ContainsAny(got, "/: ") || strings.HasPrefix(got, ".") || len(got) > 60 {
			t.Errorf("%q: got %q", user, got)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%q and %q: both are %q", user, other, got)
		}
		seen[got] = user
	}
}
