// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterdns/clusterdns/test/internal/kube"
)

// sources is the folder of the Kubernetes that our clusters are of.
func sources(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes")
	cmd.Dir = filepath.Join(kube.Root(), "test", "cluster")
	out, err := cmd.Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("skipped: the sources of Kubernetes are not here (%v); make programs loads them", err)
	}
	return dir
}

// objects returns the objects of a manifest by kind and name.
func objects(t *testing.T, text string) map[string]*unstructured.Unstructured {
	t.Helper()
	all, err := kube.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*unstructured.Unstructured{}
	for _, o := range all {
		out[o.GetKind()+" "+o.GetName()] = o
	}
	return out
}

func file(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unpin takes from objects what testdata/from/README.md says differs.
func unpin(all map[string]*unstructured.Unstructured) {
	for _, o := range all {
		for _, field := range [][]string{
			{"metadata", "resourceVersion"}, {"metadata", "labels", "addonmanager.kubernetes.io/mode"}, {"spec", "replicas"},
		} {
			unstructured.RemoveNestedField(o.Object, field...)
		}
		if len(o.GetLabels()) == 0 {
			unstructured.RemoveNestedField(o.Object, "metadata", "labels")
		}
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		for _, c := range containers {
			if c, ok := c.(map[string]any); ok {
				delete(c, "image")
			}
		}
		if len(containers) > 0 {
			_ = unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", "containers")
		}
	}
}

// TestKubeadmManifest holds the manifest to be what kubeadm writes.
func TestKubeadmManifest(t *testing.T) {
	source := filepath.Join(sources(t), "cmd", "kubeadm", "app", "phases", "addons", "dns", "manifests.go")
	parsed, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			text, err := strconv.Unquote(l.Value)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text)
		}
		return true
	})
	var want bytes.Buffer
	err = template.Must(template.New("").Parse(strings.Join(texts, "\n---\n"))).Execute(&want, map[string]any{
		"DNSIP": "10.96.0.10", "DNSDomain": "cluster.local", "DeploymentName": "coredns", "Replicas": 2, "Image": "stock",
		"ControlPlaneTaintKey": "node-role.kubernetes.io/control-plane",
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, objects(t, want.String()), objects(t, file(t, "testdata", "from", "kubeadm", "coredns.yaml")))
}

// TestKubeDNSManifest holds the manifest to be that of kube-dns, but for its settings.
func TestKubeDNSManifest(t *testing.T) {
	want := strings.NewReplacer("__DNS__SERVER__", "10.96.0.10", "__DNS__DOMAIN__", "cluster.local", "__DNS__MEMORY__LIMIT__", "170Mi").
		Replace(file(t, sources(t), "cluster", "addons", "dns", "kube-dns", "kube-dns.yaml.base"))
	got := objects(t, file(t, "testdata", "from", "kube-dns", "kube-dns.yaml"))
	if config := got["ConfigMap kube-dns"]; config != nil {
		unstructured.RemoveNestedField(config.Object, "data")
	}
	same(t, objects(t, want), got)
}

func same(t *testing.T, want, got map[string]*unstructured.Unstructured) {
	t.Helper()
	unpin(want)
	unpin(got)
	if len(want) < 4 || !slices.ContainsFunc([]string{"coredns", "kube-dns"}, func(n string) bool { return want["Deployment "+n] != nil }) {
		t.Fatalf("Kubernetes has %d objects there", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
