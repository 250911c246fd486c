// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/clusterdns/clusterdns/corefile"
)

// removed are the diagnostics of what CoreDNS does not know any more.
type removed map[corefile.Position]corefile.Diagnostic

func whatIsRemoved(f *corefile.File) removed {
	r := make(removed)
	for _, d := range corefile.Affected(f, corefile.Version{}, corefile.Version{Major: math.MaxInt}) {
		if strings.HasSuffix(string(d.Code), string(corefile.Removed)) {
			r[corefile.Position{Line: d.Line, Column: d.Column}] = d
		}
	}
	return r
}

func (r removed) find(d *corefile.Directive) (corefile.Diagnostic, bool) {
	at := d.Pos()
	at.Offset = 0
	found, ok := r[at]
	return found, ok
}

// modernise takes out of f what CoreDNS does not know any more, and has the
// plugin clusterdns in the place of kubernetes.
func (a *adoption) modernise(f *corefile.File) {
	r := whatIsRemoved(f)
	for _, n := range f.Nodes {
		if b, ok := n.(*corefile.ServerBlock); ok {
			a.directives(&b.Block, r)
		}
	}
}

func (a *adoption) directives(b *corefile.Block, r removed) {
	// With both plugins in a server block neither is the other.
	rename := len(b.Find("clusterdns")) == 0 && len(b.Find("kubernetes")) == 1
	for i := 0; i < len(b.Directives); i++ {
		d := b.Directives[i]
		why, gone := r.find(d)
		switch {
		case d.Name.Value() == "proxy":
			a.proxy(d)
			a.second(d, b.Directives[:i])
		case gone:
			a.add(Lost, a.at(d), fmt.Sprintf("`%s` is left out: %s", line(d), why.Message), why.Remedy)
			a.lostComments(a.at(d), comments(d))
			b.Remove(i)
			i--
		default:
			a.options(d, r)
			if rename {
				a.rename(d)
			}
		}
	}
}

// options takes out those that CoreDNS does not know any more.
func (a *adoption) options(d *corefile.Directive, r removed) {
	if d.Block == nil {
		return
	}
	for i := 0; i < len(d.Block.Directives); i++ {
		o := d.Block.Directives[i]
		why, gone := r.find(o)
		if !gone {
			continue
		}
		severity := Lost
		if d.Name.Value() == "kubernetes" {
			severity = Changed // the plugin does not need it
		}
		a.add(severity, a.at(o), fmt.Sprintf("`%s` is left out: %s", line(o), why.Message), "")
		if rest := slices.DeleteFunc(o.Values(), isNOERROR); o.Name.Value() == "failover" && len(rest) > 0 && o.SetArgs(rest...) == nil {
			continue
		}
		a.lostComments(a.at(o), comments(o))
		d.Block.Remove(i)
		i--
	}
}

func isNOERROR(rcode string) bool { return strings.EqualFold(rcode, "NOERROR") }

// rename has clusterdns in the place of kubernetes.
func (a *adoption) rename(d *corefile.Directive) {
	var err error
	switch args := d.Values(); d.Name.Value() {
	case "kubernetes":
		err = d.Rename("clusterdns")
	case "autopath":
		for i := range args {
			if args[i] == "@kubernetes" {
				args[i] = "@clusterdns"
			}
		}
		err = d.SetArgs(args...)
	}
	if err != nil { // neither name has to be quoted
		a.add(Lost, a.at(d), err.Error(), "")
	}
}

// second says that a forward stands behind one for all names, which is asked
// first. A proxy for fewer names came before one for more.
func (a *adoption) second(d *corefile.Directive, above []*corefile.Directive) {
	all := func(other *corefile.Directive) bool {
		return other.Name.Value() == "forward" && len(other.Args) > 0 && other.Args[0].Value() == "."
	}
	if slices.ContainsFunc(above, all) {
		a.add(Lost, a.at(d), fmt.Sprintf("`%s` stands behind a forward for all names, which takes its queries", line(d)), "put it in front of that, or make a stub zone of it")
	}
}

// proxy makes a forward of the directive proxy. Both know these options.
func (a *adoption) proxy(d *corefile.Directive) {
	was := line(d)
	if err := d.Rename("forward"); err != nil {
		a.add(Lost, a.at(d), err.Error(), "")
		return
	}
	a.add(Changed, a.at(d), fmt.Sprintf("`%s` is written `%s`: the plugin proxy is gone since CoreDNS 1.5.0", was, line(d)), "")
	if d.Block == nil {
		return
	}
	for i := 0; i < len(d.Block.Directives); i++ {
		o := d.Block.Directives[i]
		switch value := strings.Join(o.Values(), " "); {
		case o.Name.Value() == "except", o.Name.Value() == "max_fails":
		case o.Name.Value() == "policy" && slices.Contains([]string{"random", "round_robin", "sequential"}, value):
		default:
			a.add(Lost, a.at(o), fmt.Sprintf("`%s` of proxy is left out: forward has no such option", line(o)), "look at the options of forward")
			d.Block.Remove(i)
			i--
		}
	}
}
