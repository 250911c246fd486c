// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String returns what was discovered for people, a line for each.
func (d Discovery) String() string {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("DNS", "%s", strings.TrimSpace(cmp.Or(string(d.Flavour), "unknown")+" "+d.Version))
	line("provider", "%s", cmp.Or(d.Provider, "unknown"))
	switch {
	case d.Ours:
		line("serves", "the ClusterDNS")
	case d.Serving:
		line("serves", "the old DNS")
	default:
		line("serves", "nobody")
	}
	for _, w := range d.Workloads {
		line("workload", "%s/%s, %d replicas: %s", w.Kind, w.Name, w.Replicas, strings.Join(w.Images, ", "))
	}
	for _, s := range d.Servers {
		line("server", "%s", s)
	}
	for _, s := range d.Services {
		line("service", "%s%s", s.Name, map[bool]string{true: " (DNS)"}[s.DNS])
	}
	for _, n := range d.NetworkPolicies {
		line("policy", "%s", n)
	}
	for _, n := range d.Budgets {
		line("budget", "%s", n)
	}
	for _, a := range d.Autoscalers {
		line("autoscaler", "%s of %s%s%s", a.Name, a.Target, map[bool]string{true: ", idle"}[a.Idle], map[bool]string{true: ", made by ScaledObject " + a.ScaledObject}[a.ScaledObject != ""])
	}
	if n := d.NodeLocal; n != nil {
		line("node cache", "%s", n)
	}
	for _, m := range d.Managers {
		line("manager", "%s: %s", m.Name, strings.Join(m.Objects, ", "))
	}
	return b.String()
}

// String returns name, address, state, workload and ports.
func (s Server) String() string {
	words := []string{s.Name}
	if s.Address.IsValid() {
		words = append(words, s.Address.String())
	}
	words = append(words, map[bool]string{true: "ready", false: "not ready"}[s.Ready])
	words = append(words, "of "+cmp.Or(s.Workload, "nobody"))
	for _, name := range slices.Sorted(maps.Keys(s.Ports)) {
		words = append(words, name+"="+s.Ports[name])
	}
	return strings.Join(words, " ")
}

// String returns where it listens, and whom it asks.
func (n *NodeLocal) String() string {
	text := "DaemonSet/" + n.DaemonSet
	for _, a := range n.Addresses {
		text += " " + a.String()
	}
	if n.Upstream != "" {
		text += ", asks " + n.Upstream
	}
	if n.Around {
		text += ", and the node's servers for names outside"
	}
	return text
}
