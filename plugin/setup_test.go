// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	_ "github.com/coredns/coredns/plugin/autopath"
	_ "github.com/coredns/coredns/plugin/metadata"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
)

// kubeconfigFile writes a kubeconfig file with the contexts one (the current) and two.
func kubeconfigFile(t testing.TB, one, two string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: one, cluster: {server: %q}}
- {name: two, cluster: {server: %q}}
users:
- {name: nobody, user: {token: secret}}
contexts:
- {name: one, context: {cluster: one, user: nobody}}
- {name: two, context: {cluster: two, user: nobody}}
`, one, two)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// zones returns the names of the zones of c.
func zones(c *ClusterDNS) []string {
	var names []string
	for _, z := range c.zones {
		names = append(names, z.origin)
	}
	return names
}

// What each directive means: every good form, and what it leaves as it is.
func TestDirectives(t *testing.T) {
	kubeconfig := kubeconfigFile(t, "https://one.example", "https://two.example")
	dir := t.TempDir()
	var files []string // of tls
	for _, name := range []string{"cert.pem", "key.pem", "ca.pem"} {
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tls := "tls " + strings.Join(files, " ")
	type check = func(c *ClusterDNS) (got, want any)
	host := func(want string) check {
		return func(c *ClusterDNS) (any, any) { return c.cfg.REST.Host, want }
	}
	kinds := func(want ...object.Kind) check {
		return func(c *ClusterDNS) (any, any) { return c.opts.Kinds, object.Set(want...) }
	}
	limits := func(want watch.Limits) check {
		return func(c *ClusterDNS) (any, any) { return c.cfg.Limits, want }
	}
	falls := func(want ...string) check {
		return func(c *ClusterDNS) (any, any) { return c.fall, want }
	}
	timeout := func(want time.Duration) check {
		return func(c *ClusterDNS) (any, any) { return c.timeout, want }
	}
	labels := func(want string) check {
		return func(c *ClusterDNS) (any, any) { return c.cfg.Labels, want }
	}
	namespaces := func(want ...string) check {
		return func(c *ClusterDNS) (any, any) { return slices.Sorted(maps.Keys(c.opts.Namespaces)), want }
	}
	pods := func(want answer.PodMode) check {
		return func(c *ClusterDNS) (any, any) { return c.opts.Pods, want }
	}
	staleAfter := func(want time.Duration) check {
		return func(c *ClusterDNS) (any, any) { return c.cfg.StaleAfter, want }
	}
	staleTTL := func(want uint32) check {
		return func(c *ClusterDNS) (any, any) { return c.staleTTL, want }
	}
	audit := func(want time.Duration) check {
		return func(c *ClusterDNS) (any, any) { return c.cfg.Audit, want }
	}
	covered := map[string]bool{}
	for _, tc := range []struct {
		option string // the block but for the API server
		check  check
	}{
		{"", func(c *ClusterDNS) (any, any) { return c.opts.TTL, uint32(5) }},
		{"", kinds(object.Namespaces, object.Services, object.EndpointSlices)},
		{"", pods(answer.PodsDisabled)},
		{"", timeout(5 * time.Second)},
		{"", limits(watch.Limits{})},
		{"", falls()},
		{"", namespaces()},
		{"", func(c *ClusterDNS) (any, any) { return c.opts.EndpointPodNames || c.opts.IgnoreEmptyService, false }},
		{"", func(c *ClusterDNS) (any, any) {
			return strings.HasPrefix(c.cfg.REST.UserAgent, "clusterdns ("), true
		}},

		{"endpoint http://a.example:8080", host("http://a.example:8080")},
		{"endpoint http://a.example http://b.example", host("http://a.example")}, // with a warning
		{"endpoint https://a.example\n" + tls, func(c *ClusterDNS) (any, any) {
			r := c.cfg.REST
			return []string{r.Host, r.CertFile, r.KeyFile, r.CAFile}, append([]string{"https://a.example"}, files...)
		}},
		{tls + "\nendpoint https://a.example", func(c *ClusterDNS) (any, any) { return c.cfg.REST.CAFile, files[2] }},
		{"kubeconfig " + kubeconfig, host("https://one.example")},
		{"kubeconfig " + kubeconfig + " two", host("https://two.example")},
		{"kubeconfig " + kubeconfig, func(c *ClusterDNS) (any, any) { return c.cfg.REST.BearerToken, "secret" }},
		{"endpoint http://a.example\nkubeconfig " + kubeconfig, host("https://one.example")},
		{"kubeconfig " + kubeconfig + "\nendpoint http://a.example", host("https://one.example")},
		{"kubeconfig " + kubeconfig, func(c *ClusterDNS) (any, any) {
			return strings.HasPrefix(c.cfg.REST.UserAgent, "clusterdns ("), true // B12: not the library's
		}},

		{"apiserver_qps 2.5", limits(watch.Limits{QPS: 2.5})},
		{"apiserver_qps 0", limits(watch.Limits{})},
		{"apiserver_burst 7", limits(watch.Limits{Burst: 7})},
		{"apiserver_burst 0", limits(watch.Limits{})},
		{"apiserver_max_inflight 3", limits(watch.Limits{MaxInflight: 3})},
		{"apiserver_max_inflight 0", limits(watch.Limits{})},

		{"namespaces default", namespaces("default")},
		{"namespaces default kube-system", namespaces("default", "kube-system")},
		{"namespaces default\nnamespaces kube-system default", namespaces("default", "kube-system")},
		{"namespace_labels istio=ambient", func(c *ClusterDNS) (any, any) { return c.cfg.NamespaceLabels, "istio=ambient" }},
		{"labels app=web", labels("app=web")},
		{"labels environment in (production, staging), app=web", labels("app=web,environment in (production,staging)")},
		{"labels app=web environment=staging", nil}, // an error, see below
		{"labels !hidden", labels("!hidden")},

		{"pods disabled", pods(answer.PodsDisabled)},
		{"pods insecure", pods(answer.PodsInsecure)},
		{"pods insecure", kinds(object.Namespaces, object.Services, object.EndpointSlices)},
		{"pods verified", pods(answer.PodsVerified)},
		{"pods verified\npod_names", func(c *ClusterDNS) (any, any) { return c.opts.PodNames, true }},
		{"pod_names\npods verified", func(c *ClusterDNS) (any, any) { return c.cfg.Keep.Pods, object.KeepPods{Records: true} }},
		{"pods verified", func(c *ClusterDNS) (any, any) { return c.opts.PodNames || c.cfg.Keep.Pods.Any(), false }},
		{"", func(c *ClusterDNS) (any, any) { return c.opts.PTR, answer.PTRAll }},
		{"ptr all", func(c *ClusterDNS) (any, any) { return c.opts.PTR, answer.PTRAll }},
		{"ptr hostname", func(c *ClusterDNS) (any, any) { return c.opts.PTR, answer.PTRHostname }},
		{"ptr single", func(c *ClusterDNS) (any, any) { return c.opts.PTR, answer.PTRSingle }},
		{"pods verified", kinds(object.Namespaces, object.Services, object.EndpointSlices, object.Pods)},
		{"endpoint_pod_names", func(c *ClusterDNS) (any, any) {
			return []bool{c.opts.EndpointPodNames, c.cfg.Keep.PodNames}, []bool{true, true}
		}},
		{"noendpoints", kinds(object.Namespaces, object.Services)},
		{"noendpoints\npods verified", kinds(object.Namespaces, object.Services, object.Pods)},
		{"multicluster", kinds(object.Namespaces, object.Services, object.EndpointSlices)}, // does nothing, as in kubernetes
		{"multicluster Cluster.local", kinds(object.Namespaces, object.Services, object.EndpointSlices, object.ServiceImports, object.ImportSlices)},
		{"multicluster cluster.local\nnoendpoints", kinds(object.Namespaces, object.Services, object.ServiceImports, object.ImportSlices)}, // as in kubernetes
		{"multicluster cluster.local\nmulticluster", kinds(object.Namespaces, object.Services, object.EndpointSlices)},
		{"ignore empty_service", func(c *ClusterDNS) (any, any) { return c.opts.IgnoreEmptyService, true }},

		{"ttl 0", func(c *ClusterDNS) (any, any) { return c.opts.TTL, uint32(0) }},
		{"ttl 3600", func(c *ClusterDNS) (any, any) { return c.opts.TTL, uint32(3600) }},
		{"ttl 10\nttl 20", func(c *ClusterDNS) (any, any) { return c.opts.TTL, uint32(20) }}, // as in kubernetes

		{"negative_ttl 0", func(c *ClusterDNS) (any, any) { return []uint32{c.opts.TTL, c.opts.NegativeTTL}, []uint32{5, 0} }},
		{"negative_ttl 7\nttl 30", func(c *ClusterDNS) (any, any) { return []uint32{c.opts.TTL, c.opts.NegativeTTL}, []uint32{30, 7} }},
		{"ttl 30", func(c *ClusterDNS) (any, any) { return c.opts.NegativeTTL, uint32(30) }},
		{"max_answers 8", func(c *ClusterDNS) (any, any) { return c.opts.MaxAnswers, 8 }},
		{"explain", func(c *ClusterDNS) (any, any) { return c.opts.Explain, true }},
		{"strict_compat", func(c *ClusterDNS) (any, any) { return c.opts.StrictCompat, true }},
		{"topology prefer", func(c *ClusterDNS) (any, any) {
			k := c.cfg.Keep
			return []any{c.opts.Topology, c.opts.Kinds.Has(object.Set(object.Nodes)), k.Zones, k.Nodes, k.Pods.Places},
				[]any{answer.Topology{Mode: answer.TopologyPrefer, Min: 1}, true, true, true, false}
		}},
		{"topology prefer min 3\npods verified", func(c *ClusterDNS) (any, any) {
			return []any{c.opts.Topology, c.cfg.Keep.Pods.Places}, []any{answer.Topology{Mode: answer.TopologyPrefer, Min: 3}, true}
		}},
		{"topology order", func(c *ClusterDNS) (any, any) {
			return c.opts.Topology, answer.Topology{Mode: answer.TopologyOrder, Min: 1}
		}},
		{"zonal", func(c *ClusterDNS) (any, any) {
			return []bool{c.opts.Zonal, c.cfg.Keep.Zones, c.cfg.Keep.Nodes}, []bool{true, true, false}
		}},

		{"fallthrough", falls(".")},
		{"fallthrough In-Addr.arpa ip6.arpa", falls("in-addr.arpa.", "ip6.arpa.")},
		{"fallthrough 10.0.0.0/8", falls("10.in-addr.arpa.")},

		{"", staleAfter(2 * time.Minute)},
		{"stale_after 30s", staleAfter(30 * time.Second)},
		{"stale_after 0", staleAfter(0)},
		{"", staleTTL(asEver)},
		{"stale_ttl 0", staleTTL(0)},
		{"stale_ttl 3600", staleTTL(3600)},
		{"", audit(10 * time.Minute)},
		{"audit 1h", audit(time.Hour)},
		{"audit 0s", audit(0)},

		{"startup_timeout 1m30s", timeout(90 * time.Second)},
		{"startup_timeout 0", timeout(0)},
		{"startup_timeout 0s", timeout(0)}, // B11: panics in kubernetes
	} {
		for line := range strings.Lines(tc.option) {
			covered[strings.Fields(line)[0]] = true
		}
		if tc.check == nil {
			continue
		}
		t.Run(tc.option, func(t *testing.T) {
			block := tc.option
			if !strings.Contains(block, "kubeconfig") && !strings.Contains(block, "endpoint http") {
				block += "\nendpoint http://127.0.0.1:1"
			}
			c, err := parseText("clusterdns {\n" + block + "\n}")
			if err != nil {
				t.Fatal(err)
			}
			if got, want := tc.check(c); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	for name := range directives {
		if !covered[name] {
			t.Errorf("no good form of %s is tested", name)
		}
	}
}

// Which zones are answered for, and which is the one that PTR records point into.
func TestZones(t *testing.T) {
	for _, tc := range []struct {
		args, keys string // of the directive, and of the server block
		want       string
		primary    string
	}{
		{"", "cluster.local.", "cluster.local.", "cluster.local."},
		{"", "cluster.local. in-addr.arpa. ip6.arpa.", "cluster.local. in-addr.arpa. ip6.arpa.", "cluster.local."},
		{"", "10.in-addr.arpa. cluster.local.", "10.in-addr.arpa. cluster.local.", "cluster.local."},
		{"", "dns://cluster.local:1053", "cluster.local.", "cluster.local."},
		{"", ".", ".", "."},
		{"example.org", "cluster.local.", "example.org.", "example.org."},
		{"CLUSTER.local", ".", "cluster.local.", "cluster.local."},
		{"cluster.local.", ".", "cluster.local.", "cluster.local."},
		{"in-addr.arpa cluster.local other.local", ".", "in-addr.arpa. cluster.local. other.local.", "cluster.local."},
		{"cluster.local 10.0.0.0/8", ".", "cluster.local. 10.in-addr.arpa.", "cluster.local."},
		{"cluster.local 10.96.0.0/14", ".", "cluster.local. 96.10.in-addr.arpa. 97.10.in-addr.arpa. 98.10.in-addr.arpa. 99.10.in-addr.arpa.", "cluster.local."},
		{"fd00:10:96::/48 cluster.local", ".", "6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa. cluster.local.", "cluster.local."},
		{"10.0.0.1/32 cluster.local", ".", "1.0.0.10.in-addr.arpa. cluster.local.", "cluster.local."},
	} {
		c := caddy.NewTestController("dns", "clusterdns "+tc.args+" {\nendpoint http://127.0.0.1:1\n}")
		c.ServerBlockKeys = strings.Fields(tc.keys)
		d, err := parse(c)
		if err != nil {
			t.Errorf("zones %q in %q: %v", tc.args, tc.keys, err)
			continue
		}
		if got := strings.Join(zones(d), " "); got != tc.want || d.opts.PrimaryZone != tc.primary {
			t.Errorf("zones %q in %q: got %q, primary %q, want %q, primary %q", tc.args, tc.keys, got, d.opts.PrimaryZone, tc.want, tc.primary)
		}
	}
}

// Each mistake is told with its place, the word that is wrong, and what would be right.
func TestMistakes(t *testing.T) {
	const file = "Testfile:"
	kubeconfig := kubeconfigFile(t, "http://one.example", "http://two.example")
	covered := map[string]bool{}
	for _, tc := range []struct {
		option string
		line   int // in the text below, where the option is in line 2
		words  []string
	}{
		{"unknown", 2, []string{"'unknown'", "valid ones are", "ttl", "pods"}},
		{"tttl 5", 2, []string{"'tttl'", "ttl"}},
		{"resyncperiod 5m", 2, []string{"'resyncperiod'"}},
		{"upstream", 2, []string{"'upstream'"}},
		{"transfer to *", 2, []string{"'transfer'"}},

		{"endpoint", 2, []string{"'endpoint'"}},
		{"tls", 2, []string{"'tls'"}},
		{"tls cert.pem", 2, []string{"'cert.pem'"}},
		{"tls cert.pem key.pem", 2, []string{"'key.pem'"}},
		{"tls cert.pem key.pem ca.pem more.pem", 2, []string{"'more.pem'"}},
		{"kubeconfig", 2, []string{"'kubeconfig'"}},
		{"kubeconfig " + kubeconfig + " two three", 2, []string{"'three'"}},

		{"apiserver_qps", 2, []string{"'apiserver_qps'"}},
		{"apiserver_qps many", 2, []string{"apiserver_qps 'many'", ">= 0"}},
		{"apiserver_qps -1", 2, []string{"'-1'", ">= 0"}},
		{"apiserver_qps NaN", 2, []string{"'NaN'", ">= 0"}},
		{"apiserver_qps 1 2", 2, []string{"'2'"}},
		{"apiserver_burst", 2, []string{"'apiserver_burst'"}},
		{"apiserver_burst 1.5", 2, []string{"apiserver_burst '1.5'", "whole number >= 0"}},
		{"apiserver_burst -1", 2, []string{"'-1'", ">= 0"}},
		{"apiserver_max_inflight", 2, []string{"'apiserver_max_inflight'"}},
		{"apiserver_max_inflight few", 2, []string{"apiserver_max_inflight 'few'", "whole number >= 0"}},

		{"namespaces", 2, []string{"'namespaces'"}},
		{"namespace_labels", 2, []string{"'namespace_labels'"}},
		{"namespace_labels a=b=c", 2, []string{"namespace_labels 'a=b=c'", "label selector"}},
		{"labels", 2, []string{"'labels'"}},
		{"labels app=web environment=staging", 2, []string{"labels 'app=web environment=staging'", "label selector"}},
		{"labels app in web", 2, []string{"'app in web'", "label selector"}},
		{"labels -app=web", 2, []string{"'-app=web'", "label selector"}},

		{"pods", 2, []string{"'pods'"}},
		{"pods maybe", 2, []string{"'maybe'", "disabled, insecure, verified"}},
		{"pods insecure verified", 2, []string{"'verified'"}},
		{"pod_names yes", 2, []string{"'yes'"}},
		{"pod_names", 2, []string{"pod_names", "watch Pods", "pods verified"}},
		{"ptr", 2, []string{"'ptr'"}},
		{"ptr some", 2, []string{"ptr 'some'", "all, hostname, single"}},
		{"ptr all single", 2, []string{"'single'"}},
		{"endpoint_pod_names yes", 2, []string{"'yes'"}},
		{"noendpoints yes", 2, []string{"'yes'"}},
		{"ignore", 2, []string{"ignore", "empty_service"}},
		{"ignore everything", 2, []string{"'everything'", "empty_service"}},
		{"ignore empty_service too", 2, []string{"too", "empty_service"}},

		{"ttl", 2, []string{"'ttl'"}},
		{"ttl -1", 2, []string{"ttl '-1'", "[0, 3600]"}},
		{"ttl 3601", 2, []string{"ttl '3601'", "[0, 3600]"}},
		{"ttl 5s", 2, []string{"ttl '5s'", "[0, 3600]"}},

		{"stale_after", 2, []string{"'stale_after'"}},
		{"stale_after 120", 2, []string{"stale_after '120'", "duration of at least 1s", "2m", "0 to turn it off"}},
		{"stale_after -1m", 2, []string{"'-1m'", "at least 1s"}},
		{"stale_after 999ms", 2, []string{"'999ms'", "at least 1s"}},
		{"stale_after 1m 2m", 2, []string{"'2m'"}},
		{"stale_ttl", 2, []string{"'stale_ttl'"}},
		{"stale_ttl 3601", 2, []string{"stale_ttl '3601'", "[0, 3600]"}},
		{"stale_ttl -1", 2, []string{"stale_ttl '-1'", "[0, 3600]"}},
		{"stale_ttl 5s", 2, []string{"stale_ttl '5s'", "[0, 3600]"}},
		{"stale_ttl 5\nstale_after 0", 2, []string{"stale_ttl", "stale_after 0", "remove one of them"}},
		{"audit", 2, []string{"'audit'"}},
		{"audit often", 2, []string{"audit 'often'", "duration of at least 1s", "10m", "0 to turn it off"}},
		{"audit 10ms", 2, []string{"'10ms'", "at least 1s"}},

		{"startup_timeout", 2, []string{"'startup_timeout'"}},
		{"startup_timeout 5", 2, []string{"startup_timeout '5'", "5s"}},
		{"startup_timeout soon", 2, []string{"'soon'", "5s"}},
		{"startup_timeout -1s", 2, []string{"'-1s'", "0"}},
		{"startup_timeout 1s 2s", 2, []string{"'2s'"}},

		{"zonal yes", 2, []string{"'yes'"}},
		{"topology", 2, []string{"'topology'"}},
		{"topology near", 2, []string{"topology 'near'", "prefer, order"}},
		{"topology prefer 3", 2, []string{"'3'"}},
		{"topology prefer least 3", 2, []string{"topology prefer 'least'", "min N"}},
		{"topology prefer min 0", 2, []string{"min '0'", "> 0"}},
		{"topology prefer min few", 2, []string{"min 'few'", "whole number"}},
		{"topology order min 3", 2, []string{"topology order min", "topology prefer min N"}},
		{"ttl 5\ntopology prefer\nnoendpoints", 3, []string{"topology", "noendpoints", "remove one"}},
		{"zonal\nnoendpoints", 2, []string{"noendpoints", "remove one"}},
		{"explain yes", 2, []string{"'yes'"}},
		{"strict_compat yes", 2, []string{"'yes'"}},
		{"max_answers", 2, []string{"'max_answers'"}},
		{"max_answers 0", 2, []string{"max_answers '0'", "> 0"}},
		{"max_answers few", 2, []string{"max_answers 'few'", "whole number"}},
		{"negative_ttl", 2, []string{"'negative_ttl'"}},
		{"negative_ttl 3601", 2, []string{"negative_ttl '3601'", "[0, 3600]"}},
		{"multicluster clusterset.local", 2, []string{"multicluster zone clusterset.local.", "(cluster.local.)", "write it behind"}},
		{"multicluster cluster.local test", 2, []string{"multicluster zone test."}},
		{"ttl 5\nmulticluster local", 3, []string{"multicluster zone local."}},
	} {
		covered[strings.Fields(tc.option)[0]] = true
		t.Run(tc.option, func(t *testing.T) {
			text := "clusterdns {\n" + tc.option + "\nendpoint http://127.0.0.1:1\n}\n"
			_, err := parseText(text)
			checkMistake(t, err, append(tc.words, fmt.Sprintf("%s%d ", file, tc.line)))
		})
	}
	for name := range directives {
		if !covered[name] && name != "fallthrough" { // takes anything
			t.Errorf("no mistake with %s is tested", name)
		}
	}

	// Mistakes outside of the block.
	for _, tc := range []struct {
		text  string
		keys  []string
		words []string
	}{
		{"clusterdns cluster.local a..b {\n}", nil, []string{file + "1 ", "'a..b'", "domain name"}},
		{"clusterdns " + strings.Repeat("a", 64) + ".local {\n}", nil, []string{file + "1 ", "aaa", "domain name"}},
		{"clusterdns in-addr.arpa ip6.arpa {\n}", nil, []string{file + "1 ", "reverse", "cluster domain"}},
		{"clusterdns 10.0.0.0/8 {\n}", nil, []string{file + "1 ", "reverse", "cluster domain"}},
		{"clusterdns {\n}", []string{"in-addr.arpa."}, []string{file + "1 ", "reverse", "cluster domain"}},
		{"clusterdns {\nendpoint http://127.0.0.1:1\n}\nclusterdns {\n}", nil, []string{file + "4 ", "clusterdns", "once"}},
		{"clusterdns {\nttl 5 {\n}\n}", nil, []string{file}},
		{"clusterdns {\nttl 5", nil, []string{file}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			c := caddy.NewTestController("dns", tc.text)
			c.ServerBlockKeys = []string{"cluster.local."}
			if tc.keys != nil {
				c.ServerBlockKeys = tc.keys
			}
			_, err := parse(c)
			checkMistake(t, err, tc.words)
		})
	}
}

// A mistake that is found when the block is complete is still told with the
// line that it is in, and not with that of the closing brace.
func TestMistakeIsToldWithItsLine(t *testing.T) {
	kubeconfig := kubeconfigFile(t, "http://one.example", "http://two.example")
	for _, tc := range []struct {
		options string // from line 2 on
		line    int
		words   []string
	}{
		{"kubeconfig missing.yaml\nttl 5", 2, []string{"kubeconfig", "missing.yaml", "no such file"}},
		{"kubeconfig " + kubeconfig + " three\nttl 5", 2, []string{"kubeconfig", "three", "context"}},
		{"endpoint https://a.example\ntls cert.pem key.pem ca.pem\nttl 5", 3, []string{"tls", "cert.pem", "no such file"}},
		{"pod_names\nttl 5\npods insecure", 2, []string{"pod_names", "pods verified"}},
		{"namespaces default\nnamespace_labels a=b\nttl 5", 3, []string{"namespaces", "namespace_labels", "remove one"}},
		{"namespace_labels a=b\nnamespaces default\nttl 5", 3, []string{"namespaces", "namespace_labels", "remove one"}},
	} {
		t.Run(tc.options, func(t *testing.T) {
			_, err := parseText("clusterdns {\n" + tc.options + "\n}\n")
			checkMistake(t, err, append(tc.words, fmt.Sprintf("Testfile:%d ", tc.line)))
		})
	}
}

// A network with a mistake is no domain name: answering for the zone
// "10.0.0.0/33." helps nobody.
func TestBadNetworkIsRefused(t *testing.T) {
	for _, zone := range []string{"10.0.0.0/33", "10.0.0/8", "fd00::/129", "cluster.local/24"} {
		_, err := parseText("clusterdns " + zone + " cluster.local {\nendpoint http://127.0.0.1:1\n}")
		checkMistake(t, err, []string{"Testfile:1 ", "'" + zone + "'", "CIDR"})
	}
}

func checkMistake(t *testing.T, err error, words []string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one that says %q", words)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("got %q, want that it says %q", err, word)
		}
	}
}

// Outside of a cluster the error says how to name one.
func TestNoCluster(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	_, err := parseText("clusterdns")
	checkMistake(t, err, []string{"Testfile:1 ", "kubeconfig FILE", "endpoint URL"})
}

// A server that another plugin keeps from starting leaves no store.
func TestRefusedBesideOthers(t *testing.T) {
	const block = "clusterdns {\nendpoint http://127.0.0.1:1\nstartup_timeout 0\n}\n"
	i, err := caddy.Start(caddyfile("cluster.local {\nautopath @forward\n" + block + "forward . 192.0.2.1\n}\n"))
	if err == nil {
		_ = i.Stop()
	}
	checkMistake(t, err, []string{"autopath", "forward"})
	if got := len(watch.All()); got != 0 {
		t.Errorf("stores that a server that did not start left: got %d, want 0", got)
	}
}

// The state that Start waits for, and for how long.
func TestStartupTimeout(t *testing.T) {
	api := newAPI(t, namespace("default"), service("web"))
	api.Deny("services", 500)
	for option, bounds := range map[string][2]time.Duration{
		"0":     {0, 2 * time.Second}, // less than the default
		"500ms": {500 * time.Millisecond, 4 * time.Second},
	} {
		began := time.Now()
		c := newHandler(t, api, "clusterdns {\nstartup_timeout "+option+"\n}")
		if took := time.Since(began); took < bounds[0] || took > bounds[1] {
			t.Errorf("startup_timeout %s: took %s, want %s to %s", option, took, bounds[0], bounds[1])
		}
		if c.Ready() {
			t.Errorf("startup_timeout %s: it is ready", option)
		}
	}
	api.Deny("services", 0)
	began := time.Now()
	c := newHandler(t, api, "clusterdns {\nstartup_timeout 30s\n}")
	if took := time.Since(began); took > 20*time.Second || !c.Ready() {
		t.Errorf("with an API server that answers it took %s, ready: %v", took, c.Ready())
	}
}

// Defect B12 of the kubernetes plugin: with a kubeconfig it reads JSON, which
// costs the API server and us several times as much, under a name that tells nobody who asks.
func TestB12ProtobufWithKubeconfig(t *testing.T) {
	api := newAPI(t, namespace("default"), service("web"))
	other := newAPI(t)
	c, err := parseText("clusterdns {\nkubeconfig " + kubeconfigFile(t, other.URL(), api.URL()) + " two\n}")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.stop() })
	eventually(t, "it is ready", c.Ready)
	requests := api.Requests()
	if len(requests) < 3 {
		t.Errorf("requests: got %v, want one for each kind", requests)
	}
	for r := range requests {
		if r.ContentType != runtime.ContentTypeProtobuf {
			t.Errorf("%+v: want %s", r, runtime.ContentTypeProtobuf)
		}
	}
	for _, agent := range api.UserAgents() {
		if !strings.HasPrefix(agent, "clusterdns (") {
			t.Errorf("user agent: got %q", agent)
		}
	}
	if got := other.Requests(); len(got) != 0 {
		t.Errorf("requests to the server of the other context: got %v", got)
	}
}

// Nothing can be ready, or answered, before it started; and what has no store can be stopped.
func TestNotStarted(t *testing.T) {
	c, err := parseText("clusterdns {\nendpoint http://127.0.0.1:1\n}")
	if err != nil {
		t.Fatal(err)
	}
	if c.Ready() {
		t.Error("it is ready")
	}
	if err := c.stop(); err != nil {
		t.Error(err)
	}
	if c.Name() != "clusterdns" {
		t.Errorf("name: got %q", c.Name())
	}
}

func TestLocalAddrs(t *testing.T) {
	for _, tc := range []struct {
		hosts []string
		want  []string
	}{
		{[]string{"192.0.2.1"}, []string{"192.0.2.1"}},
		{[]string{"192.0.2.1", "2001:db8::1"}, []string{"192.0.2.1", "2001:db8::1"}},
		{[]string{"127.0.0.1", "::1", "fe80::1%eth0", "169.254.0.1"}, nil},
		{[]string{"192.0.2.1/24", "::ffff:192.0.2.2", "nonsense"}, []string{"192.0.2.1", "192.0.2.2"}},
	} {
		var want []netip.Addr
		for _, a := range tc.want {
			want = append(want, netip.MustParseAddr(a))
		}
		if got := localAddrs(tc.hosts); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", tc.hosts, got, want)
		}
	}
	for _, a := range localAddrs([]string{""}) { // those of the interfaces
		if a.IsLoopback() || a.IsLinkLocalUnicast() || a.Zone() != "" {
			t.Errorf("of all interfaces: got %v", a)
		}
	}
}
