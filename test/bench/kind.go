// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

// A kind is one of the servers that are compared.
type kind struct {
	name   string
	binary prog
	plugin string // of CoreDNS
	cache  bool
	bare   bool // no chain around the plugin
}

type prog string

const (
	stockBinary prog = "coredns-stock"
	ourBinary   prog = "coredns"
	nsdBinary   prog = "nsd"
	knotBinary  prog = "knotd"
)

// The servers, in the order of a round.
var (
	stockCache = kind{name: "stock-cache", binary: stockBinary, plugin: "kubernetes", cache: true}
	stock      = kind{name: "stock", binary: stockBinary, plugin: "kubernetes"}
	ours       = kind{name: "ours", binary: ourBinary, plugin: "clusterdns"}
	oursCache  = kind{name: "ours-cache", binary: ourBinary, plugin: "clusterdns", cache: true}
	whoami     = kind{name: "whoami", binary: stockBinary, plugin: "whoami"}
	whoamiBare = kind{name: "whoami-bare", binary: stockBinary, plugin: "whoami", bare: true}
	nsd        = kind{name: "nsd", binary: nsdBinary}
	knot       = kind{name: "knot", binary: knotBinary}

	kinds = []kind{stockCache, stock, ours, oursCache, whoami, whoamiBare, nsd, knot}
)

// clustered reports whether the server reads a cluster.
func (k kind) clustered() bool { return k.plugin == "kubernetes" || k.plugin == "clusterdns" }

// metered reports whether it says what it allocates.
func (k kind) metered() bool { return k.plugin != "" && !k.bare }
