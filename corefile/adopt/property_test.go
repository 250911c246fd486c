// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// rounds of the property tests. Each has its number as its seed.
const rounds = 3000

// TestInverse adopts what random settings render to: they render to the same again.
func TestInverse(t *testing.T) {
	for seed := range uint64(rounds) {
		g := generator{rand.New(rand.NewPCG(seed, 0))}
		spec := g.spec()
		want, problems := render.Corefile(&spec, services)
		if len(problems) > 0 {
			t.Fatalf("seed %d: the generator makes what cannot be rendered: %v", seed, problems)
		}
		r, err := Corefile(corefile.Format(want), nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, problems := render.Corefile(&r.Spec, services)
		if diff := cmp.Diff(canonical(want), canonical(got)); diff != "" || len(problems) > 0 {
			t.Fatalf("seed %d: -want +got:\n%s\n%v\n%v\n%s", seed, diff, problems, r.Notices, corefile.Format(want))
		}
		for _, n := range r.Notices {
			if n.Severity == Added || n.Severity == Changed || n.Severity == Lost {
				t.Fatalf("seed %d: %v", seed, n)
			}
		}
	}
}

// canonical returns the text of f with server blocks by their zones, and
// directives by their names.
func canonical(f *corefile.File) string {
	var b strings.Builder
	blocks := make(map[string]string)
	for _, block := range f.ServerBlocks() {
		blocks[zonesKey(block)] += canonicalBlock(block.Directives, "  ")
	}
	for _, n := range f.Nodes {
		if d, ok := n.(*corefile.Directive); ok {
			b.WriteString(line(d) + "\n")
		}
	}
	for _, key := range sorted(blocks) {
		b.WriteString(key + "\n" + blocks[key])
	}
	return b.String()
}

func canonicalBlock(ds []*corefile.Directive, indent string) string {
	lines := make(map[string]string)
	for _, d := range ds {
		lines[d.Name.Value()] += fmt.Sprintf("%s%s %q\n%s", indent, d.Name.Value(), d.Values(), canonicalBlock(options(d), indent+"  "))
	}
	text := ""
	for _, name := range sorted(lines) {
		text += lines[name]
	}
	return text
}

// TestRandomCorefiles adopts Corefiles of random lines. The law holds for all.
func TestRandomCorefiles(t *testing.T) {
	for seed := range uint64(rounds) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		text := g.corefile()
		r, err := Corefile(text, nil)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if obey(t, text, r); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
