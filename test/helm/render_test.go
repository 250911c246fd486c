// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package helm tests the Helm chart: against the kustomization beside it, and in a
// real control plane.
package helm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/operator"
	"github.com/clusterdns/clusterdns/test/internal/kube"
)

// chart is the folder of the chart.
var chart = filepath.Join(kube.Root(), "manifests", "helm", "clusterdns")

// TestEqual: with its default values the chart is what kubectl apply -k manifests
// installs, object by object.
func TestEqual(t *testing.T) {
	want := objects(t, mustRun(t, kubectlPath(), "kustomize", filepath.Join(kube.Root(), "manifests")))
	got := objects(t, template(t, "--include-crds"))
	if len(want) < 5 {
		t.Fatalf("the kustomization has only %q", keys(want))
	}
	for _, key := range keys(want) {
		if diff := cmp.Diff(want[key], got[key]); diff != "" {
			t.Errorf("%s differs (-kustomize +helm):\n%s", key, diff)
		}
	}
	for key := range got {
		if want[key] == nil {
			t.Errorf("only the chart has %s", key)
		}
	}
}

// TestFlags: whatever the release is called and wherever Helm keeps it, the objects
// are the same.
func TestFlags(t *testing.T) {
	want := objects(t, template(t))
	got := objects(t, helm(t, "template", "other", chart, "--namespace", "elsewhere"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestValues: a value changes what it should, and nothing else.
func TestValues(t *testing.T) {
	const deployment = "Deployment/clusterdns-operator "
	const container = deployment + "spec.template.spec.containers.0."
	for _, c := range []struct {
		name string
		set  []string
		want []string
	}{
		{"nothing", nil, nil},
		{"replicas", []string{"replicas=1"}, []string{deployment + "spec.replicas: 2 -> 1"}},
		{"registry", []string{"image.registry=registry.example:5000"}, []string{container + `image: "clusterdns/operator:v0.1.0" -> "registry.example:5000/clusterdns/operator:v0.1.0"`}},
		{"tag and pull policy", []string{"image.tag=v9", "image.pullPolicy=Never"}, []string{
			container + `image: "clusterdns/operator:v0.1.0" -> "clusterdns/operator:v9"`,
			container + `imagePullPolicy: -> "Never"`,
		}},
		{"digest", []string{"image.digest=sha256:" + strings.Repeat("0", 64), "image.tag=v9"}, []string{
			container + `image: "clusterdns/operator:v0.1.0" -> "clusterdns/operator@sha256:` + strings.Repeat("0", 64) + `"`,
		}},
		{"pull secrets", []string{"image.pullSecrets={one}"}, []string{deployment + `spec.template.spec.imagePullSecrets.0.name: -> "one"`}},
		{"resources", []string{"resources.limits.memory=1Gi"}, []string{container + `resources.limits.memory: "256Mi" -> "1Gi"`}},
		{"no limit", []string{"resources.limits=null"}, []string{container + `resources.limits.memory: "256Mi" ->`}},
		{"placement", []string{"nodeSelector.disk=ssd", "priorityClassName=", "tolerations=null", "affinity.nodeAffinity.x=y"}, []string{
			deployment + `spec.template.spec.affinity.nodeAffinity.x: -> "y"`,
			deployment + `spec.template.spec.nodeSelector.disk: -> "ssd"`,
			deployment + `spec.template.spec.priorityClassName: "system-cluster-critical" ->`,
			deployment + `spec.template.spec.tolerations.0.key: "CriticalAddonsOnly" ->`,
			deployment + `spec.template.spec.tolerations.0.operator: "Exists" ->`,
			deployment + `spec.template.spec.tolerations.1.effect: "NoSchedule" ->`,
			deployment + `spec.template.spec.tolerations.1.key: "node-role.kubernetes.io/control-plane" ->`,
			deployment + `spec.template.spec.tolerations.1.operator: "Exists" ->`,
		}},
		{"log", []string{"log.format=text", "log.level=debug"}, []string{
			container + `args.5: -> "--log-format=text"`, container + `args.6: -> "--log-level=debug"`,
		}},
		{"arguments", []string{"args={--leader-elect=false}"}, []string{container + `args.5: -> "--leader-elect=false"`}},
		{"servers", []string{"servers.image.tag=v9", "servers.image.local=true"}, []string{
			container + `args.5: -> "--image=clusterdns/coredns:v9"`, container + `args.6: -> "--local-image"`,
		}},
		{"namespace", []string{"namespace=dns"}, []string{
			"ClusterRoleBinding/clusterdns-operator subjects.0.namespace: \"kube-system\" -> \"dns\"",
			container + `args.5: -> "--namespace=dns"`,
			deployment + `metadata.namespace: "kube-system" -> "dns"`,
			"Role/clusterdns-operator metadata.namespace: \"kube-system\" -> \"dns\"",
			"RoleBinding/clusterdns-operator metadata.namespace: \"kube-system\" -> \"dns\"",
			"RoleBinding/clusterdns-operator subjects.0.namespace: \"kube-system\" -> \"dns\"",
			"ServiceAccount/clusterdns-operator metadata.namespace: \"kube-system\" -> \"dns\"",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := changes(objects(t, template(t)), objects(t, template(t, sets(c.set)...)))
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMore: what the chart has beside the kustomization is what stands in manifests.
func TestMore(t *testing.T) {
	file := func(name string) map[string]map[string]any {
		text, err := os.ReadFile(filepath.Join(kube.Root(), "manifests", name))
		if err != nil {
			t.Fatal(err)
		}
		return objects(t, string(text))
	}
	const key = "ClusterDNS/default "
	for _, c := range []struct {
		name string
		set  []string
		file string
		want []string
	}{
		{"the sample", []string{"clusterDNS.create=true"}, "samples/clusterdns/default.yaml", []string{
			key + `metadata.annotations.helm.sh/resource-policy: -> "keep"`,
		}},
		{"another spec", []string{"clusterDNS.create=true", "clusterDNS.spec.managementState=Observe", "servers.image.registry=registry.example"}, "samples/clusterdns/default.yaml", []string{
			key + `metadata.annotations.helm.sh/resource-policy: -> "keep"`,
			key + `spec.cache.positive: 30 ->`,
			key + `spec.cluster.pods: "Insecure" ->`,
			key + `spec.cluster.ttl: 30 ->`,
			key + `spec.image.registry: -> "registry.example"`,
			key + `spec.managementState: -> "Observe"`,
		}},
		{"the spec wins", []string{"clusterDNS.create=true", "clusterDNS.spec.image.registry=mine.example", "servers.image.registry=registry.example"}, "samples/clusterdns/observe.yaml", []string{
			key + `metadata.annotations.helm.sh/resource-policy: -> "keep"`,
			key + `spec.image.registry: -> "mine.example"`,
			key + `spec.managementState: "Observe" ->`,
		}},
		{"alerts", []string{"alerts.create=true", "alerts.labels.release=prometheus", "namespace=dns"}, "monitoring/alerts.yaml", []string{
			"PrometheusRule/clusterdns metadata.labels.release: -> \"prometheus\"",
			"PrometheusRule/clusterdns metadata.namespace: \"kube-system\" -> \"dns\"",
		}},
		{"the monitor that they need", []string{"alerts.create=true", "alerts.labels.release=prometheus"}, "monitoring/operator.yaml", []string{
			"PodMonitor/clusterdns-operator metadata.labels.release: -> \"prometheus\"",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := file(c.file)
			got := objects(t, template(t, sets(c.set)...))
			maps.DeleteFunc(got, func(key string, _ map[string]any) bool { return want[key] == nil })
			if diff := cmp.Diff(c.want, changes(want, got)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDashboard: the ConfigMap has the dashboard byte by byte, where Grafana looks.
func TestDashboard(t *testing.T) {
	want, err := os.ReadFile(filepath.Join(kube.Root(), "manifests", "monitoring", "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Metadata struct {
			Namespace           string
			Labels, Annotations map[string]string
		}
		Data map[string]string
	}
	set := sets([]string{"dashboard.create=true", "dashboard.namespace=monitoring", "dashboard.annotations.grafana_folder=DNS"})
	text := template(t, append(set, "--show-only", "templates/monitoring.yaml")...)
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"clusterdns.json": string(want)}, got.Data); diff != "" {
		t.Error(diff)
	}
	m := got.Metadata
	if m.Namespace != "monitoring" || m.Labels["grafana_dashboard"] != "1" || m.Annotations["grafana_folder"] != "DNS" {
		t.Errorf("metadata %+v", m)
	}
}

// TestBadValues: a mistake is refused, and the message says where it is.
func TestBadValues(t *testing.T) {
	for _, c := range []struct {
		set  string
		want []string
	}{
		{"replica=3", []string{"additional properties 'replica' not allowed"}},
		{"image.name=x", []string{"/image", "additional properties 'name' not allowed"}},
		{"image.registry=https://registry.example", []string{"/image/registry", "does not match pattern"}},
		{"image.repository=", []string{"/image/repository"}},
		{"image.digest=sha1:abc", []string{"/image/digest", "does not match pattern"}},
		{"image.pullPolicy=always", []string{"/image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"}},
		{"replicas=two", []string{"/replicas", "got string, want integer"}},
		{"replicas=-1", []string{"/replicas", "minimum"}},
		{"resources.limit.memory=1Gi", []string{"/resources", "additional properties 'limit' not allowed"}},
		{"tolerations[0].name=x", []string{"/tolerations/0", "additional properties 'name' not allowed"}},
		{"log.format=xml", []string{"/log/format", "'json', 'text'"}},
		{"log.level=trace", []string{"/log/level", "'debug', 'info', 'warn', 'error'"}},
		{"args={leader-elect}", []string{"/args/0", "does not match pattern"}},
		{"namespace=", []string{"/namespace", "does not match pattern"}},
		{"servers.image.pullPolicy=Never", []string{"/servers/image", "additional properties 'pullPolicy' not allowed"}},
		{"servers.image.registry=registry.example", []string{"servers.image.registry is written into the ClusterDNS: set clusterDNS.create=true"}},
		{"clusterDNS.spec.managementState=Observe", []string{"clusterDNS.spec has no effect without clusterDNS.create=true"}},
		{"clusterDNS.enabled=true", []string{"/clusterDNS", "additional properties 'enabled' not allowed"}},
		{"dashboard.create=yes", []string{"/dashboard/create", "got string, want boolean"}},
		{"alerts=true", []string{"/alerts", "got boolean, want object"}},
	} {
		t.Run(c.set, func(t *testing.T) {
			out, err := run(program("helm"), "template", "clusterdns", chart, "--set", c.set)
			if err == nil {
				t.Fatalf("it is taken:\n%s", out)
			}
			for _, word := range c.want {
				if !strings.Contains(out, word) {
					t.Errorf("the message does not have %q:\n%s", word, out)
				}
			}
		})
	}
}

// TestSchema: values.yaml and its schema know the same keys.
func TestSchema(t *testing.T) {
	var values map[string]any
	parse(t, "values.yaml", &values)
	var schema map[string]any
	parse(t, "values.schema.json", &schema)
	sameKeys(t, "", values, schema)
}

// sameKeys compares a value with its schema, as deep as the schema names keys.
func sameKeys(t *testing.T, at string, values, schema map[string]any) {
	t.Helper()
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return
	}
	if schema["additionalProperties"] != false {
		t.Errorf("%s takes keys that the schema does not know", at)
	}
	for key, p := range properties {
		// Of a chart that has this one; and what few need.
		if at+"."+key == ".global" || at+"."+key == ".resources.claims" {
			continue
		}
		v, ok := values[key]
		if !ok {
			t.Errorf("values.yaml has no %s.%s", at, key)
		}
		if inner, ok := v.(map[string]any); ok {
			sameKeys(t, at+"."+key, inner, p.(map[string]any))
		}
	}
	for key := range values {
		if properties[key] == nil {
			t.Errorf("the schema has no %s.%s", at, key)
		}
	}
}

// TestVersion: the chart, the manifests and the operator are of one version.
func TestVersion(t *testing.T) {
	var c struct{ Version, AppVersion string }
	parse(t, "Chart.yaml", &c)
	if c.AppVersion != operator.Version || "v"+c.Version != operator.Version {
		t.Errorf("the chart is %s for %s, the operator %s", c.Version, c.AppVersion, operator.Version)
	}
}

func TestLint(t *testing.T) { helm(t, "lint", "--strict", chart) }

// TestPackage: what helm package packs renders as the folder does.
func TestPackage(t *testing.T) {
	dir := t.TempDir()
	helm(t, "package", chart, "--destination", dir)
	all := []string{"--include-crds", "--set", "clusterDNS.create=true,alerts.create=true,dashboard.create=true"}
	packed, err := filepath.Glob(filepath.Join(dir, "clusterdns-*.tgz"))
	if err != nil || len(packed) != 1 {
		t.Fatalf("%v %v", packed, err)
	}
	want := objects(t, template(t, all...))
	got := objects(t, helm(t, append([]string{"template", "clusterdns", packed[0]}, all...)...))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(got) != 12 {
		t.Errorf("there are %q", keys(got))
	}
}

// keys returns the names of objects, sorted.
func keys(objects map[string]map[string]any) []string { return slices.Sorted(maps.Keys(objects)) }

func parse(t *testing.T, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chart, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

// template renders the chart.
func template(t *testing.T, args ...string) string {
	t.Helper()
	return helm(t, append([]string{"template", "clusterdns", chart}, args...)...)
}

// sets returns the flags for values.
func sets(values []string) []string {
	var args []string
	for _, v := range values {
		args = append(args, "--set", v)
	}
	return args
}

// objects returns the objects of a YAML stream by kind and name.
func objects(t *testing.T, text string) map[string]map[string]any {
	t.Helper()
	all := make(map[string]map[string]any)
	for doc := range strings.SplitSeq("\n"+text, "\n---") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if o == nil {
			continue
		}
		metadata, _ := o["metadata"].(map[string]any)
		key := fmt.Sprintf("%s/%s", o["kind"], metadata["name"])
		if all[key] != nil {
			t.Fatalf("%s is there twice", key)
		}
		all[key] = o
	}
	return all
}

// changes returns what differs between objects, a line for each field.
func changes(before, after map[string]map[string]any) []string {
	b, a := make(map[string]string), make(map[string]string)
	for key, o := range before {
		flatten(b, key+" ", o)
	}
	for key, o := range after {
		flatten(a, key+" ", o)
	}
	var lines []string
	for key, v := range b {
		if a[key] != v {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s -> %s", key, v, a[key])))
		}
	}
	for key, v := range a {
		if _, ok := b[key]; !ok {
			lines = append(lines, fmt.Sprintf("%s: -> %s", key, v))
		}
	}
	slices.Sort(lines)
	return lines
}

// flatten writes the leaves of a value by their path.
func flatten(to map[string]string, path string, v any) {
	next := func(key string) string {
		if strings.HasSuffix(path, " ") {
			return path + key
		}
		return path + "." + key
	}
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			flatten(to, next(key), inner)
		}
	case []any:
		for i, inner := range v {
			flatten(to, next(fmt.Sprint(i)), inner)
		}
	default:
		text, _ := json.Marshal(v)
		to[path] = string(text)
	}
}

// helm runs helm, which has to succeed, and returns what it prints.
func helm(t *testing.T, args ...string) string {
	t.Helper()
	built(t)
	return mustRun(t, program("helm"), args...)
}

// built fails the test if there is no bin/helm.
func built(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(program("helm")); err != nil {
		t.Fatalf("%v: run \"make helm\" first (make test does)", err)
	}
}

func mustRun(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// run returns all that a command prints.
func run(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	return string(out), err
}

func program(name string) string { return filepath.Join(kube.Root(), "bin", name) }

func kubectlPath() string {
	if path, err := exec.LookPath("kubectl"); err == nil {
		return path
	}
	return program("kubectl")
}
