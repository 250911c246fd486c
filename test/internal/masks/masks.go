// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package masks compares a page of documentation with what commands say in some
// cluster, where addresses are others.
package masks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

// Masks know what stands for what. An IPv4 address, a node port and the end of the
// name of a Pod on the page stand for another: always for the same one, and no two
// for one; 192.0.2.0/24 and 203.0.113.0/24 are what files say and stand for
// themselves. Ages stand for any; columns are as wide as they need. An address may
// have dashes for dots. Masks are for one goroutine.
type Masks struct {
	nodes   []string          // addresses
	to, fro map[string]string // from the page to the cluster, and back
}

// New returns masks that know nothing. A page calls nodes, which are given by
// their IPv4 addresses, 192.168.0.11 and so on.
func New(nodes []string) *Masks {
	return &Masks{nodes: nodes, to: map[string]string{}, fro: map[string]string{}}
}

var (
	masked = regexp.MustCompile(`\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?:\d{1,3}-){3}\d{1,3}\b` + // addresses
		`|\b3[0-2]\d{3}\b` + // node ports
		`|-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b` + // names that a Deployment gives
		`|\b(?:\d+[smhd])+\b`) // ages
	age     = regexp.MustCompile(`^(?:\d+[smhd])+$`)
	dashes  = regexp.MustCompile(`^(?:\d+-){3}\d+$`)
	address = regexp.MustCompile(`^(?:\d+\.){3}\d+$`)
	fixed   = regexp.MustCompile(`^(?:192\.0\.2|203\.0\.113)\.\d+$`)
	columns = regexp.MustCompile(` {2,}`)
)

// Match reports whether the lines of the page stand for those that were said, in
// some order, and learns what stands for what.
func (m *Masks) Match(page, said []string) bool {
	if len(page) != len(said) {
		return false
	}
	if len(page) == 0 {
		return true
	}
	for i := range said {
		next := &Masks{to: maps.Clone(m.to), fro: maps.Clone(m.fro)}
		if next.line(page[0], said[i]) && next.Match(page[1:], slices.Delete(slices.Clone(said), i, i+1)) {
			m.to, m.fro = next.to, next.fro
			return true
		}
	}
	return false
}

// line does it for one.
func (m *Masks) line(page, said string) bool {
	page, said = columns.ReplaceAllString(page, "  "), columns.ReplaceAllString(said, "  ")
	if !slices.Equal(masked.Split(page, -1), masked.Split(said, -1)) {
		return false
	}
	theirs := masked.FindAllString(said, -1)
	for i, p := range masked.FindAllString(page, -1) {
		if !m.bind(p, theirs[i]) {
			return false
		}
	}
	return true
}

// bind has p of the page stand for s.
func (m *Masks) bind(p, s string) bool {
	if age.MatchString(p) || age.MatchString(s) {
		return age.MatchString(p) && age.MatchString(s)
	}
	if dashes.MatchString(p) != dashes.MatchString(s) || address.MatchString(p) != address.MatchString(s) {
		return false
	}
	p, s = dots(p), dots(s)
	if fixed.MatchString(p) || fixed.MatchString(s) {
		return p == s
	}
	if to, ok := m.to[p]; ok && to != s {
		return false
	}
	if fro, ok := m.fro[s]; ok && fro != p {
		return false
	}
	m.to[p], m.fro[s] = s, p
	return true
}

func dots(s string) string {
	if dashes.MatchString(s) {
		return strings.ReplaceAll(s, "-", ".")
	}
	return s
}

// replaceMasked replaces what is masked; by is given addresses with dots.
func replaceMasked(line string, by func(string) string) string {
	return masked.ReplaceAllStringFunc(line, func(s string) string {
		if dashes.MatchString(s) {
			return strings.ReplaceAll(by(dots(s)), ".", "-")
		}
		return by(s)
	})
}

// Actual is a command of the page in the cluster.
func (m *Masks) Actual(command string) string {
	return replaceMasked(command, func(s string) string {
		if to, ok := m.to[s]; ok {
			return to
		}
		return s
	})
}

// Document returns what was said as the page is to have it: with what stands for it
// there, else with usual addresses.
func (m *Masks) Document(said []string) []string {
	var out []string
	for _, line := range said {
		out = append(out, replaceMasked(line, func(s string) string {
			if age.MatchString(s) || fixed.MatchString(s) {
				return s
			}
			if p, ok := m.fro[s]; ok {
				return p
			}
			if p := m.usual(s); m.bind(p, s) {
				return p
			}
			return s // what is usual stands for another
		}))
	}
	if len(out) > 1 && strings.HasPrefix(out[0], "NAME ") {
		return align(out)
	}
	return out
}

// align gives columns the width that kubectl gives them.
func align(table []string) []string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	for _, line := range table {
		fmt.Fprintln(w, columns.ReplaceAllString(line, "\t"))
	}
	_ = w.Flush() // a Builder takes all
	return strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
}

// usual is the address of a Pod or a node as most clusters have them.
func (m *Masks) usual(s string) string {
	if i := slices.Index(m.nodes, s); i >= 0 {
		return fmt.Sprintf("192.168.0.%d", 11+i)
	}
	if rest, ok := strings.CutPrefix(s, "10."); ok && address.MatchString(s) && !strings.HasPrefix(rest, "96.") {
		_, rest, _ = strings.Cut(rest, ".")
		return "10.244." + rest
	}
	return s
}
