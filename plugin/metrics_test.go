// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// prefix begins the name of each of our metrics.
const prefix = "coredns_clusterdns_"

// A sample is one value of a metric; of a histogram how much was observed.
type sample struct {
	labels map[string]string
	value  float64
}

// samples returns what our metrics have now, by name.
func samples(t *testing.T) map[string][]sample {
	t.Helper()
	gathered, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]sample)
	for _, f := range gathered {
		for _, m := range f.GetMetric() {
			labels := make(map[string]string)
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if strings.HasPrefix(f.GetName(), prefix) {
				all[f.GetName()] = append(all[f.GetName()], sample{labels, value})
			}
		}
	}
	return all
}

// sum adds up the samples that have the label values.
func sum(samples []sample, labels map[string]string) float64 {
	sum := 0.0
	for _, s := range samples {
		all := true
		for name, want := range labels {
			all = all && s.labels[name] == want
		}
		if all {
			sum += s.value
		}
	}
	return sum
}

// measure makes every metric have a sample, until the test ends.
func measure(t *testing.T) {
	t.Helper()
	api := newSetAPI(t, namespace("default"), service("web"), service("none", headless), service("bad", clusterIP("10.0.0.256")))
	c := newHandler(t, api, "clusterdns cluster.local clusterset.local {\nmulticluster clusterset.local\n}")
	eventually(t, "it is ready", c.Ready)
	for _, name := range []string{"web", "none"} {
		s := endpointSlices(name, 1)[0].(*discoveryv1.EndpointSlice)
		s.Annotations = map[string]string{corev1.EndpointsLastChangeTriggerTime: time.Now().Format(time.RFC3339Nano)}
		told(t, object.EndpointSlices, api.Apply(s))
	}
}

func TestMetricsPassPromlint(t *testing.T) {
	measure(t)
	gathered, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	ours := gathered[:0]
	for _, f := range gathered {
		if strings.HasPrefix(f.GetName(), prefix) {
			ours = append(ours, f)
		}
	}
	if len(ours) == 0 {
		t.Fatal("there are no metrics")
	}
	problems, err := promlint.NewWithMetricFamilies(ours).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

var documented = regexp.MustCompile("`(" + prefix + `[a-z0-9_]+)(?:\{([^}]*)\})?` + "`")

// The README says which metrics there are, with their labels: all of them and no others.
func TestMetricsAreDocumented(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string) // labels by name
	for _, m := range documented.FindAllStringSubmatch(string(readme), -1) {
		labels := strings.Split(strings.ReplaceAll(m[2], " ", ""), ",")
		slices.Sort(labels)
		want[m[1]] = strings.Join(labels, ",")
	}
	got := make(map[string]string)
	measure(t)
	for name, samples := range samples(t) {
		got[name] = strings.Join(slices.Sorted(maps.Keys(samples[0].labels)), ",")
	}
	for name, labels := range got {
		if l, ok := want[name]; !ok || l != labels {
			t.Errorf("README.md has no %s{%s}: it says %q", name, labels, l)
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("README.md has %s, which does not exist", name)
		}
	}
	for _, name := range regexp.MustCompile(prefix+"[a-z0-9_]+").FindAllString(string(readme), -1) {
		if _, ok := got[name]; !ok {
			t.Errorf("README.md mentions %s, which does not exist", name)
		}
	}
}

// What the metrics say is so.
func TestMetricValues(t *testing.T) {
	before := samples(t)
	measure(t)
	after := samples(t)
	for _, tc := range []struct {
		name   string
		labels map[string]string
		want   float64 // more than before
	}{
		{"synced", map[string]string{"resource": "services"}, 1},
		{"objects", map[string]string{"resource": "services"}, 3},
		{"objects", map[string]string{"resource": "endpointslices"}, 2},
		{"endpoints", nil, 2},
		{"skipped_objects_total", map[string]string{"resource": "services", "reason": "invalid_address"}, 1},
		{"watch_relists_total", nil, 0},
		{"watch_reconnects_total", nil, 0},
		{"watch_silent_total", nil, 0},
		{"watch_backwards_total", nil, 0},
		{"stale", nil, 0},
		{"audits_total", nil, 0},
		{"audit_healed_objects_total", nil, 0},
		{"dns_programming_duration_seconds", map[string]string{"service_kind": "cluster_ip"}, 1},
		{"dns_programming_duration_seconds", map[string]string{"service_kind": "headless_with_selector"}, 1},
		{"rest_client_requests_total", map[string]string{"code": "200", "method": "GET"}, 5},
		{"rest_client_request_duration_seconds", map[string]string{"method": "GET"}, 5},
	} {
		if got := sum(after[prefix+tc.name], tc.labels) - sum(before[prefix+tc.name], tc.labels); got != tc.want {
			t.Errorf("%s%v: got %v, want %v", tc.name, tc.labels, got, tc.want)
		}
	}
	for _, name := range []string{"soa_serial", "clusterset_soa_serial"} {
		if got := sum(after[prefix+name], nil); got <= 0 {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if age := sum(after[prefix+"watch_last_event_age_seconds"], map[string]string{"resource": "endpointslices"}); age < 0 || age > patience.Seconds() {
		t.Errorf("watch_last_event_age_seconds: got %v", age)
	}
	if age := sum(after[prefix+"verified_age_seconds"], map[string]string{"resource": "endpointslices"}); age < 0 || age > patience.Seconds() {
		t.Errorf("verified_age_seconds: got %v", age)
	}
}

// A store that is gone leaves no samples: they would tell of it as if it were there.
func TestMetricsOfNoStore(t *testing.T) {
	c := newHandler(t, newAPI(t, namespace("default")), "clusterdns {\n}")
	eventually(t, "it is ready", c.Ready)
	if samples(t)[prefix+"synced"] == nil {
		t.Fatal("a store has no samples")
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"synced", "objects", "endpoints", "soa_serial", "clusterset_soa_serial", "watch_resource_version"} {
		if f := samples(t)[prefix+name]; f != nil {
			t.Errorf("%s without a store: got %v", name, f)
		}
	}
}
