// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what is printed into the scenarios")

func TestMain(m *testing.M) {
	run := func() { os.Exit(program(os.Args, os.Stdin, os.Stdout, os.Stderr)) }
	testscript.Main(m, map[string]func(){"clusterdns": run, "kubectl-clusterdns": run})
}

// TestCommands runs the scenarios of testdata: what people type, and what they see.
func TestCommands(t *testing.T) {
	coredns, err := filepath.Abs("../../bin/coredns")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(coredns); err != nil {
		t.Fatalf("%v: run make build", err)
	}
	testscript.Run(t, testscript.Params{Dir: "testdata", UpdateScripts: *update, Setup: func(e *testscript.Env) error {
		e.Setenv("COREDNS", coredns)
		e.Setenv("KUBECONFIG", "/no/such/kubeconfig")
		return nil
	}})
}

func TestReach(t *testing.T) {
	reach, err := parseReach([]string{"10.244.0.0/24=127.244.0.0/24+1000", "10.0.0.0/9=172.128.0.0/9"})
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"10.244.0.7:53":      "127.244.0.7:1053",
		"10.244.0.255:8181":  "127.244.0.255:8181",
		"10.1.2.3:53":        "172.129.2.3:53",
		"192.0.2.1:53":       "192.0.2.1:53",
		"[2001:db8::1]:9153": "[2001:db8::1]:9153",
	} {
		if got := reach(netip.MustParseAddrPort(from)); got.String() != want {
			t.Errorf("%s is reached at %s, want %s", from, got, want)
		}
	}
	for _, bad := range []string{"", "10.0.0.0/8", "10.0.0.0/8=10.0.0.0/9", "10.0.0.0/8=11.0.0.0/8+x", "fd00::/8=fe00::/8"} {
		if _, err := parseReach([]string{bad}); err == nil {
			t.Errorf("--reach %q is accepted", bad)
		}
	}
}
