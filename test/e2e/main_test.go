// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/test/internal/kube"
)

// patience is how long a test waits for what must happen. Pods take seconds to
// start on a busy machine.
const patience = 2 * time.Minute

// world is the cluster that all tests of a run share, or for the time of a test
// that begins with another DNS its own; see bare.
var world *scene

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(fromVariable) == "" {
		os.Exit(testMain(m))
	}
	if run := flag.Lookup("test.run"); run.Value.String() == "" {
		_ = run.Value.Set(fromTests) // a text is always good
	}
	os.Exit(m.Run())
}

func testMain(m *testing.M) int {
	begin := time.Now()
	dir, err := os.MkdirTemp("", "clusterdns-e2e-")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	if world, err = newScene(dir, os.Getenv("E2E_KUBECONFIG"), images); err != nil {
		return failed(err)
	}
	defer world.close()
	if err := world.install(); err != nil {
		world.complain()
		return failed(err)
	}
	progress("the cluster is ready after %s", time.Since(begin).Round(time.Second))
	code := m.Run()
	if code != 0 {
		world.complain()
	}
	return code
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// progress says what goes on.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "e2e: "+format+"\n", args...)
}

func bin(name ...string) string {
	return filepath.Join(append([]string{kube.Root(), "bin"}, name...)...)
}
