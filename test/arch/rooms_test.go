// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

// A room is a folder of packages and what they may import. Tests are free.
type room struct {
	folder string
	below  bool // the folders below are the same room

	// only, if set, are the modules or packages that may be imported beside the
	// standard library, with what is below them.
	only []string
	// never are those that may not be linked, directly or through others.
	never []string
	// pure rooms take and return values: see [impurities].
	pure bool
}

const (
	clientGo          = "k8s.io/client-go"
	controllerRuntime = "sigs.k8s.io/controller-runtime"
	prometheusModule  = "github.com/prometheus"
	internal          = module + "/plugin/internal/"
)

// nothing but the standard library.
var nothing = []string{}

// rooms are those of the house, with the arrows between them: all point to the
// pure core.
var rooms = []room{
	{folder: "plugin/internal/qname", pure: true, only: []string{"github.com/miekg/dns"}},
	{folder: "plugin/internal/object", pure: true, only: []string{"k8s.io/api"}},
	{folder: "plugin/internal/index", pure: true, only: []string{internal + "object"}},
	{folder: "plugin/internal/answer", pure: true, only: []string{
		internal + "qname", internal + "index", internal + "object", "github.com/miekg/dns",
	}},
	{folder: "plugin/internal/watch", only: []string{
		internal + "object", internal + "index", clientGo, "k8s.io/apimachinery", "k8s.io/api",
	}},

	// Anyone can compile the plugin into their own CoreDNS, and gets nothing but the plugin.
	{folder: "plugin", below: true, never: []string{
		module + "/api", module + "/corefile", module + "/operator", module + "/cmd", module + "/manifests", module + "/test",
		controllerRuntime,
	}},
	{folder: "cmd/coredns", below: true, never: []string{
		module + "/api", module + "/operator", module + "/test", controllerRuntime,
	}},

	{folder: "corefile", pure: true, only: nothing},
	{folder: "corefile/render", below: true, pure: true, never: operand},
	{folder: "corefile/adopt", below: true, pure: true, never: operand},
	{folder: "api", below: true, never: append([]string{
		module + "/corefile", module + "/operator", clientGo,
	}, operand...)},
	{folder: "operator/internal/plan", below: true, pure: true, never: operand},
	{folder: "operator/internal/migration", below: true, pure: true, never: operand},
	// The operator asks the operand's program whether a Corefile is good.
	{folder: "operator", below: true, never: []string{module + "/plugin", module + "/test", coredns}},
	{folder: "cmd/clusterdns", below: true, never: []string{module + "/plugin", module + "/test", coredns}},
}

// operand is what those who only compute with the settings of a DNS server may not link.
var operand = []string{module + "/plugin", module + "/test", coredns, controllerRuntime}
