// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/clusterdns/clusterdns/test/bench/internal/journal"
	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
	"github.com/clusterdns/clusterdns/test/bench/internal/report"
)

// A bench is one run of the program.
type bench struct {
	options
	scale
	repo, cache string
	out, err    io.Writer
	begin       time.Time
	binaries    map[prog]string
	facts       report.Facts
	journal     *journal.Journal

	serverCores, otherCores, allCores []int
	upstream                          *upstream
	lab                               *lab // nil until a phase needs the API server
}

// phases are the parts of a run, in their order.
var phases = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"allocs", (*bench).allocs},
	{"mix", (*bench).mixes},
	{"max", (*bench).maxima},
	{"propagation", (*bench).propagation},
	{"tail", (*bench).tails},
	{"overload", (*bench).overloads},
	{"ready", (*bench).readiness},
	{"bytes", (*bench).bytes},
	{"memory", (*bench).memories},
	{"limit", (*bench).limits},
}

func phaseNames() []string {
	// Not from phases, which refer to what parses options.
	return []string{"allocs", "mix", "max", "propagation", "tail", "overload", "ready", "bytes", "memory", "limit"}
}

// run is the program without its command line.
func run(ctx context.Context, opts options, stdout, stderr io.Writer) error {
	repo, err := findRepository()
	if err != nil {
		return err
	}
	if opts.report {
		return report.Write(repo)
	}
	b := &bench{options: opts, scale: opts.scale(), repo: repo, out: stdout, err: stderr, begin: time.Now()}
	b.cache = filepath.Join(repo, ".cache", "bench")
	if err := os.MkdirAll(b.cache, 0o755); err != nil {
		return err
	}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer b.close()
	if err := b.measure(ctx); err != nil {
		return err // the page stays as it was
	}
	return b.finish()
}

func (b *bench) prepare(ctx context.Context) (err error) {
	b.allCores = proc.Cores()
	if len(b.allCores) < 2 {
		return errors.New("needs two processors: one for the server and one for all else")
	}
	b.serverCores, b.otherCores = b.allCores[:1], b.allCores[1:2]
	if err := b.findBinaries(ctx); err != nil {
		return err
	}
	if b.facts, err = b.machine(ctx); err != nil {
		return err
	}
	if b.journal, err = b.openJournal(); err != nil {
		return err
	}
	b.upstream, err = startUpstream()
	return err
}

// openJournal opens what an earlier run of the same programs has measured.
func (b *bench) openJournal() (*journal.Journal, error) {
	name := b.size
	if b.quick {
		name += "-quick"
	}
	if b.noisy {
		name += "-noisy" // not to be taken for the record later
	}
	path := filepath.Join(b.cache, name+".journal")
	if b.fresh {
		if err := os.RemoveAll(path); err != nil {
			return nil, err
		}
	}
	subject, err := b.subject()
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(path, subject)
	if errors.Is(err, journal.ErrOther) {
		b.say("the programs have changed since %s was measured: beginning anew, the old one is kept beside it", filepath.Base(path))
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
		return journal.Open(path, subject)
	}
	if err == nil && len(j.Records()) > 0 {
		b.say("going on after %d measurements of an earlier run; --fresh forgets them", len(j.Records()))
	}
	return j, err
}

// subject is what must be the same for measurements to be put together.
func (b *bench) subject() (string, error) {
	same := b.scale
	same.rounds = 0 // more of them are welcome
	all := []string{b.size, fmt.Sprintf("%+v", same)}
	for _, name := range []prog{stockBinary, ourBinary} {
		f, err := os.Open(b.binaries[name])
		if err != nil {
			return "", err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		_ = f.Close()
		if err != nil {
			return "", err
		}
		all = append(all, hex.EncodeToString(h.Sum(nil)[:8]))
	}
	return strings.Join(all, " "), nil
}

func (b *bench) measure(ctx context.Context) error {
	for _, p := range phases {
		if !b.wants(p.name) {
			continue
		}
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// finish shows and writes what there is.
func (b *bench) finish() error {
	run := report.Run{Facts: b.facts, Records: b.journal.Records()}
	if len(run.Records) == 0 {
		return nil
	}
	fmt.Fprint(b.out, "\n", run.Tables())
	if !b.save {
		return nil
	}
	if err := run.Save(b.repo); err != nil {
		return err
	}
	return report.Write(b.repo)
}

func (b *bench) close() {
	if b.lab != nil {
		b.lab.stop()
	}
	if b.upstream != nil {
		b.upstream.stop()
	}
	_ = b.journal.Close() // every record is written already
}

// say shows progress.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.err, "[%s] %s\n", time.Since(b.begin).Truncate(time.Second), fmt.Sprintf(format, args...))
}

// findRepository returns the root of the repository that we are in.
func findRepository() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module github.com/clusterdns/clusterdns\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not in the clusterdns repository: run \"make bench\" there", start)
		}
	}
}
