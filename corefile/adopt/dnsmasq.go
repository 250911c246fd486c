// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// nanny are the flags of dnsmasq-nanny, which starts dnsmasq.
var nanny = strings.Fields(`v logtostderr alsologtostderr stderrthreshold vmodule log_dir log_backtrace_at
	configDir syncInterval dnsmasqExec restartDnsmasq kubednsServer`)

// dnsmasq reads the arguments of the container.
func (k *kubeDNS) dnsmasq(args []string) {
	if i := slices.Index(args, "--"); i >= 0 {
		k.nanny(args[:i])
		args = args[i+1:]
	}
	for i := 0; i < len(args); i++ {
		if args[i] == "--" || i == 0 && strings.HasPrefix(path.Base(args[0]), "dnsmasq") {
			continue
		}
		name, value, joined := cutFlag(args[i])
		f, known := flags[name]
		text := args[i]
		if known && f.required && !joined && i+1 < len(args) {
			i++
			value, text = args[i], text+" "+args[i]
		}
		switch {
		case known:
			f.read(k, text, value)
		case slices.Contains(nanny, name):
		default:
			k.lost(text, "this flag is not known here", "see whether it is needed, and write it into extra")
		}
	}
}

func (k *kubeDNS) nanny(args []string) {
	for _, a := range args {
		name, _, _ := cutFlag(a)
		if strings.HasPrefix(a, "-") && !slices.Contains(nanny, name) {
			k.lost(a, "this flag of dnsmasq-nanny is not known here", "")
		}
	}
}

// cutFlag returns the long name of a flag. A short one may have its value right
// behind it.
func cutFlag(arg string) (name, value string, joined bool) {
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		return strings.Cut(long, "=")
	}
	short := strings.TrimPrefix(arg, "-")
	if name, value, joined = strings.Cut(short, "="); joined || short == arg || slices.Contains(nanny, short) {
		return name, value, joined
	}
	long := shorts[short[:min(1, len(short))]]
	if long == "" {
		return short, "", false
	}
	return long, short[1:], len(short) > 1
}

var shorts = map[string]string{
	"k": "keep-in-foreground", "d": "no-daemon", "q": "log-queries", "o": "strict-order", "R": "no-resolv", "N": "no-negcache",
	"c": "cache-size", "S": "server", "A": "address", "h": "no-hosts", "H": "addn-hosts", "n": "no-poll", "r": "resolv-file",
	"p": "port", "0": "dns-forward-max", "u": "user", "i": "interface", "a": "listen-address", "z": "bind-interfaces",
	"b": "bogus-priv", "D": "domain-needed", "f": "filterwin2k", "T": "local-ttl", "C": "conf-file", "7": "conf-dir",
	"x": "pid-file", "8": "log-facility", "P": "edns-packet-max", "B": "bogus-nxdomain", "Q": "query-port", "E": "expand-hosts",
}

func (k *kubeDNS) lost(arg, why, remedy string) {
	k.add(Lost, atDnsmasq, fmt.Sprintf("`%s` is left out: %s", arg, why), remedy)
}

func (k *kubeDNS) changed(arg, what string) {
	k.add(Changed, atDnsmasq, fmt.Sprintf("`%s`: %s", arg, what), "")
}

// ownServer is kube-dns itself, which dnsmasq stands in front of.
const ownServer = "127.0.0.1#10053"

// serverFlag reads --server=/zone/zone/address#port, and the same without zones.
func (k *kubeDNS) serverFlag(arg, value string) {
	zones, server, ok := cutNames(value)
	switch {
	case server == ownServer && !slices.ContainsFunc(zones, func(z string) bool { return !k.clusterZone(z) }):
		return // these are the names of the cluster
	case server == ownServer:
		k.lost(arg, "kube-dns answers for the cluster domain only", "set clusterDomain, or forward the zone")
	case !ok:
		k.server(atDnsmasq, server)
	case server == "#":
		k.lost(arg, "a zone cannot be excepted from another", "write a stub zone with the upstreams")
	case server == "":
		k.localZones(arg, value)
	default:
		for _, z := range zones {
			k.zoneServer(atDnsmasq, strings.TrimPrefix(z, "*."), server)
		}
	}
}

// localZones reads --local=/zone/zone/.
func (k *kubeDNS) localZones(arg, value string) {
	zones, rest, ok := cutNames(value)
	if !ok || rest != "" {
		k.serverFlag(arg, value) // it is the same flag
		return
	}
	for _, z := range zones {
		if k.clusterZone(z) {
			continue // which the cluster answers for
		}
		if z := k.zone(atDnsmasq, z); z != nil {
			z.local = true
		}
	}
}

// clusterZone reports whether kube-dns itself answers for a zone.
func (k *kubeDNS) clusterZone(zone string) bool {
	return slices.Contains([]string{k.domain, "in-addr.arpa", "ip6.arpa"}, origin(zone))
}

// reverseServer reads --rev-server=network,address#port.
func (k *kubeDNS) reverseServer(arg, value string) {
	network, server, ok := strings.Cut(value, ",")
	if !ok {
		k.lost(arg, "a server is missing", "")
		return
	}
	k.zoneServer(atDnsmasq, network, server)
}

// cutNames cuts /name/name/rest.
func cutNames(value string) (names []string, rest string, ok bool) {
	if !strings.HasPrefix(value, "/") {
		return nil, value, false
	}
	parts := strings.Split(value[1:], "/")
	if len(parts) < 2 {
		return nil, value, false
	}
	last := len(parts) - 1
	return parts[:last], parts[last], true
}

// cacheSize knows only whether there is a cache.
func (k *kubeDNS) cacheSize(arg, value string) {
	if n, err := strconv.Atoi(value); err == nil && n == 0 {
		k.cache().Disabled = true
		return
	}
	k.changed(arg, "a cache of CoreDNS has 9984 answers, and as many denials")
}
