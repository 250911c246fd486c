// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// localData is what dnsmasq answers by itself.
type localData struct {
	// below are names with an answer for all that is below them, too.
	below []*below
	hosts []v1alpha1.Host
	names []v1alpha1.Rewrite
	ttl   string
}

// A below is a name with the addresses of all that is below it. Without one
// there are no such names.
type below struct {
	name      string
	addresses []netip.Addr
}

// localNames writes what dnsmasq answers by itself.
func (k *kubeDNS) localNames() {
	for _, z := range k.zones {
		if z.local && len(z.servers) == 0 {
			k.nothing(z.zone, z.at)
		}
	}
	for _, b := range k.local.below {
		k.everything(b)
	}
	for _, h := range k.local.hosts {
		k.host(h)
	}
	for _, r := range k.local.names {
		k.alias(r)
	}
}

var atDnsmasq = place{source: "dnsmasq"}

// nothing has no names in a zone.
func (k *kubeDNS) nothing(zone string, at place) {
	w := newWriter(zone)
	w.put("errors")
	w.option(w.put("template", "ANY", "ANY"), "rcode", "NXDOMAIN")
	k.insert(w, at, fmt.Sprintf("the zone `%s` is in extra.blocks, which denies its names", zone), "")
}

// everything has the same addresses for a name and all below it.
func (k *kubeDNS) everything(b *below) {
	if k.served(b.name) {
		k.add(Lost, atDnsmasq, fmt.Sprintf("the addresses of `%s` are left out: it is a zone with servers, too", b.name), "take out one of them")
		return
	}
	if len(b.addresses) == 0 {
		k.nothing(b.name, atDnsmasq)
		return
	}
	w := newWriter(b.name)
	w.put("errors")
	for _, family := range []string{"A", "AAAA"} {
		var answers []string
		for _, a := range b.addresses {
			if a.Is4() == (family == "A") {
				answers = append(answers, fmt.Sprintf("{{ .Name }} %s IN %s %v", k.localTTL(), family, a))
			}
		}
		if len(answers) == 0 {
			continue
		}
		d := w.put("template", "IN", family)
		for _, answer := range answers {
			w.option(d, "answer", answer)
		}
	}
	w.option(w.put("template", "ANY", "ANY"), "rcode", "NOERROR")
	k.insert(w, atDnsmasq, fmt.Sprintf("`--address` of `%s` is in extra.blocks: it is for all names below, too, which hosts are not", b.name), "")
}

func (k *kubeDNS) localTTL() string {
	if k.local.ttl == "" {
		return "0"
	}
	return k.local.ttl
}

// served reports whether a name is a zone of its own.
func (k *kubeDNS) served(name string) bool {
	return slices.ContainsFunc(k.zones, func(z *zoneServers) bool { return z.zone == name })
}

// hidden reports whether a name is in a zone of its own, so that hosts and
// rewrites do not see it: they are for the default server block.
func (k *kubeDNS) hidden(name string) bool {
	return slices.ContainsFunc(k.zones, func(z *zoneServers) bool { return within(name, z.zone) }) ||
		slices.ContainsFunc(k.local.below, func(b *below) bool { return within(name, b.name) })
}

// host has addresses for one name.
func (k *kubeDNS) host(h v1alpha1.Host) {
	name := string(h.Name)
	switch {
	case !k.hidden(name) && len(k.spec.Hosts) < 256 && len(h.Addresses) <= 16:
		k.spec.Hosts = append(k.spec.Hosts, h)
		k.add(Changed, atDnsmasq, fmt.Sprintf("`%s` is in hosts, where the TTL is an hour", name), "")
		return
	case k.served(name) || slices.ContainsFunc(k.local.below, func(b *below) bool { return b.name == name }):
		k.add(Lost, atDnsmasq, fmt.Sprintf("the addresses of `%s` are left out: it is a zone of its own", name), "add them to the servers of the zone")
		return
	}
	w := newWriter(name)
	w.put("errors")
	d := w.put("hosts")
	for _, a := range h.Addresses {
		w.option(d, string(a), name)
	}
	k.insert(w, atDnsmasq, fmt.Sprintf("`%s` is in extra.blocks: hosts are not asked for names in other zones", name), "")
}

// alias has the records of another name.
func (k *kubeDNS) alias(r v1alpha1.Rewrite) {
	if k.hidden(r.From) || len(k.spec.Rewrites) == 64 {
		k.add(Lost, atDnsmasq, fmt.Sprintf("the alias `%s` is left out: it is in a zone of its own", r.From), "add it to the servers of the zone")
		return
	}
	k.spec.Rewrites = append(k.spec.Rewrites, r)
	k.add(Changed, atDnsmasq, fmt.Sprintf("the alias `%s` is a rewrite to `%s`: it is answered with the records of that, without a CNAME", r.From, r.To), "")
}

// address reads --address=/name/name/address.
func (k *kubeDNS) address(arg, value string) {
	names, text, ok := cutNames(value)
	if !ok {
		k.lost(arg, "a name in slashes is missing", "")
		return
	}
	addresses, ok := localAddresses(text)
	if !ok {
		k.lost(arg, fmt.Sprintf("%q is no address", text), "")
		return
	}
	for _, n := range names {
		d, ok := domain(n)
		if !ok {
			k.lost(arg, fmt.Sprintf("%q is no domain name", n), "write a template into extra.blocks")
			continue
		}
		k.local.add(string(d), addresses)
	}
}

// localAddresses reads an address. None are no addresses, and # is the
// unspecified ones.
func localAddresses(text string) ([]netip.Addr, bool) {
	switch text {
	case "":
		return nil, true
	case "#":
		return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}, true
	}
	a, err := netip.ParseAddr(text)
	return []netip.Addr{a.Unmap()}, err == nil && a.Zone() == ""
}

func (l *localData) add(name string, addresses []netip.Addr) {
	for _, b := range l.below {
		if b.name == name {
			b.addresses = append(b.addresses, addresses...)
			return
		}
	}
	l.below = append(l.below, &below{name, slices.Clone(addresses)})
}

// hostRecord reads --host-record=name,name,address,address,ttl.
func (k *kubeDNS) hostRecord(arg, value string) {
	var names []v1alpha1.Domain
	var addresses []v1alpha1.Address
	for _, word := range strings.Split(value, ",") {
		word = strings.TrimSpace(word)
		if a, err := netip.ParseAddr(word); err == nil && a.Zone() == "" {
			addresses = append(addresses, v1alpha1.Address(a.Unmap().String()))
			continue
		}
		d, ok := domain(word)
		if _, err := strconv.Atoi(word); err == nil && len(addresses) > 0 || !ok {
			k.add(Lost, atDnsmasq, fmt.Sprintf("`%s` of `%s` is left out: it is neither a name nor an address", word, arg), "")
			continue
		}
		names = append(names, d)
	}
	if len(names) == 0 || len(addresses) == 0 {
		k.lost(arg, "a name or an address is missing", "")
		return
	}
	for _, n := range names {
		k.local.hosts = append(k.local.hosts, v1alpha1.Host{Name: n, Addresses: slices.Clone(addresses)})
	}
}

// cname reads --cname=alias,alias,target,ttl.
func (k *kubeDNS) cname(arg, value string) {
	words := strings.Split(value, ",")
	if _, err := strconv.Atoi(words[len(words)-1]); err == nil {
		words = words[:len(words)-1]
	}
	for i, w := range words {
		d, ok := domain(strings.TrimSpace(w))
		if !ok || len(words) < 2 {
			k.lost(arg, fmt.Sprintf("%q is no domain name, or there is no other", w), "write a rewrite")
			return
		}
		words[i] = string(d)
	}
	to := words[len(words)-1]
	for _, from := range words[:len(words)-1] {
		k.local.names = append(k.local.names, v1alpha1.Rewrite{Kind: "Exact", From: from, To: to, Stop: true})
	}
}
