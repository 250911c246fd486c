// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package adopt reads the settings of a DNS server that is there already.
//
// It is the inverse of render: what it makes of a Corefile renders to one that
// says the same. A directive becomes a field if render writes it back, and else
// stays as it is written, in extra.
package adopt

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// Result is what was understood.
type Result struct {
	Spec    v1alpha1.ClusterDNSSpec
	Notices []Notice
}

// A Severity says what became of something.
type Severity string

// The severities of a [Notice].
const (
	// Kept stands in extra, verbatim, or is as it was although there is a better value.
	Kept Severity = "Kept"
	// Changed says the same in other words, or what it says is no longer known.
	Changed Severity = "Changed"
	// Added was not there, or was a default that nobody wrote. Render writes it.
	Added Severity = "Added"
	// Lost cannot be kept at all.
	Lost Severity = "Lost"
)

// A Notice is something a person should know. Nothing of the input disappears
// without one.
type Notice struct {
	Severity Severity
	// Line of the input, 0 if it is not about a line.
	Line int
	// Source is "Corefile", "coredns-custom/KEY", "kube-dns/KEY" or "dnsmasq".
	Source  string
	Message string
	// Remedy says what to do, if there is something.
	Remedy string
}

// String returns the notice as source:line: severity: message; remedy.
func (n Notice) String() string {
	at := n.Source
	if n.Line > 0 {
		at = fmt.Sprintf("%s:%d", n.Source, n.Line)
	}
	text := fmt.Sprintf("%s: %s: %s", at, n.Severity, n.Message)
	if n.Remedy != "" {
		text += "; " + n.Remedy
	}
	return text
}

// notices are collected in the order in which they are found.
type notices []Notice

func (n *notices) add(s Severity, at place, message, remedy string) {
	*n = append(*n, Notice{Severity: s, Line: at.line, Source: at.source, Message: message, Remedy: remedy})
}

// sorted returns the notices by the place that they are about.
func (n notices) sorted() []Notice {
	slices.SortStableFunc(n, func(a, b Notice) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Line, b.Line))
	})
	return n
}

// A place is where something stands.
type place struct {
	source string
	line   int
}
