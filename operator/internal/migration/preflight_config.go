// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/adopt"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// configuration compares what the old servers say with the ClusterDNS.
func (p *preflight) configuration() {
	if p.d.Flavour == "" || p.d.Ours {
		return
	}
	switch {
	case errors.Is(p.untranslated, ErrNoConfiguration):
		p.find("NoConfiguration", p.kubectl("get configmaps"), "there is no ConfigMap with a Corefile that %s mounts, and none called coredns", strings.Join(names(p.d.Workloads, workloadName), " or "))
		return
	case p.untranslated != nil:
		p.find("TranslationFails", p.kubectl("edit configmap %s", p.configMapName()), "%s", p.untranslated)
		return
	}
	p.directives()
	for _, n := range p.notices {
		code := v1alpha1.WarningCode("TranslationNotice")
		if n.Severity == adopt.Lost {
			code = "TranslationLoss"
		}
		bare := n
		bare.Remedy = ""
		p.find(code, cmp.Or(n.Remedy, lossFix(code)), "%s", strings.TrimSuffix(bare.String(), "; "))
	}
	p.files()
	p.differences()
}

// lossFix is for what is lost without a remedy of its own.
func lossFix(code v1alpha1.WarningCode) string {
	if code == "TranslationLoss" {
		return "nothing can be done about it: acknowledge it"
	}
	return ""
}

func (p *preflight) configMapName() string {
	if cm, ok := configuration(p.Observed, p.d); ok {
		return cm.Name
	}
	return "kube-dns"
}

// directives looks for plugins that our servers do not have.
func (p *preflight) directives() {
	if len(p.Operator.Directives) == 0 {
		return // not known
	}
	for _, d := range corefile.Check(rendered(p.Observed, p.translated), corefile.Rules{Directives: p.Operator.Directives}) {
		if d.Code == corefile.UnknownDirective {
			p.find("DirectiveMissing", p.kubectl("edit configmap %s", p.configMapName())+" # take it out, or build servers that have it", "our servers do not have what the old Corefile says: %s", d.Message)
		}
	}
}

// reading directives have files as their arguments.
var reading = []string{"hosts", "file", "auto", "import", "tls", "root", "dnssec", "sign", "forward", "kubeconfig", "transfer"}

// files looks for those that our servers do not have.
func (p *preflight) files() {
	seen := make(map[string]string)
	corefile.Walk(rendered(p.Observed, p.translated), func(n corefile.Node) bool {
		d, ok := n.(*corefile.Directive)
		if !ok || !slices.Contains(reading, d.Name.Value()) {
			return true
		}
		for _, w := range d.Values() {
			if strings.HasPrefix(w, "/") && w != "/etc/resolv.conf" {
				seen[w] = d.Name.Value()
			}
		}
		return true
	})
	for _, file := range slices.Sorted(maps.Keys(seen)) {
		fix := fmt.Sprintf("write what is in it into the ClusterDNS, and take `%s %s` out of extra", seen[file], file)
		if strings.HasSuffix(file, "/NodeHosts") {
			fix = "take `hosts " + file + "` out of extra; names of nodes that Pods need go to hosts: " + p.kubectl("get configmap %s -o jsonpath='{.data.NodeHosts}'", p.configMapName())
		}
		p.find("FileMissing", fix, "`%s` of the old Corefile reads %s, which our servers do not have", seen[file], file)
	}
}

// differences compares the ClusterDNS with what adopt makes of the old
// configuration, as the servers would see it.
func (p *preflight) differences() {
	if p.ClusterDNS == nil {
		return
	}
	if old := oldDomain(p.Observed, p.d); old != "" {
		ours := render.ClusterDomain(&p.ClusterDNS.Spec, render.Facts{ClusterDomain: p.Kubelet.ClusterDomain})
		if !strings.EqualFold(old, ours) {
			p.find("ClusterDomainDiffers", fmt.Sprintf(`kubectl patch clusterdns default --type=merge -p '{"spec":{"clusterDomain":"%s"}}'`, strings.ToLower(old)), "the old servers serve %s, the ClusterDNS %s", old, ours)
		}
	}
	p.namedServers()
	if fields := p.differing(); len(fields) > 0 {
		p.find("SpecDiffers", "clusterdns migrate plan # shows the difference; --manifest prints what the old configuration makes", "the ClusterDNS is not what the old configuration says: %s", strings.Join(fields, ", "))
	}
}

// namedServers finds upstreams that have a name instead of an address.
func (p *preflight) namedServers() {
	seen := make(map[string]bool)
	for _, spec := range []v1alpha1.ClusterDNSSpec{p.ClusterDNS.Spec, p.translated} {
		for _, b := range rendered(p.Observed, spec).ServerBlocks() {
			for _, d := range b.Find("forward") {
				for _, to := range d.Values()[min(1, len(d.Args)):] {
					if named(to) {
						seen[fmt.Sprintf("%s for %s", to, strings.Join(b.Zones(), " "))] = true
					}
				}
			}
		}
	}
	if len(seen) > 0 {
		p.find("StubHostName", "write addresses in the place of names: kubectl edit clusterdns default", "servers with a name: %s", strings.Join(slices.Sorted(maps.Keys(seen)), ", "))
	}
}

// named reports whether an upstream of forward is no address and no file.
func named(upstream string) bool {
	if _, rest, found := strings.Cut(upstream, "://"); found {
		upstream = rest
	}
	upstream, _, _ = strings.Cut(upstream, "%")
	if strings.HasPrefix(upstream, "/") {
		return false
	}
	if _, err := netip.ParseAddrPort(upstream); err == nil {
		return false
	}
	_, err := netip.ParseAddr(strings.Trim(upstream, "[]"))
	return err != nil
}

// differing returns the fields in which the ClusterDNS says something else than the
// old configuration, none if both make the same Corefile.
func (p *preflight) differing() []string {
	now, then := said(p.ClusterDNS.Spec), said(p.translated)
	if corefile.Equal(rendered(p.Observed, now), rendered(p.Observed, then)) {
		return nil
	}
	var out []string
	ours, theirs := p.fields(now), p.fields(then)
	for _, name := range slices.Sorted(maps.Keys(union(ours, theirs))) {
		if reflect.DeepEqual(ours[name], theirs[name]) {
			continue
		}
		// The field counts if the Corefile is another one with the value of the other.
		changed := maps.Clone(ours)
		delete(changed, name)
		if v, ok := theirs[name]; ok {
			changed[name] = v
		}
		spec, err := specOf(changed)
		if err != nil || !corefile.Equal(rendered(p.Observed, now), rendered(p.Observed, spec)) {
			out = append(out, name)
		}
	}
	return out
}

// said returns a spec without what makes no difference to those who ask: how a
// server ends, and the directive reload, which has no effect.
func said(spec v1alpha1.ClusterDNSSpec) v1alpha1.ClusterDNSSpec {
	spec = *spec.DeepCopy()
	if spec.Rollout != nil {
		spec.Rollout.Lameduck = nil
	}
	if e := spec.Extra; e != nil {
		lines := slices.DeleteFunc(strings.Split(e.After, "\n"), func(l string) bool { return l == "reload" || strings.HasPrefix(l, "reload ") })
		if e.After = strings.Join(lines, "\n"); *e == (v1alpha1.Extra{}) {
			spec.Extra = nil
		}
	}
	return spec
}

// fields returns what a spec has, by path: of objects each field by itself.
func (p *preflight) fields(spec v1alpha1.ClusterDNSSpec) map[string]any {
	all := make(map[string]any)
	text, err := json.Marshal(spec)
	if err != nil {
		return all
	}
	var top map[string]any
	if json.Unmarshal(text, &top) != nil {
		return all
	}
	for name, v := range top {
		inner, ok := v.(map[string]any)
		if !ok {
			all[name] = v
		}
		for field, v := range inner {
			all[name+"."+field] = v
		}
	}
	return all
}

// specOf is the inverse of fields.
func specOf(fields map[string]any) (spec v1alpha1.ClusterDNSSpec, err error) {
	top := make(map[string]any)
	for path, v := range fields {
		name, field, nested := strings.Cut(path, ".")
		if !nested {
			top[name] = v
			continue
		}
		inner, ok := top[name].(map[string]any)
		if !ok {
			inner = make(map[string]any)
			top[name] = inner
		}
		inner[field] = v
	}
	text, err := json.Marshal(top)
	if err != nil {
		return spec, err
	}
	return spec, json.Unmarshal(text, &spec)
}

func union[V any](a, b map[string]V) map[string]V {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// versionOf reads a tag like v1.11.1-eksbuild.9.
func versionOf(tag string) (*version.Version, bool) {
	v, err := version.ParseGeneric(tag)
	return v, err == nil
}

// older reports whether a version is known, and lower than another.
func older(tag, than string) bool {
	v, ok := versionOf(tag)
	return ok && v.LessThan(version.MustParseGeneric(than))
}

// behaviour lists what the old servers do in another way, whatever they are told.
func (p *preflight) behaviour() {
	if !p.d.Serving || p.d.Ours {
		return
	}
	kubeDNS := p.d.Flavour == v1alpha1.FlavourKubeDNS
	if kubeDNS || p.d.Flavour == v1alpha1.FlavourCoreDNS && older(p.d.Version, "1.9.0") {
		p.find("WildcardNames", "ask for the names themselves; before, log the queries to find who asks: "+p.logQueries(), "%s %s answers names with wildcard labels", p.d.Flavour, p.d.Version)
	}
	if kubeDNS {
		for _, s := range slices.Sorted(slices.Values(p.ExternalNames)) {
			ns, name, _ := strings.Cut(s, "/")
			p.find("ExternalNameAddress", fmt.Sprintf("kubectl -n %s get service %s -o yaml # make it a headless Service with an EndpointSlice that has the address", ns, name), "the Service %s has an address as its externalName", s)
		}
		p.find("MetricNames", "", "metrics of %s have other names than ours", p.d.Flavour)
		p.find("ServiceRecords", "", "SRV records of %s have other targets than ours", p.d.Flavour)
	}
}

// logQueries is how the old servers tell who asks what.
func (p *preflight) logQueries() string {
	if p.d.Flavour == v1alpha1.FlavourKubeDNS {
		return p.kubectl("edit deployment %s # with --log-queries of dnsmasq", strings.Join(names(p.d.Workloads, workloadName), " "))
	}
	return p.kubectl("edit configmap %s # with the directive log", p.configMapName())
}
