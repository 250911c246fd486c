// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"context"
	"strings"
	"sync"

	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
)

// A label is one that every query may have.
type label uint8

const (
	labelEndpoint label = iota
	labelKind
	labelNamespace
	labelPortName
	labelProtocol
	labelService
	labelZone
	labelCluster
	labelParseError
	labelClientNamespace
	labelClientPodName
	numLabels
)

// labelNames are those of the kubernetes plugin.
var labelNames = [numLabels]string{
	labelEndpoint:        "endpoint",
	labelKind:            "kind",
	labelNamespace:       "namespace",
	labelPortName:        "port-name",
	labelProtocol:        "protocol",
	labelService:         "service",
	labelZone:            "zone",
	labelCluster:         "cluster",
	labelParseError:      "parse-error",
	labelClientNamespace: "client-namespace",
	labelClientPodName:   "client-pod-name",
}

// clientLabel begins the name of each label that is one of the client's Pod.
const clientLabel = "client-label/"

// A labelSet is the labels under one prefix.
type labelSet struct {
	prefix string
	names  [numLabels]string
}

func newLabelSet(prefix string) labelSet {
	s := labelSet{prefix: prefix}
	for l, name := range labelNames {
		s.names[l] = prefix + name
	}
	return s
}

// Metadata implements metadata.Provider. The labels are made when somebody asks
// for one: for most queries nobody does, and then this is one allocation.
func (c *ClusterDNS) Metadata(ctx context.Context, state request.Request) context.Context {
	name := state.QName()
	if c.opts.Pods != answer.PodsVerified && c.match(name) == nil {
		return ctx
	}
	return &described{Context: ctx, c: c, w: state.W, name: name}
}

// A described is the context of a query whose labels are not made yet. The first
// look at the metadata makes them.
type described struct {
	context.Context
	c    *ClusterDNS
	w    dns.ResponseWriter
	name string // rewrites change the message, not this
	once sync.Once
}

// Value implements [context.Context].
func (d *described) Value(key any) any {
	if key == metadataKey {
		d.once.Do(d.label)
	}
	return d.Context.Value(key)
}

// metadataKey is the key under which the metadata plugin keeps labels in a
// context. It exports none, but it has to ask with it.
var metadataKey = func() any {
	var k keyRecorder
	metadata.ValueFuncs(&k)
	return k.key
}()

type keyRecorder struct {
	context.Context // nil: nothing else is called
	key             any
}

func (k *keyRecorder) Value(key any) any { k.key = key; return nil }

// label makes the labels.
func (d *described) label() {
	m := metadata.ValueFuncs(d.Context)
	if m == nil {
		return
	}
	set := func(l label, value string) {
		f := constant(value)
		for i := range d.c.labels {
			m[d.c.labels[i].names[l]] = f
		}
	}
	if d.c.opts.Pods == answer.PodsVerified {
		d.labelClient(m, set)
	}
	if z := d.c.match(d.name); z != nil {
		labelName(d.name[:len(d.name)-len(z.origin)], d.c.opts.Zonal, z.clusterset, set)
	}
}

// labelClient sets the labels of who asks.
func (d *described) labelClient(m map[string]metadata.Func, set func(label, string)) {
	client := d.c.client(d.w)
	if client.Namespace == "" {
		return
	}
	set(labelClientNamespace, client.Namespace)
	set(labelClientPodName, client.Pod)
	for key, value := range client.Labels.All() {
		f := constant(value)
		for i := range d.c.labels {
			m[d.c.labels[i].prefix+clientLabel+key] = f
		}
	}
}

// labelName sets the labels of what is asked for: below is the name without its
// zone. They are those of the kubernetes plugin, which splits a name by its
// labels without asking what is there.
func labelName(below string, zonal, clusterset bool, set func(label, string)) {
	labels := dns.SplitDomainName(strings.ToLower(below))
	at := func(i int) string { // from right to left
		if i >= len(labels) {
			return ""
		}
		return labels[len(labels)-1-i]
	}
	kind, endpoint, port, protocol, zone, cluster := at(0), at(3), "", "", "", ""
	switch n := len(labels); {
	case zonal && !clusterset && n > 5 && kind == "svc" && at(3) == "_zone" && (at(4) == "pin" || at(4) == "prefer"):
		endpoint, zone = "", strings.Join(labels[:n-5], ".")
	case n > 5, n > 0 && kind != "svc" && kind != "pod":
		set(labelParseError, "invalid query name")
		return
	case n == 1: // svc.<zone> asks for none in particular
		kind = ""
	case clusterset && n == 5 && !strings.HasPrefix(at(3), "_") && !strings.HasPrefix(at(4), "_"):
		endpoint, cluster = at(4), at(3)
	case n == 5:
		endpoint, port, protocol = "", strings.TrimPrefix(at(4), "_"), strings.TrimPrefix(at(3), "_")
	}
	set(labelKind, kind)
	set(labelNamespace, at(1))
	set(labelService, at(2))
	set(labelEndpoint, endpoint)
	set(labelPortName, port)
	set(labelProtocol, protocol)
	if zonal {
		set(labelZone, zone)
	}
	if clusterset {
		set(labelCluster, cluster)
	}
}

// constant returns a function that returns value.
func constant(value string) metadata.Func {
	if value == "" {
		return empty
	}
	return func() string { return value }
}

func empty() string { return "" }
