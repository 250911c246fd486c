// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

// What the operator may do. controller-gen makes manifests/rbac/role.yaml of it;
// the tests run the operator with these rights.
//
// It reads everywhere what its servers read, without which the API server would
// not let it allow them that; and it writes in its own namespace only, but for
// the status of the ClusterDNS and the rights of the servers. A migration looks at
// the NetworkPolicies of all who ask. It may not read
// Secrets: whoever names one in the spec allows that one
// (manifests/samples/clusterdns/secret-role.yaml).
//
// +kubebuilder:rbac:groups=clusterdns.io,resources=clusterdnses,verbs=get;list;watch
// +kubebuilder:rbac:groups=clusterdns.io,resources=clusterdnses/status,verbs=patch
// +kubebuilder:rbac:groups=clusterdns.io,resources=dnsmigrations,verbs=get;list;watch
// +kubebuilder:rbac:groups=clusterdns.io,resources=dnsmigrations/status,verbs=patch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=list
// +kubebuilder:rbac:groups="",resources=namespaces;nodes;pods,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=list;watch
// +kubebuilder:rbac:groups=multicluster.x-k8s.io,resources=serviceimports,verbs=list;watch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=servicecidrs,verbs=list
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterroles;clusterrolebindings,verbs=create
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterroles;clusterrolebindings,resourceNames="clusterdns:servers",verbs=get;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
//
// +kubebuilder:rbac:namespace=kube-system,groups="",resources=configmaps,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:namespace=kube-system,groups="",resources=pods,verbs=create;delete
// +kubebuilder:rbac:namespace=kube-system,groups="",resources=services;serviceaccounts,verbs=create
// +kubebuilder:rbac:namespace=kube-system,groups="",resources=services,resourceNames=kube-dns,verbs=patch
// +kubebuilder:rbac:namespace=kube-system,groups="",resources=serviceaccounts,resourceNames=clusterdns,verbs=get;patch
// +kubebuilder:rbac:namespace=kube-system,groups=apps,resources=deployments;daemonsets,verbs=get;list;watch;create
// +kubebuilder:rbac:namespace=kube-system,groups=apps,resources=daemonsets,resourceNames=clusterdns,verbs=patch;delete
// +kubebuilder:rbac:namespace=kube-system,groups=apps,resources=deployments,verbs=patch;delete
// +kubebuilder:rbac:namespace=kube-system,groups=apps,resources=daemonsets,resourceNames=clusterdns-meter,verbs=patch;delete
// +kubebuilder:rbac:namespace=kube-system,groups=discovery.k8s.io,resources=endpointslices,verbs=create
// +kubebuilder:rbac:namespace=kube-system,groups=discovery.k8s.io,resources=endpointslices,resourceNames=kube-dns-clusterdns;kube-dns-clusterdns-ipv6;kube-dns-drain;kube-dns-drain-ipv6,verbs=get;patch;delete
// +kubebuilder:rbac:namespace=kube-system,groups=policy,resources=poddisruptionbudgets,verbs=list;create
// +kubebuilder:rbac:namespace=kube-system,groups=autoscaling,resources=horizontalpodautoscalers,verbs=list
// +kubebuilder:rbac:namespace=kube-system,groups=policy,resources=poddisruptionbudgets,resourceNames=clusterdns,verbs=get;patch;delete
// +kubebuilder:rbac:namespace=kube-system,groups=networking.k8s.io,resources=networkpolicies,verbs=create
// +kubebuilder:rbac:namespace=kube-system,groups=networking.k8s.io,resources=networkpolicies,resourceNames=clusterdns,verbs=get;patch;delete
// +kubebuilder:rbac:namespace=kube-system,groups=monitoring.coreos.com,resources=servicemonitors,verbs=create
// +kubebuilder:rbac:namespace=kube-system,groups=monitoring.coreos.com,resources=servicemonitors,resourceNames=clusterdns,verbs=get;patch;delete
// +kubebuilder:rbac:namespace=kube-system,groups="",resources=events,verbs=create;patch
// +kubebuilder:rbac:namespace=kube-system,groups=coordination.k8s.io,resources=leases,verbs=create
// +kubebuilder:rbac:namespace=kube-system,groups=coordination.k8s.io,resources=leases,resourceNames=clusterdns-operator,verbs=get;update
