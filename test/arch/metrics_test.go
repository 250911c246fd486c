// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/test/apiserver"
	"github.com/clusterdns/clusterdns/test/internal/server"
)

// metricPrefix is that of all metrics of the plugin.
const metricPrefix = "coredns_clusterdns_"

// TestMetricNames lints every metric that the plugin has. A server runs that
// has something to count for each.
func TestMetricNames(t *testing.T) {
	api := apiserver.New()
	defer api.Close()
	api.Replace(append(objects(), &corev1.Service{ // skipped, and counted
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "broken"},
		Spec:       corev1.ServiceSpec{ClusterIP: "10.96.0.666", ClusterIPs: []string{"10.96.0.666"}},
	})...)
	s, err := server.Start(". {\n    clusterdns cluster.local clusterset.local {\n        multicluster clusterset.local\n        endpoint " + api.URL() + "\n    }\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	answered(t, s, "kubernetes", "NOERROR 10.96.0.1")
	api.Apply(slice("headless", "192.0.2.7")) // a change after the first list, whose latency is measured
	answered(t, s, "headless", "NOERROR 192.0.2.7")

	problems, names := lint(t, prometheus.DefaultGatherer)
	for _, p := range problems {
		t.Error(p)
	}
	declared := declaredMetrics(t)
	if len(declared) == 0 || !slices.Equal(names, declared) {
		t.Errorf("linted\n%q\nbut the source of the plugin declares\n%q", names, declared)
	}
}

func TestMetricNamesFail(t *testing.T) {
	r := prometheus.NewRegistry()
	queries := prometheus.CounterOpts{Name: metricPrefix + "queries", Help: "No _total."}
	r.MustRegister(prometheus.NewCounter(queries)) //nolint:promlinter // wrong on purpose
	for name, help := range map[string]string{
		metricPrefix + "age_milliseconds": "No base unit.",
		metricPrefix + "objects":          "", // no help
		"coredns_others":                  "", // not ours
	} {
		r.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help}))
	}
	problems, _ := lint(t, r)
	expect(t, problems, "age_milliseconds: use base unit", "objects: no help text", `queries: counter metrics should have "_total" suffix`)
}

// answered waits until the address of a Service is want.
func answered(t *testing.T, s *server.Server, service, want string) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(20 * time.Second)
	for {
		got, err := ask("udp", s.UDP, service+".default.svc.cluster.local.", dns.TypeA)
		if err == nil && got == want {
			return
		}
		select {
		case <-ticker.C:
		case <-timeout:
			t.Fatalf("%s is %q, %v, want %q", service, got, err, want)
		}
	}
}

// lint returns what is wrong with our metrics in the text that a scrape gets,
// and their names without the prefix.
func lint(t *testing.T, g prometheus.Gatherer) (problems, names []string) {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(g, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var ours strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		words := strings.Fields(line)
		if strings.HasPrefix(line, metricPrefix) || len(words) > 2 && words[0] == "#" && strings.HasPrefix(words[2], metricPrefix) {
			ours.WriteString(line)
		}
		if len(words) > 2 && words[1] == "TYPE" && strings.HasPrefix(words[2], metricPrefix) {
			names = append(names, strings.TrimPrefix(words[2], metricPrefix))
		}
	}
	found, err := promlint.New(strings.NewReader(ours.String())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		problems = append(problems, fmt.Sprintf("%s: %s", p.Metric, p.Text))
	}
	slices.Sort(problems)
	return problems, names
}

// declaredMetrics returns the names that the source of the plugin gives to
// metrics: in options of prometheus, and in calls of desc. A metric without a
// sample is in no scrape, so that only the source knows of all.
func declaredMetrics(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), "plugin", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	add := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			name, _ := strconv.Unquote(lit.Value)
			names = append(names, name)
		}
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "desc" {
					add(n.Args[0])
				}
			case *ast.CompositeLit:
				if typ, ok := n.Type.(*ast.SelectorExpr); !ok || !strings.HasSuffix(typ.Sel.Name, "Opts") {
					return true
				}
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Name" {
							add(kv.Value)
						}
					}
				}
			}
			return true
		})
	}
	slices.Sort(names)
	return names
}
