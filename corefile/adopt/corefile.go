// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"errors"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
)

// Corefile returns the settings that a Corefile has. The keys of the ConfigMap
// coredns-custom, which managed clusters import, take the place of the imports;
// they are nil if there is no such ConfigMap.
//
// The error is a [*corefile.SyntaxError], which may be wrapped, or says that
// there is no server block for ".".
func Corefile(text string, custom map[string]string) (Result, error) {
	a := &adoption{custom: custom, places: make(map[corefile.Node]place), blocks: corefile.NewFile()}
	f, err := a.parse(text, source{name: "Corefile"})
	if err != nil {
		return Result{}, err
	}
	if err := a.customise(f); err != nil {
		return Result{}, err
	}
	i := defaultBlock(f.Nodes)
	if i < 0 {
		return Result{}, errors.New("there is no server block for \".\": this Corefile is not that of a cluster's DNS")
	}
	b := f.Nodes[i].(*corefile.ServerBlock)
	a.snippets(f.Nodes[:i], b)
	a.keys(b, f.Nodes)
	a.defaults(b, f.Nodes)
	for j, n := range f.Nodes {
		if j != i {
			a.node(n, f.Nodes)
		}
	}
	a.extra()
	a.added(b)
	a.lostComments(a.at(b), append(b.Closing().Above(), f.EOF().Above()...))
	return Result{Spec: a.spec, Notices: a.sorted()}, nil
}

// An adoption is what was understood so far.
type adoption struct {
	notices
	spec   v1alpha1.ClusterDNSSpec
	custom map[string]string
	// places are where the nodes of the input stand. Edits do not change them.
	places map[corefile.Node]place
	// before and after are the directives of extra, blocks the nodes.
	before, after []string
	blocks        *corefile.File
}

// A source is a text, and how many lines stand above it in what was parsed.
type source struct {
	name  string
	above int
}

// at returns where a node stands.
func (a *adoption) at(n corefile.Node) place { return a.places[n] }

// parse parses text. Directives and options that CoreDNS does not know any more
// are not in the result.
func (a *adoption) parse(text string, s source) (*corefile.File, error) {
	f, err := corefile.Parse(text)
	if err != nil {
		var syntax *corefile.SyntaxError
		if errors.As(err, &syntax) {
			syntax.Line -= s.above
		}
		return nil, err
	}
	if unix, err := corefile.Parse(strings.ReplaceAll(text, "\r\n", "\n")); err == nil && corefile.Equal(f, unix) {
		f = unix // a string in quotes may have had a line end in it
	}
	corefile.Walk(f, func(n corefile.Node) bool {
		a.places[n] = place{s.name, n.Pos().Line - s.above}
		return true
	})
	a.modernise(f)
	return f, nil
}

// extra puts what is kept into the spec.
func (a *adoption) extra() {
	e := v1alpha1.Extra{Before: strings.Join(a.before, "\n"), After: strings.Join(a.after, "\n")}
	if len(a.blocks.Nodes) > 0 {
		e.Blocks = strings.TrimSpace(corefile.Format(a.blocks)) + "\n"
	}
	if e == (v1alpha1.Extra{}) {
		return
	}
	a.spec.Extra = &e
	for _, f := range []struct {
		name, text string
		limit      int
	}{{"before", e.Before, 16384}, {"after", e.After, 16384}, {"blocks", e.Blocks, 65536}} {
		if len(f.text) > f.limit {
			a.add(Lost, place{source: "Corefile"}, "extra."+f.name+" is longer than the API server takes", "shorten it")
		}
	}
}
