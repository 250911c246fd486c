// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package check says whether CoreDNS would load a Corefile.
//
// It sets up a copy of the configuration in this process: every setup of
// every plugin runs, servers are made, and that is where it ends, before a
// startup callback, a listener or a client. In the copy the Kubernetes API
// server is one that does not answer, and names that a setup would resolve
// are 192.0.2.1.
package check

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/parse"
)

// Corefile is a configuration to check.
type Corefile struct {
	// Name is how diagnostics call it.
	Name string
	// Path is where it lies. Imports are relative to it.
	Path string
	Text []byte
}

// Checker knows the plugins of a binary.
type Checker struct {
	// Directives are the plugins of this binary, in the order of setup.
	Directives []string
	// InTree are the plugins that CoreDNS has, for better messages.
	InTree []string
	// Timeout bounds a check.
	Timeout time.Duration
}

// Check returns what there is to say about f, sorted by file and line. It is
// not safe for concurrent use, caddy keeps its state in globals, and a process
// that has served must not call it.
func (c Checker) Check(f Corefile) []Diagnostic {
	install()
	current = nil // a check that ran out of time left it
	s := &session{Checker: c, Corefile: f, copy: newRewriter()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.check()
	}()
	timeout := time.NewTimer(c.Timeout)
	defer timeout.Stop()
	select {
	case <-done:
	case <-timeout.C:
		s.report(s.hanging())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return sorted(s.found)
}

// session is one check. It outlives Check when a setup does not return, hence
// the mutex.
type session struct {
	Checker
	Corefile

	mu    sync.Mutex
	found []Diagnostic
	// directive and use are what is being set up.
	directive string
	use       Pos

	copy *rewriter
	log  capture
}

func (s *session) report(ds ...Diagnostic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = append(s.found, ds...)
}

// enter keeps what is being set up, "" for anything else.
func (s *session) enter(directive string, at Pos) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.directive, s.use = directive, at
}

// hanging is what to say when the time is over.
func (s *session) hanging() Diagnostic {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.directive == "" {
		return errorAt(Pos{File: s.Name}, "the check took longer than %v", s.Timeout)
	}
	return errorAt(s.use, "plugin/%s: setup took longer than %v", s.directive, s.Timeout)
}

// check does all the work, step by step from text to servers.
func (s *session) check() {
	defer s.log.begin()()
	f := load(s.Corefile, s.Directives, s.InTree)
	s.report(f.found...)
	if len(f.blocks) == 0 {
		if Good(f.found) {
			s.report(errorAt(Pos{s.Name, 1}, "no server block: CoreDNS would serve whoami on port 53 instead; add one with the lines . { and forward . /etc/resolv.conf and }"))
		}
		return
	}
	blocks := s.inspect(s.isolate(f.blocks))
	setups := s.rehearse(blocks)
	err := setups.run()
	s.report(setups.notes...)
	s.report(elsewhere(blocks)...)
	var placed []block
	for i, b := range blocks {
		failures := setups.found[i]
		for _, f := range failures {
			s.report(f.Diagnostic)
		}
		if !slices.ContainsFunc(failures, failure.places) {
			placed = append(placed, b)
		}
	}
	if err == nil && len(placed) == len(blocks) {
		s.report(setups.partners...)
		return
	}
	s.servers(placed)
}

// isolate returns the copy of the blocks that depends on nothing but files.
func (s *session) isolate(blocks []block) []block {
	out := make([]block, len(blocks))
	for i, b := range blocks {
		out[i] = block{keys: b.keys, uses: map[string][][]caddyfile.Token{}}
		for directive, uses := range b.uses {
			for _, use := range uses {
				out[i].uses[directive] = append(out[i].uses[directive], s.copy.rewrite(directive, use))
			}
		}
	}
	s.report(s.copy.found...)
	return out
}

func (s *session) rehearse(blocks []block) *rehearsal {
	return &rehearsal{name: s.Name, directives: s.Directives, blocks: blocks, enter: s.enter, log: &s.log}
}

// inspect reports the bad keys of blocks and puts others in their place, which
// nobody else has: the directives are worth checking too.
func (s *session) inspect(blocks []block) []block {
	out := slices.Clone(blocks)
	for i, b := range blocks {
		out[i].keys = slices.Clone(b.keys)
		for j, k := range b.keys {
			if err := k.check(); err != nil {
				s.report(errorAt(k.pos, "server block key %q: %v", k.text, err))
				out[i].keys[j].text = fmt.Sprintf("key-%d.block-%d.invalid", j, i)
			}
		}
	}
	return out
}

// check returns what CoreDNS says about a key.
func (k key) check() error {
	// Alone, (name) would define a snippet.
	keys := []key{{text: "invalid"}, k}
	text := skeleton([]block{{keys: keys}})
	parsed, err := caddyfile.Parse("", bytes.NewReader(text), nil)
	if err != nil || len(parsed) != 1 || len(parsed[0].Keys) != 2 || parsed[0].Keys[1] != k.text {
		return errors.New("not a zone")
	}
	input := caddy.CaddyfileInput{Contents: text, ServerTypeName: "dns"}
	err = caddy.ValidateAndExecuteDirectives(input, nil, true)
	if inspecting, ok := strings.CutPrefix(fmt.Sprint(err), "error inspecting server blocks: "); ok {
		return errors.New(inspecting)
	}
	_, zone := parse.Transport(k.text)
	if _, port, err := plugin.SplitHostPort(zone); err == nil && port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("%s is not a port", port)
		}
	}
	return nil
}

// places reports whether the failed directive is one that says where or for
// whom its block listens: without it the block overlaps with others for no
// reason.
func (f failure) places() bool {
	switch f.directive {
	case "bind", "multisocket", "tls", "view":
		return true
	}
	return false
}

// servers reports the blocks for which no server can be made next to those in
// front of them. MakeServers says one error and no position: the shortest run
// of blocks with an error ends with the guilty one.
func (s *session) servers(blocks []block) {
	fails := func(bs ...block) bool { return s.rehearse(bs).run() != nil }
	for len(blocks) > 0 {
		all := s.rehearse(blocks)
		if all.run() == nil {
			s.report(all.partners...)
			return
		}
		n := sort.Search(len(blocks)-1, func(n int) bool { return fails(blocks[:n+1]...) })
		guilty := []block{blocks[n]}
		if !fails(guilty...) {
			// It is good by itself: find the one that it is in conflict with.
			other := slices.IndexFunc(blocks[:n], func(b block) bool { return fails(b, blocks[n]) })
			guilty = blocks[:n+1]
			if other >= 0 {
				guilty = []block{blocks[other], blocks[n]}
			}
		}
		r := s.rehearse(guilty)
		if err := r.run(); err != nil {
			s.report(s.conflict(err, r))
		}
		blocks = slices.Delete(slices.Clone(blocks), n, n+1)
	}
}

// conflict returns the diagnostic for an error of MakeServers that the last
// block of r causes, at the key that the error names or at its first.
func (s *session) conflict(err error, r *rehearsal) Diagnostic {
	last := len(r.blocks) - 1
	b := r.blocks[last]
	at := b.at()
	for j, name := range r.names(last) {
		if j < len(b.keys) && strings.HasPrefix(err.Error(), "cannot serve "+name+" ") {
			at = b.keys[j].pos
			break
		}
	}
	msg := s.copy.original(err.Error())
	if last == 1 {
		msg += "; the other server block is at " + r.blocks[0].at().from(at)
	}
	return errorAt(at, "%s", msg)
}
