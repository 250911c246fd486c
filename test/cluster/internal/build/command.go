// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster/internal/process"
)

// command is a go command in the module. The environment stays as it is, but
// for cgo: static programs run everywhere and need no C compiler.
func (o Options) command(args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = o.Module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "PWD="+o.Module)
	return cmd
}

func (o Options) output(ctx context.Context, args ...string) (string, error) {
	var out, diagnostics bytes.Buffer
	cmd := o.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := wait(ctx, cmd); err != nil {
		return "", explain(err, args, strings.Split(diagnostics.String(), "\n"))
	}
	return out.String(), nil
}

// run runs a go command whose messages feed the progress.
func (o Options) run(ctx context.Context, p *progress, out io.Writer, args ...string) error {
	p.diagnostics = nil
	cmd := o.command(args...)
	cmd.Stdout, cmd.Stderr = out, p
	if err := wait(ctx, cmd); err != nil {
		return explain(err, args, p.diagnostics)
	}
	return nil
}

// wait runs cmd to its end. When ctx ends, the go command is asked to stop and
// with it its whole process group: it cleans up what it has begun.
func wait(ctx context.Context, cmd *exec.Cmd) error {
	if err := process.Spawn(cmd); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	group := -cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGINT)
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(group, syscall.SIGKILL)
		<-done
	}
	return context.Cause(ctx)
}

// explain adds what the go command said to how it ended.
func explain(err error, args []string, diagnostics []string) error {
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w: install Go (go.mod says which version)", err)
	}
	if !errors.As(err, &exit) {
		return err
	}
	said := strings.TrimSpace(strings.Join(diagnostics[max(0, len(diagnostics)-30):], "\n"))
	return fmt.Errorf("go %s: %w\n%s", args[0], err, said)
}

// collector gathers lines.
type collector struct {
	lines []string
	rest  []byte
}

// Write implements io.Writer.
func (c *collector) Write(text []byte) (int, error) {
	c.rest = append(c.rest, text...)
	for {
		line, rest, found := bytes.Cut(c.rest, []byte{'\n'})
		if !found {
			return len(text), nil
		}
		c.lines = append(c.lines, string(line))
		c.rest = rest
	}
}
