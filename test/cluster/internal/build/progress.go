// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	terminalInterval = time.Second
	lineInterval     = 15 * time.Second
)

// progress tells how far a build is. It reads the messages of the go command
// as an io.Writer.
type progress struct {
	log      io.Writer
	name     string
	terminal bool
	begin    time.Time
	stop     chan struct{}
	stopped  chan struct{}

	mu          sync.Mutex // guards what follows
	input       collector
	packages    map[string]bool // all that the program consists of
	last        string          // the one that is compiled last
	compiled    int
	linking     bool
	downloaded  int
	diagnostics []string // messages that are not progress
	shown       bool     // a line on the terminal waits to be rewritten
}

func newProgress(log io.Writer, name string, terminal bool, now time.Time) *progress {
	p := &progress{
		log: log, name: name, terminal: terminal, begin: now,
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go p.follow()
	return p
}

func (p *progress) follow() {
	defer close(p.stopped)
	interval := lineInterval
	if p.terminal {
		interval = terminalInterval
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-tick.C:
			p.mu.Lock()
			p.show(p.line(now.Sub(p.begin)))
			p.mu.Unlock()
		}
	}
}

// close ends the reporting; it may be called after finish.
func (p *progress) close() {
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
	<-p.stopped
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprintln(p.log)
		p.shown = false
	}
}

func (p *progress) finish() {
	p.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.log, "%s: built in %s; %d of %d packages were compiled, the others came from Go's cache\n",
		p.name, time.Since(p.begin).Round(time.Second), p.compiled, len(p.packages))
}

// expect sets the packages that the program consists of, the program itself
// last. How many of them the cache already has, the go command does not tell
// beforehand.
func (p *progress) expect(packages []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.packages = make(map[string]bool, len(packages))
	for _, name := range packages {
		p.packages[name] = true
		p.last = name
	}
}

// Write implements io.Writer for what the go command says on stderr.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.input.Write(text)
	for _, line := range p.input.lines {
		p.read(line)
	}
	p.input.lines = nil
	return n, err
}

func (p *progress) read(line string) {
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		p.downloaded++
	case p.packages[line]:
		p.compiled++
		p.linking = line == p.last
	case line != "":
		p.diagnostics = append(p.diagnostics, line)
	}
}

func (p *progress) line(elapsed time.Duration) string {
	elapsed = elapsed.Round(time.Second)
	switch {
	case p.packages == nil && p.downloaded > 0:
		return fmt.Sprintf("%s: %d modules downloaded, %s", p.name, p.downloaded, elapsed)
	case p.packages == nil:
		return fmt.Sprintf("%s: looking up its packages, %s", p.name, elapsed)
	case p.linking:
		return fmt.Sprintf("%s: linking, %s", p.name, elapsed)
	}
	return fmt.Sprintf("%s: %d of at most %d packages compiled, %s", p.name, p.compiled, len(p.packages), elapsed)
}

func (p *progress) show(line string) {
	if !p.terminal {
		fmt.Fprintln(p.log, line)
		return
	}
	fmt.Fprintf(p.log, "\r\033[K%s", line)
	p.shown = true
}
