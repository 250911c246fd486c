// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// kubelets reads what the kubelets tell Pods about DNS: their configuration, or,
// for the cluster domain, the Corefile that is there already.
func (r *reading) kubelets() {
	var config corev1.ConfigMap
	key := client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "kubelet-config"}
	// It is in a namespace that an operator elsewhere need not be allowed to read.
	if err := r.Reader.Get(r.ctx, key, &config); err == nil {
		r.out.Kubelet = kubelet(config.Data["kubelet"])
	} else if !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err) {
		r.fail("reading ConfigMap "+key.String(), err)
	}
	var stock corev1.ConfigMap
	if r.out.Kubelet.ClusterDomain == "" && r.get("ConfigMap", r.key("coredns"), &stock) {
		r.out.Kubelet.ClusterDomain = clusterDomain(stock.Data["Corefile"])
	}
}

func kubelet(text string) (k plan.Kubelet) {
	var c struct {
		ClusterDomain string   `json:"clusterDomain"`
		ClusterDNS    []string `json:"clusterDNS"`
	}
	if yaml.Unmarshal([]byte(text), &c) != nil {
		return k
	}
	k.ClusterDomain = c.ClusterDomain
	for _, s := range c.ClusterDNS {
		if a, err := netip.ParseAddr(s); err == nil {
			k.ClusterDNS = append(k.ClusterDNS, a)
		}
	}
	return k
}

// nodeResolvers returns the servers of a resolv.conf; none if it cannot be read.
func nodeResolvers(path string) []netip.Addr {
	if path == "" {
		return nil
	}
	config, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, s := range config.Servers {
		if a, err := netip.ParseAddr(s); err == nil && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// clusterDomain returns the zone that a Corefile serves for the cluster, or "".
func clusterDomain(text string) string {
	f, err := corefile.Parse(text)
	if err != nil {
		return ""
	}
	return f.ClusterDomain()
}

// networks reads where Services and the API server are.
func (r *reading) networks() {
	var cidrs networkingv1.ServiceCIDRList
	r.optional("ServiceCIDRs", &cidrs)
	var first []string
	for _, c := range cidrs.Items {
		if c.Name == "kubernetes" {
			first = c.Spec.CIDRs
		}
	}
	for _, s := range first {
		if p, err := netip.ParsePrefix(s); err == nil {
			r.out.ServiceCIDRs = append(r.out.ServiceCIDRs, p)
		}
	}
	var api corev1.Service
	if r.get("Service", client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: "kubernetes"}, &api) {
		r.address(api.Spec.ClusterIP, 443)
	}
	var slices discoveryv1.EndpointSliceList
	r.list("EndpointSlices", &slices, client.InNamespace(metav1.NamespaceDefault), client.MatchingLabels{discoveryv1.LabelServiceName: "kubernetes"})
	for _, s := range slices.Items {
		for _, e := range s.Endpoints {
			for _, p := range s.Ports {
				if p.Port != nil {
					r.address(e.Addresses[0], *p.Port)
				}
			}
		}
	}
}

func (r *reading) address(text string, port int32) {
	if a, err := netip.ParseAddr(text); err == nil {
		r.out.APIServer = append(r.out.APIServer, netip.AddrPortFrom(a, uint16(port))) //nolint:gosec // a port
	}
}

// optional lists a kind that older API servers do not have.
func (r *reading) optional(kind string, into client.ObjectList) {
	if r.err != nil {
		return
	}
	if err := r.Reader.List(r.ctx, into); err != nil && !apierrors.IsNotFound(err) {
		r.fail("listing "+kind, err)
	}
}

// sizeAge is how long the size of a cluster counts.
const sizeAge = 30 * time.Second

// Sizes remembers how large the cluster is: there may be thousands of nodes to
// read. It may be used concurrently.
type Sizes struct {
	mu   sync.Mutex
	last plan.Size
	at   time.Time
}

// get returns the size, counted anew if it is old. What could not be counted is
// not remembered.
func (s *Sizes) get(now time.Time, count func() (plan.Size, bool)) plan.Size {
	if s == nil {
		size, _ := count()
		return size
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.at) < sizeAge {
		return s.last
	}
	size, ok := count()
	if ok {
		s.last, s.at = size, now
	}
	return size
}

// size counts objects, without reading them but nodes. It reports whether it could.
func (r *reading) size() (plan.Size, bool) {
	size := plan.Size{
		Services:       r.count(schema.GroupVersionKind{Version: "v1", Kind: "ServiceList"}),
		Pods:           r.count(schema.GroupVersionKind{Version: "v1", Kind: "PodList"}),
		EndpointSlices: r.count(schema.GroupVersionKind{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSliceList"}),
	}
	var nodes corev1.NodeList
	r.list("Nodes", &nodes)
	for _, n := range nodes.Items {
		size.Nodes++
		size.Cores += int(n.Status.Allocatable.Cpu().Value())
	}
	return size, r.err == nil
}

// count returns how many objects there are: one is read, and the API server says
// how many remain.
func (r *reading) count(kind schema.GroupVersionKind) int {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(kind)
	r.list(kind.Kind, list, client.Limit(1))
	n := len(list.Items)
	if list.RemainingItemCount != nil {
		n += int(*list.RemainingItemCount)
	}
	return n
}
