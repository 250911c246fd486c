// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/coredns/caddy"
)

// Command is coredns -check.
type Command struct {
	// Conf is the value of -conf: a file, stdin, -, or empty for the Corefile
	// of the current directory.
	Conf string
	// Args are the arguments that are not flags. There should be none.
	Args []string
	// Directives and InTree are those of Checker.
	Directives, InTree []string
	Stdin              *os.File
	Stdout             io.Writer
}

// patience is how long a check may take. Setups take milliseconds; this is for
// those that wait for something.
const patience = 30 * time.Second

// Run prints one line for each diagnostic, and "FILE: ok" if there is no error
// among them. It returns the exit code: 0 for a good Corefile, 1 otherwise.
func (c Command) Run() int {
	f, err := c.read()
	if err == nil && len(c.Args) > 0 {
		err = fmt.Errorf("extra command line arguments: %s", strings.Join(c.Args, " "))
	}
	if err != nil {
		fmt.Fprintln(c.Stdout, errorAt(Pos{File: f.Name}, "%v", err))
		return 1
	}
	checker := Checker{Directives: c.Directives, InTree: c.InTree, Timeout: patience}
	found := checker.Check(f)
	for _, d := range found {
		fmt.Fprintln(c.Stdout, d)
	}
	if !Good(found) {
		return 1
	}
	fmt.Fprintf(c.Stdout, "%s: ok\n", f.Name)
	return 0
}

// read returns the Corefile that is to be checked, with a name in any case.
func (c Command) read() (f Corefile, err error) {
	switch c.Conf {
	case "stdin", "-":
		f.Name, f.Path = "stdin", c.Stdin.Name()
		f.Text, err = io.ReadAll(c.Stdin)
		return f, err
	case "":
		f.Path = caddy.DefaultConfigFile
	default:
		f.Path = c.Conf
	}
	f.Name = f.Path
	f.Text, err = os.ReadFile(filepath.Clean(f.Path))
	if err != nil && c.Conf == "" {
		err = fmt.Errorf("%w; name another file with -conf", err)
	}
	return f, err
}
