// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command coredns is CoreDNS with the plugins that clusters use and clusterdns.
//
// It runs as CoreDNS does and has one mode more: with -check it says whether
// a Corefile is good, without listening and without touching the network.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/coredns/coredns/coremain"

	"github.com/clusterdns/clusterdns/cmd/coredns/internal/check"
)

func main() {
	checking := flag.Bool("check", false,
		"Say whether the Corefile is good, without listening or touching the network, and exit with 0 (good) or 1; -conf may be - for stdin")
	flag.Parse()
	if *checking {
		os.Exit(check.Command{
			Conf:       flag.Lookup("conf").Value.String(),
			Args:       flag.Args(),
			Directives: directives,
			InTree:     inTree,
			Stdin:      os.Stdin,
			Stdout:     os.Stdout,
		}.Run())
	}
	limitMemory()
	coremain.Run()
}

// limitMemory makes the garbage collector keep to what the container may have,
// unless GOMEMLIMIT says something else. Without a limit nothing changes.
func limitMemory() {
	if _, err := memlimit.Set(); err != nil {
		log.Printf("[WARNING] GOMEMLIMIT is not set from the memory limit of the container: %v", err)
	}
}
