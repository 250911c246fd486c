// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestAlerts looks up what the alerts name: metrics that somebody has, and
// headings that say what to do.
func TestAlerts(t *testing.T) {
	var rules struct {
		Spec struct {
			Groups []struct {
				Rules []struct {
					Alert, Expr string
					Labels      map[string]string
					Annotations map[string]string
				}
			}
		}
	}
	if err := yaml.UnmarshalStrict([]byte(read(t, "manifests/monitoring/alerts.yaml")), &struct {
		APIVersion, Kind string
		Metadata         any
		Spec             any
	}{}); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(read(t, "manifests/monitoring/alerts.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	known := read(t, "plugin/README.md") + read(t, "docs/operator.md")
	manual := anchors(read(t, "docs/troubleshooting.md"))
	metric := regexp.MustCompile(`\b(?:coredns|clusterdns)_[a-z_]+`)
	n := 0
	for _, g := range rules.Spec.Groups {
		for _, r := range g.Rules {
			n++
			names := metric.FindAllString(r.Expr, -1)
			if len(names) == 0 {
				t.Errorf("%s: no metric in %s", r.Alert, r.Expr)
			}
			for _, name := range names {
				if !stockMetrics[strings.TrimSuffix(name, "_bucket")] && !strings.Contains(known, "`"+name+"{") {
					t.Errorf("%s: nobody has the metric %s", r.Alert, name)
				}
			}
			_, anchor, _ := strings.Cut(r.Annotations["runbook_url"], "docs/troubleshooting.md#")
			if !manual[anchor] {
				t.Errorf("%s: docs/troubleshooting.md has no heading for #%s", r.Alert, anchor)
			}
			if r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s has no summary or no severity", r.Alert)
			}
		}
	}
	if n == 0 {
		t.Error("there are no alerts")
	}
}

// stockMetrics are those of CoreDNS itself.
var stockMetrics = map[string]bool{
	"coredns_dns_responses_total": true, "coredns_dns_request_duration_seconds": true, "coredns_panics_total": true,
}

// anchors returns the headings of a page as links name them.
func anchors(text string) map[string]bool {
	found := make(map[string]bool)
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			title = strings.ToLower(strings.TrimSpace(title))
			title = regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(title, "")
			found[strings.ReplaceAll(title, " ", "-")] = true
		}
	}
	return found
}
