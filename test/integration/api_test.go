// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/test/internal/kube"
)

var (
	definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	clusterDNS  = v1alpha1.GroupVersion.WithResource("clusterdnses")
)

// installClusterDNS brings the CRD to the API server, and returns when it is served.
func installClusterDNS(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "manifests", "crd", "clusterdns.io_clusterdnses.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := kube.Decode(string(text))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects: %v", len(objects), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := client.Resource(definitions).Create(ctx, objects[0], metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	for {
		if _, err = client.Resource(clusterDNS).List(ctx, metav1.ListOptions{}); err == nil {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the CRD is not served: %v", err)
		}
	}
}

// create asks the API server for a ClusterDNS without keeping it.
func create(t *testing.T, name, spec string) (*unstructured.Unstructured, error) {
	t.Helper()
	o := map[string]any{}
	text := fmt.Sprintf("apiVersion: clusterdns.io/v1alpha1\nkind: ClusterDNS\nmetadata: {name: %s}\n", name) + spec
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return client.Resource(clusterDNS).Create(t.Context(), &unstructured.Unstructured{Object: o},
		metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
}

// The API server accepts these, and what it returns is what the types hold.
func TestGoodClusterDNS(t *testing.T) {
	installClusterDNS(t)
	for name, spec := range map[string]string{
		"nothing": "",
		"everything": `
spec:
  managementState: Managed
  clusterDomain: cluster.local
  deletionPolicy: Retain
  image: {registry: "registry.example:5000", repository: dns/coredns, tag: v1.15.0, pullSecrets: [pull]}
  upstreams:
    endpoints: [{address: 192.0.2.53}, {address: "2001:db8::53", port: 5353}, {service: {namespace: dns, name: resolver}}]
    policy: Sequential
    failover: [SERVFAIL, REFUSED]
    maxConcurrent: 1000
    healthCheck: {interval: 500ms, maxFails: 2, domain: example.org, noRecursion: true}
  cache: {positive: 30, negative: 5, serveStale: 1h, prefetch: {amount: 10, duration: 1m, percentage: 10}}
  cluster:
    pods: Verified
    podRecords: true
    ttl: 30
    negativeTTL: 5
    namespaceSelector: {matchLabels: {dns: "yes"}}
    reverseZones: [10.0.0.0/8, "fd00::/8", 2.0.192.in-addr.arpa]
    reverseNames: Hostname
    topology: {mode: Prefer, min: 3}
    clusterSets: [clusterset.local]
    maxAnswers: 32
    autopath: true
    staleAfter: 2m0s
    audit: 0s
  stubZones:
  - name: corp
    zones: [corp.example, 172.16.0.0/12]
    upstreams:
      endpoints: [{address: 192.0.2.1, serverName: a.example}, {address: 192.0.2.2, port: 8853, serverName: b.example}]
      transport: TLS
      tls: {caConfigMap: ca, clientCertificateSecret: client}
  - name: doh
    zones: [secret.example]
    upstreams: {endpoints: [{address: 192.0.2.3}], transport: HTTPS, tls: {serverName: doh.example}}
    cache: {disabled: true}
  hosts: [{name: db.example, addresses: [192.0.2.9, "2001:db8::9"]}]
  rewrites:
  - {kind: Exact, from: old.example, to: new.example, stop: true}
  - {kind: Regex, from: '(.*)\.old\.example', to: '{1}.new.example'}
  extra: {before: "debug", after: "any", blocks: "test.example:53 {\n    whoami\n}\n"}
  rollout: {progressDeadline: 5m, revisions: 10, probes: [{name: web, domain: web.example, type: AAAA, answers: ["2001:db8::1"]}]}
  scaling: {workload: Deployment, proportional: {coresPerReplica: 256, nodesPerReplica: 16, min: 2, max: 20}}
  placement: {nodeSelector: {kubernetes.io/os: linux}, tolerations: [{key: dedicated, operator: Exists}], hostNetwork: false}
  disruption: {maxUnavailable: 10%}
  networkPolicy: {enabled: true}
  observability: {log: {classes: [Denial, Error], zones: [example.org]}, serviceMonitor: true}
`,
		"node's upstreams": "spec: {upstreams: {endpoints: [{resolvConf: /etc/resolv.conf}]}}",
		"overlay":          "spec: {managementState: Overlay, hosts: [{name: a.example, addresses: [192.0.2.1]}]}",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := create(t, "default", spec)
			if err != nil {
				t.Fatal(err)
			}
			var typed v1alpha1.ClusterDNS
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(got.Object, &typed, true); err != nil {
				t.Fatal(err)
			}
			if typed.Spec.ManagementState == "" && spec != "" || typed.Name != "default" {
				t.Errorf("got %+v", typed.Spec)
			}
		})
	}
}

// The API server refuses these, and says why.
func TestBadClusterDNS(t *testing.T) {
	installClusterDNS(t)
	if _, err := create(t, "other", ""); err == nil || !strings.Contains(err.Error(), "call it default") {
		t.Errorf("a second ClusterDNS: got %v", err)
	}
	up := func(rest string) string { return "upstreams: {endpoints: [{address: 192.0.2.1}], " + rest + "}" }
	stub := func(zones string) string {
		return "stubZones: [{name: a, zones: [" + zones + "], upstreams: {endpoints: [{address: 192.0.2.1}]}}]"
	}
	for spec, words := range map[string][]string{
		"managementState: Removed":                                                                               {"spec.managementState", "Managed", "Overlay"},
		"managementState: Overlay\n  image: {tag: v1}":                                                           {"Overlay adds to the CoreDNS of somebody else"},
		"clusterDomain: Cluster.Local":                                                                           {"spec.clusterDomain"},
		"clusterDomain: cluster.local.":                                                                          {"spec.clusterDomain"},
		"clusterDomain: 'a b'":                                                                                   {"spec.clusterDomain"},
		"deletionPolicy: Delete":                                                                                 {"spec.deletionPolicy", "Retain"},
		"image: {tag: v1, digest: 'sha256:" + strings.Repeat("0", 64) + "'}":                                     {"set one of them"},
		"image: {digest: 'sha256:12'}":                                                                           {"spec.image.digest"},
		"image: {registry: 'https://registry.example'}":                                                          {"spec.image.registry"},
		"upstreams: {endpoints: []}":                                                                             {"spec.upstreams.endpoints"},
		"upstreams: {endpoints: [{}]}":                                                                           {"exactly one of address, service and resolvConf"},
		"upstreams: {endpoints: [{address: 192.0.2.1, resolvConf: /etc/resolv.conf}]}":                           {"exactly one of"},
		"upstreams: {endpoints: [{address: dns.example}]}":                                                       {"must be an IP address"},
		"upstreams: {endpoints: [{address: 192.0.2.01}]}":                                                        {"must be an IP address"},
		"upstreams: {endpoints: [{address: '2001:DB8::1'}]}":                                                     {"must be an IP address in its usual form"},
		"upstreams: {endpoints: [{address: 192.0.2.1, port: 0}]}":                                                {"port"},
		"upstreams: {endpoints: [{address: 192.0.2.1, port: 65536}]}":                                            {"port", "65535"},
		"upstreams: {endpoints: [{address: 192.0.2.1}, {address: 192.0.2.1}]}":                                   {"there twice"},
		"upstreams: {endpoints: [{resolvConf: etc/resolv.conf}]}":                                                {"resolvConf"},
		"upstreams: {endpoints: [{resolvConf: /etc/resolv.conf, port: 53}]}":                                     {"remove port and serverName"},
		"upstreams: {endpoints: [{resolvConf: /etc/resolv.conf}], transport: TLS, tls: {serverName: a.example}}": {"asked in the clear"},
		up("policy: Fastest"):                                                                                    {"policy", "Sequential"},
		up("transport: UDP"):                                                                                     {"transport", "QUIC"},
		up("tls: {serverName: a.example}"):                                                                       {"tls needs transport"},
		up("transport: TLS"):                                                                                     {"a certificate is for a name"},
		up("transport: TLS, tls: {caConfigMap: ca}"):                                                             {"a certificate is for a name"},
		up("failover: [NOERROR]"):                                                                                {"failover"},
		up("failover: [SERVFAIL, SERVFAIL]"):                                                                     {"Duplicate"},
		up("maxConcurrent: 0"):                                                                                   {"maxConcurrent"},
		up("healthCheck: {interval: 10ms}"):                                                                      {"between 100ms and 1m"},
		up("healthCheck: {interval: often}"):                                                                     {"interval"},
		"upstreams: {endpoints: [{address: 192.0.2.1, serverName: a.example}]}":                                  {"serverName of an endpoint needs transport TLS or QUIC"},
		"upstreams: {endpoints: [{address: 192.0.2.1, serverName: a.example}], transport: HTTPS}":                {"which all endpoints share"},
		"upstreams: {endpoints: [{address: 192.0.2.1, serverName: a.example}], transport: TLS, tls: {serverName: b.example}}": {"both in tls and at an endpoint"},
		"cache: {positive: 3601}":                                              {"spec.cache.positive", "3600"},
		"cache: {disabled: true, positive: 5}":                                 {"disabled leaves nothing to set"},
		"cache: {serveStale: 25h}":                                             {"between 1s and 24h"},
		"cache: {prefetch: {amount: 0}}":                                       {"amount"},
		"cache: {prefetch: {amount: 1, percentage: 5}}":                        {"percentage"},
		"cluster: {pods: All}":                                                 {"pods", "Verified"},
		"cluster: {podRecords: true}":                                          {"podRecords needs pods: Verified"},
		"cluster: {pods: Insecure, autopath: true}":                            {"autopath needs pods: Verified"},
		"cluster: {namespaces: [a], namespaceSelector: {matchLabels: {a: b}}}": {"set one of namespaces"},
		"cluster: {namespaces: [Default]}":                                     {"namespaces"},
		"cluster: {noEndpoints: true, zonal: true}":                            {"are about endpoints"},
		"cluster: {topology: {mode: Order, min: 2}}":                           {"min needs mode Prefer"},
		"cluster: {reverseZones: [example.org]}":                               {"below in-addr.arpa"},
		"cluster: {reverseZones: [10.0.0.1/8]}":                                {"without bits behind its length"},
		"cluster: {staleAfter: 10ms}":                                          {"staleAfter", "between 1s and 24h"},
		"cluster: {unknown: 1}":                                                {"unknown field", "unknown"},
		stub(""):                                                               {"zones"},
		stub("a.example, a.example"):                                           {"Duplicate"},
		stub("A.example"):                                                      {"must be a domain name in lower case"},
		stub("a.example."):                                                     {"without a dot at its end"},
		stub(`"a.example { whoami"`):                                           {"must be a domain name"},
		stub(`"{$HOME}.example"`):                                              {"must be a domain name"},
		"clusterDomain: cluster.local\n  " + stub("svc.cluster.local"):         {"a zone in the cluster domain"},
		"clusterDomain: cluster.local\n  " + stub("cluster.local"):             {"a zone in the cluster domain"},
		stub("a.example") + "\n  rollout: {revisions: 1}":                      {"revisions"},
		"stubZones: [{name: a, zones: [a.example], upstreams: {endpoints: [{address: 192.0.2.1}]}}, {name: b, zones: [a.example], upstreams: {endpoints: [{address: 192.0.2.1}]}}]": {"in two stub zones"},
		"stubZones: [{name: A, zones: [a.example], upstreams: {endpoints: [{address: 192.0.2.1}]}}]":                                                                                {"name"},
		"hosts: [{name: a.example, addresses: []}]":                        {"addresses"},
		"hosts: [{name: 'a.example 192.0.2.1', addresses: [192.0.2.1]}]":   {"name"},
		"hosts: [{name: a.example, addresses: [192.0.2.300]}]":             {"must be an IP address"},
		"rewrites: [{kind: Exact, from: 'a.example stop', to: b.example}]": {"must have no space"},
		"rewrites: [{kind: Suffix, from: a.example, to: B.example}]":       {"need domain names in lower case"},
		"rewrites: [{kind: Regex, from: '(.*)\\.{$HOME}', to: b.example}]": {"no reference to the environment"},
		"rewrites: [{kind: Regex, from: '(.*)', to: '{1} answer'}]":        {"to"},
		"rewrites: [{kind: Wildcard, from: a, to: b}]":                     {"kind"},
		"extra: {blocks: '" + strings.Repeat("#", 65537) + "'}":            {"blocks", "65536"},
		"rollout: {progressDeadline: 1s}":                                  {"between 30s and 1h"},
		"rollout: {probes: [{name: a, domain: a.example, type: ANY}]}":     {"type"},
		"scaling: {workload: DaemonSet, replicas: 2}":                      {"a DaemonSet has a server on each node"},
		"scaling: {replicas: 2, proportional: {min: 2}}":                   {"set one of replicas and proportional"},
		"scaling: {replicas: 0}":                                           {"replicas"},
		"scaling: {proportional: {min: 3, max: 2}}":                        {"min is more than max"},
		"disruption: {maxUnavailable: 0}":                                  {"no node could be drained"},
		"disruption: {maxUnavailable: 100%}":                               {"1% to 99%"},
		"disruption: {maxUnavailable: some}":                               {"1% to 99%"},
		"observability: {log: {classes: [All, Error]}}":                    {"All has the others in it"},
		"observability: {log: {classes: []}}":                              {"classes"},
	} {
		t.Run(spec[:min(len(spec), 60)], func(t *testing.T) {
			_, err := create(t, "default", "spec:\n  "+spec+"\n")
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, w := range words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q: %v", w, err)
				}
			}
		})
	}
}

// Servers with the network of their nodes cannot change from a Deployment to a
// DaemonSet: each would wait for the ports of the other.
func TestHostNetworkChange(t *testing.T) {
	installClusterDNS(t)
	host := map[string]any{"hostNetwork": true}
	object := func(spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": "ClusterDNS", "metadata": map[string]any{"name": "default"}, "spec": spec,
		}}
	}
	api := client.Resource(clusterDNS)
	now, err := api.Create(t.Context(), object(map[string]any{"placement": host}), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = api.Delete(context.Background(), "default", metav1.DeleteOptions{}) }()
	change := func(spec map[string]any) error {
		o := object(spec)
		o.SetResourceVersion(now.GetResourceVersion())
		_, err := api.Update(t.Context(), o, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	daemonSet := map[string]any{"workload": "DaemonSet"}
	if err := change(map[string]any{"placement": host, "scaling": daemonSet}); err == nil || !strings.Contains(err.Error(), "change scaling.workload without hostNetwork") {
		t.Errorf("to a DaemonSet: %v", err)
	}
	for _, spec := range []map[string]any{
		{"scaling": daemonSet}, {"placement": host, "scaling": map[string]any{"replicas": int64(3)}}, {"placement": host, "scaling": map[string]any{"workload": "Deployment"}},
	} {
		if err := change(spec); err != nil {
			t.Errorf("%v: %v", spec, err)
		}
	}
}
