// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/adopt"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// customConfiguration is what the CoreDNS of managed clusters imports.
const customConfiguration = plan.CustomConfigMap

// ErrNoConfiguration says that there is nothing to translate.
var ErrNoConfiguration = errors.New("there is no ConfigMap with the configuration of the old DNS")

// Translation returns the settings of the old DNS, and what became of them on the
// way. The error is [ErrNoConfiguration], or says what cannot be read.
func Translation(o Observed) (v1alpha1.ClusterDNSSpec, []adopt.Notice, error) {
	return translation(o, Discover(o))
}

func translation(o Observed, d Discovery) (v1alpha1.ClusterDNSSpec, []adopt.Notice, error) {
	cm, found := configuration(o, d)
	var r adopt.Result
	var err error
	switch {
	case d.Flavour == v1alpha1.FlavourKubeDNS:
		args, domain := kubeDNSArguments(o, d)
		// Without the ConfigMap kube-dns has its defaults.
		r, err = adopt.KubeDNS(cm.Data, args, domain)
	case !found:
		return v1alpha1.ClusterDNSSpec{}, nil, ErrNoConfiguration
	default:
		custom := o.ConfigMaps[customConfiguration].Data
		if custom == nil {
			custom = map[string]string{} // what is imported is not there, which is fine
		}
		r, err = adopt.Corefile(cm.Data["Corefile"], custom)
	}
	if err != nil {
		return v1alpha1.ClusterDNSSpec{}, nil, fmt.Errorf("reading the configuration of the old DNS: %w", err)
	}
	return r.Spec, r.Notices, nil
}

// configuration returns the ConfigMap of the old DNS: for CoreDNS the one with a
// Corefile that its Pods mount, else the one with the usual name.
func configuration(o Observed, d Discovery) (corev1.ConfigMap, bool) {
	names := []string{"coredns"}
	key := "Corefile"
	if d.Flavour == v1alpha1.FlavourKubeDNS {
		names, key = []string{"kube-dns"}, ""
	} else {
		names = append(mountedConfiguration(o, d), names...)
	}
	for _, name := range names {
		cm, ok := o.ConfigMaps[name]
		if _, has := cm.Data[key]; ok && (has || key == "") {
			cm.Name = name
			return cm, true
		}
	}
	return corev1.ConfigMap{}, false
}

// mountedConfiguration returns the ConfigMaps that the old servers mount.
func mountedConfiguration(o Observed, d Discovery) []string {
	var names []string
	for _, t := range oldTemplates(o, d) {
		for _, v := range t.Spec.Volumes {
			if v.ConfigMap != nil && v.ConfigMap.Name != customConfiguration {
				names = append(names, v.ConfigMap.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// oldTemplates are those of the old workloads, by name.
func oldTemplates(o Observed, d Discovery) []corev1.PodTemplateSpec {
	var out []corev1.PodTemplateSpec
	for _, w := range d.Workloads {
		for _, x := range o.Deployments {
			if w.Kind == "Deployment" && w.Name == x.Name {
				out = append(out, x.Spec.Template)
			}
		}
		for _, x := range o.DaemonSets {
			if w.Kind == "DaemonSet" && w.Name == x.Name {
				out = append(out, x.Spec.Template)
			}
		}
	}
	return out
}

// kubeDNSArguments returns those of dnsmasq, and the domain that kubedns was given.
func kubeDNSArguments(o Observed, d Discovery) (dnsmasq []string, domain string) {
	for _, t := range oldTemplates(o, d) {
		for _, c := range t.Spec.Containers {
			switch {
			case c.Name == "dnsmasq" && dnsmasq == nil:
				dnsmasq = expanded(slices.Concat(c.Command, c.Args), c.Env)
			case c.Name == "kubedns":
				for _, a := range expanded(slices.Concat(c.Command, c.Args), c.Env) {
					if value, ok := strings.CutPrefix(strings.TrimLeft(a, "-"), "domain="); ok && domain == "" {
						domain = strings.TrimSuffix(value, ".")
					}
				}
			}
		}
	}
	if len(dnsmasq) > 0 && strings.HasPrefix(path.Base(dnsmasq[0]), "dnsmasq") && !strings.HasPrefix(dnsmasq[0], "-") {
		dnsmasq = dnsmasq[1:]
	}
	return dnsmasq, domain
}

// expanded returns arguments with $(NAME) as the kubelet replaces it.
func expanded(args []string, env []corev1.EnvVar) []string {
	out := slices.Clone(args)
	for i := range out {
		for _, e := range env {
			if e.ValueFrom == nil {
				out[i] = strings.ReplaceAll(out[i], "$("+e.Name+")", e.Value)
			}
		}
	}
	return out
}

// oldCorefile returns that of the old DNS, nil for kube-dns, or if it cannot be read.
func oldCorefile(o Observed, d Discovery) *corefile.File {
	if d.Flavour != v1alpha1.FlavourCoreDNS {
		return nil
	}
	cm, _ := configuration(o, d)
	f, err := corefile.Parse(cm.Data["Corefile"])
	if err != nil {
		return nil
	}
	return f
}

// oldDomain returns the zone that the old DNS serves for the cluster, or "".
func oldDomain(o Observed, d Discovery) string {
	if d.Flavour == v1alpha1.FlavourKubeDNS {
		_, domain := kubeDNSArguments(o, d)
		return domain
	}
	if f := oldCorefile(o, d); f != nil {
		return strings.TrimSuffix(f.ClusterDomain(), ".")
	}
	return ""
}

// rendered returns the Corefile of a spec as the operator would write it here.
func rendered(o Observed, spec v1alpha1.ClusterDNSSpec) *corefile.File {
	at := o.Observed
	at.ClusterDNS = &v1alpha1.ClusterDNS{Spec: spec}
	at.ClusterDNS.Spec.ManagementState = v1alpha1.Managed
	text, _ := plan.Corefile(at)
	f, err := corefile.Parse(text)
	if err != nil {
		return corefile.NewFile()
	}
	return f
}

// asksAround reports whether the Corefile of a node-cache asks others than the
// cluster's DNS for the names outside.
func asksAround(text string) bool {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) > 2 && words[0] == "forward" && words[1] == "." && (strings.Contains(words[2], "UPSTREAM__SERVERS") || strings.HasPrefix(words[2], "/")) {
			return true
		}
	}
	return false
}

// Adopted returns the spec of a ClusterDNS with what the old DNS says in the place of
// what it has for those who ask. How servers run stays.
func Adopted(now, old v1alpha1.ClusterDNSSpec) v1alpha1.ClusterDNSSpec {
	spec := *now.DeepCopy()
	old = *old.DeepCopy()
	spec.ClusterDomain, spec.Port = old.ClusterDomain, old.Port
	spec.Upstreams, spec.Cache, spec.Cluster, spec.StubZones = old.Upstreams, old.Cache, old.Cluster, old.StubZones
	spec.Hosts, spec.Rewrites, spec.Extra = old.Hosts, old.Rewrites, old.Extra
	if old.Observability != nil {
		if spec.Observability == nil {
			spec.Observability = &v1alpha1.Observability{}
		}
		spec.Observability.Log = old.Observability.Log
	}
	return spec
}
