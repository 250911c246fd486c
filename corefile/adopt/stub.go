// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// node reads what is not the default server block.
func (a *adoption) node(n corefile.Node, nodes []corefile.Node) {
	if b, ok := serverBlock(n); ok && a.stub(b, nodes) {
		return
	}
	if err := a.blocks.Insert(len(a.blocks.Nodes), n); err != nil {
		a.add(Lost, a.at(n), err.Error(), "rename or remove one")
		return
	}
	switch n := n.(type) {
	case *corefile.Directive:
		message, remedy := imports(n)
		a.add(Kept, a.at(n), fmt.Sprintf("`%s` is in extra.blocks%s", line(n), message), remedy)
	case *corefile.ServerBlock:
		a.add(Kept, a.at(n), fmt.Sprintf("the block `%s` is in extra.blocks", title(n)), a.whyKept(n))
		a.imported(n)
	}
}

// imported says which files a server block imports.
func (a *adoption) imported(b *corefile.ServerBlock) {
	corefile.Walk(b, func(n corefile.Node) bool {
		if d, ok := n.(*corefile.Directive); ok && d.Import() && strings.ContainsAny(line(d), "./*?{") {
			message, remedy := imports(d)
			a.add(Kept, a.at(d), fmt.Sprintf("`%s` is in extra.blocks%s", line(d), message), remedy)
		}
		return true
	})
}

func title(b *corefile.ServerBlock) string {
	var words []string
	for _, k := range b.Keys {
		words = append(words, k.Raw())
	}
	return strings.Join(words, " ")
}

// whyKept says what would make a stub zone of a server block.
func (a *adoption) whyKept(b *corefile.ServerBlock) string {
	if _, ok := b.Snippet(); ok || len(b.Find("forward")) != 1 {
		return ""
	}
	for _, to := range b.Find("forward")[0].Values() {
		if a.ofCluster(to) {
			return "a Service has to be named in stubZones, as endpoint.service, for its address to be asked"
		}
	}
	return "to have fields for it, look at stubZones: they have no other directives than errors, log, prometheus, forward, cache and loop"
}

// ofCluster reports whether a server is called by a name of the cluster.
func (a *adoption) ofCluster(to string) bool {
	d, ok := domain(strings.Split(to, ":")[0])
	return ok && within(string(d), "svc."+a.domain())
}

// maxStubs is how many stub zones the API takes.
const maxStubs = 32

// stub reads a server block as a stub zone, and reports whether render writes
// it back.
func (a *adoption) stub(b *corefile.ServerBlock, nodes []corefile.Node) bool {
	z, named := a.stubZone(b, nodes)
	if z == nil || len(a.spec.StubZones) == maxStubs {
		return false
	}
	said, ok := a.tryStub(b, *z)
	if !ok {
		inherited := z.Cache
		z.Cache = stubCache(b)
		if said, ok = a.tryStub(b, *z); !ok {
			z.Cache = inherited
			return false
		}
	}
	a.spec.StubZones = append(a.spec.StubZones, *z)
	a.notices = append(a.notices, said...)
	a.zonesChanged(b)
	above := keyComments(b)
	if named {
		above = slices.Delete(above, slices.Index(above, comment(z.Name)), slices.Index(above, comment(z.Name))+1)
	}
	a.lostComments(a.at(b), slices.Concat(above, []string{b.Opening().Behind()}, b.Closing().Above(), []string{b.Closing().Behind()}))
	for _, d := range b.Directives {
		a.lostComments(a.at(d), comments(d))
	}
	return true
}

// stubZone returns the zones and the upstreams of b, or nil if they are no stub
// zone. A comment of render names it.
func (a *adoption) stubZone(b *corefile.ServerBlock, nodes []corefile.Node) (z *v1alpha1.StubZone, named bool) {
	forward := b.Find("forward")
	if len(forward) != 1 || shared(b, nodes) {
		return nil, false
	}
	u := upstreams(forward[0])
	if u == nil {
		return nil, false
	}
	z = &v1alpha1.StubZone{Upstreams: *u}
	for _, k := range keys(b) {
		zone, ok := zone(k.zone)
		if !ok || k.transport != "" || k.port != a.listens() || a.clash(k.zone) || slices.Contains(z.Zones, zone) || len(z.Zones) == 16 {
			return nil, false
		}
		z.Zones = append(z.Zones, zone)
	}
	z.Name, named = a.name(b, string(z.Zones[0]))
	return z, named
}

// shared reports whether another server block has a zone of b, so that their
// order counts.
func shared(b *corefile.ServerBlock, nodes []corefile.Node) bool {
	return slices.ContainsFunc(nodes, func(n corefile.Node) bool {
		other, ok := serverBlock(n)
		return ok && other != b && slices.ContainsFunc(zonesOf(other), func(z string) bool { return slices.Contains(zonesOf(b), z) })
	})
}

// clash reports whether a zone is in the cluster domain, or has it in it.
func (a *adoption) clash(zone string) bool {
	return within(zone, a.domain()) || within(a.domain(), zone)
}

func (a *adoption) domain() string { return render.ClusterDomain(&a.spec, render.Facts{}) }

// comment is that of render above the block of a stub zone.
func comment(name string) string { return "stubZones[" + name + "]" }

// name returns what to call a stub zone: as the comment above it says, or like
// its first zone.
func (a *adoption) name(b *corefile.ServerBlock, zone string) (name string, named bool) {
	for _, c := range b.Keys[0].Above() {
		name := strings.TrimSuffix(strings.TrimPrefix(c, "stubZones["), "]")
		if c == comment(name) && len(name) <= 63 && labelPattern.MatchString(name) && !a.taken(name) {
			return name, true
		}
	}
	return a.fresh(zone), false
}

// fresh makes a name of a zone that no stub zone has.
func (a *adoption) fresh(zone string) string {
	base := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, zone)
	base = strings.Trim(base, "-")
	base = strings.TrimRight(base[:min(len(base), 58)], "-")
	if base == "" {
		base = "zone"
	}
	name := base
	for i := 2; a.taken(name); i++ {
		name = base + "-" + strconv.Itoa(i)
	}
	return name
}

func (a *adoption) taken(name string) bool {
	return slices.ContainsFunc(a.spec.StubZones, func(z v1alpha1.StubZone) bool { return z.Name == name })
}

func stubCache(b *corefile.ServerBlock) *v1alpha1.Cache {
	ds := b.Find("cache")
	if len(ds) == 0 {
		return &v1alpha1.Cache{Disabled: true}
	}
	return cache(ds[0])
}

// inStub are the directives that render may add to a stub zone.
var inStub = []string{"errors", "prometheus", "loop", "log"}

// tryStub compares b with what render writes of z.
func (a *adoption) tryStub(b *corefile.ServerBlock, z v1alpha1.StubZone) (said notices, ok bool) {
	spec := a.spec.DeepCopy()
	spec.StubZones = append(spec.StubZones, z)
	f, problems := render.Corefile(spec, render.Facts{})
	if len(problems) > 0 {
		return nil, false
	}
	blocks := f.ServerBlocks()
	news := slices.Clone(blocks[len(blocks)-1].Directives)
	for _, d := range b.Directives {
		i := slices.IndexFunc(news, named(d.Name.Value()))
		if i < 0 {
			return nil, false
		}
		differences, ok := a.compare(d, news[i])
		if !ok {
			return nil, false
		}
		said = append(said, differences...)
		news = slices.Delete(news, i, i+1)
	}
	for _, d := range news {
		if !slices.Contains(inStub, d.Name.Value()) {
			return nil, false
		}
		said.add(Added, a.at(b), fmt.Sprintf("`%s` is written in the block for %s: %s", line(d), z.Zones[0], reasons[d.Name.Value()]), "")
	}
	return said, true
}

// zonesChanged says which keys are written in another way.
func (a *adoption) zonesChanged(b *corefile.ServerBlock) {
	for _, k := range b.Zones() {
		if _, was, _ := cutKey(k); was != origin(was) {
			a.add(Changed, a.at(b), fmt.Sprintf("the zone `%s` is written `%s`", was, origin(was)), "")
		}
	}
}

// reasons say what directives are for that render adds.
var reasons = map[string]string{
	"errors":      "errors get into the log",
	"health":      "servers tell whether they live, and go on for a while when they are to end",
	"ready":       "servers tell when they can answer",
	"prometheus":  "metrics are there for all server blocks",
	"log":         "observability.log is for all server blocks",
	"clusterdns":  "the default server block answers for the cluster",
	"forward":     "names that nobody here knows are asked for at the servers of the node",
	"loop":        "a server that asks itself ends, and says why",
	"loadbalance": "addresses are shuffled",
}

// added says which directives render adds to the default server block.
func (a *adoption) added(b *corefile.ServerBlock) {
	f, problems := render.Corefile(&a.spec, render.Facts{})
	for _, p := range problems {
		a.add(Lost, place{source: "Corefile"}, p.Field+": "+p.Message, p.Remedy)
	}
	for _, d := range f.ServerBlocks()[0].Directives {
		if len(b.Find(d.Name.Value())) == 0 {
			remedy := ""
			if slices.ContainsFunc(b.Directives, (*corefile.Directive).Import) {
				remedy = "if a file that is imported has it too, put it into extra and take it out of the file"
			}
			a.add(Added, a.at(b), fmt.Sprintf("`%s` is written in the default block: %s", line(d), reasons[d.Name.Value()]), remedy)
		}
	}
}
