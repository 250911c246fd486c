// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// A Discovery is what there is before a migration. All lists are sorted by name.
type Discovery struct {
	// Flavour that serves, or would: KubeDNS or CoreDNS. It is empty if there is none, or
	// if it is neither.
	Flavour v1alpha1.Flavour `json:"flavour,omitempty"`
	// Version is the tag of its image, as v1.11.1-eksbuild.9, or "".
	Version string `json:"version,omitempty"`
	// Provider looks after the cluster, or "".
	Provider string `json:"provider,omitempty"`
	// Serving says that the Service leads to the old servers. Else it is ours already,
	// or leads nowhere.
	Serving bool `json:"serving"`
	// Ours says that the selector of the Service is ours.
	Ours bool `json:"ours,omitempty"`
	// Workloads of the old servers.
	Workloads []Workload `json:"workloads,omitempty"`
	// Servers are the old ones.
	Servers []Server `json:"servers,omitempty"`
	// Services that select the old servers, beside the one that is brought over.
	Services []SelectingService `json:"services,omitempty"`
	// NetworkPolicies and Budgets that select the old servers.
	NetworkPolicies []string `json:"networkPolicies,omitempty"`
	Budgets         []string `json:"budgets,omitempty"`
	// Autoscalers of the old workloads.
	Autoscalers []Autoscaler `json:"autoscalers,omitempty"`
	// NodeLocal is the cache on the nodes, nil if there is none.
	NodeLocal *NodeLocal `json:"nodeLocal,omitempty"`
	// Managers are who else writes the objects, and would take back what is changed.
	Managers []Manager `json:"managers,omitempty"`
}

// A Workload is a Deployment or a DaemonSet of old servers.
type Workload struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Flavour that its containers are, or "".
	Flavour  v1alpha1.Flavour `json:"flavour,omitempty"`
	Replicas int32            `json:"replicas"`
	// Images of its containers, as container=image.
	Images []string `json:"images,omitempty"`
}

// A Server is an old server.
type Server struct {
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"`
	Node    string     `json:"node,omitempty"`
	Ready   bool       `json:"ready"`
	// Workload is kind/name, or "" if nobody knows whose it is.
	Workload string `json:"workload,omitempty"`
	// Ports of its containers by name, as 53/UDP.
	Ports map[string]string `json:"ports,omitempty"`
}

// A SelectingService selects old servers, too.
type SelectingService struct {
	Name string `json:"name"`
	// DNS says that clients ask it on port 53. Else it is for metrics.
	DNS bool `json:"dns,omitempty"`
}

// An Autoscaler scales an old workload.
type Autoscaler struct {
	// Name is kind/name.
	Name string `json:"name"`
	// Target is kind/name in lower case, as deployment/kube-dns.
	Target string `json:"target"`
	// Idle says that it is scaled to 0 itself.
	Idle bool `json:"idle,omitempty"`
	// ScaledObject of KEDA that made it, or "".
	ScaledObject string `json:"scaledObject,omitempty"`
}

// NodeLocal is NodeLocal DNSCache.
type NodeLocal struct {
	DaemonSet string `json:"daemonSet"`
	// Addresses that it listens on.
	Addresses []netip.Addr `json:"addresses,omitempty"`
	// Upstream is the Service that it asks for names of the cluster, or "".
	Upstream string `json:"upstream,omitempty"`
	// Around says that it asks others than the cluster's DNS for names outside.
	Around bool `json:"around,omitempty"`
}

// Discover returns what there is.
func Discover(o Observed) Discovery {
	d := discoverer{Observed: o}
	d.out.Provider = providerOf(o)
	if o.Service != nil {
		d.out.Ours = maps.Equal(o.Service.Spec.Selector, serversOfOurs())
	}
	d.servers()
	d.workloads()
	d.flavour()
	d.selecting()
	d.autoscalers()
	d.nodeLocal()
	d.out.Managers = managersOf(o, d.out)
	return d.out
}

// serversOfOurs are the labels of our servers, which the Service selects in the end.
func serversOfOurs() map[string]string {
	return map[string]string{plan.LabelName: plan.Name, plan.LabelComponent: "server"}
}

type discoverer struct {
	Observed
	out Discovery
	// pods are the old servers.
	pods []corev1.Pod
}

// servers finds the old ones: Pods that are endpoints, or were until the selector
// was changed, or that the Service would select if it were not ours.
func (d *discoverer) servers() {
	endpoints, drained := d.endpoints(), make(map[string]bool)
	if d.Outgoing != nil {
		for _, e := range d.Outgoing.Endpoints {
			if e.TargetRef != nil {
				drained[e.TargetRef.Name] = true
			}
		}
	}
	selector := labels.Nothing()
	switch s := d.Service; {
	case d.out.Ours:
		// All who install a DNS label it so.
		selector = labels.SelectorFromSet(labels.Set{"k8s-app": "kube-dns"})
	case s != nil && len(s.Spec.Selector) > 0:
		selector = labels.SelectorFromSet(s.Spec.Selector)
	}
	for _, p := range d.Pods {
		if p.Labels[plan.LabelName] == plan.Name || !selector.Matches(labels.Set(p.Labels)) && !endpoints[p.Name] && !drained[p.Name] || d.scaler(p.Spec) || ended(p) {
			continue
		}
		d.pods = append(d.pods, p)
		s := Server{Name: p.Name, Node: p.Spec.NodeName, Ready: readyPod(p), Ports: map[string]string{}}
		s.Address, _ = netip.ParseAddr(p.Status.PodIP)
		for _, c := range p.Spec.Containers {
			for _, port := range c.Ports {
				s.Ports[cmp.Or(port.Name, c.Name)] = fmt.Sprintf("%d/%s", port.ContainerPort, cmp.Or(port.Protocol, corev1.ProtocolTCP))
			}
		}
		d.out.Servers = append(d.out.Servers, s)
		d.out.Serving = d.out.Serving || endpoints[p.Name]
	}
	byName(d.out.Servers, func(s Server) string { return s.Name })
	byName(d.pods, func(p corev1.Pod) string { return p.Name })
}

// endpoints returns the names of the Pods that are ready endpoints of the Service.
func (d *discoverer) endpoints() map[string]bool {
	names := make(map[string]bool)
	for _, slice := range d.Slices {
		for _, e := range slice.Endpoints {
			if e.TargetRef != nil && e.TargetRef.Kind == "Pod" && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				names[e.TargetRef.Name] = true
			}
		}
	}
	return names
}

func readyPod(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
}

func ended(p corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// scaler reports whether Pods are those of a cluster-proportional-autoscaler.
func (d *discoverer) scaler(spec corev1.PodSpec) bool { return scaled(spec) != "" }

// workloads finds whose the servers are. Selectors of several may have the same
// Pods: the ReplicaSet that made a Pod tells them apart.
func (d *discoverer) workloads() {
	for _, w := range d.Deployments {
		if w.Labels[plan.LabelName] == plan.Name && w.Name == plan.Name || d.scaler(w.Spec.Template.Spec) {
			continue
		}
		d.workload("Deployment", w.Name, w.Spec.Replicas, w.Spec.Selector, w.Spec.Template)
	}
	for _, w := range d.DaemonSets {
		if w.Labels[plan.LabelName] == plan.Name && w.Name == plan.Name || isNodeLocal(w) {
			continue
		}
		d.workload("DaemonSet", w.Name, &w.Status.DesiredNumberScheduled, w.Spec.Selector, w.Spec.Template)
	}
	byName(d.out.Workloads, func(w Workload) string { return w.Kind + w.Name })
}

func (d *discoverer) workload(kind, name string, replicas *int32, selector *metav1.LabelSelector, template corev1.PodTemplateSpec) {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return
	}
	w := Workload{Kind: kind, Name: name, Flavour: flavourOf(template.Spec), Replicas: 1}
	if replicas != nil {
		w.Replicas = *replicas
	}
	for _, c := range template.Spec.Containers {
		w.Images = append(w.Images, c.Name+"="+c.Image)
	}
	owns := false
	for i, p := range d.pods {
		if s.Matches(labels.Set(p.Labels)) && madeBy(p, kind, name) {
			d.out.Servers[i].Workload, owns = kind+"/"+name, true
		}
	}
	// One without Pods is the old one if the Service would select them.
	selects := d.Service != nil && !d.out.Ours && len(d.Service.Spec.Selector) > 0 &&
		labels.SelectorFromSet(d.Service.Spec.Selector).Matches(labels.Set(template.Labels))
	if owns || (selects || d.out.Ours && template.Labels["k8s-app"] == "kube-dns") && w.Flavour != "" {
		d.out.Workloads = append(d.out.Workloads, w)
	}
}

// madeBy reports whether a Pod is of a workload whose selector has it.
func madeBy(p corev1.Pod, kind, name string) bool {
	c := metav1.GetControllerOf(&p)
	switch {
	case c == nil:
		return false
	case c.Kind == "ReplicaSet":
		return kind == "Deployment" && c.Name == name+"-"+p.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	}
	return c.Kind == kind && c.Name == name
}

// flavourOf returns what the containers of a Pod are, or "".
func flavourOf(spec corev1.PodSpec) v1alpha1.Flavour {
	for _, c := range spec.Containers {
		image := imageName(c.Image)
		switch {
		case c.Name == "kubedns", c.Name == "dnsmasq", strings.Contains(image, "k8s-dns-kube-dns"), strings.Contains(image, "k8s-dns-dnsmasq"), strings.Contains(image, "kubedns"):
			return v1alpha1.FlavourKubeDNS
		case c.Name == "coredns", strings.Contains(image, "coredns"), slices.Contains(c.Args, "-conf"):
			return v1alpha1.FlavourCoreDNS
		}
	}
	return ""
}

// imageName returns the last part of the name of an image, without its tag.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndex(image, "/")+1:]
	image, _, _ = strings.Cut(image, ":")
	return image
}

// imageTag returns the tag of an image, or "".
func imageTag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return tag
}

// flavour is that of the servers, else that of a workload without servers.
func (d *discoverer) flavour() {
	for _, p := range d.pods {
		d.seen(flavourOf(p.Spec), p.Spec)
	}
	for _, w := range d.Deployments {
		if d.out.Flavour == "" && slices.ContainsFunc(d.out.Workloads, func(o Workload) bool { return o.Kind == "Deployment" && o.Name == w.Name }) {
			d.seen(flavourOf(w.Spec.Template.Spec), w.Spec.Template.Spec)
		}
	}
}

func (d *discoverer) seen(f v1alpha1.Flavour, spec corev1.PodSpec) {
	if f == "" || d.out.Flavour != "" {
		return
	}
	d.out.Flavour = f
	for _, c := range spec.Containers {
		image := imageName(c.Image)
		if c.Name == "kubedns" || c.Name == "coredns" || strings.Contains(image, "coredns") || strings.Contains(image, "kube-dns") {
			d.out.Version = cmp.Or(d.out.Version, imageTag(c.Image))
		}
	}
}

// both reports whether servers of both flavours are there.
func (d Discovery) both() bool {
	has := func(f v1alpha1.Flavour) bool {
		return slices.ContainsFunc(d.Workloads, func(w Workload) bool {
			return w.Flavour == f && slices.ContainsFunc(d.Servers, func(s Server) bool { return s.Workload == w.Kind+"/"+w.Name })
		})
	}
	return has(v1alpha1.FlavourKubeDNS) && has(v1alpha1.FlavourCoreDNS)
}

// selects reports whether a selector has one of the old servers.
func (d *discoverer) selects(s labels.Selector) bool {
	return slices.ContainsFunc(d.pods, func(p corev1.Pod) bool { return s.Matches(labels.Set(p.Labels)) })
}

// selecting finds what else selects the old servers.
func (d *discoverer) selecting() {
	for _, s := range d.Services {
		if d.Service != nil && s.Name == d.Service.Name || len(s.Spec.Selector) == 0 || !d.selects(labels.SelectorFromSet(s.Spec.Selector)) {
			continue
		}
		dns := slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == 53 })
		d.out.Services = append(d.out.Services, SelectingService{s.Name, dns})
	}
	for _, p := range d.NetworkPolicies {
		if s, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector); err == nil && d.selects(s) {
			d.out.NetworkPolicies = append(d.out.NetworkPolicies, p.Name)
		}
	}
	for _, b := range d.Budgets {
		if s, err := metav1.LabelSelectorAsSelector(b.Spec.Selector); err == nil && d.selects(s) {
			d.out.Budgets = append(d.out.Budgets, b.Name)
		}
	}
	byName(d.out.Services, func(s SelectingService) string { return s.Name })
	slices.Sort(d.out.NetworkPolicies)
	slices.Sort(d.out.Budgets)
}

// autoscalers finds what scales the old workloads.
func (d *discoverer) autoscalers() {
	olds := make(map[string]bool)
	for _, w := range d.out.Workloads {
		olds[strings.ToLower(w.Kind+"/"+w.Name)] = true
	}
	for _, w := range d.Deployments {
		target := scaled(w.Spec.Template.Spec)
		for _, one := range strings.Split(target, ",") {
			if olds[strings.ToLower(one)] {
				idle := w.Spec.Replicas != nil && *w.Spec.Replicas == 0
				d.out.Autoscalers = append(d.out.Autoscalers, Autoscaler{Name: "Deployment/" + w.Name, Target: strings.ToLower(one), Idle: idle})
			}
		}
	}
	for _, h := range d.Autoscalers {
		ref := h.Spec.ScaleTargetRef
		if target := strings.ToLower(ref.Kind + "/" + ref.Name); olds[target] {
			a := Autoscaler{Name: "HorizontalPodAutoscaler/" + h.Name, Target: target, ScaledObject: h.Labels["scaledobject.keda.sh/name"]}
			d.out.Autoscalers = append(d.out.Autoscalers, a)
		}
	}
	byName(d.out.Autoscalers, func(a Autoscaler) string { return a.Name })
}

// scaled returns --target of a cluster-proportional-autoscaler, or "".
func scaled(spec corev1.PodSpec) string {
	for _, c := range spec.Containers {
		for _, arg := range append(slices.Clone(c.Command), c.Args...) {
			if target, ok := strings.CutPrefix(strings.TrimPrefix(arg, "-"), "-target="); ok && strings.Contains(strings.ToLower(target), "/") {
				return target
			}
		}
	}
	return ""
}

// isNodeLocal reports whether a DaemonSet is NodeLocal DNSCache.
func isNodeLocal(w appsv1.DaemonSet) bool {
	return slices.ContainsFunc(w.Spec.Template.Spec.Containers, func(c corev1.Container) bool {
		return strings.Contains(imageName(c.Image), "node-cache") || slices.ContainsFunc(c.Args, func(a string) bool { return a == "-localip" })
	})
}

// nodeLocal finds the cache on the nodes.
func (d *discoverer) nodeLocal() {
	for _, w := range d.DaemonSets {
		if !isNodeLocal(w) || d.out.NodeLocal != nil && d.out.NodeLocal.DaemonSet < w.Name {
			continue
		}
		n := &NodeLocal{DaemonSet: w.Name}
		for _, c := range w.Spec.Template.Spec.Containers {
			n.read(slices.Concat(c.Command, c.Args))
		}
		for _, v := range w.Spec.Template.Spec.Volumes {
			if v.ConfigMap == nil {
				continue
			}
			cm := d.ConfigMaps[v.ConfigMap.Name]
			text := cm.Data["Corefile.base"] + cm.Data["Corefile"]
			n.Around = n.Around || asksAround(text) || cm.Data["stubDomains"]+cm.Data["upstreamNameservers"] != ""
		}
		d.out.NodeLocal = n
	}
}

// read reads the arguments of node-cache.
func (n *NodeLocal) read(args []string) {
	for i := range args {
		name, value, found := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !found && i+1 < len(args) {
			value = args[i+1]
		}
		switch name {
		case "localip":
			for _, s := range strings.Split(value, ",") {
				if a, err := netip.ParseAddr(strings.TrimSpace(s)); err == nil {
					n.Addresses = append(n.Addresses, a)
				}
			}
		case "upstreamsvc":
			n.Upstream = value
		}
	}
}

// byName sorts a list.
func byName[E any](list []E, name func(E) string) {
	slices.SortStableFunc(list, func(a, b E) int { return strings.Compare(name(a), name(b)) })
}
