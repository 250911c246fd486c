// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A dashboard is what we look at of one of Grafana.
type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               source
	GridPos                  struct{ H, W, X, Y int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct {
		RefID, Expr string
		Datasource  source
	}
}

type source struct{ Type, UID string }

// TestDashboard looks up all that the dashboard asks for.
func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "manifests/monitoring/dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	for _, bad := range d.check(knownSeries(t)) {
		t.Error(bad)
	}
	if len(d.Panels) < 30 {
		t.Errorf("%d panels: that cannot be all", len(d.Panels))
	}
}

// check returns what is wrong with a dashboard.
func (d *dashboard) check(known map[string]series) []string {
	var bad []string
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 39 {
		bad = append(bad, "the dashboard has no uid, no title, or a schema of before Grafana 11")
	}
	variables := []string{"__rate_interval"}
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
		if v.Type == "query" {
			m := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Definition)
			if m == nil {
				bad = append(bad, v.Name+": what is asked is no label_values(METRIC, LABEL)")
				continue
			}
			bad = append(bad, prefixed(v.Name, checkPromQL(fmt.Sprintf("sum by (%s) (%s)", m[2], m[1]), known))...)
		}
	}
	ids := make(map[int]string)
	for i, p := range d.Panels {
		name := fmt.Sprintf("panel %d (%s)", p.ID, p.Title)
		if other, ok := ids[p.ID]; ok || p.ID == 0 {
			bad = append(bad, fmt.Sprintf("%s has the id of %q", name, other))
		}
		ids[p.ID] = p.Title
		if p.Title == "" {
			bad = append(bad, name+" has no title")
		}
		if p.Type == "row" {
			continue
		}
		bad = append(bad, prefixed(name, p.check(variables, known))...)
		for _, other := range d.Panels[:i] {
			if p.overlaps(other) {
				bad = append(bad, fmt.Sprintf("%s lies on %q", name, other.Title))
			}
		}
	}
	return bad
}

func (p panel) check(variables []string, known map[string]series) []string {
	var bad []string
	if p.Description == "" {
		bad = append(bad, "no description")
	}
	if p.FieldConfig.Defaults.Unit == "" {
		bad = append(bad, "no unit")
	}
	if len(p.Targets) == 0 {
		bad = append(bad, "asks nothing")
	}
	refs := make(map[string]bool)
	for _, target := range p.Targets {
		if refs[target.RefID] || target.RefID == "" {
			bad = append(bad, fmt.Sprintf("refId %q is there twice, or empty", target.RefID))
		}
		refs[target.RefID] = true
		for _, s := range []source{p.Datasource, target.Datasource} {
			if s != (source{Type: "prometheus", UID: "${datasource}"}) {
				bad = append(bad, fmt.Sprintf("the datasource %v is no variable", s))
			}
		}
		for _, m := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(target.Expr, -1) {
			if !slices.Contains(variables, m[1]) {
				bad = append(bad, "there is no variable $"+m[1])
			}
		}
		bad = append(bad, prefixed(target.Expr, checkPromQL(target.Expr, known))...)
	}
	return bad
}

func (p panel) overlaps(o panel) bool {
	a, b := p.GridPos, o.GridPos
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

func prefixed(name string, bad []string) []string {
	for i := range bad {
		bad[i] = name + ": " + bad[i]
	}
	return bad
}

func TestDashboardFails(t *testing.T) {
	const good = `{"uid": "u", "title": "t", "schemaVersion": 41, "templating": {"list": [{"name": "job", "type": "query", "definition": "label_values(a_total, job)"}]}, "panels": [
		{"id": 1, "type": "row", "title": "r", "gridPos": {"h": 1, "w": 24, "x": 0, "y": 0}},
		{"id": 2, "type": "stat", "title": "s", "description": "d", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "gridPos": {"h": 4, "w": 4, "x": 0, "y": 1},
		 "fieldConfig": {"defaults": {"unit": "s"}}, "targets": [{"refId": "A", "expr": "sum(a_total{job=~\"$job\"})", "datasource": {"type": "prometheus", "uid": "${datasource}"}}]}]}`
	known := map[string]series{"a_total": {}}
	for _, c := range []struct{ old, with, want string }{
		{"", "", ""},
		{`"id": 2`, `"id": 1`, "has the id of"},
		{`"title": "s"`, `"title": ""`, "no title"},
		{`"title": "r"`, `"title": ""`, "no title"},
		{`"description": "d"`, `"description": ""`, "no description"},
		{`"unit": "s"`, `"unit": ""`, "no unit"},
		{`"uid": "${datasource}"}}]`, `"uid": "mine"}}]`, "is no variable"},
		{`$job`, `$jobs`, "there is no variable $jobs"},
		{`sum(a_total`, `sum(b_total`, "nobody has the metric b_total"},
		{`label_values(a_total`, `label_values(b_total`, "b_total is no function and no metric"},
		{`"refId": "A"`, `"refId": ""`, "refId"},
		{`"y": 1}`, `"y": 0}`, "lies on"},
		{`"schemaVersion": 41`, `"schemaVersion": 16`, "schema"},
	} {
		t.Run(c.with, func(t *testing.T) {
			var d dashboard
			if err := json.Unmarshal([]byte(strings.Replace(good, c.old, c.with, 1)), &d); err != nil {
				t.Fatal(err)
			}
			got := strings.Join(d.check(known), "; ")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
