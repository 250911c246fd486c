// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package server runs CoreDNS in the process of a test, on real sockets.
package server

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/prometheus/client_golang/prometheus"
)

// A Server is a running CoreDNS.
type Server struct {
	UDP, TCP string // addresses

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
	i, err := caddy.Start(input(corefile))
	if err != nil {
		return nil, err
	}
	return newServer(i)
}

func input(corefile string) caddy.Input {
	// For server blocks that name no port: any that is free. CoreDNS' flags, if
	// they are linked, set another default when flags are parsed.
	dnsserver.Port = "0"
	return caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"}
}

func newServer(i *caddy.Instance) (*Server, error) {
	s := &Server{instance: i}
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
	i, err := s.instance.Restart(input(corefile))
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
