// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// PTRMode says which of an endpoint's names a reverse lookup of its address tells.
type PTRMode uint8

const (
	// PTRAll tells one for each Service that the endpoint is of.
	PTRAll PTRMode = iota
	// PTRHostname tells those in which the endpoint has a hostname, as in a
	// StatefulSet's governing Service; if there are none, all.
	PTRHostname
	// PTRSingle tells one: with a hostname if there is such, and of these the
	// one whose namespace, Service and own label come first.
	PTRSingle
)

// eachPTR calls f with those of the names of the address ip that a reverse lookup tells.
func (l *lookup) eachPTR(ip netip.Addr, f func(s *index.Service, g *index.Group, i int)) {
	mode := l.o.PTR
	if l.imported {
		mode = PTRAll
	}
	switch mode {
	case PTRHostname:
		some := false
		l.eachName(ip, func(s *index.Service, g *index.Group, i int) {
			if l.hostnamed(g, i) {
				some = true
				f(s, g, i)
			}
		})
		if !some {
			l.eachName(ip, f)
		}
	case PTRSingle:
		var best ptrName
		l.eachName(ip, func(s *index.Service, g *index.Group, i int) {
			if n := (ptrName{s, g, i, l.hostnamed(g, i)}); best.s == nil || l.better(n, best) {
				best = n
			}
		})
		if best.s != nil {
			f(best.s, best.g, best.i)
		}
	case PTRAll:
		l.eachName(ip, f)
	}
}

// A ptrName is a name of an address: that of endpoint i of a group of s.
type ptrName struct {
	s *index.Service
	g *index.Group
	i int

	hostname bool
}

// hostnamed reports whether what endpoint i of g is called is a hostname: its
// own, or that of another endpoint of the Service with its address.
func (l *lookup) hostnamed(g *index.Group, i int) bool {
	if g.Hostname(i) != "" || !l.anyHostname() {
		return g.Hostname(i) != ""
	}
	var buf [64]byte
	label := l.label(buf[:0], g, i)
	for _, other := range l.groups {
		first, last := other.FindAddr(g.Addr(i))
		for j := first; j < last; j++ {
			if other.Hostname(j) == string(label) {
				return true
			}
		}
	}
	return false
}

func (l *lookup) anyHostname() bool {
	return slices.ContainsFunc(l.groups, (*index.Group).HasHostnames)
}

// better reports whether n is to be told rather than best, which comes before
// it in the order of namespaces and Services.
func (l *lookup) better(n, best ptrName) bool {
	if n.hostname != best.hostname || n.s != best.s {
		return n.hostname && !best.hostname
	}
	var buf, than [64]byte
	return bytes.Compare(l.label(buf[:0], n.g, n.i), l.label(than[:0], best.g, best.i)) < 0
}

// noServicePTR answers for an address that no Service has a name for: with the
// name of the Pod, if Pods have names.
func (l *lookup) noServicePTR(ip netip.Addr) Answer {
	switch {
	case !l.o.PodNames || l.imported:
		return nameError
	case !l.needs(object.Pods):
		return notSynced
	}
	namespace, pod, ok := l.x.PodRecord(ip)
	if !ok || !l.exposed(namespace) {
		return nameError
	}
	target := podName(pod, namespace, l.o.PrimaryZone)
	switch {
	case len(target) > maxName:
		return nameError
	case l.q.Type != dns.TypePTR:
		return l.otherThanPTR()
	}
	var b ptrSet
	b.grow(1, 0, "")
	b.add(l.q.Name, target, l.o.TTL)
	return Answer{Answer: b.rrs}
}

func podName(pod, namespace, zone string) string {
	return pod + "." + namespace + podLabel + strings.TrimPrefix(zone, ".")
}

const podLabel = ".pod."
