// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/apiserver"
	"github.com/clusterdns/clusterdns/test/internal/server"
)

// TestREADMEExamples starts a server with every Corefile that the README files
// show, and asks it.
func TestREADMEExamples(t *testing.T) {
	api := apiserver.New(apiserver.WithKind(apiserver.ServiceImports()))
	defer api.Close()
	api.Replace(append(objects(), serviceImport())...)
	for _, c := range []struct {
		name string
		need bool // must it have an example?
	}{{"README.md", false}, {"plugin/README.md", true}} {
		found := 0
		for _, b := range blocks(c.name, read(t, c.name)) {
			if b.language != "corefile" {
				continue
			}
			found++
			t.Run(b.at, func(t *testing.T) {
				if err := try(t, b.text, api.URL()); err != nil {
					t.Errorf("%s: %v", b.at, err)
				}
			})
		}
		if c.need && found == 0 {
			t.Errorf("%s has no ```corefile block", c.name)
		}
	}
}

func TestREADMEExamplesFail(t *testing.T) {
	api := apiserver.New()
	defer api.Close()
	api.Replace(objects()...)
	nameless := apiserver.New() // without what every cluster has
	defer nameless.Close()
	for _, c := range []struct{ name, corefile, api, want string }{
		{"good", ".:53 {\n    ready\n    clusterdns cluster.local {\n        kubeconfig FILE context\n    }\n}\n", api.URL(), ""},
		{"good, limited", "cluster.local:1053 {\n    clusterdns {\n        namespaces demo\n    }\n    whoami\n}\n", api.URL(), ""},
		{"not synced", ". {\n    clusterdns cluster.local {\n        namespaces demo\n        startup_timeout 0\n    }\n}\n", "http://127.0.0.1:1", "SERVFAIL"},
		{"unknown option", ". {\n    clusterdns cluster.local {\n        colour blue\n    }\n}\n", api.URL(), "colour"},
		{"unknown plugin", ". {\n    clusterdns cluster.local\n    magic\n}\n", api.URL(), "magic"},
		{"without us", ". {\n    whoami\n}\n", api.URL(), "no clusterdns"},
		{"unbalanced", ". {\n    clusterdns cluster.local {\n}\n", api.URL(), "braces"},
		{"nothing there", ". {\n    clusterdns cluster.local\n}\n", nameless.URL(), "NXDOMAIN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := try(t, c.corefile, c.api)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		})
	}
}

// try starts a server with an example and returns what is wrong with it.
func try(t *testing.T, corefile, api string) error {
	t.Helper()
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	write(t, resolv, "nameserver 192.0.2.1\n") // nobody: no example asks the outside
	e, err := parseExample(corefile)
	if err != nil {
		return err
	}
	s, err := server.Start(e.corefile(api, resolv))
	if err != nil {
		return err
	}
	defer func() { _ = s.Stop() }()
	for _, zone := range e.zones {
		got, err := ask("udp", s.UDP, dns.Fqdn("dns-version."+zone), dns.TypeTXT)
		if err != nil {
			return err
		}
		want := `NOERROR "1.1.0"`
		if slices.Contains(e.imports, zone) {
			want = `NOERROR "1.0.0"`
		}
		if got != want {
			return fmt.Errorf("dns-version.%s is %q, want %q", zone, got, want)
		}
		if got, err = ask("udp", s.UDP, dns.Fqdn("kubernetes.default.svc."+zone), dns.TypeA); err != nil {
			return err
		}
		if e.limited && got == "NXDOMAIN" {
			continue
		}
		if want := "NOERROR 10.96.0.1"; got != want {
			return fmt.Errorf("kubernetes.default.svc.%s is %q, want %q", zone, got, want)
		}
	}
	return nil
}

// TestREADMECommands fails if README.md says make with something that the Makefile does not make.
func TestREADMECommands(t *testing.T) {
	said := makeTargets("README.md", read(t, "README.md"))
	if len(said) == 0 {
		t.Error("README.md has no make command in a ```sh block")
	}
	for _, bad := range missing(said, read(t, "Makefile")) {
		t.Error(bad)
	}
}

func TestREADMECommandsFail(t *testing.T) {
	const markdown = "```sh\nmake run\n$ make -j2 test PORT=53 # or make build\ncd x && make nonsense\necho make || true\nmakes nothing\n```\n" +
		"Say `make help`, or `make CLUSTER=existing bake`.\n```text\nmake text\n```\n"
	said := makeTargets("x.md", markdown)
	expect(t, said, "x.md:1: make run", "x.md:1: make test", "x.md:1: make nonsense", "x.md: make help", "x.md: make bake")
	expect(t, missing(said, ".PHONY: help\nhelp: ## Help\nrun test: help\nBUILD := nonsense\nPORT ?= bake:\n\tbake: x\n"), "make nonsense", "make bake")
}

var (
	makeCommand = regexp.MustCompile(`(?:^|\$ |&& |; )\s*make((?: +[^\s#;&|]+)+)`)
	makeInline  = regexp.MustCompile("`make((?: +[^`\\s]+)+)`")
	makeRule    = regexp.MustCompile(`(?m)^([a-z][a-z0-9 _-]*):(?:[^=]|$)`)
)

// makeTargets returns the targets that the shell commands and the inline code
// of a Markdown file name, as "file:line: make target".
func makeTargets(name, markdown string) []string {
	var said []string
	add := func(at string, found [][]string) {
		for _, m := range found {
			for _, word := range strings.Fields(m[1]) {
				if !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") {
					said = append(said, at+": make "+word)
				}
			}
		}
	}
	for _, b := range blocks(name, markdown) {
		if b.language != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			add(b.at, makeCommand.FindAllStringSubmatch(line, -1))
		}
	}
	add(name, makeInline.FindAllStringSubmatch(markdown, -1))
	return said
}

// missing returns those of said for which the Makefile has no rule.
func missing(said []string, makefile string) []string {
	var rules []string
	for _, m := range makeRule.FindAllStringSubmatch(makefile, -1) {
		rules = append(rules, strings.Fields(m[1])...)
	}
	return slices.DeleteFunc(slices.Clone(said), func(s string) bool {
		_, target, _ := strings.Cut(s, ": make ")
		return slices.Contains(rules, target)
	})
}

// TestPlugins fails if the examples could use other plugins here than in bin/coredns.
func TestPlugins(t *testing.T) {
	imports := regexp.MustCompile(`(?m)^\s*(?:import )?_ "([^"]+)"`)
	list := func(names ...string) []string {
		var all []string
		for _, name := range names {
			for _, m := range imports.FindAllStringSubmatch(read(t, name), -1) {
				all = append(all, m[1])
			}
		}
		slices.Sort(all)
		return all
	}
	files, err := filepath.Glob(filepath.Join(root(t), "cmd", "coredns", "plugin*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range files {
		files[i] = "cmd/coredns/" + filepath.Base(name)
	}
	got, program := list("test/arch/plugins_test.go"), list(files...)
	if len(program) < 40 || !slices.Equal(got, program) {
		t.Errorf("plugins_test.go links\n%q\nbut cmd/coredns\n%q", got, program)
	}
}
