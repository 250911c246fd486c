// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package corefile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Version is a release of CoreDNS.
type Version struct{ Major, Minor, Patch int }

// ParseVersion reads the version in the tag of an image. What a vendor appends
// does not count: 1.11.1-eksbuild.9, v1.10.1+k3s1.
func ParseVersion(tag string) (Version, error) {
	numbers := strings.TrimPrefix(tag, "v")
	if end := strings.IndexFunc(numbers, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); end >= 0 {
		numbers = numbers[:end]
	}
	var v [3]int
	parts := strings.Split(numbers, ".")
	for i, part := range parts[:min(3, len(parts))] {
		n, err := strconv.Atoi(part)
		if err != nil || len(parts) < 2 {
			return Version{}, fmt.Errorf("%q is not a version of CoreDNS, such as 1.11.3", tag)
		}
		v[i] = n
	}
	return Version{v[0], v[1], v[2]}, nil
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Compare returns -1 if v is before w, 1 if it is behind, and 0 otherwise.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// A Kind says what became of a plugin or an option.
type Kind string

// The kinds of a [Change].
const (
	Added      Kind = "added"      // CoreDNS does not start with it before
	Deprecated Kind = "deprecated" // works, and will be ignored or removed
	Ignored    Kind = "ignored"    // is accepted and does nothing
	Removed    Kind = "removed"    // CoreDNS does not start with it
	NewDefault Kind = "newdefault" // does something else if it is not set
	Behaviour  Kind = "behaviour"  // does something else
)

// A Change is something that a release of CoreDNS changed for a Corefile.
type Change struct {
	Version Version
	Kind    Kind
	Plugin  string
	// Option is a directive in the block of the plugin, or "".
	Option string
	// Summary is a clause: what is so from this version on.
	Summary string
	Remedy  string

	// touches reports whether a directive, an option if there is one, is
	// affected. All are if it is nil.
	touches func(d *Directive, block []*Directive) bool
}

// Changes returns what changes on the way from one version to another, the
// oldest first. On the way down these are the changes that are undone.
func Changes(from, to Version) []Change {
	if to.Compare(from) < 0 {
		from, to = to, from
	}
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool {
		return c.Version.Compare(from) <= 0 || c.Version.Compare(to) > 0
	})
}

// Affected returns what in f changes on the way from one version of CoreDNS to
// another, in the order of the text. On the way down, it is what the older
// version does not know.
func Affected(f *File, from, to Version) []Diagnostic {
	c := &checker{}
	down := to.Compare(from) < 0
	scope := c.snippets(f)
	c.found = nil // of these, Check is to say it
	for _, s := range scope.servers(f) {
		steps := Changes(from, to)
		for i, change := range steps {
			if down == (change.Kind == Added) && !change.overtaken(steps[i+1:]) {
				c.affected(s, change, to)
			}
		}
	}
	return c.sorted()
}

// overtaken reports whether a later change makes c irrelevant: what is removed
// in the end need not be called deprecated.
func (c Change) overtaken(later []Change) bool {
	return (c.Kind == Deprecated || c.Kind == Ignored) && slices.ContainsFunc(later, func(l Change) bool {
		return l.Plugin == c.Plugin && l.Option == c.Option && (l.Kind == Ignored || l.Kind == Removed)
	})
}

func (c *checker) affected(s server, change Change, to Version) {
	for _, d := range s.uses(change.Plugin) {
		at := []*Directive{d}
		if change.Option != "" {
			at = nil
			if d.Block != nil {
				at = d.Block.Find(change.Option)
			}
		}
		for _, d := range at {
			if change.touches == nil || change.touches(d, s.plugins) {
				c.report(d.Pos(), change.severity(), Code("version-"+string(change.Kind)), change.message(to), change.Remedy)
			}
		}
	}
}

func (c Change) severity() Severity {
	if c.Kind == Removed || c.Kind == Added {
		return Error
	}
	return Warning
}

func (c Change) message(to Version) string {
	what := "plugin " + c.Plugin
	if c.Option != "" {
		what = fmt.Sprintf("option %s of %s", c.Option, c.Plugin)
	}
	switch c.Kind {
	case Added:
		return fmt.Sprintf("%s came with CoreDNS %v and is not in %v", cmp.Or(c.Summary, what), c.Version, to)
	case NewDefault, Behaviour:
		return fmt.Sprintf("since CoreDNS %v, %s", c.Version, c.Summary)
	}
	return fmt.Sprintf("%s is %s since CoreDNS %v", cmp.Or(c.Summary, what), c.Kind, c.Version)
}
