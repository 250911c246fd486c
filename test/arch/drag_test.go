// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A consumer is a module that requires CoreDNS and a plugin.
type consumer struct {
	coredns string            // module@version
	plugin  string            // folder of the plugin's module
	sums    []string          // go.sum files that cover both
	local   map[string]string // further modules that are folders, by module@version
}

// TestNoVersionDrag fails if our go.mod raises the version of anything that
// CoreDNS requires, for whoever compiles the plugin into CoreDNS.
func TestNoVersionDrag(t *testing.T) {
	mod := mustCommand(t, root(t), "go", "list", "-m", "-f", "{{.Path}}@{{.Version}} {{.GoMod}} {{.Dir}}", coredns)
	fields := strings.Fields(mod)
	c := consumer{
		coredns: fields[0],
		plugin:  root(t),
		sums:    []string{filepath.Join(fields[2], "go.sum"), filepath.Join(root(t), "go.sum")},
	}
	required, selected := c.versions(t)
	if len(required) < 100 {
		t.Errorf("%s requires %d modules: that cannot be all", c.coredns, len(required))
	}
	for _, bad := range raised(required, selected) {
		t.Errorf("%s by our go.mod: require that version there, or move what needs the newer one into a module of its own", bad)
	}
	t.Logf("%s requires %d modules", c.coredns, len(required))
}

// TestVersionDragFails compiles a plugin into a CoreDNS that requires an older
// version of a library and of Go than the plugin, and the same version of another library.
func TestVersionDragFails(t *testing.T) {
	dir := t.TempDir()
	mod := func(name, text string) string {
		folder := filepath.Join(dir, name)
		write(t, filepath.Join(folder, "go.mod"), text)
		return folder
	}
	newer := mod("newer", "module example.org/library\n\ngo 1.26.0\n")
	other := mod("other", "module example.org/other\n\ngo 1.26.0\n")
	c := consumer{
		coredns: "example.org/coredns@v1.0.0",
		plugin: mod("plugin", "module "+module+"\n\ngo 1.26.0\n\n"+
			"require (\n\texample.org/library v1.1.0\n\texample.org/other v1.0.0\n\texample.org/own v1.0.0\n)\n"),
		local: map[string]string{
			"example.org/coredns@v1.0.0": mod("coredns", "module example.org/coredns\n\ngo 1.25.0\n\n"+
				"require (\n\texample.org/library v1.0.0\n\texample.org/other v1.0.0\n)\n"),
			"example.org/library@v1.0.0": newer,
			"example.org/library@v1.1.0": newer,
			"example.org/other@v1.0.0":   other,
			"example.org/own@v1.0.0":     mod("own", "module example.org/own\n\ngo 1.26.0\n"),
		},
	}
	expect(t, raised(c.versions(t)), "example.org/library is raised from v1.0.0 to v1.1.0", "go is raised from 1.25.0 to 1.26.0")
}

// versions returns the versions that CoreDNS requires, and those that the
// consumer gets, of each module and of the language.
func (c consumer) versions(t *testing.T) (required, selected map[string]string) {
	t.Helper()
	dir := c.write(t)
	required = make(map[string]string)
	for line := range strings.Lines(mustCommand(t, dir, "go", "mod", "graph")) {
		from, to, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name, version, _ := strings.Cut(to, "@"); from == c.coredns && name != "toolchain" {
			required[name] = version
		}
	}
	selected = make(map[string]string)
	for line := range strings.Lines(mustCommand(t, dir, "go", "list", "-m", "all")) {
		fields := strings.Fields(line)
		if len(fields) > 1 { // the consumer itself has no version
			selected[fields[0]] = fields[1]
		}
	}
	selected["go"] = c.language(t)
	return required, selected
}

// language returns the version of Go that the consumer has to require: that of
// the plugin, which cannot be older than that of the CoreDNS it requires.
func (c consumer) language(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(mustCommand(t, c.plugin, "go", "list", "-m", "-f", "{{.GoVersion}}"))
}

// write writes the consumer and returns its folder.
func (c consumer) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var mod, sum strings.Builder
	fmt.Fprintf(&mod, "module example.org/consumer\n\ngo %s\n\n", c.language(t))
	fmt.Fprintf(&mod, "require %s\n", strings.Replace(c.coredns, "@", " ", 1))
	fmt.Fprintf(&mod, "require %s v0.0.0\nreplace %[1]s => %s\n", module, c.plugin)
	for name, folder := range c.local {
		fmt.Fprintf(&mod, "replace %s => %s\n", strings.Replace(name, "@", " ", 1), folder)
	}
	for _, name := range c.sums {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(text)
	}
	write(t, filepath.Join(dir, "go.mod"), mod.String())
	write(t, filepath.Join(dir, "go.sum"), sum.String())
	return dir
}

// raised returns the modules that are selected in another version than is
// required. It is a newer one: the go command never selects an older one.
func raised(required, selected map[string]string) []string {
	var bad []string
	for _, name := range slices.Sorted(maps.Keys(required)) {
		version := required[name]
		if got, ok := selected[name]; ok && got != version {
			bad = append(bad, fmt.Sprintf("%s is raised from %s to %s", name, version, got))
		}
	}
	return bad
}
