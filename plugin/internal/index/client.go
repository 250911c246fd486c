// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"net/netip"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A Client is what is known of who has an address. What is not known is empty.
type Client struct {
	// Namespace and Pod are those of the Pod that has the address. Pod is empty
	// if the names of Pods are not kept.
	Namespace, Pod string
	Labels         object.Labels // of that Pod, if they are kept
	Node, Zone     string        // the zone is in lower case
	// Host says that the address is a Node's own: any process there may have it.
	Host bool
}

// Client returns what is known of who has the address a, which is no
// IPv4-mapped one. It allocates nothing and takes no lock.
//
// Nothing is guessed. A Pod that terminates has no address any more, one on the
// host network has its Node's, and what two Pods have, or two Nodes, is nobody's
// until one of them is gone. So the answer depends on which objects there are,
// not on the order in which they came.
func (x *Index) Client(a netip.Addr) Client {
	var c Client
	if !a.IsValid() {
		return c
	}
	if n, ok := x.networkOf(a); n != nil {
		c.Host = n.own
		if ok {
			c.Node, c.Zone = n.node.Name, n.node.Zone
		}
	}
	if c.Host {
		return c
	}
	p := x.podAt(a)
	if p == nil {
		return c
	}
	c.Namespace = p.namespace.Value()
	if e := p.extra; e != nil {
		c.Pod, c.Labels = e.name, value(e.labels)
		x.place(&c, value(e.node), value(e.zone))
	}
	return c
}

// place sets where the Pod says that it is.
func (x *Index) place(c *Client, node, zone string) {
	if node != "" && node != c.Node {
		c.Node, c.Zone = node, ""
		if n := x.node(node); n != nil {
			c.Zone = n.Zone
		}
	}
	if c.Zone == "" {
		c.Zone = zone
	}
}
