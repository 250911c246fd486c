// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/corefile"
)

// needs are the kinds that servers read.
type needs struct{ slices, pods, nodes, imports bool }

// add takes in what the plugins of a Corefile read.
func (n *needs) add(text string) {
	f, err := corefile.Parse(text)
	if err != nil {
		return
	}
	corefile.Walk(f, func(node corefile.Node) bool {
		d, ok := node.(*corefile.Directive)
		if !ok {
			return true
		}
		switch d.Name.Value() {
		case "clusterdns":
			n.plugin(d)
			return false
		case "kubernetes", "k8s_external":
			n.slices, n.pods = true, true
		}
		return true
	})
}

// plugin takes in the options of one directive.
func (n *needs) plugin(d *corefile.Directive) {
	none := false
	if d.Block != nil {
		for _, o := range d.Block.Directives {
			switch o.Name.Value() {
			case "noendpoints":
				none = true
			case "pods":
				n.pods = n.pods || slices.Equal(o.Values(), []string{"verified"})
			case "topology":
				n.nodes = true
			case "multicluster":
				n.imports, n.slices = n.imports || len(o.Args) > 0, n.slices || len(o.Args) > 0
			}
		}
	}
	n.slices = n.slices || !none
}

// rules returns what servers may do: list and watch what they read, nothing else.
func (n needs) rules() []rbacv1.PolicyRule {
	read := func(group string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{"list", "watch"}}
	}
	core := []string{"namespaces", "services"}
	if n.pods {
		core = append(core, "pods")
	}
	if n.nodes {
		core = append(core, "nodes")
	}
	rules := []rbacv1.PolicyRule{read("", core...)}
	if n.slices {
		rules = append(rules, read("discovery.k8s.io", "endpointslices"))
	}
	if n.imports {
		rules = append(rules, read("multicluster.x-k8s.io", "serviceimports"))
	}
	return rules
}

// access returns the account of the servers with what these revisions need: the
// old ones still run while the new ones come.
func (p *planner) access(of ...revision) []Object {
	var n needs
	for _, r := range of {
		n.add(r.corefile)
	}
	cluster := metav1.ObjectMeta{Name: "clusterdns:servers", Labels: labels(componentServer)}
	return []Object{
		{Object: &corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: p.meta(Name)}},
		{Object: &rbacv1.ClusterRole{TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"}, ObjectMeta: cluster, Rules: n.rules()}},
		{Object: &rbacv1.ClusterRoleBinding{
			TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"}, ObjectMeta: cluster,
			RoleRef:  rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: cluster.Name},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: p.Operator.Namespace, Name: Name}},
		}},
	}
}
