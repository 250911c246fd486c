// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

// strict makes of a what the kubernetes plugin answers, where that is known to
// be wrong: for those who depend on it. The numbers are those of its defects.
func (l *lookup) strict(a Answer) Answer {
	mixed := l.q.Zone != strings.ToLower(l.q.Zone)
	switch l.name.Kind {
	case qname.Apex:
		if l.q.Type == dns.TypeNS && mixed && a.Result == Success { // B4
			return noData
		}
	case qname.NameServer:
		if mixed && a.Result != NotSynced && l.q.Type != dns.TypeSOA { // B4
			return nameError
		}
	}
	if a.Result == NoData && l.q.Type != dns.TypeSOA && l.denied() {
		return nameError
	}
	return a
}

// denied reports whether the kubernetes plugin denies the name although it
// exists, without a record of the type.
func (l *lookup) denied() bool {
	switch l.name.Kind {
	case qname.Apex:
		return l.q.Type == dns.TypeTXT || l.q.Type == dns.TypePTR && l.name.Prefix.IsValid() && l.name.Prefix.IsSingleIP() // B2, B3
	case qname.Services, qname.Pods, qname.ServiceNamespace, qname.PodNamespace:
		return l.q.Type == dns.TypeTXT // B2
	case qname.NameServer:
		return l.q.Type == dns.TypeTXT || l.q.Type == dns.TypePTR // B3
	case qname.Protocol, qname.Cluster, qname.ZoneLabel, qname.ZoneRule, qname.NameServerParent, qname.Network, qname.Arpa, qname.Version, qname.Address:
		return true // B3
	}
	return false
}
