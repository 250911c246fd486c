// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"slices"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// A Code is a kind of finding.
type Code struct {
	Code     v1alpha1.WarningCode
	Severity v1alpha1.FindingSeverity
	// Meaning is a sentence or two for people who look the code up.
	Meaning string
}

// Codes returns all kinds of findings, in the order in which a preflight has them.
func Codes() []Code { return slices.Clone(codes) }

const (
	asError   = v1alpha1.SeverityError
	asWarning = v1alpha1.SeverityWarning
	asInfo    = v1alpha1.SeverityInfo
)

// codes is the one place that says what there is, how bad it is, and what it means.
var codes = []Code{
	{"NoClusterDNS", asError, "There is no ClusterDNS to bring the Service to."},
	{"NotManaged", asError, "The ClusterDNS does not run servers of its own: its managementState is not Managed."},
	{"NotAccepted", asError, "The operator does not take the ClusterDNS as it is: it cannot be rendered, or names objects that are not there."},
	{"ImageRegistry", asError, "The nodes do not know where to get the image of the servers from."},
	{"NoService", asError, "The Service that clients ask is not there, or has no address of its own."},
	{"AlreadyOurs", asInfo, "The Service selects the servers of the ClusterDNS: there is nothing to bring over."},
	{"NothingServes", asError, "The Service has no ready endpoints, so there is nothing to compare with, and nothing to go back to."},
	{"LegacyEndpoints", asError, "The endpoints of the Service were written by somebody, without a selector. The migration works on the selector."},
	{"UnknownDNS", asError, "The servers are neither kube-dns nor CoreDNS, as far as their images and containers tell."},
	{"BothServe", asError, "kube-dns and CoreDNS both serve. Queries hit either one, and they need not say the same."},
	{"FromMismatch", asError, "spec.from says another DNS than the one that serves."},
	{"NoWorkload", asError, "Some servers belong to no Deployment or DaemonSet in the namespace. They could not be ended, nor brought back."},
	{"DaemonSetServes", asWarning, "A DaemonSet serves. It cannot be scaled to 0, so its servers stay until somebody deletes it or takes its nodes away."},
	{"AddonManagerEKS", asError, "The add-on of EKS writes the objects, and takes back what others change."},
	{"AddonManagerAKS", asError, "AKS writes the objects, and takes back what others change."},
	{"AddonManagerGKE", asError, "GKE writes the objects, and takes back what others change."},
	{"AddonManagerDigitalOcean", asError, "DigitalOcean writes the objects, and takes back what others change."},
	{"AddonManagerGardener", asError, "The resource manager of Gardener writes the objects, and takes back what others change."},
	{"AddonManagerOpenShift", asError, "The DNS operator of OpenShift writes the objects, and takes back what others change."},
	{"AddonManagerK3s", asError, "k3s applies the objects whenever a server starts."},
	{"AddonManagerRKE2", asError, "RKE2 applies its chart whenever a server starts."},
	{"AddonManagerArgoCD", asError, "An application of Argo CD has the objects, and takes back what others change if it syncs by itself."},
	{"AddonManagerFlux", asError, "Flux applies the objects, and takes back what others change."},
	{"AddonManagerKamaji", asError, "Kamaji writes the objects, and takes back what others change."},
	{"AddonManagerReconcile", asError, "The add-on manager (kube-up, minikube) applies the objects every minute."},
	{"AddonManagerOther", asError, "Somebody applies the selector of the Service, and would take it back."},
	{"AddonManagerKOps", asWarning, "kOps applies the objects when the version of its add-on changes."},
	{"AddonManagerHelm", asWarning, "A Helm release has the objects: the next upgrade takes back what was changed, and an uninstall deletes the Service."},
	{"AddonManagerTalos", asWarning, "Talos applies the objects when Kubernetes is upgraded."},
	{"AddonManagerKubespray", asWarning, "Kubespray applies the objects when it is run."},
	{"AddonManagerKubeadm", asWarning, "kubeadm writes the Service, the Deployment coredns and its ConfigMap when Kubernetes is upgraded."},
	{"ManagedCloud", asWarning, "The DNS is a part of what the cloud provides. It supports no other, and may bring its own back with an upgrade."},
	{"ServiceOwned", asError, "The Service has an owner: it is deleted with that, and its address is gone."},
	{"PortMissing", asError, "The Service has no port 53 over UDP, or over TCP."},
	{"PortName", asError, "The ports of the Service have other names than ours. Proxies find endpoints by the name of the port."},
	{"TargetPort", asError, "The Service leads to a port that our servers do not have by this name or number: after the cut-over nobody would answer."},
	{"HostPortTaken", asError, "Our servers want a port of the nodes that others have there, so they do not start beside them."},
	{"NotReadyAddresses", asError, "The Service leads to servers that are not ready, too: ours would be asked before they have read the cluster."},
	{"LocalTraffic", asWarning, "The Service leads to servers on the same node only. Nodes without one of ours lose DNS."},
	{"SessionAffinity", asWarning, "The Service keeps clients at one server, which may be an old one, after the selector was changed."},
	{"NoConfiguration", asError, "The ConfigMap with the Corefile of the old servers is not there."},
	{"TranslationFails", asError, "The configuration of the old servers cannot be read."},
	{"DirectiveMissing", asError, "The old Corefile has a plugin that our servers do not have."},
	{"ClusterDomainDiffers", asError, "The ClusterDNS serves another cluster domain than the old servers."},
	{"TranslationLoss", asWarning, "Something in the old configuration has no counterpart, and has no effect any more."},
	{"FileMissing", asWarning, "The old Corefile reads a file that our servers do not have."},
	{"SpecDiffers", asWarning, "The ClusterDNS is not what the old configuration says. That may be what you want."},
	{"StubHostName", asWarning, "A server is named, not numbered. Its name is looked up once, when a server of ours starts."},
	{"UpstreamsUnhealthy", asWarning, "Upstreams of the ClusterDNS do not answer the operator."},
	{"WildcardNames", asWarning, "The old servers answer names with a wildcard label, as *.default.svc.cluster.local. Ours do not, as CoreDNS since 1.9. Nobody can see from here who asks so."},
	{"ExternalNameAddress", asWarning, "A Service of type ExternalName has an address as its target. kube-dns answers with an A record, we with a CNAME as Kubernetes specifies, which clients cannot follow."},
	{"OtherServiceSelects", asWarning, "Another Service that clients ask selects the old servers. It stays there, and has no endpoints once they are gone."},
	{"NodeLocalUpstream", asWarning, "NodeLocal DNSCache asks the old servers through a Service of its own, which stays there, and has no endpoints once they are gone."},
	{"MetricsServiceSelects", asWarning, "Another Service selects the old servers for their metrics, and has no endpoints once they are gone."},
	{"NetworkPolicySelects", asWarning, "A NetworkPolicy is for the old servers, and not for ours."},
	{"NetworkPolicyDenies", asError, "NetworkPolicies are for our servers, too, and let no queries in, or none out to upstreams and the API server."},
	{"ClientPolicySelects", asWarning, "A NetworkPolicy lets Pods of a namespace ask the old servers by their labels, which ours do not have. If the network enforces it, these Pods lose DNS."},
	{"BudgetSelectsOurs", asWarning, "A PodDisruptionBudget selects our servers beside their own. The API server evicts no Pod that has two."},
	{"BudgetSelects", asInfo, "A PodDisruptionBudget selects the old servers. It has nothing to do once they are gone."},
	{"Autoscaler", asWarning, "Something scales the old workload, and would bring its servers back."},
	{"NodeLocal", asWarning, "NodeLocal DNSCache reads the ConfigMap kube-dns on each node: stub zones of the ClusterDNS have to be there, too, and it must stay."},
	{"NodeLocalBypass", asWarning, "NodeLocal DNSCache asks the node's servers for names outside, so hosts, rewrites and upstreams of the ClusterDNS do not hold for its Pods."},
	{"KubeletAddressDiffers", asWarning, "Kubelets tell Pods another address than that of the Service."},
	{"ProxyUntried", asWarning, "What leads to Services is not kube-proxy in iptables or nftables mode, with which this was tried."},
	{"KubeProxyOld", asWarning, "Before Kubernetes 1.32 kube-proxy forgets UDP flows at other moments: some queries may be lost at the cut-over."},
	{"FewerServers", asWarning, "The ClusterDNS has fewer servers than there are now."},
	{"Capacity", asWarning, "There may be no room for our servers beside the old ones."},
	{"SingleNode", asWarning, "All servers, old and new, are on the one node that there is."},
	{"VersionUnknown", asWarning, "The version of the old servers is not known, so neither is how they differ from ours."},
	{"TranslationNotice", asInfo, "Something in the old configuration is said in other words, or kept verbatim, or was added."},
	{"MetricNames", asInfo, "Metrics of kube-dns (skydns_*, kubedns_*, dnsmasq on ports 10054 and 10055) are coredns_* on port 9153: dashboards and alerts have to follow."},
	{"ServiceRecords", asInfo, "The targets of SRV records have other names: kube-dns makes them up, ours are those of the endpoints."},
}
