// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// options is the command line.
type options struct {
	report bool // only write the page
	size   string
	only   []string
	repeat int // rounds, if not those of the size
	quick  bool
	fresh  bool
	noisy  bool
	real   bool
	save   bool
}

const help = `Measures CoreDNS with clusterdns beside stock CoreDNS, the floor of the CoreDNS
server, NSD and Knot. The numbers go to docs/benchmarks, the page is made of them.

    bench [flags]            measure, print the tables, write CSV, SVG and the page
    bench [flags] report     write docs/benchmarks.md from docs/benchmarks again

Stop it with Ctrl-C: the same command goes on where it was. What was measured
while others used the machine is measured again, and if that does not help it is
kept in the CSV but does not count.

Flags:
`

// parse reads the command line.
func parse(args []string, stdout, stderr io.Writer) (options, error) {
	var o options
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {} // printed below
	set.StringVar(&o.size, "size", "S", "`S`, M or L: 1,000, 10,000 or 50,000 Services")
	only := set.String("only", "", "`parts` to measure, with commas between them: "+strings.Join(phaseNames(), ", "))
	set.IntVar(&o.repeat, "rounds", 0, "`number` of rounds (default: by size)")
	set.BoolVar(&o.quick, "quick", false, "a few short rounds: to see that it works, not to quote")
	set.BoolVar(&o.fresh, "fresh", false, "forget what an earlier run measured")
	set.BoolVar(&o.noisy, "noisy", false, "let measurements count that others disturbed; the page will say so")
	set.BoolVar(&o.real, "real", false, "put size L into the real API server, too")
	save := set.String("save", "", "`yes` or no: write to docs/benchmarks (default: yes, but not with --quick)")
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		set.SetOutput(stdout)
		set.PrintDefaults()
		return o, err
	case err != nil:
		return o, errUsage
	}
	o.save = *save == "yes" || *save == "" && !o.quick
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	return o, o.complete(set.Args(), stderr)
}

func (o *options) complete(args []string, stderr io.Writer) error {
	bad := func(format string, args ...any) error {
		fmt.Fprintf(stderr, "error: "+format+"; bench --help says more\n", args...)
		return errUsage
	}
	switch {
	case len(args) == 1 && args[0] == "report":
		o.report = true
	case len(args) > 0:
		return bad("unknown argument %q", args[0])
	}
	o.size = strings.ToUpper(o.size)
	if _, ok := sizes[o.size]; !ok {
		return bad("--size is S, M or L, not %q", o.size)
	}
	for _, name := range o.only {
		if !slices.Contains(phaseNames(), name) {
			return bad("--only knows no part %q", name)
		}
	}
	return nil
}

// wants reports whether a phase is to be measured.
func (o *options) wants(phase string) bool { return len(o.only) == 0 || slices.Contains(o.only, phase) }
