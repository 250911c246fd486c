// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// A pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string // directly
	Deps       []string // with those of others
}

// TestImports holds the rooms to what they may import.
func TestImports(t *testing.T) {
	all := packages(t)
	for _, r := range rooms {
		t.Run(r.folder, func(t *testing.T) {
			if !slices.ContainsFunc(all, r.holds) {
				t.Fatal("there is no package in this room: did it move?")
			}
			for _, bad := range r.check(all) {
				t.Error(bad)
			}
		})
	}
}

// TestImportsFail breaks the rule of each room.
func TestImportsFail(t *testing.T) {
	for _, r := range rooms {
		name := path.Join(module, r.folder)
		others := append(slices.Clone(r.never), "example.org/other")
		if r.pure {
			others = append(others, "context", "net/http", "log/slog", "github.com/prometheus/client_golang/prometheus")
		}
		for _, other := range others {
			if other == "example.org/other" && r.only == nil {
				continue
			}
			t.Run(r.folder+" "+other, func(t *testing.T) {
				std := !strings.Contains(other, ".")
				bad := r.check([]pkg{{ImportPath: name, Imports: []string{other}, Deps: []string{other}}, {ImportPath: other, Standard: std}})
				if len(bad) == 0 {
					t.Errorf("%s may import %s", name, other)
				}
			})
		}
	}
}

// TestImportsFarAway finds what is linked through another package, and nothing too much.
func TestImportsFarAway(t *testing.T) {
	r := room{folder: "plugin", below: true, only: []string{"k8s.io/api"}, never: []string{controllerRuntime}}
	expect(t, r.check([]pkg{
		{ImportPath: "strings", Standard: true},
		{ImportPath: "k8s.io/api/core/v1", Deps: []string{controllerRuntime + "/pkg/client"}},
		{ImportPath: "k8s.io/apimachinery"},
		{ImportPath: controllerRuntime + "/pkg/client"},
		{ImportPath: module + "/plugin", Imports: []string{"strings", "k8s.io/api/core/v1"}},
		{ImportPath: module + "/plugin/a", Imports: []string{"k8s.io/api/core/v1"}, Deps: []string{"k8s.io/api/core/v1", controllerRuntime + "/pkg/client"}},
		{ImportPath: module + "/plugin/b", Imports: []string{"k8s.io/apimachinery"}, Deps: []string{"k8s.io/apimachinery"}},
		{ImportPath: module + "/plugins", Deps: []string{controllerRuntime + "/pkg/client"}},
	}), "plugin/a links sigs.k8s.io/controller-runtime/pkg/client", "plugin/b imports k8s.io/apimachinery")
}

// packages returns all packages of the root module and what they link.
func packages(t *testing.T) []pkg {
	t.Helper()
	out := mustCommand(t, root(t), "go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps", "./...")
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// holds reports whether p is in the room.
func (r room) holds(p pkg) bool {
	name := path.Join(module, r.folder)
	return p.ImportPath == name || r.below && within(p.ImportPath, name)
}

// check returns what the packages of the room import and may not.
func (r room) check(all []pkg) []string {
	standard := make(map[string]bool)
	for _, p := range all {
		standard[p.ImportPath] = p.Standard
	}
	var bad []string
	for _, p := range all {
		if !r.holds(p) {
			continue
		}
		for _, other := range p.Imports {
			if r.only != nil && !standard[other] && !withinAny(other, r.only) && !r.holds(pkg{ImportPath: other}) {
				bad = append(bad, fmt.Sprintf("%s imports %s: beside the standard library it may import only %q", p.ImportPath, other, r.only))
			}
			if r.pure && withinAny(other, impure) {
				bad = append(bad, fmt.Sprintf("%s imports %s: it takes and returns values, this belongs to its callers", p.ImportPath, other))
			}
		}
		for _, other := range p.Deps {
			if withinAny(other, r.never) {
				bad = append(bad, fmt.Sprintf("%s links %s: see \"go list -deps\"", p.ImportPath, other))
			}
		}
	}
	return bad
}

// within reports whether the package name is parent or below it.
func within(name, parent string) bool {
	return name == parent || strings.HasPrefix(name, parent+"/")
}

func withinAny(name string, parents []string) bool {
	return slices.ContainsFunc(parents, func(parent string) bool { return within(name, parent) })
}
