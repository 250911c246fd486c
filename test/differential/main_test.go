// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/autopath"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/chaos"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/plugin/pkg/log"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/rewrite"
	_ "github.com/coredns/coredns/plugin/template"
	_ "github.com/coredns/coredns/plugin/transfer"

	_ "github.com/clusterdns/clusterdns/plugin"
)

// ledger is the list of differences, for the whole run.
var ledger *Ledger

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	flag.Parse()
	dnsserver.Quiet = true // CoreDNS' own flags, which are linked, have reset it
	if !testing.Verbose() {
		log.Discard()
	}
	f, err := os.Open("divergences.txt")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer f.Close()
	if ledger, err = NewLedger(f, Rules); err != nil {
		fmt.Fprintln(os.Stderr, "divergences.txt:", err)
		return 1
	}
	code := m.Run()
	if !whole() {
		return code
	}
	for _, what := range ledger.Stale() {
		fmt.Fprintln(os.Stderr, "divergences.txt:", what)
		code = 1
	}
	return code
}

// whole reports whether all tests run, so that every line of the list has had its chance.
func whole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return *seed == 0
}
