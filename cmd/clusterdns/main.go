// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command clusterdns runs the operator of a cluster's DNS, and shows what it
// does and would do. Installed as kubectl-clusterdns it is "kubectl clusterdns".
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/clusterdns/clusterdns/operator"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailed  = 1 // also: what was checked is bad
	exitUsage   = 2
	exitChanges = 3 // with plan --exit-code
)

func main() { os.Exit(program(os.Args, os.Stdin, os.Stdout, os.Stderr)) }

// program returns the exit status. What the user came for goes to out; progress
// and errors go to errs.
func program(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(called(args[0]))
	root.SetArgs(args[1:])
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	var status exitStatus
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(errs, "interrupted")
		return exitFailed
	case errors.Is(err, errUsage):
		fmt.Fprintf(errs, "error: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(errs, "error: %v\n", err)
	return exitFailed
}

// called returns how people call this program.
func called(path string) string {
	if name, plugin := strings.CutPrefix(filepath.Base(path), "kubectl-"); plugin {
		return "kubectl " + strings.ReplaceAll(name, "_", "-")
	}
	return "clusterdns"
}

// An exitStatus ends the program without another word.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

var errUsage = errors.New("usage")

func newRoot(name string) *cobra.Command {
	root := &cobra.Command{
		Use: "clusterdns", Short: "The DNS of a Kubernetes cluster",
		Long: `The DNS of a Kubernetes cluster: its operator, and commands that show what the
operator does and would do.

Exit status: 0 if all went well, 1 if something failed or is bad, 2 if the
command line is wrong, 3 if plan --exit-code finds something to change.`,
		Version: operator.Version, SilenceErrors: true, SilenceUsage: true,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: name},
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w: %w; see %s --help", errUsage, err, c.CommandPath())
	})
	root.AddCommand(newRender(), newAdopt(), newCheck(), newPlan(), newStatus(), newMigrate(), newOperator(), newMeter())
	return root
}

// noArgs refuses arguments, which are mostly forgotten flags.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: %q is not expected; see %s --help", errUsage, args[0], c.CommandPath())
	}
	return nil
}
