// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/clusterdns/clusterdns/corefile"
)

// Reasons of conditions.
const (
	ReasonAccepted        = "Accepted"
	ReasonInvalidSpec     = "InvalidSpec"
	ReasonInvalidCorefile = "InvalidCorefile"
	ReasonCheckFailed     = "CheckFailed"
	ReasonImageRegistry   = "ImageRegistryRequired"
	ReasonRefNotFound     = "RefNotFound"
	ReasonForeignDNS      = "ForeignDNS"
	ReasonCanary          = "Canary"
	ReasonRollingOut      = "RollingOut"
	ReasonRolledBack      = "RolledBack"
	ReasonCanaryFailed    = "CanaryFailed"
	ReasonPinned          = "RevisionPinned"
	ReasonPaused          = "Paused"
	ReasonProgrammed      = "Programmed"
	ReasonObserved        = "Observed"
	ReasonUnmanaged       = "Unmanaged"
	ReasonOverlay         = "Overlay"
	ReasonNoAddress       = "NoServiceAddress"
	ReasonAsExpected      = "AsExpected"
	ReasonForeignManager  = "ForeignManager"
	ReasonNoServer        = "NoServer"
	ReasonUpstreamFails   = "UpstreamFails"
	ReasonServerFails     = "ServerFails"
	// ReasonOperatorFails says that the API server refused something.
	ReasonOperatorFails = "OperatorFails"
)

// accept returns why the Corefile of the spec is not rolled out, if it is not.
func (p *planner) accept() refusal {
	if p.refused.reason != "" {
		return p.refused
	}
	if len(p.invalid()) > 0 {
		return refusal{ReasonInvalidSpec, strings.Join(p.invalid(), "\n")}
	}
	if found := p.bad(); len(found) > 0 {
		return refusal{ReasonInvalidCorefile, strings.Join(found, "\n")}
	}
	if i := p.ClusterDNS.Spec.Image; !p.Operator.LocalImage && (i == nil || i.Registry == "") && p.ClusterDNS.Spec.ManagementState != "Overlay" {
		return refusal{ReasonImageRegistry, "image.registry is empty; set the registry that the nodes get the image from"}
	}
	switch c := p.Check; {
	case c.Text != p.text:
		return refusal{ReasonCheckFailed, "the Corefile was not checked yet"}
	case c.Failed != "":
		return refusal{ReasonCheckFailed, c.Failed}
	case !c.Good:
		return refusal{ReasonInvalidCorefile, strings.Join(c.Findings, "\n")}
	}
	return refusal{}
}

// invalid returns the problems of rendering, but those of references, which are
// told apart.
func (p *planner) invalid() []string {
	var out []string
	for _, problem := range p.problems {
		if !problem.Unresolved {
			out = append(out, problem.String())
		}
	}
	return out
}

// bad returns the errors that can be seen in the Corefile.
func (p *planner) bad() []string {
	parsed, err := corefile.Parse(p.text)
	if err != nil {
		return []string{err.Error()}
	}
	var ips []netip.Addr
	if p.ClusterDNS.Spec.ManagementState != "Overlay" {
		ips = p.clusterIPs()
	}
	out := foreignImports(parsed)
	for _, d := range corefile.Check(parsed, corefile.Rules{Directives: p.Operator.Directives, ClusterDomains: []string{p.domain()}, ServiceIPs: ips}) {
		if d.Severity == corefile.Error || d.Code == corefile.ForwardToSelf || d.Code == corefile.HiddenClusterZone {
			out = append(out, fmt.Sprintf("line %d of the Corefile: %s; %s", d.Line, d.Message, d.Remedy))
		}
	}
	return out
}

// secret reports whether a word names a file that holds the operator's credentials.
func secret(word string) bool {
	name := path.Clean(word)
	return strings.Contains(name, "run/secrets") || strings.Contains(name, "kubernetes.io/serviceaccount") || strings.HasPrefix(name, "/proc/")
}

// foreignImports returns the imports of files. The program that checks would read
// them from the operator's own files, and what it says about them is in the
// status: that is no way to read a token. Imports of snippets are fine.
func foreignImports(f *corefile.File) []string {
	var out []string
	snippets := make(map[string]bool)
	for _, n := range f.Nodes {
		if b, ok := n.(*corefile.ServerBlock); ok {
			if name, ok := b.Snippet(); ok {
				snippets[name] = true
			}
		}
	}
	corefile.Walk(f, func(n corefile.Node) bool {
		d, ok := n.(*corefile.Directive)
		if ok && slices.ContainsFunc(d.Values(), secret) {
			out = append(out, fmt.Sprintf("line %d of the Corefile: a file of the operator itself; remove it", d.Pos().Line))
		}
		if ok && d.Import() && (len(d.Args) != 1 || !snippets[d.Args[0].Value()]) {
			out = append(out, fmt.Sprintf("line %d of the Corefile: import of the file %q, which servers do not have; put its text into extra, or a snippet", d.Pos().Line, strings.Join(d.Values(), " ")))
		}
		return true
	})
	return out
}
