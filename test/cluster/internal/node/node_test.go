// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"node1": true, "a": true, "edge-of-town": true,
		"": false, "1node": false, "Node": false, "node-": false, "a.b": false, "a/b": false,
		"thirteenchars": false, "switch": false, "all": false,
	} {
		if got := CheckName(name) == nil; got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}

func TestDirectories(t *testing.T) {
	for dir, want := range map[string]string{
		"/tmp/cluster":                     "",
		"/" + strings.Repeat("a", 52):      "",
		"/" + strings.Repeat("a", 53):      "1 characters too long",
		"/tmp/a state":                     "use another directory",
		"/tmp/" + strings.Repeat("a/", 60): "too long",
	} {
		err := CheckDir(dir)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", dir, err, want)
		}
	}
}

func TestWrite(t *testing.T) {
	n := Node{
		Name: "node1", ID: "id-node1", Dir: filepath.Join(t.TempDir(), "node1"), Run: filepath.Join(t.TempDir(), "run"),
		DNS: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Domain: "cluster.local",
		Pods: []netip.Prefix{netip.MustParsePrefix("10.1.1.0/24"), netip.MustParsePrefix("fd00:1::/64")},
		CNI:  PTP, ProxyMode: IPTables,
		AllPods: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/48")},
	}
	if err := n.Write(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		n.KubeletConfig(): `"clusterDNS":["10.96.0.10"]`,
		n.ProxyConfig():   `"clusterCIDR":"10.1.0.0/16,fd00::/48"`,
		filepath.Join(n.Dir, "cni", "10-clusterdns.conflist"): `"ranges":[[{"subnet":"10.1.1.0/24"}],[{"subnet":"fd00:1::/64"}]],` +
			`"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],"type":"host-local"},"type":"ptp"}`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if compact, _ := json.Marshal(value); !strings.Contains(string(compact), want) {
			t.Errorf("%s lacks %s:\n%s", file, want, compact)
		}
	}
}

// A shim of another node, and whoever merely names our socket, are left alone.
func TestProcessesOfOthers(t *testing.T) {
	n := Node{Run: t.TempDir()}
	const shim = "/some/bin/containerd-shim-runc-v2"
	for _, tc := range []struct {
		name string
		args []string
		want bool
	}{
		{"ours", []string{shim, "-address", n.Socket()}, true},
		{"of another node", []string{shim, "-address", n.Socket() + "x"}, false},
		{"no shim", []string{"tail", "-f", n.Socket()}, false},
	} {
		cmd := &exec.Cmd{Path: "/bin/sh", Args: append([]string{tc.args[0], "-c", "echo; read line"}, tc.args[1:]...)}
		in, _ := cmd.StdinPipe()
		out, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = out.Read(make([]byte, 1)) // it runs
		found := n.Processes()
		got := len(found) == 1 && found[0].PID == cmd.Process.Pid
		if got != tc.want || !got && len(found) > 0 {
			t.Errorf("%s: found %v", tc.name, found)
		}
		in.Close()
		_ = cmd.Wait()
	}
}
