// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"math/rand"
	"strings"
	"testing"
)

const edited = `# Cluster DNS.

# All names.
.:53 { # the root
    # Say what fails.
    errors # all of it

    # Two lines
    # about health.
    health {
       lameduck 5s # slow
    }

    # The cluster.

    # Kubernetes itself.
    kubernetes cluster.local in-addr.arpa { # zones
       pods insecure
    }
    cache 30   # seconds
}

# Stub.
corp.example {
	forward . {$UP}
}
# End.
`

// TestEdit changes the Corefile above and names the lines that go, with -, and
// come, with +.
func TestEdit(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(f *File) error
		want string
	}{
		{"nothing", func(*File) error { return nil }, ""},
		{"rename a directive", func(f *File) error { return f.ServerBlocks()[0].Find("kubernetes")[0].Rename("clusterdns") },
			"-    kubernetes cluster.local in-addr.arpa { # zones\n+    clusterdns cluster.local in-addr.arpa { # zones\n"},
		{"add an argument", func(f *File) error {
			return f.ServerBlocks()[0].Find("kubernetes")[0].SetArgs("cluster.local", "in-addr.arpa", "ip6.arpa")
		}, "-    kubernetes cluster.local in-addr.arpa { # zones\n+    kubernetes cluster.local in-addr.arpa ip6.arpa { # zones\n"},
		{"replace an argument", func(f *File) error { return f.ServerBlocks()[0].Find("cache")[0].SetArgs("a b") },
			"-    cache 30   # seconds\n+    cache \"a b\"   # seconds\n"},
		{"remove the arguments", func(f *File) error { return f.ServerBlocks()[0].Find("cache")[0].SetArgs() },
			"-    cache 30   # seconds\n+    cache   # seconds\n"},
		{"append a directive", func(f *File) error { _, err := f.ServerBlocks()[0].Add("loadbalance", "round_robin"); return err },
			"+    loadbalance round_robin\n"},
		{"append with the indentation of the neighbours", func(f *File) error { _, err := f.ServerBlocks()[1].Add("errors"); return err },
			"+\terrors\n"},
		{"add an option", func(f *File) error {
			_, err := f.ServerBlocks()[0].Find("kubernetes")[0].Add("ttl", "30")
			return err
		}, "+       ttl 30\n"},
		{"add the first option", func(f *File) error {
			_, err := f.ServerBlocks()[0].Find("cache")[0].Add("disable", "success", "cluster.local")
			return err
		}, "-    cache 30   # seconds\n+    cache 30 {   # seconds\n+        disable success cluster.local\n+    }\n"},
		{"insert the first directive", func(f *File) error { return f.ServerBlocks()[0].Insert(0, directive(t, "log")) }, "+    log\n"},
		{"insert with a comment", func(f *File) error {
			d := directive(t, "log", ".")
			if err := d.Comment("Who asks?", "What?"); err != nil {
				return err
			}
			return f.ServerBlocks()[0].Insert(3, d)
		}, "+    # Who asks?\n+    # What?\n+    log .\n"},
		{"comment what is there", func(f *File) error { return f.ServerBlocks()[0].Find("errors")[0].Comment("Loud.") }, "+    # Loud.\n"},
		{"remove the first directive", func(f *File) error { f.ServerBlocks()[0].Remove(0); return nil },
			"-    # Say what fails.\n-    errors # all of it\n"},
		{"remove a directive with a block", func(f *File) error { f.ServerBlocks()[0].Remove(1); return nil },
			"-    # Two lines\n-    # about health.\n-    health {\n-       lameduck 5s # slow\n-    }\n-\n"},
		{"remove but keep a comment that stands alone", func(f *File) error { f.ServerBlocks()[0].Remove(2); return nil },
			"-    # Kubernetes itself.\n-    kubernetes cluster.local in-addr.arpa { # zones\n-       pods insecure\n-    }\n"},
		{"remove the last directive", func(f *File) error { f.ServerBlocks()[0].Remove(3); return nil },
			"-    cache 30   # seconds\n"},
		{"replace a directive", func(f *File) error { return f.ServerBlocks()[0].Replace(0, directive(t, "log", ".", "{combined}")) },
			"-    errors # all of it\n+    log . {combined}\n"},
		{"remove the first block", func(f *File) error { f.Remove(0); return nil }, "-*"},
		{"remove the last block", func(f *File) error { f.Remove(1); return nil }, "-\n-# Stub.\n-corp.example {\n-\tforward . {$UP}\n-}\n"},
		{"insert a block", func(f *File) error {
			b, err := NewServerBlock("example.org", "example.com:5353")
			if err != nil {
				return err
			}
			if _, err := b.Add("whoami"); err != nil {
				return err
			}
			return f.Insert(1, b)
		}, "+example.org example.com:5353 {\n+    whoami\n+}\n+\n"},
		{"append an import", func(f *File) error { return f.Insert(2, directive(t, "import", "custom/*.server")) }, "+import custom/*.server\n"},
		{"set what the environment is in", func(f *File) error {
			d := f.ServerBlocks()[1].Find("forward")[0]
			return d.SetArgs(append(d.Values(), "192.0.2.2")...)
		}, "-\tforward . {$UP}\n+\tforward . {$UP} 192.0.2.2\n"},
		{"set zones", func(f *File) error { return f.ServerBlocks()[0].SetZones(".:53", "dns://.:5353") },
			"-.:53 { # the root\n+.:53 dns://.:5353 { # the root\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := parse(t, edited)
			if err := tt.edit(f); err != nil {
				t.Fatal(err)
			}
			got := Format(f)
			if !Equal(f, parse(t, got)) {
				t.Errorf("is another tree when parsed again:\n%s", got)
			}
			if tt.want == "-*" {
				if want := "# Cluster DNS.\n\n" + edited[strings.Index(edited, "# Stub."):]; got != want {
					t.Errorf("got:\n%s\nwant:\n%s", got, want)
				}
				return
			}
			if got := changed(edited, got); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

// changed returns the lines between what a and b begin and end with alike.
func changed(a, b string) string {
	before, after := strings.SplitAfter(a, "\n"), strings.SplitAfter(b, "\n")
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	var out strings.Builder
	for _, line := range before {
		out.WriteString("-" + line)
	}
	for _, line := range after {
		out.WriteString("+" + line)
	}
	return out.String()
}

func directive(t *testing.T, name string, args ...string) *Directive {
	t.Helper()
	d, err := NewDirective(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestNew(t *testing.T) {
	f := NewFile()
	b, err := NewServerBlock(".:53")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Comment("Made by a test."); err != nil {
		t.Fatal(err)
	}
	for _, d := range [][]string{{"errors"}, {"nsid", ""}, {"import", "common"}} {
		if _, err := b.Add(d[0], d[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	d, err := b.Add("template", "ANY", "ANY")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Add("answer", `{{ .Name }} 60 IN TXT "a"`); err != nil {
		t.Fatal(err)
	}
	s, err := NewSnippet("common")
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range []Node{s, b, directive(t, "import", "*.server")} {
		if err := f.Insert(i, n); err != nil {
			t.Fatal(err)
		}
	}
	want := `(common) {
}

# Made by a test.
.:53 {
    errors
    nsid ""
    import common
    template ANY ANY {
        answer "{{ .Name }} 60 IN TXT \"a\""
    }
}
import *.server
`
	got := Format(f)
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if !Equal(f, parse(t, got)) {
		t.Error("is another tree when parsed")
	}
}

// TestWord has what is written as it is, what needs quotes, and what cannot be
// written.
func TestWord(t *testing.T) {
	for _, tt := range []struct{ value, want string }{
		{"192.0.2.1", "192.0.2.1"},
		{"{1}.example", "{1}.example"},
		{`(.*)\.example`, `(.*)\.example`},
		{`a"b`, `a"b`},
		{"", `""`},
		{"a b", `"a b"`},
		{"a\tb", "\"a\tb\""},
		{"a\nb", "\"a\nb\""},
		{"a\rb", "\"a\rb\""},
		{"a#b", `"a#b"`},
		{"# }", `"# }"`},
		{`"a"`, `"\"a\""`},
		{`a \ b`, `"a \ b"`},
		{`\`, `\`},
		{`a \\`, `"a \\"`},
		{`a \`, ""},
		{`a \" b`, ""},
		{"{", ""},
		{"}", ""},
		{"{$HOME}", ""},
		{"a{%B%}", ""},
		{"\xff", ""},
		{"\uFEFFa", ""},
	} {
		got, err := Word(tt.value)
		if got.Raw() != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q: got %q, %v, want %q", tt.value, got.Raw(), err, tt.want)
		}
	}
}

func TestEditErrors(t *testing.T) {
	server := func(zones ...string) error { _, err := NewServerBlock(zones...); return err }
	made := func(name string, args ...string) error { _, err := NewDirective(name, args...); return err }
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"no zone", server(), "needs a zone"},
		{"zone with a space", server("a b"), "cannot be a name"},
		{"zone with a comma", server("a,"), "read as something else"},
		{"zone that is a snippet", server("(a)"), "read as something else"},
		{"zone that is an import", server("import"), "read as something else"},
		{"zone that is a brace", server("{"), "structure"},
		{"name with a line end", made("errors\nlog"), "cannot be a name"},
		{"no name", made(""), "cannot be a name"},
		{"argument that expands", made("forward", ".", "{$UP}"), "environment"},
		{"import of nothing", made("import"), "one argument"},
		{"plugin outside", NewFile().Insert(0, directive(t, "errors")), "outside of a server block"},
		{"rename to import", directive(t, "errors").Rename("import"), "different in kind"},
		{"snippet twice", twice(t), "defined already"},
		{"comment of two lines", directive(t, "errors").Comment("a\nb"), "more than one line"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, tt.err, tt.want)
		}
	}
}

func twice(t *testing.T) error {
	t.Helper()
	f := parse(t, "(a) {\n}\n")
	s, err := NewSnippet("a")
	if err != nil {
		t.Fatal(err)
	}
	return f.Insert(1, s)
}

func TestEqual(t *testing.T) {
	const text = "a, b {\n c \"d\" {\n  e\n }\n}\n"
	for _, tt := range []struct {
		name, other string
		want        bool
	}{
		{"itself", text, true},
		{"space, comments and quotes", "a b\n{ # f\n\tc d {\n\t\te\n\t}\n}", true},
		{"missing brace", "a b {\n c d {\n e\n }", true},
		{"zone", "a {\n c d {\n e\n }\n}", false},
		{"argument", "a b {\n c D {\n e\n }\n}", false},
		{"option", "a b {\n c d {\n f\n }\n}", false},
		{"no block", "a b {\n c d\n}", false},
		{"more behind the block", "a b {\n c d {\n e\n } f\n}", false},
		{"import", text + "import x\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Equal(parse(t, text), parse(t, tt.other)); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWalk(t *testing.T) {
	var got []string
	Walk(parse(t, ". {\n a {\n  b\n } c {\n  d\n }\n e {\n  f\n }\n}\nimport g\n"), func(n Node) bool {
		d, ok := n.(*Directive)
		if ok {
			got = append(got, d.Name.Value())
		}
		return !ok || d.Name.Value() != "e"
	})
	if got, want := strings.Join(got, " "), "a b c d e import"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSetZones adds a zone in front of a comment.
func TestSetZones(t *testing.T) {
	f := parse(t, "a, # first\n  b # last\n{\n}\n")
	if err := f.ServerBlocks()[0].SetZones("a", "b", "c"); err != nil {
		t.Fatal(err)
	}
	if got, want := Format(f), "a b c # last\n{\n}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzEdit makes random edits and parses what they give.
func FuzzEdit(f *testing.F) {
	for _, text := range stock(f) {
		f.Add(text, int64(1))
	}
	f.Add(edited, int64(2))
	f.Add(". {\n a \"b\"#c\n d {\n }\n}\n", int64(3))
	f.Fuzz(func(t *testing.T, text string, seed int64) {
		tree, err := Parse(text)
		if err != nil || hasImport(text) {
			return // a zone called import becomes one at the beginning of a line
		}
		r := rand.New(rand.NewSource(seed))
		for range 4 {
			before := Format(tree)
			mutate(r, tree, parse(t, text))
			after := Format(tree)
			again, err := Parse(after)
			if err != nil {
				t.Fatalf("%q became %q: %v", before, after, err)
			}
			if !Equal(tree, again) {
				t.Fatalf("%q became %q, which is another tree", before, after)
			}
		}
	})
}

// mutate makes one edit somewhere, maybe with what is in another tree. An edit
// that returns an error changes nothing.
func mutate(r *rand.Rand, f, other *File) {
	s, b, d := pick(r, f)
	foreignServer, _, foreign := pick(r, other)
	made, _ := NewDirective("new", "a b", "c")
	switch r.Intn(12) {
	case 0:
		_ = d.Rename("renamed")
	case 1:
		if d.Name.Value() != "" {
			_ = d.SetArgs("x", "y z", "#")
		}
	case 2:
		_ = b.Insert(r.Intn(len(b.Directives)+1), made)
	case 3:
		if n := len(b.Directives); n > 0 {
			b.Remove(r.Intn(n))
		}
	case 4:
		if n := len(b.Directives); n > 0 {
			_ = b.Replace(r.Intn(n), made)
		}
	case 5:
		if n := len(f.Nodes); n > 0 {
			f.Remove(r.Intn(n))
		}
	case 6:
		made, _ := NewServerBlock("new.example")
		_ = f.Insert(r.Intn(len(f.Nodes)+1), made)
	case 7:
		if d.Name.Value() != "" {
			_, _ = d.Add("option", "1")
		}
	case 8:
		_ = d.Comment("new")
	case 9:
		_ = b.Insert(r.Intn(len(b.Directives)+1), foreign)
	case 10:
		if _, snippet := foreignServer.Snippet(); !snippet {
			_ = f.Insert(r.Intn(len(f.Nodes)+1), foreignServer)
		}
	case 11:
		if _, snippet := s.Snippet(); !snippet {
			_ = s.SetZones(append(s.Zones(), "new.example")...)
		}
	}
}

// pick returns something of f, or something empty.
func pick(r *rand.Rand, f *File) (*ServerBlock, *Block, *Directive) {
	servers, blocks, directives := []*ServerBlock{{Keys: []Token{{value: ".", raw: "."}}}}, []*Block{{}}, []*Directive{{}}
	Walk(f, func(n Node) bool {
		switch n := n.(type) {
		case *ServerBlock:
			servers, blocks = append(servers, n), append(blocks, &n.Block)
		case *Directive:
			directives = append(directives, n)
			if n.Block != nil {
				blocks = append(blocks, n.Block)
			}
		}
		return true
	})
	return servers[r.Intn(len(servers))], blocks[r.Intn(len(blocks))], directives[r.Intn(len(directives))]
}
