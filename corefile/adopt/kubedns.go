// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
)

// KubeDNS returns the settings of a kube-dns: the data of its ConfigMap, and the
// arguments of its container dnsmasq, with or without those of dnsmasq-nanny in
// front. What kube-dns does by itself and CoreDNS does not is in the settings.
//
// The error says which key of the ConfigMap cannot be read. Then kube-dns, too,
// went on as if nothing had been set.
func KubeDNS(config map[string]string, dnsmasq []string, clusterDomain string) (Result, error) {
	k := &kubeDNS{domain: origin(cmp.Or(clusterDomain, "cluster.local")), blocks: corefile.NewFile()}
	k.spec.Cluster = &v1alpha1.Cluster{Pods: v1alpha1.PodsInsecure, TTL: new(v1alpha1.Seconds(kubeDNSTTL))}
	k.setDomain(clusterDomain)
	if err := k.config(config); err != nil {
		return Result{}, err
	}
	k.dnsmasq(dnsmasq)
	if c := k.spec.Cache; c != nil && c.Disabled {
		*c = v1alpha1.Cache{Disabled: true} // the API wants nothing else then
	}
	k.upstreams()
	k.stubZones()
	k.localNames()
	k.extra()
	return Result{Spec: k.spec, Notices: slices.Compact(k.sorted())}, nil
}

// kubeDNSTTL is that of the records of kube-dns, in seconds.
const kubeDNSTTL = 30

// A kubeDNS is what was understood so far.
type kubeDNS struct {
	notices
	spec   v1alpha1.ClusterDNSSpec
	domain string
	// zones have servers of their own.
	zones []*zoneServers
	// servers answer the rest, before those of files.
	servers  []nameserver
	noResolv bool
	files    []string
	limit    *int32
	strict   bool
	local    localData
	forward  string // for extra.after
	blocks   *corefile.File
}

// zoneServers are those of a zone.
type zoneServers struct {
	zone    string
	at      place
	servers []nameserver
	// local zones are answered from what is here, if they have no servers.
	local bool
}

func (k *kubeDNS) setDomain(clusterDomain string) {
	if clusterDomain == "" {
		return
	}
	d, ok := domain(clusterDomain)
	if !ok {
		k.add(Lost, place{source: "kube-dns"}, fmt.Sprintf("the cluster domain %q is no domain name", clusterDomain), "set clusterDomain")
		return
	}
	k.spec.ClusterDomain = d
}

// config reads the ConfigMap.
func (k *kubeDNS) config(config map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(config)) {
		at, value := place{source: "kube-dns/" + key}, config[key]
		var err error
		switch {
		case value == "":
		case key == "stubDomains":
			err = k.stubDomains(at, value)
		case key == "upstreamNameservers":
			err = k.nameservers(at, value)
		case key == "federations":
			k.add(Lost, at, fmt.Sprintf("`%s` is left out: Kubernetes has no federations of this kind (version 1) any more", strings.TrimSpace(value)),
				"for Services of several clusters look at cluster.clusterSets")
		default:
			k.add(Lost, at, "kube-dns does not know this key, and it had no effect", "")
		}
		if err != nil {
			return fmt.Errorf("kube-dns/%s: %w", key, err)
		}
	}
	return nil
}

func (k *kubeDNS) stubDomains(at place, value string) error {
	var stubs map[string][]string
	if err := json.Unmarshal([]byte(value), &stubs); err != nil {
		return fmt.Errorf("reading an object of lists of servers: %w", err)
	}
	for _, zone := range slices.Sorted(maps.Keys(stubs)) {
		if len(stubs[zone]) == 0 {
			k.add(Lost, at, fmt.Sprintf("the zone `%s` has no servers: it is left out", zone), "")
		}
		for _, s := range stubs[zone] {
			k.zoneServer(at, zone, s)
		}
	}
	return nil
}

func (k *kubeDNS) nameservers(at place, value string) error {
	var list []string
	if err := json.Unmarshal([]byte(value), &list); err != nil {
		return fmt.Errorf("reading a list of servers: %w", err)
	}
	for _, s := range list {
		k.server(at, s)
	}
	k.noResolv = k.noResolv || len(list) > 0
	return nil
}

// server adds one for all names.
func (k *kubeDNS) server(at place, text string) {
	n, ok := k.nameserver(at, text)
	switch {
	case !ok:
	case slices.Contains(k.servers, n):
		k.add(Changed, at, fmt.Sprintf("the server `%s` is there twice: once is left out", text), "")
	default:
		k.servers = append(k.servers, n)
	}
}

// zoneServer adds one for a zone.
func (k *kubeDNS) zoneServer(at place, zone, text string) {
	z := k.zone(at, zone)
	if z == nil {
		return
	}
	n, ok := k.nameserver(at, text)
	switch {
	case !ok:
	case slices.Contains(z.servers, n):
		k.add(Changed, at, fmt.Sprintf("the server `%s` of %s is there twice: once is left out", text, z.zone), "")
	default:
		z.servers = append(z.servers, n)
	}
}

// zone returns that with the name, or nil if it cannot be one of its own.
func (k *kubeDNS) zone(at place, name string) *zoneServers {
	z, ok := zone(name)
	if !ok {
		z, ok = zone(origin(name))
	}
	text := string(z)
	switch {
	case !ok:
		k.add(Lost, at, fmt.Sprintf("`%s` is no zone: it is left out", name), "write a domain name")
		return nil
	case within(text, k.domain) || within(k.domain, text):
		k.add(Lost, at, fmt.Sprintf("the zone `%s` is left out: it has names of the cluster domain %s, for which the cluster answers", name, k.domain),
			"use hosts or rewrites for single names, or another zone")
		return nil
	case text != name:
		k.add(Changed, at, fmt.Sprintf("the zone `%s` is written `%s`", name, text), "")
	}
	for _, z := range k.zones {
		if z.zone == text {
			return z
		}
	}
	k.zones = append(k.zones, &zoneServers{zone: text, at: at})
	return k.zones[len(k.zones)-1]
}
