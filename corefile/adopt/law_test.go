// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// A difference is one between a Corefile and what is rendered of its adoption.
type difference struct {
	severity Severity // Changed may be Lost
	line     int
	text     string // what is new, or what is gone
}

// obey fails t if what is rendered of r does not say what text says, but for
// what the notices tell. There is exactly one for each difference, and no other.
func obey(t *testing.T, text string, r Result) {
	t.Helper()
	old, err := corefile.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	rendered, problems := render.Corefile(&r.Spec, render.Facts{})
	for _, p := range problems {
		t.Errorf("problem: %v", p)
	}
	rest := slices.Clone(r.Notices)
	for _, d := range differences(old, rendered) {
		i := slices.IndexFunc(rest, func(n Notice) bool {
			severe := n.Severity == d.severity || d.severity == Changed && n.Severity == Lost
			return severe && n.Line == d.line && strings.Contains(n.Message, "`"+d.text+"`")
		})
		if i < 0 {
			t.Errorf("no notice for %+v", d)
			continue
		}
		rest = slices.Delete(rest, i, i+1)
	}
	for _, n := range rest {
		if n.Severity == Added || n.Severity == Changed && !strings.Contains(n.Message, "the zone `") {
			t.Errorf("there is no such difference: %v", n)
		}
	}
	if t.Failed() {
		t.Logf("of\n%s\nrendered\n%s\nnotices %v", text, corefile.Format(rendered), r.Notices)
	}
}

// differences compares the server blocks by their zones.
func differences(old, rendered *corefile.File) []difference {
	var all []difference
	blocks := make(map[string][]*corefile.ServerBlock)
	for _, b := range rendered.ServerBlocks() {
		blocks[zonesKey(b)] = append(blocks[zonesKey(b)], b)
	}
	for _, b := range old.ServerBlocks() {
		key := zonesKey(b)
		if len(blocks[key]) == 0 {
			all = append(all, difference{Changed, b.Pos().Line, "block " + key})
			continue
		}
		all = append(all, differ(b.Pos().Line, b.Directives, blocks[key][0].Directives)...)
		blocks[key] = blocks[key][1:]
	}
	for key, more := range blocks {
		for range more {
			all = append(all, difference{Added, 0, "block " + key})
		}
	}
	return all
}

func zonesKey(b *corefile.ServerBlock) string {
	var zones []string
	for _, k := range keys(b) {
		zones = append(zones, fmt.Sprint(k))
	}
	slices.Sort(zones)
	return strings.Join(zones, " ")
}

// differ compares directives, or options: those of a name in their order.
func differ(line int, olds, news []*corefile.Directive) []difference {
	var all []difference
	news = slices.Clone(news)
	rename := slices.ContainsFunc(olds, named("kubernetes")) && !slices.ContainsFunc(olds, named("clusterdns"))
	for _, d := range olds {
		name, args := d.Name.Value(), d.Values()
		switch {
		case name == "kubernetes" && rename:
			name = "clusterdns"
		case name == "autopath" && rename:
			for i := range args {
				args[i] = strings.Replace(args[i], "@kubernetes", "@clusterdns", 1)
			}
		case name == "proxy":
			name = "forward"
		}
		i := slices.IndexFunc(news, named(name))
		if i < 0 {
			all = append(all, difference{Changed, d.Pos().Line, strings.Join(append([]string{name}, args...), " ")})
			continue
		}
		if !slices.Equal(args, news[i].Values()) || d.Name.Value() == "proxy" {
			all = append(all, difference{Changed, d.Pos().Line, sentence(news[i])})
		}
		all = append(all, differ(d.Pos().Line, options(d), options(news[i]))...)
		news = slices.Delete(news, i, i+1)
	}
	for _, d := range news {
		all = append(all, difference{Added, line, sentence(d)})
	}
	return all
}

func sentence(d *corefile.Directive) string { return line(d) }
