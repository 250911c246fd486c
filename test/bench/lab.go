// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/apiserver"
	"github.com/clusterdns/clusterdns/test/bench/internal/proc"
	"github.com/clusterdns/clusterdns/test/bench/internal/world"
)

// A lab is an API server with the world in it, and the servers that were
// started for it so far.
type lab struct {
	bench   *bench
	world   world.World
	dir     string
	source  source
	control *controlPlane     // nil if the objects are in
	fake    *apiserver.Server // this
	servers map[string]*server
}

// theLab starts the lab when it is first needed.
func (b *bench) theLab(ctx context.Context) (*lab, error) {
	if b.lab != nil {
		return b.lab, nil
	}
	dir, err := os.MkdirTemp(b.cache, "lab-")
	if err != nil {
		return nil, err
	}
	l := &lab{bench: b, world: world.New(b.world), dir: dir, servers: map[string]*server{}}
	l.source = source{pods: "insecure", upstream: b.upstream.addr}
	b.lab = l
	if b.size == "L" && !b.real {
		l.fake = apiserver.New()
		b.say("putting %d Services into test/apiserver", b.world.Services)
		l.fake.Replace(world.AsStored(l.world.Objects())...)
		l.source.api = endpoint(l.fake.URL())
	} else {
		if l.control, err = startControlPlane(ctx, b, dir); err != nil {
			return nil, err
		}
		if err := l.control.load(ctx, b, l.world); err != nil {
			return nil, err
		}
		l.source.api = kubeconfig(l.control.Kubeconfig)
	}
	return l, l.writeZones()
}

func (l *lab) writeZones() error {
	for name, write := range map[string]func(*os.File) error{
		"cluster.local.zone":   func(f *os.File) error { return l.world.WriteZone(f) },
		"10.in-addr.arpa.zone": func(f *os.File) error { return l.world.WriteReverseZone(f) },
	} {
		f, err := os.Create(filepath.Join(l.dir, name))
		if err != nil {
			return err
		}
		if err := write(f); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// get returns a running server of the kind that answers, tied to one processor.
func (l *lab) get(ctx context.Context, k kind) (*server, error) {
	if s := l.servers[k.name]; s != nil {
		return s, s.ended()
	}
	s, err := l.bench.start(k, launch{dir: l.dir, source: l.source, cores: l.bench.serverCores})
	if err != nil {
		return nil, err
	}
	l.servers[k.name] = s
	timed, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for _, svc := range []world.Service{l.world.Services[0], l.world.Headless[0]} {
		if _, err := s.await(timed, question(svc.FQDN()), l.right(k, svc)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func question(name string) *dns.Msg { return new(dns.Msg).SetQuestion(name, dns.TypeA) }

// right tells the answer for a Service from others.
func (l *lab) right(k kind, svc world.Service) func(*dns.Msg) bool {
	if k.plugin == "whoami" {
		return func(m *dns.Msg) bool { return m.Rcode == dns.RcodeSuccess }
	}
	want := len(svc.Endpoints)
	if svc.ClusterIP.IsValid() {
		want = 1
	}
	return func(m *dns.Msg) bool {
		// NSD and Knot leave a truncated answer empty.
		return m.Rcode == dns.RcodeSuccess && (len(m.Answer) == want || m.Truncated)
	}
}

// apart ties all that is not a server to other processors, or lets it go again.
func (b *bench) apart(cores []int) error {
	pids := []int{os.Getpid()}
	if b.lab != nil && b.lab.control != nil {
		pids = append(pids, proc.Tree(b.lab.control.cmd.Process.Pid)...)
	}
	if err := proc.Pin(pids, cores); err != nil {
		return fmt.Errorf("keeping the server's processor free: %w", err)
	}
	return nil
}

func (l *lab) stop() {
	for _, s := range l.servers {
		s.stop()
	}
	if l.control != nil {
		l.control.stop()
	}
	if l.fake != nil {
		l.fake.Close()
	}
	_ = os.RemoveAll(l.dir)
}
