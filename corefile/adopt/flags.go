// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// A dnsmasqFlag is an argument of dnsmasq.
type dnsmasqFlag struct {
	required bool // takes a value, maybe as the next argument
	read     func(k *kubeDNS, arg, value string)
}

var flags = map[string]dnsmasqFlag{
	"server":          {true, (*kubeDNS).serverFlag},
	"local":           {true, (*kubeDNS).localZones},
	"rev-server":      {true, (*kubeDNS).reverseServer},
	"address":         {true, (*kubeDNS).address},
	"host-record":     {true, (*kubeDNS).hostRecord},
	"cname":           {true, (*kubeDNS).cname},
	"no-resolv":       {false, func(k *kubeDNS, _, _ string) { k.noResolv = true }},
	"resolv-file":     {true, (*kubeDNS).resolvFile},
	"strict-order":    {false, func(k *kubeDNS, _, _ string) { k.strict = true }},
	"all-servers":     {false, lost("CoreDNS asks one server at a time, and the next one if that fails", "look at upstreams.policy")},
	"dns-forward-max": {true, (*kubeDNS).forwardMax},
	"cache-size":      {true, (*kubeDNS).cacheSize},
	"no-negcache":     {false, (*kubeDNS).noNegcache},
	"max-cache-ttl":   {true, (*kubeDNS).maxTTL},
	"max-ttl":         {true, (*kubeDNS).maxTTL},
	"min-cache-ttl":   {true, lost("answers are kept for 5 seconds at least, and otherwise for their TTL", "")},
	"neg-ttl":         {true, lost("a denial without an SOA record is kept for 5 seconds at least", "")},
	"local-ttl":       {true, (*kubeDNS).localTTLFlag},
	"log-queries":     {false, (*kubeDNS).logQueries},
	"dns-loop-detect": {false, changed("the plugin loop does that")},
	"domain-needed":   {false, lost("names of one label are asked for upstream", "write a template into extra.before")},
	"bogus-priv":      {false, lost("addresses of private networks that the cluster does not know are asked for upstream", "set cluster.reverseZones, or a template in extra.blocks")},
	"filterwin2k":     {false, lost("nothing is filtered", "")},
	"bogus-nxdomain":  {true, lost("answers are not made into denials", "")},
	"stop-dns-rebind": {false, lost("private addresses in answers are not filtered", "")},
	"rebind-domain-ok": {true,
		lost("private addresses in answers are not filtered", "")},
	"edns-packet-max": {true, lost("the size of answers is that of the client", "write bufsize into extra.before")},
	"query-port":      {true, lost("queries are sent from any port, which makes answers hard to forge", "")},
	"expand-hosts":    {false, changed("there are no hosts of the container's own")},
	"no-hosts":        {false, changed("the file /etc/hosts is not read here")},
}

func init() {
	for _, name := range []string{"conf-file", "conf-dir", "addn-hosts", "hostsdir", "servers-file"} {
		flags[name] = dnsmasqFlag{true, lost("what the file has is not known here", "write it into the fields of ClusterDNS")}
	}
	for _, name := range []string{"mx-host", "srv-host", "txt-record", "ptr-record", "naptr-record", "caa-record", "dns-rr", "interface-name", "auth-server", "auth-zone", "synth-domain", "alias", "localmx", "mx-target", "domain", "dnssec"} {
		flags[name] = dnsmasqFlag{false, lost("no field has such records", "write a template into extra.blocks")}
	}
	for _, name := range []string{"keep-in-foreground", "no-daemon", "no-poll", "bind-interfaces", "bind-dynamic", "clear-on-reload", "log-async"} {
		flags[name] = dnsmasqFlag{false, changed(asProcess)}
	}
	for _, name := range []string{"log-facility", "pid-file", "user", "group", "interface", "except-interface", "listen-address", "port", "min-port", "max-port"} {
		flags[name] = dnsmasqFlag{true, changed(asProcess)}
	}
}

const asProcess = "it is about the process, which is another one now"

func lost(why, remedy string) func(k *kubeDNS, arg, value string) {
	return func(k *kubeDNS, arg, _ string) { k.lost(arg, why, remedy) }
}

func changed(what string) func(k *kubeDNS, arg, value string) {
	return func(k *kubeDNS, arg, _ string) { k.changed(arg, what) }
}

func (k *kubeDNS) cache() *v1alpha1.Cache {
	if k.spec.Cache == nil {
		k.spec.Cache = &v1alpha1.Cache{}
	}
	return k.spec.Cache
}

// noNegcache keeps denials for the shortest time. Those of the cluster are never kept.
func (k *kubeDNS) noNegcache(arg, _ string) {
	k.cache().Negative = new(v1alpha1.Seconds(1))
	k.changed(arg, "denials are kept for a second, which is the shortest time; those of the cluster's names are not kept")
}

func (k *kubeDNS) maxTTL(arg, value string) {
	s := seconds(value, 1)
	if s == nil {
		k.lost(arg, "the longest time that answers are kept is between 1 and 3600 seconds", "set cache.positive")
		return
	}
	k.cache().Positive = s
}

func (k *kubeDNS) forwardMax(arg, value string) {
	if k.limit = count(value, 1, 1000000); k.limit == nil {
		k.lost(arg, "it is no number of queries", "set upstreams.maxConcurrent")
	}
}

func (k *kubeDNS) localTTLFlag(arg, value string) {
	if seconds(value, 0) == nil {
		k.lost(arg, "a TTL is between 0 and 3600 seconds", "")
		return
	}
	k.local.ttl = value
	k.changed(arg, "it is the TTL of names in extra.blocks; that of hosts is an hour")
}

func (k *kubeDNS) logQueries(string, string) {
	k.spec.Observability = &v1alpha1.Observability{Log: &v1alpha1.Log{Classes: []v1alpha1.LogClass{"All"}}}
}

func (k *kubeDNS) resolvFile(arg, value string) {
	if !resolvConfPattern.MatchString(value) || len(value) > 255 {
		k.lost(arg, fmt.Sprintf("%q is no path", value), "set upstreams")
		return
	}
	k.files = append(k.files, value)
	k.add(Kept, atDnsmasq, fmt.Sprintf("`%s` is an endpoint of upstreams", arg), "see that the servers have the file")
}
