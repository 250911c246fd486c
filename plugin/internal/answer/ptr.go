// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"bytes"
	"net/netip"
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
	switch l.o.PTR {
	case PTRHostname:
		some := false
		l.eachName(ip, func(s *index.Service, g *index.Group, i int) {
			if g.Hostname(i) != "" {
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
			if n := (ptrName{s, g, i}); best.s == nil || l.better(n, best) {
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
}

// better reports whether n is to be told rather than best, which comes before
// it in the order of namespaces and Services.
func (l *lookup) better(n, best ptrName) bool {
	hostname, other := n.g.Hostname(n.i) != "", best.g.Hostname(best.i) != ""
	if hostname != other || n.s != best.s {
		return hostname && !other
	}
	var buf, than [64]byte
	return bytes.Compare(l.label(buf[:0], n.g, n.i), l.label(than[:0], best.g, best.i)) < 0
}

// noServicePTR answers for an address that no Service has a name for: with the
// name of the Pod, if Pods have names.
func (l *lookup) noServicePTR(ip netip.Addr) Answer {
	switch {
	case !l.o.PodNames:
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
