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
	known := knownSeries(t)
	manual := anchors(read(t, "docs/troubleshooting.md"))
	n := 0
	for _, g := range rules.Spec.Groups {
		for _, r := range g.Rules {
			n++
			for _, bad := range checkPromQL(r.Expr, known) {
				t.Errorf("%s: %s", r.Alert, bad)
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
