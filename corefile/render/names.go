// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
)

// log has queries in the log.
func (w *writer) log() {
	o := w.spec.Observability
	if o == nil || o.Log == nil {
		return
	}
	zones := words(o.Log.Zones)
	if len(zones) == 0 {
		zones = []string{"."}
	}
	classes := words(o.Log.Classes)
	for i, c := range classes {
		classes[i] = strings.ToLower(c)
	}
	w.put("log", zones...).option("class", classes...)
}

// hosts are names with addresses of their own. What they do not have is asked
// for as if they were not there.
func (w *writer) hosts() {
	if len(w.spec.Hosts) == 0 {
		return
	}
	w.conflict("hosts", "hosts", true)
	if w.replaced("hosts") {
		return
	}
	w.at("hosts").put("hosts")
	for _, h := range w.spec.Hosts {
		for _, a := range h.Addresses {
			w.option(string(a), string(h.Name))
		}
	}
	w.option("fallthrough")
}

// rewrites change the names that are asked for. The answer has the name of the
// question again.
func (w *writer) rewrites() {
	for i, r := range w.spec.Rewrites {
		next := "continue"
		if r.Stop {
			next = "stop"
		}
		w.at(fmt.Sprintf("rewrites[%d]", i)).put("rewrite", next, "name", strings.ToLower(string(r.Kind)), r.From, r.To, "answer", "auto")
	}
}

// Zones returns the zones that are answered for or forwarded, and the fields
// that say so.
func Zones(spec *v1alpha1.ClusterDNSSpec, facts Facts) []v1alpha1.ZoneStatus {
	origin := "the cluster"
	if spec.ClusterDomain != "" {
		origin = "clusterDomain"
	}
	zones := []v1alpha1.ZoneStatus{{Zone: ClusterDomain(spec, facts), Origin: origin}}
	if c := spec.Cluster; c != nil {
		for _, z := range c.ClusterSets {
			zones = append(zones, v1alpha1.ZoneStatus{Zone: string(z), Origin: "cluster.clusterSets"})
		}
	}
	for _, s := range spec.StubZones {
		for _, z := range s.Zones {
			zones = append(zones, v1alpha1.ZoneStatus{Zone: string(z), Origin: fmt.Sprintf("stubZones[%s]", s.Name)})
		}
	}
	zones = append(zones, extraZones(spec)...)
	origin = "upstreams"
	if spec.Upstreams == nil {
		origin = "the default"
	}
	return append(zones, v1alpha1.ZoneStatus{Zone: ".", Origin: origin})
}

// extraZones returns those of the server blocks in extra.
func extraZones(spec *v1alpha1.ClusterDNSSpec) []v1alpha1.ZoneStatus {
	if spec.Extra == nil {
		return nil
	}
	f, err := corefile.Parse(spec.Extra.Blocks)
	if err != nil {
		return nil
	}
	var zones []v1alpha1.ZoneStatus
	for _, b := range f.ServerBlocks() {
		for _, z := range b.Zones() {
			zones = append(zones, v1alpha1.ZoneStatus{Zone: z, Origin: "extra.blocks"})
		}
	}
	return zones
}
