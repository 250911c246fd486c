// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

// A provider looks after a cluster. Nodes tell who it is.
type provider struct {
	name string
	// label, annotation, version and id are the beginning of a label's or an annotation's
	// name, a part of the kubelet's version, and the beginning of spec.providerID.
	label, annotation, version, id string
	// os is the beginning of the image of the operating system.
	os string
	// managed says that the cloud writes the DNS, and nobody else can.
	managed bool
}

// providers from the special to the general: a node of kubespray is one of kubeadm, too.
var providers = []provider{
	{name: "EKS", label: "eks.amazonaws.com/", version: "-eks-"},
	{name: "AKS", label: "kubernetes.azure.com/", managed: true},
	{name: "GKE", label: "cloud.google.com/gke-nodepool", version: "-gke.", managed: true},
	{name: "DigitalOcean", label: "doks.digitalocean.com/", managed: true},
	{name: "IBM Cloud", label: "ibm-cloud.kubernetes.io/", managed: true},
	{name: "ACK", label: "alibabacloud.com/nodepool-id", version: "-aliyun.", managed: true},
	{name: "OpenShift", label: "node.openshift.io/", os: "Red Hat Enterprise Linux CoreOS", managed: true},
	{name: "Gardener", label: "worker.gardener.cloud/", managed: true},
	{name: "RKE2", annotation: "rke2.io/", version: "+rke2"},
	{name: "k3s", annotation: "k3s.io/", version: "+k3s"},
	{name: "RKE", annotation: "rke.cattle.io/"},
	{name: "kOps", label: "kops.k8s.io/"},
	{name: "Talos", annotation: "talos.dev/", os: "Talos"},
	{name: "MicroK8s", label: "microk8s.io/"},
	{name: "minikube", label: "minikube.k8s.io/"},
	{name: "kind", id: "kind://"},
	{name: "Kubermatic", label: "machine-controller/", managed: true},
}

func (p provider) has(n corev1.Node) bool {
	begins := func(all map[string]string, with string) bool {
		for name := range all {
			if with != "" && strings.HasPrefix(name, with) {
				return true
			}
		}
		return false
	}
	return begins(n.Labels, p.label) || begins(n.Annotations, p.annotation) ||
		p.version != "" && strings.Contains(n.Status.NodeInfo.KubeletVersion, p.version) ||
		p.id != "" && strings.HasPrefix(n.Spec.ProviderID, p.id) ||
		p.os != "" && strings.HasPrefix(n.Status.NodeInfo.OSImage, p.os)
}

// providerOf returns who looks after the cluster, or "".
func providerOf(o Observed) string {
	for _, p := range providers {
		if slices.ContainsFunc(o.Nodes, p.has) {
			return p.name
		}
	}
	if slices.ContainsFunc(o.Deployments, func(d appsv1.Deployment) bool { return d.Name == "dns-autoscaler" }) && o.Operator.ServiceName == "coredns" {
		return "kubespray"
	}
	kubeadm := func(n corev1.Node) bool { return n.Annotations["kubeadm.alpha.kubernetes.io/cri-socket"] != "" }
	if slices.ContainsFunc(o.Nodes, kubeadm) || o.Service != nil && wroteIt(o.Service, "kubeadm") {
		return "kubeadm"
	}
	return ""
}

func managedCloud(name string) bool {
	return slices.ContainsFunc(providers, func(p provider) bool { return p.name == name && p.managed })
}

// A Manager writes the objects of a DNS, and would take back what is changed.
type Manager struct {
	// Name is that of its code: AddonManager and this.
	Name string `json:"name"`
	// By is who it is, for people.
	By string `json:"by"`
	// Objects that it writes, as kind/name.
	Objects []string `json:"objects"`
	// Release is how it lets go of them.
	Release string `json:"release"`
}

// A managed object.
type managed struct {
	kind, namespace string
	metav1.Object
}

func (m managed) String() string { return m.kind + "/" + m.GetName() }

// A managerRule knows the marks of one.
type managerRule struct {
	name string
	// marks returns what a manager wrote into an object about itself, if it is there.
	marks func(m managed, provider string) (string, bool)
	// release returns how it lets go, by what marks returned.
	release func(m managed, mark string, o Observed) string
	// left are the marks that stay when it has let go, and have to be taken away: else
	// it looks as if it had not.
	left leftovers
}

// leftovers are the names of labels and annotations; fields are those of managedFields.
type leftovers struct {
	labels, annotations []string
	fields              bool
}

// clear returns commands that take away the marks from objects.
func (l leftovers) clear(namespace string, objects []string) (commands []string) {
	all := strings.ToLower(strings.Join(objects, " "))
	begin := "kubectl -n " + namespace + " "
	if len(l.annotations) > 0 {
		commands = append(commands, begin+"annotate "+all+" "+strings.Join(l.annotations, "- ")+"-")
	}
	if len(l.labels) > 0 {
		commands = append(commands, begin+"label "+all+" "+strings.Join(l.labels, "- ")+"-")
	}
	if l.fields {
		commands = append(commands, begin+"patch "+all+` --type=merge -p '{"metadata":{"managedFields":[{}]}}'`)
	}
	return commands
}

func label(name string) func(managed, string) (string, bool) {
	return func(m managed, _ string) (string, bool) { v, ok := m.GetLabels()[name]; return v, ok }
}

// reconciled objects are written again and again by kube-addon-manager.
func reconciled(by ...string) func(managed, string) (string, bool) {
	return func(m managed, provider string) (string, bool) {
		return "", m.GetLabels()["addonmanager.kubernetes.io/mode"] == "Reconcile" && slices.Contains(by, provider)
	}
}

func fieldManager(name string) func(managed, string) (string, bool) {
	return func(m managed, _ string) (string, bool) { return "", wroteIt(m, name) }
}

func wroteIt(m metav1.Object, name string) bool {
	return slices.ContainsFunc(m.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool { return f.Manager == name && f.Subresource == "" })
}

func always(text string) func(managed, string, Observed) string {
	return func(managed, string, Observed) string { return text }
}

const overlayInstead = "it cannot be released: set managementState: Overlay in the ClusterDNS, and delete the DNSMigration"

// managerRules are tried in this order; an object may have several.
var managerRules = []managerRule{
	{
		name: "EKS", marks: fieldManager("eks"), left: leftovers{fields: true},
		release: func(_ managed, _ string, o Observed) string {
			return fmt.Sprintf("aws eks delete-addon --cluster-name %s --addon-name coredns --preserve", eksCluster(o))
		},
	},
	{name: "AKS", marks: reconciled("AKS"), release: always(overlayInstead)},
	{name: "GKE", marks: reconciled("GKE"), release: always("it cannot be released: use what GKE has, Cloud DNS or the ConfigMap kube-dns, and delete the DNSMigration")},
	{name: "DigitalOcean", marks: label("doks.digitalocean.com/managed"), release: always(overlayInstead)},
	{name: "Gardener", marks: gardener, release: always(overlayInstead)},
	{
		name: "OpenShift", marks: label("dns.operator.openshift.io/owning-dns"), left: leftovers{labels: []string{"dns.operator.openshift.io/owning-dns"}},
		release: always(`oc patch dns.operator.openshift.io default --type=merge -p '{"spec":{"managementState":"Unmanaged"}}'`),
	},
	{
		name: "K3s", marks: rancher("k3s"), left: leftovers{annotations: []string{"objectset.rio.cattle.io/id"}},
		release: always("touch /var/lib/rancher/k3s/server/manifests/coredns.yaml.skip (on each server)"),
	},
	{
		name: "RKE2", marks: rancher("RKE2"), left: leftovers{annotations: []string{"objectset.rio.cattle.io/id", "meta.helm.sh/release-name"}},
		release: always("touch /var/lib/rancher/rke2/server/manifests/rke2-coredns.yaml.skip (on each server)"),
	},
	{
		name: "KOps", marks: label("addon.kops.k8s.io/name"), left: leftovers{labels: []string{"addon.kops.k8s.io/name", "addon.kops.k8s.io/version"}},
		release: always("look again after each kops update cluster: it applies them when the version of its add-on changes"),
	},
	{
		name: "ArgoCD", marks: argo, left: leftovers{annotations: []string{"argocd.argoproj.io/tracking-id"}, labels: []string{"argocd.argoproj.io/instance"}},
		release: func(_ managed, app string, _ Observed) string {
			return fmt.Sprintf(`kubectl -n argocd patch application %s --type=merge -p '{"spec":{"syncPolicy":{"automated":null}}}'`, app)
		},
	},
	{
		name: "Flux", marks: flux, left: leftovers{labels: []string{"kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"}},
		release: func(_ managed, mark string, _ Observed) string { return "flux suspend " + mark },
	},
	{
		name: "Helm", marks: helm, left: leftovers{annotations: []string{"meta.helm.sh/release-name"}},
		release: func(m managed, release string, _ Observed) string {
			return fmt.Sprintf("kubectl -n %s delete secret -l owner=helm,name=%s (Helm forgets the release, its objects stay)", m.namespace, release)
		},
	},
	{
		name: "Talos", marks: func(m managed, provider string) (string, bool) { return "", provider == "Talos" && wroteIt(m, "talos") }, left: leftovers{fields: true},
		release: always(`talosctl patch machineconfig --patch '{"cluster":{"coreDNS":{"disabled":true}}}' (of the control planes)`),
	},
	{
		name: "Kamaji", marks: kamaji, left: leftovers{labels: []string{"kamaji.clastix.io/name"}, fields: true},
		release: always("kubectl annotate tenantcontrolplane NAME kamaji.clastix.io/paused=true (in the management cluster, until the migration is through; to take coreDNS out of spec.addons deletes the DNS)"),
	},
	{name: "Kubespray", marks: reconciled("kubespray"), release: always("set dns_mode: manual in the group variables of the cluster")},
	{
		name: "Kubeadm", marks: fieldManager("kubeadm"),
		release: always("kubeadm upgrade apply --skip-phases=addon/coredns (at each upgrade), or set dns.disabled: true in ClusterConfiguration (kubeadm.k8s.io/v1beta4)"),
	},
	{
		name: "Reconcile", marks: reconciledByOthers, left: leftovers{labels: []string{"addonmanager.kubernetes.io/mode"}},
		release: always("mv /etc/kubernetes/addons/dns /root/ (on each control plane)"),
	},
	{
		name: "Other", marks: applier, left: leftovers{fields: true},
		release: func(m managed, by string, _ Observed) string {
			return fmt.Sprintf("take the %s out of what %s applies", m, by)
		},
	},
}

func eksCluster(o Observed) string {
	name := ""
	for _, n := range o.Nodes {
		name = cmp.Or(name, n.Labels["alpha.eksctl.io/cluster-name"])
	}
	return cmp.Or(name, "$CLUSTER")
}

func gardener(m managed, _ string) (string, bool) {
	_, origin := m.GetAnnotations()["resources.gardener.cloud/origin"]
	return "", origin || m.GetLabels()["resources.gardener.cloud/managed-by"] == "gardener"
}

func kamaji(m managed, _ string) (string, bool) {
	return "", wroteIt(m, "kamaji") || m.GetLabels()["kamaji.clastix.io/name"] != ""
}

func reconciledByOthers(m managed, provider string) (string, bool) {
	_, other := reconciled("AKS", "GKE", "kubespray")(m, provider)
	return "", !other && m.GetLabels()["addonmanager.kubernetes.io/mode"] == "Reconcile"
}

// rancher has the marks of the deploy controller of k3s and RKE2.
func rancher(of string) func(managed, string) (string, bool) {
	return func(m managed, provider string) (string, bool) {
		_, applied := m.GetAnnotations()["objectset.rio.cattle.io/id"]
		_, helm := m.GetAnnotations()["meta.helm.sh/release-name"]
		return "", provider == of && (applied || helm)
	}
}

func argo(m managed, _ string) (string, bool) {
	app, _, _ := strings.Cut(m.GetAnnotations()["argocd.argoproj.io/tracking-id"], ":")
	app = cmp.Or(app, m.GetLabels()["argocd.argoproj.io/instance"])
	return app, app != ""
}

func flux(m managed, _ string) (string, bool) {
	if name := m.GetLabels()["helm.toolkit.fluxcd.io/name"]; name != "" {
		return fmt.Sprintf("helmrelease %s -n %s", name, cmp.Or(m.GetLabels()["helm.toolkit.fluxcd.io/namespace"], "flux-system")), true
	}
	name := m.GetLabels()["kustomize.toolkit.fluxcd.io/name"]
	off := m.GetAnnotations()["kustomize.toolkit.fluxcd.io/reconcile"] == "disabled"
	return fmt.Sprintf("kustomization %s -n %s", name, cmp.Or(m.GetLabels()["kustomize.toolkit.fluxcd.io/namespace"], "flux-system")), name != "" && !off
}

// helm has those that Helm installs by hand: the others have rules of their own.
func helm(m managed, provider string) (string, bool) {
	release := m.GetAnnotations()["meta.helm.sh/release-name"]
	_, byFlux := flux(m, provider)
	_, byArgo := argo(m, provider)
	return release, release != "" && provider != "RKE2" && !byFlux && !byArgo
}

// hands are those of people, and of what runs in each cluster.
var hands = []string{"kubectl", "kubectl-client-side-apply", "kubectl-create", "kubectl-edit", "kubectl-patch", "kubectl-label", plan.Manager, "clusterdns-migration"}

// applier finds one that applies the selector of the Service, and no other rule knows.
func applier(m managed, _ string) (string, bool) {
	for _, f := range m.GetManagedFields() {
		if m.kind == "Service" && f.Operation == metav1.ManagedFieldsOperationApply && f.FieldsV1 != nil && strings.Contains(f.FieldsV1.GetRawString(), `"f:selector"`) &&
			!slices.Contains(hands, f.Manager) && !slices.Contains([]string{"eks", "kubeadm", "talos", "kamaji", "argocd-controller", "kustomize-controller", "helm-controller"}, f.Manager) {
			return f.Manager, true
		}
	}
	return "", false
}

// managersOf returns who writes the Service, the workloads and their configuration.
func managersOf(o Observed, d Discovery) []Manager {
	var out []Manager
	objects := managedObjects(o, d)
	for _, r := range managerRules {
		m := Manager{Name: r.name, By: cmp.Or(map[string]string{"K3s": "k3s", "KOps": "kOps", "Kubeadm": "kubeadm", "ArgoCD": "Argo CD", "EKS": "the add-on of EKS", "Reconcile": "the add-on manager"}[r.name], r.name)}
		for _, object := range objects {
			if mark, ok := r.marks(object, d.Provider); ok {
				m.Objects = append(m.Objects, object.String())
				if r.name == "Other" {
					m.By = mark
				}
				m.Release = cmp.Or(m.Release, r.release(object, mark, o))
			}
		}
		if len(m.Objects) > 0 {
			m.Release = strings.Join(append([]string{m.Release}, r.left.clear(o.Operator.Namespace, m.Objects)...), "; then ")
			out = append(out, m)
		}
	}
	return out
}

// managedObjects are the Service first, then the workloads and their ConfigMaps.
func managedObjects(o Observed, d Discovery) []managed {
	var out []managed
	ns := o.Operator.Namespace
	if o.Service != nil {
		out = append(out, managed{"Service", ns, o.Service})
	}
	var rest []managed
	for i := range o.Deployments {
		if w := &o.Deployments[i]; slices.ContainsFunc(d.Workloads, func(x Workload) bool { return x.Kind == "Deployment" && x.Name == w.Name }) {
			rest = append(rest, managed{"Deployment", ns, w})
		}
	}
	for i := range o.DaemonSets {
		if w := &o.DaemonSets[i]; slices.ContainsFunc(d.Workloads, func(x Workload) bool { return x.Kind == "DaemonSet" && x.Name == w.Name }) {
			rest = append(rest, managed{"DaemonSet", ns, w})
		}
	}
	if cm, ok := configuration(o, d); ok {
		rest = append(rest, managed{"ConfigMap", ns, &cm})
	}
	byName(rest, managed.String)
	return append(out, rest...)
}
