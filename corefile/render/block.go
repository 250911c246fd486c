// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strconv"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
)

// A writer writes directives into a block, and options into the directive that
// was written last. Words that cannot be written are problems of its field.
type writer struct {
	*renderer
	field string
	block *corefile.Block
	last  *corefile.Directive
}

// server appends a server block to the file.
func (r *renderer) server(field string, zones ...string) *writer {
	keys := make([]string, len(zones))
	for i, z := range zones {
		keys[i] = z + ":" + strconv.Itoa(Port(r.spec))
	}
	b, err := corefile.NewServerBlock(keys...)
	if err != nil {
		r.problem(field, err.Error(), "write a domain name")
	}
	r.insert(field, b)
	return &writer{renderer: r, field: field, block: &b.Block}
}

// at returns w with another field to blame.
func (w *writer) at(field string) *writer {
	w.field = field
	return w
}

// put writes a directive.
func (w *writer) put(directive string, args ...string) *writer {
	w.last = w.written(w.block.Add(directive, args...))
	return w
}

// option writes an option of the last directive.
func (w *writer) option(name string, args ...string) *writer {
	if w.last != nil {
		w.written(w.last.Add(name, args...))
	}
	return w
}

// flag writes an option without arguments, if it is set.
func (w *writer) flag(set bool, name string) *writer {
	if set {
		w.option(name)
	}
	return w
}

func (w *writer) written(d *corefile.Directive, err error) *corefile.Directive {
	if err != nil {
		w.problem(w.field, err.Error(), "write it without")
		return nil
	}
	return d
}

// defaultBlock is the server block for the cluster, and for all that has none of its own.
func (r *renderer) defaultBlock() {
	w := r.server("", ".")
	w.verbatim(r.extra.before)
	w.unless("errors", func() { w.put("errors") })
	w.unless("health", w.health)
	w.unless("ready", func() { w.put("ready") })
	w.log()
	w.unless("prometheus", func() { w.put("prometheus", ":9153") })
	w.hosts()
	w.rewrites()
	w.cluster()
	w.conflict("forward", "upstreams", r.spec.Upstreams != nil)
	w.unless("forward", func() { w.at("upstreams").forward(r.spec.Upstreams) })
	w.conflict("cache", "cache", r.spec.Cache != nil)
	w.unless("cache", func() { w.at("cache").cache(r.spec.Cache, r.domain()) })
	w.unless("loop", func() { w.put("loop") })
	w.unless("loadbalance", w.loadbalance)
	w.verbatim(r.extra.after)
}

// health has the servers go on for a while when they are told to end, until
// clients that have not heard of it ask others.
func (w *writer) health() {
	w.put("health")
	if d := Lameduck(w.spec); d > 0 {
		w.option("lameduck", d.String())
	}
}

// loadbalance shuffles answers, unless these are in an order that says something.
func (w *writer) loadbalance() {
	if c := w.spec.Cluster; c == nil || c.Topology == nil || c.Topology.Mode != "Order" {
		w.put("loadbalance")
	}
}

// stubZone is a server block for the zones of z. Names that the cluster has in
// them, which can only be those of addresses, are the cluster's.
func (r *renderer) stubZone(z *v1alpha1.StubZone) {
	field := fmt.Sprintf("stubZones[%s]", z.Name)
	w := r.server(field, words(z.Zones)...)
	if b, ok := r.file.Nodes[len(r.file.Nodes)-1].(*corefile.ServerBlock); ok {
		if err := b.Comment(field); err != nil {
			r.problem(field, err.Error(), "choose another name")
		}
	}
	w.put("errors")
	w.log()
	w.put("prometheus", ":9153")
	w.reverse(z.Zones)
	w.at(field + ".upstreams").forward(&z.Upstreams)
	cache := z.Cache
	if cache == nil {
		cache = r.spec.Cache
	}
	w.at(field + ".cache").cache(cache)
	w.put("loop")
}

func words[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}
