// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package upstream is a DNS server on this machine that serves tests well or badly.
//
// It is not in an internal folder because tests of both the plugin and the
// operator need it. The program in cmd/upstream is the same server in a pod.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
)

// A Transport is what carries a question to a server.
type Transport string

// The transports.
const (
	UDP   Transport = "UDP"   // RFC 1035
	TCP   Transport = "TCP"   // RFC 7766, on the port of UDP
	TLS   Transport = "TLS"   // RFC 7858
	HTTPS Transport = "HTTPS" // RFC 8484, at /dns-query
	QUIC  Transport = "QUIC"  // RFC 9250
)

// Transports are all of them.
var Transports = []Transport{UDP, TCP, TLS, HTTPS, QUIC}

// ServerName is the name in the certificate unless [Config] has another.
const ServerName = "dns.example.org"

// A Config says what to serve, and where. The zero Config serves an empty root
// zone on free ports of 127.0.0.1.
type Config struct {
	Address netip.Addr // of the loopback interface unless Open; the zero Addr is 127.0.0.1
	// Open lets others ask, on any Address: only in a pod of tests.
	Open  bool
	Ports Ports
	// ServerName is in the certificate, beside the address. Empty is [ServerName].
	ServerName string
	// Zones have a SOA and NS records. The root is always one.
	Zones []string
	// Records are in the form of zone files: "a.example.org. 60 IN A 192.0.2.1".
	Records []string
	// CA signs the certificates. Without one the server makes its own.
	CA *CA
	// DemandCertificate has TLS, HTTPS and QUIC only serve clients with a
	// certificate of the CA: see [CA.Client].
	DemandCertificate bool
}

// Ports to serve on. Zero is a free one.
type Ports struct {
	DNS   uint16 // UDP and TCP
	TLS   uint16
	HTTPS uint16
	QUIC  uint16
}

// A Server is a running DNS server. Its methods are safe for concurrent use.
type Server struct {
	config   Config
	zones    *zones
	identity *identity
	seen     seen
	mode     mode

	addresses map[Transport]netip.AddrPort

	ctx     context.Context // ends with Stop, and with it what handlers wait for
	cancel  context.CancelFunc
	running sync.WaitGroup
	stop    []func() error // each ends one listener
	errs    errs
}

// Start starts a server, which is Honest. The caller stops it.
func Start(c Config) (*Server, error) {
	s, err := newServer(c)
	if err != nil {
		return nil, fmt.Errorf("making an upstream: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, serve := range []func() error{s.serveDNS, s.serveTLS, s.serveHTTPS, s.serveQUIC} {
		if err := serve(); err != nil {
			return nil, fmt.Errorf("starting an upstream: %w", errors.Join(err, s.Stop()))
		}
	}
	return s, nil
}

func newServer(c Config) (*Server, error) {
	if !c.Address.IsValid() {
		c.Address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if !c.Address.IsLoopback() && !c.Open {
		return nil, fmt.Errorf("%s is not of the loopback interface", c.Address)
	}
	if c.ServerName == "" {
		c.ServerName = ServerName
	}
	zones, err := parseZones(c.Zones, c.Records)
	if err != nil {
		return nil, err
	}
	if c.CA == nil {
		if c.CA, err = NewCA(); err != nil {
			return nil, err
		}
	}
	identity, err := newIdentity(c.CA, c.ServerName, c.Address)
	if err != nil {
		return nil, err
	}
	return &Server{config: c, zones: zones, identity: identity, addresses: map[Transport]netip.AddrPort{}}, nil
}

// Stop ends the server and returns what went wrong while it ran. Nothing of it
// is left, but for connections of HTTPS that are about to end.
func (s *Server) Stop() error {
	s.cancel()
	for _, stop := range s.stop {
		s.errs.add(stop())
	}
	s.stop = nil
	s.running.Wait()
	return s.errs.join()
}

// Address is where the server serves t.
func (s *Server) Address(t Transport) netip.AddrPort { return s.addresses[t] }

// CA is the authority that signed the certificates of the server.
func (s *Server) CA() *CA { return s.config.CA }

// run runs what serves until a function of s.stop ends it.
func (s *Server) run(serve func() error) {
	s.running.Go(func() { s.errs.add(serve()) })
}

// errs are errors of several goroutines.
type errs struct {
	mu  sync.Mutex
	all []error
}

func (e *errs) add(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, err)
}

func (e *errs) join() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(e.all...)
}
