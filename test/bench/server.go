// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
)

// A server is a running DNS server.
type server struct {
	kind
	ports ports
	addr  netip.AddrPort
	cmd   *exec.Cmd
	log   string
	begin time.Time // when it was started
	done  chan struct{}
	err   error // how it ended; valid once done is closed
}

// launch says how to start a server.
type launch struct {
	dir    string
	source source
	cores  []int
	group  *proc.Cgroup // or nil
	env    []string
}

// start starts a server. It does not wait until it answers.
func (b *bench) start(k kind, l launch) (*server, error) {
	s := &server{kind: k, done: make(chan struct{})}
	var err error
	if s.ports, err = freePorts(); err != nil {
		return nil, err
	}
	s.addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(s.ports.DNS))
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return nil, err
	}
	if s.cmd, err = b.command(s, l); err != nil {
		return nil, err
	}
	s.log = filepath.Join(l.dir, k.name+".log")
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Env = append(append(os.Environ(), b.env(k)...), l.env...)
	// It must not outlive us, and a Ctrl-C of the terminal is ours alone.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if l.group != nil {
		l.group.Command(s.cmd)
	}
	s.begin = time.Now()
	if err := proc.Pinned(l.cores, s.cmd.Start); err != nil {
		return nil, fmt.Errorf("starting %s: %w", k.name, err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	return s, nil
}

// command writes the configuration and returns what to start.
func (b *bench) command(s *server, l launch) (*exec.Cmd, error) {
	conf := filepath.Join(l.dir, s.name+".conf")
	var text string
	var args []string
	switch s.binary {
	case nsdBinary:
		text, args = nsdConf(l.dir, s.ports), []string{"-d", "-c", conf}
	case knotBinary:
		text, args = knotConf(l.dir, s.ports), []string{"-c", conf}
	default:
		text, args = s.corefile(s.ports, l.source), []string{"-quiet", "-conf", conf}
	}
	return exec.Command(b.binaries[s.binary], args...), os.WriteFile(conf, []byte(text), 0o600)
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the server.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// ended returns an error once the server is gone.
func (s *server) ended() error {
	select {
	case <-s.done:
		return fmt.Errorf("%s ended by itself (%w)%s", s.name, errors.Join(s.err, errEnded), tail(s.log))
	default:
		return nil
	}
}

var errEnded = errors.New("it should run")

// tail is the end of a log, to be appended to an error.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	lines = lines[max(0, len(lines)-8):]
	return "; the end of its log:\n    " + strings.Join(lines, "\n    ")
}

// await asks until the answer is good, and returns when that was.
func (s *server) await(ctx context.Context, q *dns.Msg, good func(*dns.Msg) bool) (time.Time, error) {
	p, err := newProber(s.addr, q)
	if err != nil {
		return time.Time{}, err
	}
	defer p.close()
	for ctx.Err() == nil {
		if err := s.ended(); err != nil {
			return time.Time{}, err
		}
		if m := p.ask(500 * time.Millisecond); m != nil && good(m) {
			return time.Now(), nil
		}
		time.Sleep(time.Millisecond)
	}
	return time.Time{}, fmt.Errorf("%s does not answer %s as it should: %w%s", s.name, q.Question[0].Name, context.Cause(ctx), tail(s.log))
}

// freePorts returns ports that are free in UDP and TCP. They lie below those
// that the system gives to outgoing connections.
func freePorts() (ports, error) {
	var free []int
	for range 1000 {
		port := 20_000 + rand.IntN(12_000)
		if slices.Contains(free, port) {
			continue
		}
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp4", addr)
		if err != nil {
			continue
		}
		p, err := net.ListenPacket("udp4", addr)
		_ = l.Close()
		if err != nil {
			continue
		}
		_ = p.Close()
		if free = append(free, port); len(free) == 5 {
			return ports{free[0], free[1], free[2], free[3], free[4]}, nil
		}
	}
	return ports{}, errors.New("found no free ports")
}
