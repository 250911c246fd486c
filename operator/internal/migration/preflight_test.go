// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	k8syaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
)

var updatePreflight = flag.Bool("update-preflight", false, "write what is found into testdata/preflight")

// TestPreflight discovers what testdata/preflight/*.txtar describe: the objects of
// a cluster, and what is known beside them, see [facts]. Pods and EndpointSlices
// that are not there are made as the controllers of Kubernetes would.
func TestPreflight(t *testing.T) {
	for _, file := range preflightScenarios(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			o := clusterOf(t, archive)
			findings := Preflight(o)
			text, err := yaml.Marshal(findings)
			if err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Comment: archive.Comment}
			for _, f := range archive.Files {
				if f.Name != "discovery" && f.Name != "findings.yaml" {
					got.Files = append(got.Files, f)
				}
			}
			got.Files = append(got.Files, txtar.File{Name: "discovery", Data: []byte(Discover(o).String())}, txtar.File{Name: "findings.yaml", Data: text})
			if *updatePreflight {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := gocmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
				t.Errorf("want -, got +; go test ./operator/internal/migration -update-preflight writes it:\n%s", diff)
			}
		})
	}
}

// TestCodes has each code in a scenario, and a fix for all that needs one.
func TestCodes(t *testing.T) {
	seen := make(map[v1alpha1.WarningCode]bool)
	for _, file := range preflightScenarios(t) {
		for _, f := range Preflight(readCluster(t, file)) {
			seen[f.Code] = true
			if f.Severity != v1alpha1.SeverityInfo && f.Fix == "" {
				t.Errorf("%s: %s has no fix: %s", file, f.Code, f.Message)
			}
			if f.Message == "" || strings.Contains(f.Message+f.Fix, "%!") {
				t.Errorf("%s: %s says %q, fix %q", file, f.Code, f.Message, f.Fix)
			}
		}
	}
	known := make(map[v1alpha1.WarningCode]bool)
	for _, c := range Codes() {
		if known[c.Code] || c.Meaning == "" {
			t.Errorf("%s is there twice, or has no meaning", c.Code)
		}
		if known[c.Code] = true; !seen[c.Code] {
			t.Errorf("%s is in no scenario", c.Code)
		}
	}
	for _, r := range managerRules {
		if !known[v1alpha1.WarningCode("AddonManager"+r.name)] {
			t.Errorf("there is no code for the manager %s", r.name)
		}
	}
}

// TestAnyOrder has the same findings in whatever order the cluster lists objects.
func TestAnyOrder(t *testing.T) {
	for _, file := range preflightScenarios(t) {
		want := readCluster(t, file)
		r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
		for range 5 {
			got := readCluster(t, file)
			for _, n := range []struct {
				n    int
				swap func(i, j int)
			}{
				{len(got.Services), func(i, j int) { got.Services[i], got.Services[j] = got.Services[j], got.Services[i] }},
				{len(got.Pods), func(i, j int) { got.Pods[i], got.Pods[j] = got.Pods[j], got.Pods[i] }},
				{len(got.Deployments), func(i, j int) { got.Deployments[i], got.Deployments[j] = got.Deployments[j], got.Deployments[i] }},
				{len(got.DaemonSets), func(i, j int) { got.DaemonSets[i], got.DaemonSets[j] = got.DaemonSets[j], got.DaemonSets[i] }},
				{len(got.NetworkPolicies), func(i, j int) {
					got.NetworkPolicies[i], got.NetworkPolicies[j] = got.NetworkPolicies[j], got.NetworkPolicies[i]
				}},
				{len(got.ClientPolicies), func(i, j int) {
					got.ClientPolicies[i], got.ClientPolicies[j] = got.ClientPolicies[j], got.ClientPolicies[i]
				}},
				{len(got.Budgets), func(i, j int) { got.Budgets[i], got.Budgets[j] = got.Budgets[j], got.Budgets[i] }},
				{len(got.Autoscalers), func(i, j int) { got.Autoscalers[i], got.Autoscalers[j] = got.Autoscalers[j], got.Autoscalers[i] }},
				{len(got.Nodes), func(i, j int) { got.Nodes[i], got.Nodes[j] = got.Nodes[j], got.Nodes[i] }},
				{len(got.Slices), func(i, j int) { got.Slices[i], got.Slices[j] = got.Slices[j], got.Slices[i] }},
				{len(got.ExternalNames), func(i, j int) {
					got.ExternalNames[i], got.ExternalNames[j] = got.ExternalNames[j], got.ExternalNames[i]
				}},
			} {
				r.Shuffle(n.n, n.swap)
			}
			if diff := gocmp.Diff(Preflight(want), Preflight(got)); diff != "" {
				t.Fatalf("%s: another order has other findings:\n%s", file, diff)
			}
			if diff := gocmp.Diff(Discover(want).String(), Discover(got).String()); diff != "" {
				t.Fatalf("%s: another order is discovered in another way:\n%s", file, diff)
			}
		}
	}
}

func preflightScenarios(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/preflight/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d scenarios: %v", len(files), err)
	}
	return files
}

func readCluster(t *testing.T, file string) Observed {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return clusterOf(t, archive)
}

// facts are known beside the objects.
type facts struct {
	ServiceName   string
	ServerVersion string
	Kubelet       []string
	ClusterDomain string
	ExternalNames []string
	// NotReady are workloads whose Pods are not ready.
	NotReady []string
	// NoLocalImage has no image on the nodes.
	NoLocalImage bool
}

// stockDirectives are those that the servers have in the scenarios.
var stockDirectives = strings.Fields(`bind ready health prometheus errors log cache rewrite hosts clusterdns loadbalance forward loop reload
	template acl autopath file auto import tls chaos any bufsize cancel debug dns64 nsid pprof trace transfer view whoami local minimal header multisocket timeouts`)

// clusterOf returns what is observed of a cluster.
func clusterOf(t *testing.T, a *txtar.Archive) Observed {
	t.Helper()
	f := facts{ServiceName: "kube-dns", ServerVersion: "v1.35.2", Kubelet: []string{"10.96.0.10"}}
	o := Observed{ConfigMaps: map[string]corev1.ConfigMap{}}
	for _, file := range a.Files {
		switch file.Name {
		case "facts.yaml":
			if err := yaml.UnmarshalStrict(file.Data, &f); err != nil {
				t.Fatal(err)
			}
		case "cluster.yaml":
			o.objects(t, file.Data)
		}
	}
	o.Operator = plan.Operator{Namespace: "kube-system", ServiceName: f.ServiceName, Repository: "clusterdns/coredns", Tag: "v0.1.0", LocalImage: !f.NoLocalImage, Directives: stockDirectives}
	o.ServerVersion, o.ExternalNames = f.ServerVersion, f.ExternalNames
	o.Kubelet.ClusterDomain = f.ClusterDomain
	for _, s := range f.Kubelet {
		o.Kubelet.ClusterDNS = append(o.Kubelet.ClusterDNS, netip.MustParseAddr(s))
	}
	for i, s := range o.Services {
		if s.Name == f.ServiceName {
			o.Service = o.Services[i].DeepCopy()
		}
	}
	o.control(f)
	return o
}

// objects sorts manifests.
func (o *Observed) objects(t *testing.T, text []byte) {
	t.Helper()
	documents := k8syaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		var meta struct {
			Kind     string
			Metadata metav1.ObjectMeta
		}
		if err := yaml.Unmarshal(document, &meta); err != nil {
			t.Fatal(err)
		}
		var into any
		add := func() {}
		switch meta.Kind {
		case "ClusterDNS":
			o.ClusterDNS = &v1alpha1.ClusterDNS{}
			into = o.ClusterDNS
		case "DNSMigration":
			o.Migration = &v1alpha1.DNSMigration{}
			into = o.Migration
		case "Service":
			into, add = listed(&o.Services)
		case "Deployment":
			into, add = listed(&o.Deployments)
		case "DaemonSet":
			into, add = listed(&o.DaemonSets)
		case "Pod":
			into, add = listed(&o.Pods)
		case "EndpointSlice":
			into, add = listed(&o.Slices)
		case "NetworkPolicy":
			to := &o.NetworkPolicies
			if meta.Metadata.Namespace != "" && meta.Metadata.Namespace != "kube-system" {
				to = &o.ClientPolicies
			}
			into, add = listed[networkingv1.NetworkPolicy](to)
		case "PodDisruptionBudget":
			into, add = listed[policyv1.PodDisruptionBudget](&o.Budgets)
		case "HorizontalPodAutoscaler":
			into, add = listed[autoscalingv2.HorizontalPodAutoscaler](&o.Autoscalers)
		case "Node":
			into, add = listed(&o.Nodes)
		case "ConfigMap":
			cm := &corev1.ConfigMap{}
			into, add = cm, func() { o.ConfigMaps[cm.Name] = *cm }
		default:
			t.Fatalf("a scenario has no %q", meta.Kind)
		}
		if err := yaml.UnmarshalStrict(document, into); err != nil {
			t.Fatalf("%s %s: %v", meta.Kind, meta.Metadata.Name, err)
		}
		add()
	}
}

func listed[T any](list *[]T) (any, func()) {
	into := new(T)
	return into, func() { *list = append(*list, *into) }
}

// control makes Pods and endpoints as the controllers do.
func (o *Observed) control(f facts) {
	for _, p := range o.Pods {
		if p.Labels[plan.LabelName] == plan.Name {
			o.Observed.Pods = append(o.Observed.Pods, p)
		}
	}
	for _, d := range o.Deployments {
		if d.Name == plan.Name {
			o.Deployment = d.DeepCopy()
		}
		n := int32(1)
		if d.Spec.Replicas != nil {
			n = *d.Spec.Replicas
		}
		o.pods("ReplicaSet", d.Name+"-5d78c9869d", d.Spec.Template, n, !slices.Contains(f.NotReady, d.Name))
	}
	for _, d := range o.DaemonSets {
		o.pods("DaemonSet", d.Name, d.Spec.Template, d.Status.DesiredNumberScheduled, !slices.Contains(f.NotReady, d.Name))
	}
	if o.Service == nil || len(o.Service.Spec.Selector) == 0 {
		return
	}
	slice := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: f.ServiceName + "-x7k2p", Labels: map[string]string{
		discoveryv1.LabelServiceName: f.ServiceName, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io",
	}}}
	selector := labels.SelectorFromSet(o.Service.Spec.Selector)
	for _, p := range o.Pods {
		if !selector.Matches(labels.Set(p.Labels)) {
			continue
		}
		ready := readyPod(p)
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{p.Status.PodIP}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: p.Name},
		})
	}
	o.Slices = append(o.Slices, slice)
}

func (o *Observed) pods(kind, owner string, template corev1.PodTemplateSpec, n int32, ready bool) {
	for i := range n {
		p := corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
		p.Name = fmt.Sprintf("%s-%c%c", owner, 'a'+i, 'z'-i)
		if p.Labels == nil {
			p.Labels = map[string]string{}
		}
		yes, status := true, corev1.ConditionFalse
		if ready {
			status = corev1.ConditionTrue
		}
		if kind == "ReplicaSet" {
			p.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = owner[strings.LastIndex(owner, "-")+1:]
		}
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: owner, Controller: &yes}}
		p.Status.PodIP = fmt.Sprintf("10.244.%d.%d", len(o.Pods)/200, len(o.Pods)%200+2)
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
		if len(o.Nodes) > 0 {
			p.Spec.NodeName = o.Nodes[int(i)%len(o.Nodes)].Name
		}
		if p.Labels[plan.LabelName] == plan.Name {
			o.Observed.Pods = append(o.Observed.Pods, p)
		}
		o.Pods = append(o.Pods, p)
	}
}
