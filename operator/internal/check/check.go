// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package check asks the program of the DNS servers whether a Corefile is good.
package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/clusterdns/clusterdns/corefile"
)

// A Finding is what the program says about a line.
type Finding struct {
	// Line of the Corefile, from 1; 0 is the whole.
	Line int
	// Note is a remark: the Corefile is good.
	Note    bool
	Message string
}

// String returns the finding as "line N: message".
func (f Finding) String() string {
	text := f.Message
	if f.Note {
		text = "note: " + text
	}
	if f.Line > 0 {
		return fmt.Sprintf("line %d: %s", f.Line, text)
	}
	return text
}

// A Program is one that has -check.
type Program struct {
	// Path of the program.
	Path string
	// Timeout of a check. Zero is 40 s: the program itself gives up after 30.
	Timeout time.Duration
}

// ErrProgram says that the program could not be asked: nothing is known about
// the Corefile.
var ErrProgram = errors.New("the Corefile could not be checked")

// Check returns what the program says about a Corefile, and whether it would
// serve it. files are those that the Corefile names, by path; certificates that
// are not among them are others that only have their form.
func (p Program) Check(ctx context.Context, text string, files map[string][]byte) (found []Finding, good bool, err error) {
	dir, err := os.MkdirTemp("", "clusterdns-check-")
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrProgram, err)
	}
	defer os.RemoveAll(dir)
	text, err = relocate(text, dir, files)
	if err != nil {
		return nil, false, err
	}
	out, code, err := p.run(ctx, dir, text)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrProgram, err)
	}
	found = findings(strings.ReplaceAll(out, dir, ""))
	if code != 0 && len(found) == 0 {
		return nil, false, fmt.Errorf("%w: %s ended with status %d: %s", ErrProgram, p.Path, code, strings.TrimSpace(out))
	}
	return found, code == 0, nil
}

// run starts the program in a folder of its own and without our environment,
// which has secrets that {$NAME} could name.
func (p Program) run(ctx context.Context, dir, text string) (out string, code int, err error) {
	timeout := p.Timeout
	if timeout == 0 {
		timeout = 40 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	path, err := filepath.Abs(p.Path)
	if err != nil {
		return "", 0, err
	}
	cmd := exec.CommandContext(ctx, path, "-check", "-conf", "-") //nolint:gosec // the program is named by whoever starts us
	cmd.Dir, cmd.Env = dir, []string{"PATH=/nonexistent"}
	cmd.Stdin = strings.NewReader(text)
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", 0, fmt.Errorf("%s did not end within %s", p.Path, timeout)
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return all.String(), exit.ExitCode(), nil
	case err != nil:
		return "", 0, err
	}
	return all.String(), 0, nil
}

var line = regexp.MustCompile(`^[^ ]*?(?::(\d+))?: (note: )?(.*)$`)

// findings reads what the program printed.
func findings(out string) []Finding {
	var found []Finding
	for text := range strings.Lines(out) {
		m := line.FindStringSubmatch(strings.TrimSpace(text))
		if m == nil || m[3] == "ok" {
			continue
		}
		n, _ := strconv.Atoi(m[1])
		found = append(found, Finding{n, m[2] != "", m[3]})
	}
	return found
}

// relocate returns the Corefile with its files in dir, where it writes them. The
// lines stay the same.
func relocate(text, dir string, files map[string][]byte) (string, error) {
	f, err := corefile.Parse(text)
	if err != nil {
		return "", err
	}
	var failed error
	corefile.Walk(f, func(n corefile.Node) bool {
		d, ok := n.(*corefile.Directive)
		if !ok || failed != nil {
			return failed == nil
		}
		args := d.Values()
		for i, a := range args {
			if content, ok := content(a, d, files); ok {
				args[i] = filepath.Join(dir, filepath.FromSlash(a))
				failed = errors.Join(failed, write(args[i], content))
			}
		}
		failed = errors.Join(failed, d.SetArgs(args...))
		return true
	})
	if failed != nil {
		return "", fmt.Errorf("%w: %w", ErrProgram, failed)
	}
	return corefile.Format(f), nil
}

// content returns what is in a file that a directive names.
func content(path string, d *corefile.Directive, files map[string][]byte) ([]byte, bool) {
	if content, ok := files[path]; ok {
		return content, true
	}
	if d.Name.Value() != "tls" || !strings.HasPrefix(path, "/") {
		return nil, false
	}
	if _, err := os.Stat(path); err == nil {
		return nil, false
	}
	certificate, key := sample()
	if strings.HasSuffix(path, ".key") {
		return key, true
	}
	return certificate, true
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}
