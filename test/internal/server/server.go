// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package server runs CoreDNS in the process of a test, on real sockets.
package server

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/prometheus/client_golang/prometheus"
)

// A Server is a running CoreDNS.
type Server struct {
	UDP, TCP string // addresses

	port     string
	instance *caddy.Instance
}

// starting guards what caddy keeps for the whole process.
var starting sync.Mutex

func init() {
	caddy.Quiet = true
	dnsserver.Quiet = true
	if at := slices.Index(dnsserver.Directives, "k8s_external"); !slices.Contains(dnsserver.Directives, "clusterdns") {
		dnsserver.Directives = slices.Insert(dnsserver.Directives, at, "clusterdns")
	}
}

// Start starts CoreDNS with a Corefile. It has the plugins that the test links.
// Server blocks without a port share one that is free.
func Start(corefile string) (*Server, error) {
	starting.Lock()
	defer starting.Unlock()
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	i, err := caddy.Start(input(corefile, port))
	if err != nil {
		return nil, err
	}
	return newServer(i, port)
}

// freePort returns a port that nobody has, below those that the kernel gives
// to clients: a dig that happens to send from the port that it sends to answers
// itself.
func freePort() (string, error) {
	var err error
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(10000))
		if err = isFree(port); err == nil {
			return port, nil
		}
	}
	return "", fmt.Errorf("looking for a free port: %w", err)
}

func isFree(port string) error {
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	p, err := net.ListenPacket("udp", ":"+port)
	if err != nil {
		return err
	}
	return p.Close()
}

func input(corefile, port string) caddy.Input {
	dnsserver.Port = port // CoreDNS' flags, if they are linked, set another default when flags are parsed
	return caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"}
}

func newServer(i *caddy.Instance, port string) (*Server, error) {
	s := &Server{port: port, instance: i}
	for _, l := range i.Servers() {
		if a := l.LocalAddr(); a != nil && s.UDP == "" {
			s.UDP = loopback(a)
		}
		if a := l.Addr(); a != nil && s.TCP == "" {
			s.TCP = loopback(a)
		}
	}
	if s.UDP == "" || s.TCP == "" {
		_ = i.Stop()
		return nil, fmt.Errorf("the Corefile has no DNS server")
	}
	return s, nil
}

// loopback returns the address under which this machine reaches a.
func loopback(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return a.String()
}

// Reload has the server go on with another Corefile, as the reload plugin does.
func (s *Server) Reload(corefile string) error {
	starting.Lock()
	defer starting.Unlock()
	i, err := s.instance.Restart(input(corefile, s.port))
	if err != nil {
		return err
	}
	s.instance = i
	return nil
}

// Stop ends the server.
func (s *Server) Stop() error {
	starting.Lock()
	defer starting.Unlock()
	for _, err := range s.instance.ShutdownCallbacks() {
		return err
	}
	return s.instance.Stop()
}

// Metric returns the sum of all samples of a metric whose labels contain
// those given as "name=value".
func Metric(name string, labels ...string) (float64, error) {
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var have strings.Builder
			for _, l := range m.GetLabel() {
				fmt.Fprintf(&have, "\n%s=%s\n", l.GetName(), l.GetValue())
			}
			all := true
			for _, want := range labels {
				all = all && strings.Contains(have.String(), "\n"+want+"\n")
			}
			if all {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum, nil
}
