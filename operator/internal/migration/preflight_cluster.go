// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// nodeLocal looks at the caches on the nodes.
func (p *preflight) nodeLocal() {
	n := p.d.NodeLocal
	if n == nil || p.d.Ours {
		return
	}
	zones := 0
	if p.ClusterDNS != nil {
		zones = len(p.ClusterDNS.Spec.StubZones)
	}
	cm := p.ConfigMaps["kube-dns"]
	if stubs := cm.Data["stubDomains"] + cm.Data["upstreamNameservers"]; stubs != "" || zones > 0 {
		p.find("NodeLocal", p.kubectl("edit configmap kube-dns")+" # stubDomains with addresses only, whenever stubZones change; never delete it",
			"%s reads stub zones from the ConfigMap kube-dns: it has %s, the ClusterDNS %s", n.DaemonSet, presence(stubs != "", "some"), presence(zones > 0, fmt.Sprint(zones)))
	}
	if n.Around {
		p.find("NodeLocalBypass", p.kubectl("edit configmap node-local-dns")+" # forward . __PILLAR__CLUSTER__DNS__ in the block .:53", "%s asks the node's servers for names outside", n.DaemonSet)
	}
}

func presence(there bool, what string) string {
	if there {
		return what
	}
	return "none"
}

// cluster looks at what is around.
func (p *preflight) cluster() {
	p.kubelets()
	p.proxies()
	if p.d.Ours || p.Service == nil {
		return
	}
	p.room()
	p.hostPorts()
}

// hostPorts finds who has the port of the nodes that ours want, if they do.
func (p *preflight) hostPorts() {
	if p.ClusterDNS == nil || p.ClusterDNS.Spec.Placement == nil || !p.ClusterDNS.Spec.Placement.HostNetwork {
		return
	}
	fix := `kubectl patch clusterdns default --type=merge -p '{"spec":{"placement":{"hostNetwork":false}}}'`
	for _, w := range p.d.Workloads {
		if slices.ContainsFunc(p.oldPods(), func(pod corev1.Pod) bool {
			return pod.Spec.HostNetwork && slices.ContainsFunc(p.d.Servers, func(s Server) bool { return s.Name == pod.Name && s.Workload == w.Kind+"/"+w.Name })
		}) {
			p.find("HostPortTaken", fix, "%s/%s is on the network of the nodes, as our servers would be on port %d", w.Kind, w.Name, p.port())
		}
	}
	if n := p.d.NodeLocal; n != nil && p.port() == 53 {
		p.find("HostPortTaken", fix, "DaemonSet/%s has port 53 of addresses of the nodes, our servers want port %d of all", n.DaemonSet, p.port())
	}
}

// kubelets compares what they tell Pods with the address of the Service. An address
// of a cache on the nodes is fine.
func (p *preflight) kubelets() {
	if p.Service == nil || p.Service.Spec.ClusterIP == "None" {
		return
	}
	ips := append(slices.Clone(p.Service.Spec.ClusterIPs), p.Service.Spec.ClusterIP)
	for _, a := range p.Kubelet.ClusterDNS {
		cache := a.IsLinkLocalUnicast() || p.d.NodeLocal != nil && slices.Contains(p.d.NodeLocal.Addresses, a)
		if cache || slices.ContainsFunc(ips, func(s string) bool { ip, err := netip.ParseAddr(s); return err == nil && ip == a }) {
			continue
		}
		p.find("KubeletAddressDiffers", "kubectl get services -A | grep -F "+a.String()+" # if it is another Service, name it with --service-name", "kubelets tell Pods to ask %s, the Service %s has %s", a, p.Service.Name, p.Service.Spec.ClusterIP)
	}
}

// lastOldProxy is the version since which kube-proxy reconciles its flows.
const proxyReconciles = "1.32.0"

// proxies looks at what leads to Services.
func (p *preflight) proxies() {
	if p.d.Ours {
		return
	}
	var olds []string
	if older(p.ServerVersion, proxyReconciles) {
		olds = append(olds, "the API server is "+p.ServerVersion)
	}
	versions := make(map[string]int)
	for _, n := range p.Nodes {
		if v := n.Status.NodeInfo.KubeletVersion; older(v, proxyReconciles) {
			versions[v]++
		}
	}
	for _, v := range slices.Sorted(maps.Keys(versions)) {
		olds = append(olds, fmt.Sprintf("%d of %d nodes have %s", versions[v], len(p.Nodes), v))
	}
	if len(olds) > 0 {
		p.find("KubeProxyOld", "upgrade Kubernetes, or migrate when few ask: lost queries are asked again after 5 s", "%s", strings.Join(olds, ", "))
	}
	if mode := p.proxy(); mode != "" {
		p.find("ProxyUntried", "try it in a test cluster first; then acknowledge it", "%s leads to Services", mode)
	}
}

// proxy names what leads to Services if it is not a kube-proxy that was tried.
func (p *preflight) proxy() string {
	has := func(name string) bool {
		return slices.ContainsFunc(p.DaemonSets, func(d appsv1.DaemonSet) bool { return d.Name == name })
	}
	for _, line := range strings.Split(p.ConfigMaps["kube-proxy"].Data["config.conf"], "\n") {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name == "mode" && strings.Trim(strings.TrimSpace(value), `"`) == "ipvs" {
			return "kube-proxy in ipvs mode"
		}
	}
	switch {
	case has("kube-proxy"):
		return ""
	case has("anetd"):
		return "Dataplane V2 of GKE"
	case has("cilium"):
		return "Cilium without a kube-proxy"
	case has("calico-node"):
		return "Calico without a kube-proxy"
	case has("ovnkube-node"):
		return "OVN-Kubernetes"
	}
	return ""
}

// room compares servers with nodes. What others than the Pods of this namespace
// take from a node is not known.
func (p *preflight) room() {
	var usable []corev1.Node
	for _, n := range p.Nodes {
		if !n.Spec.Unschedulable && readyNode(n) {
			usable = append(usable, n)
		}
	}
	if len(p.Nodes) > 0 && len(usable) == 1 && p.d.Serving {
		p.find("SingleNode", "kubectl get nodes # add one, or make it ready", "there is one node for Pods, %s, of %d: its end is the end of DNS", usable[0].Name, len(p.Nodes))
	}
	wanted, container, ok := p.servers()
	if !ok {
		return
	}
	if now := int32(len(p.d.Servers)); p.d.Serving && wanted < now { //nolint:gosec // a few
		p.find("FewerServers", fmt.Sprintf(`kubectl patch clusterdns default --type=merge -p '{"spec":{"scaling":{"replicas":%d,"proportional":null}}}'`, now), "the ClusterDNS has %d servers, %d serve now", wanted, now)
	}
	for _, pod := range p.Observed.Observed.Pods {
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
				p.find("Capacity", "kubectl describe pod -n "+p.Operator.Namespace+" "+pod.Name+" # add nodes, or set placement of the ClusterDNS", "the server %s has no node: %s", pod.Name, c.Message)
			}
		}
	}
	if p.Deployment != nil || len(usable) == 0 {
		return // where they run is known
	}
	fits := 0
	for _, n := range usable {
		if p.fits(n, container.Resources.Requests) {
			fits++
		}
	}
	if need := min(int(wanted), len(usable)); fits < need {
		p.find("Capacity", "kubectl describe nodes # add nodes, or set placement of the ClusterDNS",
			"%d of %d nodes have room for a server (cpu %s, memory %s), compared with what the Pods of %s request there; %d servers are wanted", fits, len(usable),
			container.Resources.Requests.Cpu(), container.Resources.Requests.Memory(), p.Operator.Namespace, wanted)
	}
}

// servers returns how many of ours there would be, and what one is.
func (p *preflight) servers() (int32, corev1.Container, bool) {
	if p.ClusterDNS == nil || p.ClusterDNS.Spec.ManagementState != v1alpha1.Managed && p.ClusterDNS.Spec.ManagementState != "" {
		return 0, corev1.Container{}, false
	}
	final, _ := plan.Final(p.Observed.Observed)
	for _, o := range final.Apply {
		if d, ok := o.Object.(*appsv1.Deployment); ok && d.Spec.Replicas != nil && len(d.Spec.Template.Spec.Containers) > 0 {
			return *d.Spec.Replicas, d.Spec.Template.Spec.Containers[0], true
		}
	}
	return 0, corev1.Container{}, false
}

func readyNode(n corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// fits reports whether a node has what a server requests beside the Pods of this namespace.
func (p *preflight) fits(n corev1.Node, requests corev1.ResourceList) bool {
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		free, known := n.Status.Allocatable[name]
		if !known {
			continue
		}
		free = free.DeepCopy()
		for _, pod := range p.Pods {
			if pod.Spec.NodeName != n.Name || ended(pod) {
				continue
			}
			for _, c := range pod.Spec.Containers {
				free.Sub(c.Resources.Requests[name])
			}
		}
		if want := requests[name]; free.Cmp(want) < 0 {
			return false
		}
	}
	return true
}
