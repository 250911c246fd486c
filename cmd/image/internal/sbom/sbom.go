// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package sbom tells, as SPDX 2.3, which modules a Go program is made of.
package sbom

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

const (
	noAssertion = "NOASSERTION"
	documentID  = "SPDXRef-DOCUMENT"
	programID   = "SPDXRef-Program"
)

// A Program is the file that the document is about.
type Program struct {
	Name     string
	Version  string
	Platform string // as linux/amd64
	SHA256   string // of the file, in hex
	Source   string // URL of the repository
	Created  time.Time
	Build    *debug.BuildInfo // what go build wrote into the file
}

// JSON returns the document, always the same for the same program. It says
// nothing about licences: the program does not hold them.
func (p Program) JSON() ([]byte, error) {
	d := p.document()
	for n, m := range p.modules() {
		m.SPDXID = fmt.Sprintf("SPDXRef-Module-%d", n+1)
		d.Packages = append(d.Packages, m)
		d.Relationships = append(d.Relationships, relationship{programID, "DEPENDS_ON", m.SPDXID})
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the SBOM of %s: %w", p.Name, err)
	}
	return append(text, '\n'), nil
}

func (p Program) document() document {
	platform := strings.ReplaceAll(p.Platform, "/", "-")
	return document{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: documentID,
		Name: fmt.Sprintf("%s-%s-%s", p.Name, p.Version, platform),
		// Must be of this document alone (section 6.5), so the digest is in it.
		DocumentNamespace: fmt.Sprintf("%s/spdx/%s-%s-%s-%s", p.Source, p.Name, p.Version, platform, p.SHA256),
		CreationInfo: creationInfo{
			Created:  p.Created.UTC().Format("2006-01-02T15:04:05Z"),
			Creators: []string{"Tool: clusterdns-image"},
		},
		Packages:      []spdxPackage{p.program()},
		Relationships: []relationship{{documentID, "DESCRIBES", programID}},
	}
}

func (p Program) program() spdxPackage {
	out := newPackage(p.Name, p.Version)
	out.SPDXID = programID
	out.PackageFileName = p.Name
	out.PrimaryPackagePurpose = "APPLICATION"
	out.Checksums = []checksum{{"SHA256", p.SHA256}}
	out.SourceInfo = p.Build.Path
	return out
}

// modules are those that are linked in, in the order of their paths, behind the
// standard library, which has flaws of its own that scanners look for.
func (p Program) modules() []spdxPackage {
	goVersion, _, _ := strings.Cut(strings.TrimPrefix(p.Build.GoVersion, "go"), " ") // experiments are behind the space
	out := []spdxPackage{module("stdlib", goVersion, "")}
	deps := slices.SortedFunc(slices.Values(p.Build.Deps), func(a, b *debug.Module) int { return cmp.Compare(a.Path, b.Path) })
	for _, m := range deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out = append(out, module(m.Path, m.Version, m.Sum))
	}
	return out
}

// module describes a Go module. The sum of go.sum is one over a list of sums,
// not over a file, so it may not stand in checksums.
func module(path, version, sum string) spdxPackage {
	out := newPackage(path, version)
	out.PrimaryPackagePurpose = "LIBRARY"
	if sum != "" {
		out.SourceInfo = "go.sum " + sum
	}
	if version != "" { // without one it is a folder: there is no such package elsewhere
		out.ExternalRefs = []externalRef{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + url.QueryEscape(version)}}
	}
	return out
}

func newPackage(name, version string) spdxPackage {
	return spdxPackage{
		Name: name, VersionInfo: version, DownloadLocation: noAssertion,
		LicenseConcluded: noAssertion, LicenseDeclared: noAssertion, CopyrightText: noAssertion,
	}
}
