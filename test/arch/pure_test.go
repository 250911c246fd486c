// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// impure are the packages that a pure room does not import: context, client,
// logger, metric, and the world outside of the process.
var impure = []string{"context", "expvar", "log", "net/http", "os", "os/exec", clientGo, prometheusModule}

// clocks are the functions of package time that read the clock or wait for it.
var clocks = map[string]bool{
	"After": true, "AfterFunc": true, "NewTicker": true, "NewTimer": true, "Now": true, "Since": true, "Sleep": true, "Tick": true, "Until": true,
}

// TestPure looks into the source of the pure rooms, with the files of other
// platforms, for what the imports do not tell: goroutines and the clock.
func TestPure(t *testing.T) {
	for _, r := range rooms {
		if !r.pure {
			continue
		}
		t.Run(r.folder, func(t *testing.T) {
			files := r.files(t)
			if len(files) == 0 {
				t.Fatal("there is no source in this room: did it move?")
			}
			for _, name := range files {
				for _, bad := range impurities(t, name, read(t, name)) {
					t.Error(bad)
				}
			}
		})
	}
}

func TestPureFails(t *testing.T) {
	for _, c := range []struct{ name, source, want string }{
		{"context", `import "context"; var _ context.Context`, "imports context"},
		{"http", `import "net/http"; var _ http.Handler`, "imports net/http"},
		{"logger", `import l "log/slog"; func f() { l.Info("") }`, "imports log/slog"},
		{"metric", `import _ "github.com/prometheus/client_golang/prometheus"`, "imports github.com/prometheus"},
		{"goroutine", `func f() { go f() }`, "x.go:2: begins a goroutine"},
		{"goroutine in a literal", `var _ = func() { go func() {}() }`, "begins a goroutine"},
		{"goroutine of a group", `import "sync"; func f(wg *sync.WaitGroup) { wg.Go(func() {}) }`, "begins a goroutine"},
		{"clock", `import "time"; var _ = time.Now()`, "calls time.Now"},
		{"clock as a value", `import "time"; var now = time.Now`, "calls time.Now"},
		{"clock by another name", `import clock "time"; var _ = clock.Since(clock.Time{})`, "calls time.Since"},
		{"clock without a name", `import . "time"; var _ = Now()`, "imports time with a dot"},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, impurities(t, "x.go", "package x\n"+c.source), c.want)
		})
	}
	t.Run("pure", func(t *testing.T) {
		expect(t, impurities(t, "x.go", `package x; import ("sync"; "time"); var mu sync.Mutex; func f(now time.Time) time.Time { return now.Add(time.Second) }`))
	})
}

// files returns the source of the room, without tests.
func (r room) files(t *testing.T) []string {
	t.Helper()
	var files []string
	folder := filepath.Join(root(t), filepath.FromSlash(r.folder))
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil
		case err != nil:
			return err
		case d.IsDir() && name != folder && (!r.below || d.Name() == "testdata"):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			rel, err := filepath.Rel(folder, name)
			files = append(files, path.Join(r.folder, filepath.ToSlash(rel)))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// impurities returns what a source file has and a pure room may not have.
func impurities(t *testing.T, name, source string) []string {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var bad []string
	report := func(n ast.Node, format string, args ...any) {
		at := set.Position(n.Pos())
		bad = append(bad, fmt.Sprintf("%s:%d: %s", at.Filename, at.Line, fmt.Sprintf(format, args...)))
	}
	clock := ""
	for _, i := range file.Imports {
		other, _ := strconv.Unquote(i.Path.Value)
		if withinAny(other, impure) {
			report(i, "imports %s: it takes and returns values, this belongs to its callers", other)
		}
		if i.Name != nil && i.Name.Name == "." {
			report(i, "imports %s with a dot", other)
		}
		if other == "time" {
			clock = "time"
			if i.Name != nil {
				clock = i.Name.Name
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n, "begins a goroutine")
		case *ast.CallExpr: // of a WaitGroup, an errgroup, ...
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Go" {
				report(n, "begins a goroutine")
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && clock != "" && x.Name == clock && clocks[n.Sel.Name] {
				report(n, "calls time.%s: take the time as a parameter", n.Sel.Name)
			}
		}
		return true
	})
	return bad
}
