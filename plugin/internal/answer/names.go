// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"strings"

	"github.com/clusterdns/clusterdns/plugin/internal/index"
)

// names makes names of Services and their endpoints in one allocation, if it is
// grown enough before.
type names struct {
	s    *index.Service
	zone string
	b    strings.Builder
}

// grow makes room for n names below s in zone; the labels that they begin with
// have so many octets together.
func (n *names) grow(s *index.Service, zone string, count, octets int) {
	n.s, n.zone = s, zone
	n.b.Grow(octets + count*nameLen(s, zone))
}

// nameLen returns the length of the name of an endpoint of s without its label.
func nameLen(s *index.Service, zone string) int {
	return len(".") + len(s.Name) + len(".") + len(s.Namespace) + len(svc) + len(zone)
}

const svc = ".svc."

// maxName is the longest name, in octets as it is written: on the wire it has
// one more (RFC 1035 section 2.3.4). In a zone with a long name some endpoints
// have none.
const maxName = 254

// service returns the name of the Service.
func (n *names) service() string {
	start := n.b.Len()
	n.writeService()
	return n.b.String()[start:]
}

// endpoint returns the name of an endpoint of g that is called label.
func (n *names) endpoint(label []byte, g *index.Group) string {
	start := n.b.Len()
	n.b.Write(label)
	n.b.WriteByte('.')
	if cluster := g.Cluster(); cluster != "" {
		n.b.WriteString(cluster)
		n.b.WriteByte('.')
	}
	n.writeService()
	return n.b.String()[start:]
}

func (n *names) writeService() {
	n.b.WriteString(n.s.Name)
	n.b.WriteByte('.')
	n.b.WriteString(n.s.Namespace)
	n.b.WriteString(svc)
	if n.zone != "." {
		n.b.WriteString(n.zone)
	}
}
