// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"errors"
	"fmt"

	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

var errNotSynced = errors.New("no transfer before the state of the cluster is known: waiting for the Kubernetes API server")

// Transfer implements what the transfer plugin looks for. A serial that is not 0
// gets what changed since, in one step (RFC 1995), if that is known; else the
// whole zone.
func (c *ClusterDNS) Transfer(origin string, serial uint32) (<-chan []dns.RR, error) {
	z, ok := c.zone(origin)
	if !ok {
		return nil, transfer.ErrNotAuthoritative
	}
	if !c.knows(z) {
		return nil, fmt.Errorf("%s: %w", origin, errNotSynced)
	}
	x := c.lease.Index()
	if now := z.Serial(x); serial != 0 && (serial == now || index.Newer(serial, now)) {
		return stream(func(send func(...dns.RR)) { send(z.SOA(now)) }), nil // RFC 1995 section 2
	}
	if serial != 0 && !z.Joint() {
		if changes, ok := x.Since(serial, z.Reaches, c.opts.Local); ok {
			return stream(func(send func(...dns.RR)) { difference(z, changes, send) }), nil
		}
	}
	st := x.State()
	return stream(func(send func(...dns.RR)) { whole(z, st, send) }), nil
}

// knows reports whether all that the zone is made of was read. What is imported
// may be refused while the rest is ready.
func (c *ClusterDNS) knows(z answer.Zone) bool {
	return c.Ready() && (!z.ClusterSet || c.lease.Refused()&object.Imports == 0)
}

// beginTransfers has the index keep its changes, and secondaries be told of
// them. If a zone was served in another way before, as before a reload, its
// serial rises.
func (c *ClusterDNS) beginTransfers() {
	c.lease.KeepHistory()
	served := make(map[string]string)
	for _, own := range c.zones {
		z, _ := c.zone(own.origin)
		served[c.block+" "+z.Origin] = fmt.Sprint(z.Cuts, z.ClusterSet, *z.Options)
		n := &notifier{zone: z, index: c.lease.Index(), send: c.notify}
		go n.run(func() bool { return c.knows(z) }, c.lease.Released)
	}
	c.lease.Present(served)
}

// zone returns the zone of that name, in lower case, as transfers have it.
func (c *ClusterDNS) zone(origin string) (z answer.Zone, ok bool) {
	options := c.opts
	options.Topology = answer.Topology{}
	options.MaxAnswers, options.StrictCompat, options.Explain = 0, false, false // a zone has all its records, and no more
	z = answer.Zone{Origin: origin, Options: &options}
	for _, other := range c.zones {
		switch {
		case other.origin == origin:
			ok, z.ClusterSet = true, other.clusterset
		case qname.InZone(other.origin, origin):
			z.Cuts = append(z.Cuts, other.origin)
		}
	}
	return z, ok
}

// stream returns a channel with what f sends. Somebody has to receive it all.
func stream(f func(send func(...dns.RR))) <-chan []dns.RR {
	ch := make(chan []dns.RR)
	go func() {
		defer close(ch)
		f(func(rrs ...dns.RR) { ch <- rrs })
	}()
	return ch
}

// whole sends a zone (RFC 5936 section 2.2).
func whole(z answer.Zone, st *index.State, send func(...dns.RR)) {
	soa := z.SOA(z.SerialIn(st))
	send(soa)
	for rrs := range z.Records(st) {
		send(rrs...)
	}
	send(soa)
}

// difference sends what changed as one sequence (RFC 1995 sections 4 and 5): the
// steps between are of no use to a secondary.
func difference(z answer.Zone, changes *index.Changes, send func(...dns.RR)) {
	before, now := z.SOA(changes.Before.Serial), z.SOA(changes.Now.Serial)
	deleted, added := z.Difference(changes)
	send(now)
	send(before)
	send(deleted...)
	send(now)
	send(added...)
	send(now)
}
