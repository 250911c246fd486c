// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// A reading sets what a directive says, as far as fields can say it. What it
// leaves out is found when the directive is rendered again.
type reading func(spec *v1alpha1.ClusterDNSSpec, d *corefile.Directive)

// readings are those of the directives that render writes, in the order in
// which they are read: the first has the cluster domain.
var readings = []struct {
	directive string
	read      reading
}{
	{"clusterdns", readCluster},
	{"autopath", readAutopath},
	{"errors", asItIs},
	{"health", readHealth},
	{"ready", asItIs},
	{"prometheus", asItIs},
	{"log", readLog},
	{"hosts", readHosts},
	{"rewrite", readRewrite},
	{"forward", readForward},
	{"cache", readCache},
	{"loop", asItIs},
	{"loadbalance", asItIs},
}

// asItIs is for directives that no field changes.
func asItIs(*v1alpha1.ClusterDNSSpec, *corefile.Directive) {}

// defaults reads the default server block.
func (a *adoption) defaults(b *corefile.ServerBlock, nodes []corefile.Node) {
	a.spec.ClusterDomain = clusterDomain(b, nodes)
	if len(b.Find("cache")) == 0 {
		a.spec.Cache = &v1alpha1.Cache{Disabled: true}
	}
	typed := make(map[*corefile.Directive]bool)
	for _, r := range readings {
		ds := b.Find(r.directive)
		if len(ds) == 0 || len(ds) > 1 && r.directive != "rewrite" || r.directive == "rewrite" && !inOrder(b) {
			continue
		}
		if a.try(ds, r.read) {
			for _, d := range ds {
				typed[d] = true
			}
		}
	}
	a.keep(b, typed)
	a.lostComments(a.at(b), append(keyComments(b), b.Opening().Behind()))
}

// keyComments are those above and behind the keys.
func keyComments(b *corefile.ServerBlock) []string {
	var all []string
	for _, k := range b.Keys {
		all = append(append(all, k.Above()...), k.Behind())
	}
	return append(all, b.Opening().Above()...)
}

// inOrder reports whether rewrites would stay in their order with those that
// imports may bring, if they were fields: these stand between extra.before and
// extra.after.
func inOrder(b *corefile.ServerBlock) bool {
	cluster := slices.IndexFunc(b.Directives, named("clusterdns"))
	for i, d := range b.Directives {
		if !d.Import() {
			continue
		}
		beyond := b.Directives[:i]
		if i > cluster {
			beyond = b.Directives[i:]
		}
		if slices.ContainsFunc(beyond, named("rewrite")) {
			return false
		}
	}
	return true
}

func named(directive string) func(*corefile.Directive) bool {
	return func(d *corefile.Directive) bool { return d.Name.Value() == directive }
}

// clusterDomain returns the first zone of the cluster that is not of addresses:
// in the default server block, or else in another one.
func clusterDomain(b *corefile.ServerBlock, nodes []corefile.Node) v1alpha1.Domain {
	if domain := domainOf(b); domain != "" {
		return domain
	}
	for _, n := range nodes {
		if other, ok := serverBlock(n); ok {
			if domain := domainOf(other); domain != "" {
				return domain
			}
		}
	}
	return ""
}

func domainOf(b *corefile.ServerBlock) v1alpha1.Domain {
	for _, d := range b.Find("clusterdns") {
		zones := d.Values()
		if len(zones) == 0 {
			zones = zonesOf(b)
		}
		for _, z := range zones {
			if domain, ok := domain(z); ok && !reverse(string(domain)) {
				return domain
			}
		}
	}
	return ""
}

func zonesOf(b *corefile.ServerBlock) []string {
	var zones []string
	for _, k := range keys(b) {
		zones = append(zones, k.zone)
	}
	return zones
}

// try reads directives of one name, and reports whether render writes them back.
func (a *adoption) try(ds []*corefile.Directive, read reading) bool {
	spec := a.spec.DeepCopy()
	for _, d := range ds {
		read(spec, d)
	}
	f, problems := render.Corefile(spec, render.Facts{})
	if len(problems) > 0 {
		return false
	}
	found := f.ServerBlocks()[0].Find(ds[0].Name.Value())
	if len(found) != len(ds) {
		return false
	}
	var all notices
	for i, d := range ds {
		said, ok := a.compare(d, found[i])
		if !ok {
			return false
		}
		all = append(all, said...)
	}
	a.spec, a.notices = *spec, append(a.notices, all...)
	for _, d := range ds {
		a.lostComments(a.at(d), comments(d))
		a.remark(d)
	}
	return true
}

// remark says what people should know of a directive that is a field.
func (a *adoption) remark(d *corefile.Directive) {
	if d.Name.Value() == "health" && render.Lameduck(&a.spec) < render.Lameduck(&v1alpha1.ClusterDNSSpec{}) {
		a.add(Kept, a.at(d), fmt.Sprintf("rollout.lameduck is %v, as it was", render.Lameduck(&a.spec)),
			"15s lose fewer queries: clients have to hear that a server ends")
	}
}

// keep puts into extra what is not a field.
func (a *adoption) keep(b *corefile.ServerBlock, typed map[*corefile.Directive]bool) {
	cluster := slices.IndexFunc(b.Directives, named("clusterdns"))
	for i, d := range b.Directives {
		if typed[d] {
			continue
		}
		text, err := verbatim(d)
		if err != nil {
			a.add(Lost, a.at(d), err.Error(), "")
			continue
		}
		field, to := "extra.after", &a.after
		if i < cluster {
			field, to = "extra.before", &a.before
		}
		*to = append(*to, text)
		message, remedy := about(d)
		a.add(Kept, a.at(d), fmt.Sprintf("`%s` is in %s%s", line(d), field, message), remedy)
	}
}

// near are the fields that say something like a directive.
var near = map[string]string{
	"clusterdns": "cluster", "autopath": "cluster.autopath", "health": "rollout.lameduck", "log": "observability.log",
	"hosts": "hosts", "rewrite": "rewrites", "forward": "upstreams", "cache": "cache",
}

// about says what people should know of a directive that is kept.
func about(d *corefile.Directive) (message, remedy string) {
	switch name := d.Name.Value(); {
	case name == "reload":
		return ", and has no effect: a Corefile never changes under its servers", "remove it"
	case d.Import():
		return imports(d)
	case mounted(d) != "":
		return ", and needs the file " + mounted(d), "see that the servers have it"
	case near[name] != "":
		return "", "to have a field for it, look at " + near[name]
	}
	return "", ""
}

// imports says where files come from that an import reads.
func imports(d *corefile.Directive) (message, remedy string) {
	if _, custom := customImport(d); custom {
		return ", and needs the ConfigMap " + customMap + " mounted there: what it has is not known here", "mount it, or give its keys when you adopt"
	}
	return ", and what it reads is not known here", "see that the servers have it"
}

// mounted returns a file that a directive reads, other than that of the node's servers.
func mounted(d *corefile.Directive) string {
	file := ""
	corefile.Walk(d, func(n corefile.Node) bool {
		if d, ok := n.(*corefile.Directive); ok && d.Name.Value() != "match" {
			for _, w := range d.Values() {
				if file == "" && strings.HasPrefix(w, "/") && len(w) > 1 && w != resolvConf {
					file = w
				}
			}
		}
		return true
	})
	return file
}
