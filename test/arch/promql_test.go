// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// A series is a metric that somebody has.
type series struct {
	labels    []string
	histogram bool
}

// knownSeries returns all metrics by name: those that our manuals promise, which
// other tests hold to the source, those that the source of CoreDNS declares, and
// those of every Go program.
func knownSeries(t *testing.T) map[string]series {
	t.Helper()
	all := make(map[string]series)
	maps.Copy(all, promisedSeries(read(t, "plugin/README.md")+read(t, "docs/operator.md")))
	dir := strings.TrimSpace(mustCommand(t, root(t), "go", "list", "-m", "-f", "{{.Dir}}", coredns))
	for _, folder := range []string{"metrics", "metrics/vars", "cache", "forward", "pkg/proxy", "reload"} {
		maps.Copy(all, declaredSeries(t, filepath.Join(dir, "plugin", folder)))
	}
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if name := f.GetName(); strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "go_") {
			all[name] = series{}
		}
	}
	return all
}

// promisedSeries returns the metrics that a manual lists.
func promisedSeries(text string) map[string]series {
	all := make(map[string]series)
	for _, m := range regexp.MustCompile("(?m)^\\* `(\\w+)\\{([^}]*)\\}`").FindAllStringSubmatch(text, -1) {
		all[m[1]] = series{labels: strings.Split(m[2], ", "), histogram: strings.HasSuffix(m[1], "duration_seconds")}
	}
	return all
}

// declaredSeries returns the metrics that the source in a folder of CoreDNS makes.
func declaredSeries(t *testing.T, folder string) map[string]series {
	t.Helper()
	all := make(map[string]series)
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", folder, err)
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
			if call, ok := n.(*ast.CallExpr); ok {
				if name, s, ok := declaration(call); ok {
					all[name] = s
				}
			}
			return true
		})
	}
	return all
}

// declaration returns the metric that a call such as NewCounterVec makes.
func declaration(call *ast.CallExpr) (string, series, bool) {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !strings.HasPrefix(f.Sel.Name, "New") || len(call.Args) == 0 {
		return "", series{}, false
	}
	opts, ok := call.Args[0].(*ast.CompositeLit)
	if !ok {
		return "", series{}, false
	}
	fields := make(map[string]string)
	for _, e := range opts.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			fields[fmt.Sprint(kv.Key)] = literal(kv.Value)
		}
	}
	if fields["Name"] == "" {
		return "", series{}, false
	}
	s := series{histogram: strings.Contains(f.Sel.Name, "Histogram")}
	if len(call.Args) > 1 {
		if list, ok := call.Args[1].(*ast.CompositeLit); ok {
			for _, e := range list.Elts {
				s.labels = append(s.labels, literal(e))
			}
		}
	}
	return prometheus.BuildFQName("coredns", fields["Subsystem"], fields["Name"]), s, true
}

// literal returns a string; the constant of the package metrics is known.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.Ident:
		if e.Name == "subsystem" {
			return "dns"
		}
	}
	return ""
}

var (
	promString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	promRange  = regexp.MustCompile(`\[(?:\d+[smhdw]|\$__rate_interval)\]`)
	promWord   = regexp.MustCompile(`[a-zA-Z_][a-zA-Z0-9_:]*`)
	promGroup  = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right) *\(([^()]*)\)`)
	promSelect = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*) *\{([^{}]*)\}`)
	promMatch  = regexp.MustCompile(`^ *([a-zA-Z_]\w*) *(?:=~|!~|!=|=) *"" *$`)
	// promFunctions are those that we use.
	promFunctions = []string{
		"sum", "max", "min", "count", "rate", "increase", "histogram_quantile", "time", "absent", "vector", "or", "and", "unless",
	}
	// targetLabels are those that Prometheus itself gives to what it scrapes.
	targetLabels = []string{"job", "instance", "namespace", "pod", "node", "service", "container", "endpoint", "le"}
)

// checkPromQL returns what is wrong with an expression: brackets, words that are
// no function and no metric, and labels that the metric does not have. It knows as
// much of the language as our expressions need, so that whatever else is an error.
func checkPromQL(expr string, known map[string]series) []string {
	var bad []string
	text := promRange.ReplaceAllString(promString.ReplaceAllString(expr, `""`), "")
	labels := slices.Clone(targetLabels)
	metrics := 0
	use := func(name string) (series, bool) {
		s, ok := lookUp(name, known)
		if ok {
			metrics++
			labels = append(labels, s.labels...)
		}
		return s, ok
	}
	text = promSelect.ReplaceAllStringFunc(text, func(selector string) string {
		m := promSelect.FindStringSubmatch(selector)
		s, ok := use(m[1])
		if !ok {
			bad = append(bad, "nobody has the metric "+m[1])
			return ""
		}
		for matcher := range strings.SplitSeq(m[2], ",") {
			l := promMatch.FindStringSubmatch(matcher)
			if l == nil {
				bad = append(bad, fmt.Sprintf("%q is no matcher", matcher))
			} else if !slices.Contains(s.labels, l[1]) && !slices.Contains(targetLabels, l[1]) {
				bad = append(bad, fmt.Sprintf("%s has no label %s", m[1], l[1]))
			}
		}
		return ""
	})
	var grouped []string
	text = promGroup.ReplaceAllStringFunc(text, func(group string) string {
		grouped = append(grouped, promWord.FindAllString(promGroup.FindStringSubmatch(group)[1], -1)...)
		return ""
	})
	for _, word := range promWord.FindAllString(text, -1) {
		if slices.Contains(promFunctions, word) {
			continue
		}
		if _, ok := use(word); !ok {
			bad = append(bad, word+" is no function and no metric")
		}
	}
	for _, label := range grouped {
		if !slices.Contains(labels, label) {
			bad = append(bad, "no metric has the label "+label)
		}
	}
	if metrics == 0 {
		bad = append(bad, "there is no metric")
	}
	if rest := regexp.MustCompile(`[^\w\s().+*/<>=,!-]`).FindString(text); rest != "" {
		bad = append(bad, fmt.Sprintf("%q has no place", rest))
	}
	return append(bad, checkParentheses(text)...)
}

func checkParentheses(text string) []string {
	depth := 0
	for _, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 {
		return []string{"parentheses do not match"}
	}
	return nil
}

// lookUp finds a metric, also by the names of the series of a histogram.
func lookUp(name string, known map[string]series) (series, bool) {
	if s, ok := known[name]; ok {
		return s, !s.histogram
	}
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if base, ok := strings.CutSuffix(name, suffix); ok {
			s, ok := known[base]
			return s, ok && s.histogram
		}
	}
	return series{}, false
}

func TestPromQL(t *testing.T) {
	known := map[string]series{
		"a_total": {labels: []string{"code"}}, "b_seconds": {labels: []string{"zone"}, histogram: true},
	}
	for _, c := range []struct {
		expr string
		want []string
	}{
		{`sum by (code, pod) (rate(a_total{job=~"$job", code!="x"}[$__rate_interval])) / 2 > 0.5`, nil},
		{`histogram_quantile(0.99, sum by (le, zone) (rate(b_seconds_bucket[5m])))`, nil},
		{`absent(a_total)`, nil},
		{`rate(b_total[5m])`, []string{"b_total is no function and no metric", "there is no metric"}},
		{`rate(b_total{code="1"}[5m])`, []string{"nobody has the metric b_total"}},
		{`rate(a_total{zone="1"}[5m])`, []string{"a_total has no label zone"}},
		{`rate(a_total{zone}[5m])`, []string{`"zone" is no matcher`}},
		{`sum by (zone) (a_total)`, []string{"no metric has the label zone"}},
		{`rate(b_seconds[5m])`, []string{"b_seconds is no function and no metric"}},
		{`rate(a_total_bucket[5m])`, []string{"a_total_bucket is no function and no metric"}},
		{`summ(a_total)`, []string{"summ is no function"}},
		{`sum(a_total))`, []string{"parentheses do not match"}},
		{`(sum(a_total)`, []string{"parentheses do not match"}},
		{`sum(a_total) ?`, []string{`"?" has no place`}},
		{`rate(a_total[5])`, []string{`"[" has no place`}},
	} {
		t.Run(c.expr, func(t *testing.T) {
			got := strings.Join(checkPromQL(c.expr, known), "; ")
			if len(c.want) == 0 && got != "" {
				t.Errorf("got %s", got)
			}
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
}
