// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
)

// failover is what dnsmasq asks the next server after. CoreDNS does not by itself.
var failover = []v1alpha1.Rcode{"SERVFAIL", "REFUSED"}

// inFlight is how many queries may be on their way to the servers of all names,
// as in new clusters.
const inFlight = 1000

// upstreams are the servers of all names.
func (k *kubeDNS) upstreams() {
	at := place{source: "kube-dns"}
	servers := k.atMost(at, k.servers)
	u := &v1alpha1.Upstreams{MaxConcurrent: new(int32(inFlight))}
	if k.limit != nil {
		u.MaxConcurrent = k.limit
	}
	var unknown []string
	u.Endpoints, unknown = endpoints(servers, k.domain)
	files := k.resolvConfs()
	if len(unknown) > 0 {
		k.forwardByName(servers, files, unknown, u)
		return
	}
	for _, f := range files {
		u.Endpoints = append(u.Endpoints, v1alpha1.Endpoint{ResolvConf: f})
	}
	k.order(u, len(u.Endpoints) > 1 || len(files) > 0)
	k.spec.Upstreams = u
}

// resolvConfs are the files with servers.
func (k *kubeDNS) resolvConfs() []string {
	switch {
	case !k.noResolv && len(k.files) > 0:
		return k.files
	case !k.noResolv:
		return []string{resolvConf}
	case len(k.servers) > 0:
		return nil
	}
	k.add(Lost, place{source: "dnsmasq"}, "no server was set, and `--no-resolv`: names that nobody here knows are now asked for at the servers of the node", "set upstreams")
	return []string{resolvConf}
}

// order says which server is asked first, and what for the next one is asked.
func (k *kubeDNS) order(u *v1alpha1.Upstreams, several bool) {
	if !several {
		return
	}
	u.Failover = slices.Clone(failover)
	if k.strict {
		u.Policy = v1alpha1.Sequential
	}
}

// forwardByName writes a directive for servers that have names.
func (k *kubeDNS) forwardByName(servers []nameserver, files, unknown []string, u *v1alpha1.Upstreams) {
	args := append([]string{"."}, k.byName(servers, place{source: "kube-dns"})...)
	d, err := corefile.NewDirective("forward", append(args, files...)...)
	if err == nil {
		err = k.forwardOptions(d, len(args)+len(files) > 2, u.MaxConcurrent)
	}
	if err == nil {
		k.forward, err = verbatim(d)
	}
	if err != nil {
		k.add(Lost, place{source: "kube-dns"}, err.Error(), "set upstreams")
		return
	}
	k.add(Kept, place{source: "kube-dns"}, fmt.Sprintf("`%s` is in extra.after, since a server has a name: %s. It is looked up once, when CoreDNS starts, which it does not if there is no such name", line(d), strings.Join(unknown, ", ")),
		"write addresses into upstreams")
}

// byName returns servers as forward reads them. The servers of the node do not
// know the names of Services: CoreDNS would not start.
func (k *kubeDNS) byName(servers []nameserver, at place) []string {
	var words []string
	for _, n := range servers {
		if e, ok := n.endpoint(k.domain); ok && e.Service != nil {
			k.add(Lost, at, fmt.Sprintf("the Service `%s` is left out, since another server has a name, too", n.host), "write addresses in the place of names")
			continue
		}
		words = append(words, n.word())
	}
	return words
}

func (k *kubeDNS) forwardOptions(d *corefile.Directive, several bool, limit *int32) error {
	w := &writer{}
	if several && k.strict {
		w.option(d, "policy", "sequential")
	}
	if several {
		w.option(d, "failover", string(failover[0]), string(failover[1]))
	}
	if limit != nil {
		w.option(d, "max_concurrent", fmt.Sprint(*limit))
	}
	return w.err
}

// stubZones are the zones with servers of their own.
func (k *kubeDNS) stubZones() {
	a := &adoption{} // for the names
	for _, z := range k.zones {
		if len(z.servers) == 0 {
			continue
		}
		servers := k.atMost(z.at, z.servers)
		list, unknown := endpoints(servers, k.domain)
		if len(unknown) > 0 || len(a.spec.StubZones) == maxStubs {
			k.stubBlock(z, servers, unknown)
			continue
		}
		u := v1alpha1.Upstreams{Endpoints: list}
		k.order(&u, len(list) > 1)
		a.spec.StubZones = append(a.spec.StubZones, v1alpha1.StubZone{Name: a.fresh(z.zone), Zones: []v1alpha1.Zone{v1alpha1.Zone(z.zone)}, Upstreams: u})
	}
	k.spec.StubZones = a.spec.StubZones
}

// stubBlock writes a server block for a zone that cannot be a stub zone.
func (k *kubeDNS) stubBlock(z *zoneServers, servers []nameserver, unknown []string) {
	w := newWriter(z.zone)
	w.put("errors")
	w.put("cache", "30")
	w.put("loop")
	to := k.byName(servers, z.at)
	if d := w.put("forward", append([]string{"."}, to...)...); d != nil {
		w.keep(k.forwardOptions(d, len(to) > 1, nil))
	}
	reason := fmt.Sprintf("since there are more than %d stub zones", maxStubs)
	if len(unknown) > 0 {
		reason = "since a server has a name: " + strings.Join(unknown, ", ") + ". It is looked up once, when CoreDNS starts, which it does not if there is no such name"
	}
	k.insert(w, z.at, fmt.Sprintf("the zone `%s` is in extra.blocks, %s", z.zone, reason), "write addresses into stubZones")
}

// insert adds a server block to extra.blocks.
func (k *kubeDNS) insert(w *writer, at place, message, remedy string) {
	if w.err == nil {
		w.keep(k.blocks.Insert(len(k.blocks.Nodes), w.block))
	}
	if w.err != nil {
		k.add(Lost, at, w.err.Error(), "change it")
		return
	}
	k.add(Kept, at, message, remedy)
}

// extra puts what is kept into the spec.
func (k *kubeDNS) extra() {
	e := v1alpha1.Extra{After: k.forward}
	if len(k.blocks.Nodes) > 0 {
		e.Blocks = corefile.Format(k.blocks)
	}
	if e != (v1alpha1.Extra{}) {
		k.spec.Extra = &e
	}
}

// A writer writes a server block. It keeps the first error.
type writer struct {
	block *corefile.ServerBlock
	err   error
}

func newWriter(zone string) *writer {
	b, err := corefile.NewServerBlock(zone + ":53")
	return &writer{b, err}
}

func (w *writer) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

// put writes a directive.
func (w *writer) put(directive string, args ...string) *corefile.Directive {
	d, err := w.block.Add(directive, args...)
	w.keep(err)
	return d
}

// option writes an option of d.
func (w *writer) option(d *corefile.Directive, name string, args ...string) {
	if d == nil {
		return
	}
	_, err := d.Add(name, args...)
	w.keep(err)
}
