// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// The kinds of names that divergences.txt tells apart.
const (
	kindOutside     = "outside"      // in no zone of the plugin
	kindApex        = "apex"         // a zone
	kindVersion     = "dns-version"  // dns-version.<zone>
	kindNSParent    = "dns"          // dns.<zone>
	kindNS          = "ns.dns"       // ns.dns.<zone>
	kindServices    = "svc"          // svc.<zone>
	kindPods        = "pod"          // pod.<zone>
	kindNamespace   = "namespace"    // <namespace>.svc.<zone>
	kindPodSpace    = "podspace"     // <namespace>.pod.<zone>
	kindService     = "service"      // <service>.<namespace>.svc.<zone>
	kindProtocol    = "protocol"     // _<protocol>.<service>.<namespace>.svc.<zone>
	kindPort        = "port"         // _<port>._<protocol>.<service>.<namespace>.svc.<zone>
	kindLoosePort   = "loose-port"   // two labels before a Service that are no such pair
	kindZoneNode    = "zone-ent"     // _zone.<service>.<namespace>.svc.<zone>, with pin or prefer before it or not
	kindZonal       = "zonal"        // <topology zone>.pin._zone.<service>.<namespace>.svc.<zone>, or prefer
	kindEndpoint    = "endpoint"     // <label>.<service>.<namespace>.svc.<zone>, <label>.<cluster>.<service>... in a clusterset
	kindCluster     = "cluster"      // <cluster>.<service>.<namespace>.svc.<zone of a clusterset>
	kindPodName     = "podname"      // <label>.<namespace>.pod.<zone>
	kindBelowPod    = "below-pod"    // one or two labels more
	kindAddress     = "address"      // an address of the reverse tree
	kindNetwork     = "network"      // a prefix of the reverse tree
	kindBelowAddr   = "below-addr"   // labels below an address of the reverse tree
	kindInReverse   = "in-reverse"   // svc, pod or dns-version in a reverse zone
	kindReverseElse = "reverse-else" // other names of the reverse tree
	kindElse        = "else"         // other names in a zone
)

// A Name is a query name taken to pieces, in lower case.
type Name struct {
	Kind      string
	Zone      string // that it is in; fully qualified
	Namespace string
	Service   string
	Label     string // of kinds endpoint, podname, below-pod, and in-reverse
	Cluster   string // of kinds cluster, and endpoint in a clusterset
	Port      string // without underscore
	Protocol  string // without underscore
	Prefix    netip.Prefix
}

// ParseName takes qname to pieces.
func ParseName(qname string, zones []string) Name {
	qname = strings.ToLower(dns.Fqdn(qname))
	zone := longest(zones, qname)
	if zone == "" {
		return Name{Kind: kindOutside}
	}
	all := dns.SplitDomainName(qname)
	labels := all[:len(all)-dns.CountLabel(zone)]
	var n Name
	switch {
	case len(labels) == 0:
		n = apex(qname, all)
	case isReverse(qname):
		n = parseReverse(all, labels)
	default:
		n = parseForward(labels)
	}
	n.Zone = zone
	return n
}

// apex returns the name of a zone, which may be a network or even an address.
func apex(qname string, all []string) Name {
	n := Name{Kind: kindApex}
	if isReverse(qname) {
		n.Prefix, _ = arpaPrefix(all[:len(all)-2], all[len(all)-2])
	}
	return n
}

// longest returns the longest of zones that qname is in, or "".
func longest(zones []string, qname string) string {
	best := ""
	for _, z := range zones {
		if dns.IsSubDomain(z, qname) && len(z) > len(best) {
			best = z
		}
	}
	return best
}

func isReverse(qname string) bool {
	return dns.IsSubDomain("in-addr.arpa.", qname) || dns.IsSubDomain("ip6.arpa.", qname)
}

func parseForward(l []string) Name {
	last := len(l) - 1
	switch {
	case len(l) == 1 && l[0] == "dns-version":
		return Name{Kind: kindVersion}
	case len(l) == 1 && l[0] == "dns":
		return Name{Kind: kindNSParent}
	case len(l) == 2 && l[1] == "dns" && l[0] == "ns":
		return Name{Kind: kindNS}
	case l[last] == "svc":
		return parseService(l[:last])
	case l[last] == "pod":
		return parsePod(l[:last])
	}
	return Name{Kind: kindElse}
}

// parseService parses the labels before svc.
func parseService(l []string) Name {
	n := Name{Kind: kindElse}
	if len(l) > 0 {
		n.Namespace = l[len(l)-1]
	}
	if len(l) > 1 {
		n.Service = l[len(l)-2]
	}
	if kind := zonalKind(l); kind != "" {
		n.Kind = kind
		return n
	}
	switch len(l) {
	case 0:
		n.Kind = kindServices
	case 1:
		n.Kind = kindNamespace
	case 2:
		n.Kind = kindService
	case 3:
		n.Kind, n.Label = kindEndpoint, l[0]
		if protocol, ok := strings.CutPrefix(l[0], "_"); ok {
			n.Kind, n.Protocol = kindProtocol, protocol
		}
	case 4:
		port, ok1 := strings.CutPrefix(l[0], "_")
		protocol, ok2 := strings.CutPrefix(l[1], "_")
		n.Kind, n.Port, n.Protocol = kindLoosePort, port, protocol
		if ok1 && ok2 && port != "" && protocol != "" {
			n.Kind = kindPort
		}
	}
	return n
}

// zonalKind returns the kind of a name with _zone before the Service, or "".
func zonalKind(l []string) string {
	at := len(l) - 3
	if at < 0 || l[at] != "_zone" {
		return ""
	}
	switch {
	case at == 0:
		return kindZoneNode
	case l[at-1] != "pin" && l[at-1] != "prefer":
		return ""
	case at == 1:
		return kindZoneNode
	}
	return kindZonal
}

// parsePod parses the labels before pod.
func parsePod(l []string) Name {
	switch len(l) {
	case 0:
		return Name{Kind: kindPods}
	case 1:
		return Name{Kind: kindPodSpace, Namespace: l[0]}
	case 2:
		return Name{Kind: kindPodName, Namespace: l[1], Label: l[0]}
	case 3, 4:
		return Name{Kind: kindBelowPod, Namespace: l[len(l)-1], Label: l[len(l)-2]}
	}
	return Name{Kind: kindElse}
}

// parseReverse parses a name of the reverse tree: all its labels, and those below its zone.
func parseReverse(all, labels []string) Name {
	digits := all[:len(all)-2]
	if prefix, ok := arpaPrefix(digits, all[len(all)-2]); ok {
		if prefix.IsSingleIP() {
			return Name{Kind: kindAddress, Prefix: prefix}
		}
		return Name{Kind: kindNetwork, Prefix: prefix}
	}
	switch below := strings.Join(labels, "."); below {
	case "dns":
		return Name{Kind: kindNSParent}
	case "ns.dns":
		return Name{Kind: kindNS}
	case "svc", "pod", "dns-version":
		return Name{Kind: kindInReverse, Label: below}
	}
	for i := range digits {
		if p, ok := arpaPrefix(digits[i:], all[len(all)-2]); ok && p.IsSingleIP() {
			return Name{Kind: kindBelowAddr, Prefix: p}
		}
	}
	return Name{Kind: kindReverseElse}
}

// arpaPrefix returns the prefix that labels stand for below in-addr.arpa or ip6.arpa.
func arpaPrefix(labels []string, tree string) (netip.Prefix, bool) {
	if tree == "in-addr" {
		return arpa4(labels)
	}
	return arpa6(labels)
}

func arpa4(labels []string) (netip.Prefix, bool) {
	var ip [4]byte
	if len(labels) > 4 {
		return netip.Prefix{}, false
	}
	for i, l := range labels {
		v, err := strconv.ParseUint(l, 10, 8)
		if err != nil || strconv.FormatUint(v, 10) != l {
			return netip.Prefix{}, false
		}
		ip[len(labels)-1-i] = byte(v)
	}
	return netip.PrefixFrom(netip.AddrFrom4(ip), 8*len(labels)), true
}

func arpa6(labels []string) (netip.Prefix, bool) {
	var ip [16]byte
	if len(labels) > 32 {
		return netip.Prefix{}, false
	}
	for i, l := range labels {
		v, err := strconv.ParseUint(l, 16, 4)
		if err != nil || len(l) != 1 {
			return netip.Prefix{}, false
		}
		at := len(labels) - 1 - i
		ip[at/2] |= byte(v) << (4 * (1 - at%2))
	}
	return netip.PrefixFrom(netip.AddrFrom16(ip), 4*len(labels)), true
}

// dashed returns the label that stands for a: the canonical text of the
// address with hyphens, and a zero where it would end in one.
func dashed(a netip.Addr) string {
	label := strings.NewReplacer(".", "-", ":", "-").Replace(a.String())
	if strings.HasSuffix(label, "-") {
		label += "0"
	}
	return label
}

// undashed returns the address that label stands for in any spelling.
func undashed(label string) (netip.Addr, bool) {
	separator := ":"
	if strings.Count(label, "-") == 3 && !strings.Contains(label, "--") {
		separator = "."
	}
	return parseAddr(strings.ReplaceAll(label, "-", separator))
}
