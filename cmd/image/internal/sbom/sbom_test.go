// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package sbom

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"testing"
	"time"
)

var coredns = Program{
	Name: "coredns", Version: "v0.1.0", Platform: "linux/arm64", SHA256: "0123abcd",
	Source: "https://example.org/clusterdns", Created: time.Date(2026, 11, 25, 12, 0, 0, 0, time.FixedZone("CET", 3600)),
	Build: &debug.BuildInfo{
		GoVersion: "go1.26.8 X:greenteagc", Path: "example.org/clusterdns/cmd/coredns",
		Main: debug.Module{Path: "example.org/clusterdns", Version: "(devel)"},
		Deps: []*debug.Module{
			{Path: "example.org/z", Version: "v2.0.0+incompatible", Sum: "h1:zzz="},
			{Path: "example.org/a", Version: "v1.0.0", Sum: "h1:aaa="},
			{Path: "example.org/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/fork", Version: "v1.0.1", Sum: "h1:fff="}},
			{Path: "example.org/near", Version: "v0.0.0", Replace: &debug.Module{Path: "./near"}},
		},
	},
}

func TestModules(t *testing.T) {
	text, err := coredns.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range d.Packages {
		purl := ""
		if len(p.ExternalRefs) > 0 {
			purl = p.ExternalRefs[0].ReferenceLocator
		}
		got = append(got, fmt.Sprintf("%s: %s %s, %s, %s", p.SPDXID, p.Name, p.VersionInfo, p.SourceInfo, purl))
	}
	want := []string{
		"SPDXRef-Program: coredns v0.1.0, example.org/clusterdns/cmd/coredns, ",
		"SPDXRef-Module-1: stdlib 1.26.8, , pkg:golang/stdlib@1.26.8",
		"SPDXRef-Module-2: example.org/a v1.0.0, go.sum h1:aaa=, pkg:golang/example.org/a@v1.0.0",
		"SPDXRef-Module-3: ./near , , ",
		"SPDXRef-Module-4: example.org/fork v1.0.1, go.sum h1:fff=, pkg:golang/example.org/fork@v1.0.1",
		"SPDXRef-Module-5: example.org/z v2.0.0+incompatible, go.sum h1:zzz=, pkg:golang/example.org/z@v2.0.0%2Bincompatible",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if want := "https://example.org/clusterdns/spdx/coredns-v0.1.0-linux-arm64-0123abcd"; d.DocumentNamespace != want {
		t.Errorf("namespace %s, want %s", d.DocumentNamespace, want)
	}
	if want := "2026-11-25T11:00:00Z"; d.CreationInfo.Created != want {
		t.Errorf("created %s, want %s", d.CreationInfo.Created, want)
	}
}

// TestRelationships holds each package to be named by one relationship.
func TestRelationships(t *testing.T) {
	text, err := coredns.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, r := range d.Relationships {
		got = append(got, r.SPDXElementID+" "+r.RelationshipType+" "+r.RelatedSPDXElement)
	}
	for n, p := range d.Packages {
		if n == 0 {
			want = append(want, "SPDXRef-DOCUMENT DESCRIBES "+p.SPDXID)
			continue
		}
		want = append(want, "SPDXRef-Program DEPENDS_ON "+p.SPDXID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
