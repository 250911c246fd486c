// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile/adopt"
)

// Preflight returns what to know, or to do, before a migration, in the order of
// [Codes]. The same observations give the same findings, in whatever order lists are.
func Preflight(o Observed) []v1alpha1.PreflightFinding {
	p := &preflight{Observed: o, d: Discover(o)}
	p.translated, p.notices, p.untranslated = translation(o, p.d)
	p.target()
	p.whatServes()
	p.managers()
	p.service()
	p.configuration()
	p.behaviour()
	p.selectors()
	p.policies()
	p.nodeLocal()
	p.cluster()
	return p.sorted()
}

type preflight struct {
	Observed
	d        Discovery
	findings []v1alpha1.PreflightFinding

	translated   v1alpha1.ClusterDNSSpec
	notices      []adopt.Notice
	untranslated error
}

// find adds a finding. The code says how bad it is.
func (p *preflight) find(code v1alpha1.WarningCode, fix, message string, args ...any) {
	i := slices.IndexFunc(codes, func(c Code) bool { return c.Code == code })
	p.findings = append(p.findings, v1alpha1.PreflightFinding{Code: code, Severity: codes[i].Severity, Message: fmt.Sprintf(message, args...), Fix: fix})
}

func (p *preflight) sorted() []v1alpha1.PreflightFinding {
	place := make(map[v1alpha1.WarningCode]int)
	for i, c := range codes {
		place[c.Code] = i
	}
	slices.SortFunc(p.findings, func(a, b v1alpha1.PreflightFinding) int {
		return cmp.Or(cmp.Compare(place[a.Code], place[b.Code]), strings.Compare(a.Message, b.Message), strings.Compare(a.Fix, b.Fix))
	})
	return slices.Compact(p.findings)
}

// kubectl returns a command about something in the namespace.
func (p *preflight) kubectl(format string, args ...any) string {
	return "kubectl -n " + p.Operator.Namespace + " " + fmt.Sprintf(format, args...)
}

// target looks at the ClusterDNS.
func (p *preflight) target() {
	dns := p.ClusterDNS
	if dns == nil {
		p.find("NoClusterDNS", p.adoptCommand(), "there is no ClusterDNS default")
		return
	}
	if s := dns.Spec.ManagementState; s != "" && s != v1alpha1.Managed {
		p.find("NotManaged", `kubectl patch clusterdns default --type=merge -p '{"spec":{"managementState":"Managed"}}'`,
			"managementState of the ClusterDNS is %s: there are no servers of its own", s)
		return
	}
	for _, c := range dns.Status.Conditions {
		refused := c.Type == v1alpha1.ConditionAccepted || c.Type == v1alpha1.ConditionResolvedRefs
		if refused && c.Status == "False" && c.Reason != "ForeignDNS" && c.Reason != "ImageRegistryRequired" {
			p.find("NotAccepted", "kubectl edit clusterdns default", "the operator does not take the ClusterDNS: %s: %s", c.Reason, c.Message)
		}
	}
	if i := dns.Spec.Image; !p.Operator.LocalImage && (i == nil || i.Registry == "") {
		p.find("ImageRegistry", `kubectl patch clusterdns default --type=merge -p '{"spec":{"image":{"registry":"REGISTRY"}}}'`, "image.registry of the ClusterDNS is empty")
	}
	var sick []string
	for _, u := range dns.Status.Upstreams {
		if !u.Healthy {
			sick = append(sick, strings.TrimSuffix(fmt.Sprintf("%s for %s: %s", u.Endpoint, strings.Join(u.Zones, " "), u.Message), ": "))
		}
	}
	if slices.Sort(sick); len(sick) > 0 {
		p.find("UpstreamsUnhealthy", "clusterdns status; take them out of the ClusterDNS, or let the operator reach them", "do not answer: %s", strings.Join(sick, ", "))
	}
}

// adoptCommand makes the ClusterDNS of what is there.
func (p *preflight) adoptCommand() string {
	if p.d.Flavour == "" {
		return "kubectl apply -f manifests/samples/clusterdns/default.yaml"
	}
	return "clusterdns migrate plan --manifest | kubectl apply -f -"
}

// whatServes looks at the old servers.
func (p *preflight) whatServes() {
	name := p.Operator.ServiceName
	switch {
	case p.Service == nil:
		p.find("NoService", "create the ClusterDNS: the operator makes the Service, there is nothing to migrate", "there is no Service %s in %s", name, p.Operator.Namespace)
		return
	case p.Service.Spec.ClusterIP == "None":
		p.find("NoService", "name the Service that clients ask: --service-name", "the Service %s has no address (clusterIP: None)", name)
		return
	case p.d.Ours:
		p.find("AlreadyOurs", "", "the Service %s selects our servers", name)
		return
	case len(p.Service.Spec.Selector) == 0:
		p.find("LegacyEndpoints", p.kubectl("patch service %s --type=merge -p '{\"spec\":{\"selector\":{\"k8s-app\":\"kube-dns\"}}}' # if that selects the servers", name), "the Service %s has no selector: somebody writes its endpoints", name)
		return
	case !p.d.Serving:
		p.find("NothingServes", p.kubectl("get pods,endpointslices -l kubernetes.io/service-name=%s", name)+"; bring the old DNS back first, or take it away: then there is nothing to migrate",
			"the Service %s has no ready endpoints that are Pods", name)
		return
	}
	p.flavour()
	for _, s := range p.d.Servers {
		if s.Workload == "" {
			p.find("NoWorkload", p.kubectl("get pod %s -o jsonpath='{.metadata.ownerReferences}'", s.Name)+"; run the old servers as a Deployment", "nobody knows what makes the server %s", s.Name)
		}
	}
	for _, w := range p.d.Workloads {
		if w.Kind == "DaemonSet" {
			p.find("DaemonSetServes", p.kubectl("delete daemonset %s", w.Name)+" # once the migration is through", "the DaemonSet %s cannot be scaled to 0", w.Name)
		}
	}
}

func (p *preflight) flavour() {
	from := v1alpha1.FlavourAuto
	if p.Migration != nil && p.Migration.Spec.From != "" {
		from = p.Migration.Spec.From
	}
	switch d := p.d; {
	case d.Flavour == "":
		p.find("UnknownDNS", "run kube-dns or CoreDNS there first, or set the selector of the Service by hand", "the servers %s are neither kube-dns nor CoreDNS", strings.Join(names(d.Servers, serverName), ", "))
	case d.both():
		p.find("BothServe", p.kubectl("scale deployment %s --replicas=0", strings.Join(names(d.others(), workloadName), " ")), "%s serve together", strings.Join(names(d.Workloads, workloadName), " and "))
	case from != v1alpha1.FlavourAuto && from != d.Flavour:
		p.find("FromMismatch", fmt.Sprintf(`kubectl patch dnsmigration default --type=merge -p '{"spec":{"from":"%s"}}'`, d.Flavour), "spec.from is %s, but %s serves", from, d.Flavour)
	}
	if p.d.Flavour == v1alpha1.FlavourCoreDNS {
		if _, ok := versionOf(p.d.Version); !ok {
			p.find("VersionUnknown", p.kubectl("exec %s -- /coredns -version", p.d.Servers[0].Name), "the image of CoreDNS has no version as its tag: %s", strings.Join(p.images(), ", "))
		}
	}
}

// others are the workloads of the flavour that is not the first one.
func (d Discovery) others() []Workload {
	return slices.DeleteFunc(slices.Clone(d.Workloads), func(w Workload) bool { return w.Flavour == d.Flavour })
}

func (p *preflight) images() []string {
	var out []string
	for _, w := range p.d.Workloads {
		out = append(out, w.Images...)
	}
	return out
}

func names[E any](list []E, name func(E) string) []string {
	var out []string
	for _, e := range list {
		out = append(out, name(e))
	}
	return out
}

func serverName(s Server) string     { return s.Name }
func workloadName(w Workload) string { return w.Name }

// managers looks for who would take back what is changed.
func (p *preflight) managers() {
	for _, m := range p.d.Managers {
		p.find(v1alpha1.WarningCode("AddonManager"+m.Name), m.Release, "%s writes %s", m.By, strings.Join(m.Objects, ", "))
	}
	if managedCloud(p.d.Provider) && p.d.Serving {
		p.find("ManagedCloud", p.cloudFix(), "the cluster is one of %s", p.d.Provider)
	}
}

// cloudFix is what to do instead of a migration.
func (p *preflight) cloudFix() string {
	cm, _ := configuration(p.Observed, p.d)
	if strings.Contains(cm.Data["Corefile"], "import custom/") {
		return `kubectl patch clusterdns default --type=merge -p '{"spec":{"managementState":"Overlay"}}' (instead of a migration: its CoreDNS imports coredns-custom)`
	}
	return "ask the provider whether the cluster may have another DNS; then acknowledge it"
}
