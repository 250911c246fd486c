// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// often is how often a long build says how far it is.
const often = 15 * time.Second

// A progress takes the messages of go build -v, counts the packages, and passes
// on what else it says. Without it a build is silent for minutes.
type progress struct {
	out   io.Writer
	start time.Time
	done  chan struct{}
	ended sync.WaitGroup

	mu       sync.Mutex
	packages int
	rest     []byte // of a line whose end is not here yet
}

func startProgress(out io.Writer, what string) *progress {
	p := &progress{out: out, start: time.Now(), done: make(chan struct{})}
	fmt.Fprintf(out, "building %s (minutes the first time, seconds later)\n", what)
	p.ended.Go(p.tick)
	return p
}

func (p *progress) tick() {
	ticker := time.NewTicker(often)
	defer ticker.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-ticker.C:
			p.mu.Lock()
			fmt.Fprintf(p.out, "  %d packages, %.0f s\n", p.packages, time.Since(p.start).Seconds())
			p.mu.Unlock()
		}
	}
}

// Write implements io.Writer.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest = append(p.rest, text...)
	for {
		line, rest, whole := bytes.Cut(p.rest, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		p.rest = rest
		p.line(string(line))
	}
}

// line takes one: the path of a package has neither a space nor a colon.
func (p *progress) line(text string) {
	if strings.ContainsAny(text, " :") {
		fmt.Fprintln(p.out, text)
		return
	}
	p.packages++
}

func (p *progress) stop(err error) {
	close(p.done)
	p.ended.Wait()
	if len(p.rest) > 0 {
		p.line(string(p.rest))
	}
	if err == nil {
		fmt.Fprintf(p.out, "  built in %.0f s\n", time.Since(p.start).Seconds())
	}
}
