// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package clusterdns is a CoreDNS plugin that answers for the Services and Pods of a Kubernetes cluster.
package clusterdns

import (
	"context"
	"fmt"
	"time"

	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/qname"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
)

// Name is the name of the directive and of the handler.
const Name = "clusterdns"

var log = clog.NewWithPlugin(Name)

// ClusterDNS answers for the zones of one server block. It is safe for
// concurrent use once it is started.
type ClusterDNS struct {
	Next plugin.Handler

	zones    []zone
	fall     []string // zones, in lower case, whose name errors go to Next
	opts     answer.Options
	cfg      watch.Config
	staleTTL uint32        // longest TTL of a stale answer, in seconds
	timeout  time.Duration // how long to wait at start
	upstream upstreamer
	search   []string     // of this machine, for autopath
	labels   []labelSet   // that metadata has
	lease    *watch.Lease // nil until started

	notify func(zone string) error // secondaries; nil if there are no transfers
	block  string                  // what tells the server block from others
}

// upstreamer resolves names through the whole server.
type upstreamer interface {
	Lookup(ctx context.Context, state request.Request, name string, typ uint16) (*dns.Msg, error)
}

// A zone that is answered for.
type zone struct {
	origin       string // in lower case
	mname, rname string // of its SOA record
	reverse      bool
	clusterset   bool // its Services are those that the cluster imports
}

// Name implements [plugin.Handler].
func (c *ClusterDNS) Name() string { return Name }

// Ready implements the Readiness interface of the ready plugin: it is true once
// every kind that answers may depend on is synced. It does not wait for one that
// the API server refuses and the rest can do without.
func (c *ClusterDNS) Ready() bool {
	if c.lease == nil {
		return false
	}
	refused := c.lease.Refused() // first: a kind that was refused is synced before it no longer is
	return (refused | c.lease.Synced()).Has(c.opts.Kinds.Needed())
}

// CacheBypassZones implements cache.ZoneBypasser: answers from memory need no
// cache, and without one they are never stale. Zones that fall through stay with
// the cache, since most of their answers are another plugin's, but for those with
// answers that depend on the client: what one is told is not for others.
func (c *ClusterDNS) CacheBypassZones() []string {
	var bypass []string
	for _, z := range c.zones {
		if !c.fallsIn(z.origin) || !z.reverse && c.opts.Topology.Mode != answer.TopologyOff {
			bypass = append(bypass, z.origin)
		}
	}
	return bypass
}

// fallsIn reports whether some name of zone may fall through.
func (c *ClusterDNS) fallsIn(zone string) bool {
	for _, f := range c.fall {
		if qname.InZone(zone, f) || qname.InZone(f, zone) {
			return true
		}
	}
	return false
}

// start begins to watch, and waits for a while so that the first queries find answers.
func (c *ClusterDNS) start() error {
	lease, err := watch.Acquire(c.cfg, c.opts.Kinds)
	if err != nil {
		return err
	}
	c.lease = lease
	stores.add(lease)
	if c.notify != nil {
		c.beginTransfers()
	}
	if c.timeout <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	if err := lease.Wait(ctx, c.opts.Kinds.Needed()); err != nil {
		log.Warningf("Starting without the whole state of the cluster (%v within startup_timeout %s): names that need more are answered SERVFAIL until it is there", err, c.timeout)
	}
	return nil
}

// stop ends the use of the store.
func (c *ClusterDNS) stop() error {
	if c.lease != nil {
		c.lease.Release()
	}
	return nil
}

// hooks log what an operator has to know, and feed the metrics.
var hooks = watch.Hooks{
	Failed: func(store string, k object.Kind, err error) {
		log.Errorf("Watching %s of %s: %v%s", k, store, err, remedy(k, err))
	},
	Recovered: func(store string, k object.Kind) {
		log.Infof("Watching %s of %s: works again", k, store)
	},
	Programmed: observeProgrammed,
	Request:    observeRequest,
}

// remedy says what to do about err, if that is known.
func remedy(k object.Kind, err error) string {
	switch {
	case k == object.ServiceImports && watch.Absent(err):
		return "; install the CRDs of the Multi-Cluster Services API. Until then the multicluster zones have no Services"
	case !watch.Denied(err):
		return ""
	}
	until := "names that need them are answered SERVFAIL"
	if object.Set(k).Needed() == 0 {
		until = "the nodes and zones of clients are not known, and nothing else is different"
	}
	return fmt.Sprintf("; grant list and watch on %s to this service account. Until then %s", k.Resource(), until)
}
