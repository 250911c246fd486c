// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"crypto/tls"

	"github.com/miekg/dns"
)

// serveDNS serves UDP and TCP.
func (s *Server) serveDNS() error {
	l, p, err := s.listenBoth(s.config.Ports.DNS)
	if err != nil {
		return err
	}
	s.addresses[UDP], s.addresses[TCP] = addrPort(p.LocalAddr()), addrPort(l.Addr())
	s.activate(&dns.Server{PacketConn: p, UDPSize: dns.MaxMsgSize, Handler: s.handler(UDP)})
	s.activate(&dns.Server{Listener: l, Handler: s.handler(TCP)})
	return nil
}

func (s *Server) serveTLS() error {
	l, err := s.listenTCP(s.config.Ports.TLS)
	if err != nil {
		return err
	}
	s.addresses[TLS] = addrPort(l.Addr())
	s.activate(&dns.Server{Listener: tls.NewListener(l, s.tls("dot")), Handler: s.handler(TLS)})
	return nil
}

// activate runs the server and returns when it can be shut down.
func (s *Server) activate(server *dns.Server) {
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	s.run(server.ActivateAndServe)
	s.stop = append(s.stop, server.Shutdown)
	<-started
}

func (s *Server) handler(t Transport) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		if r := s.answer(s.ctx, t, q); r != nil {
			_ = w.WriteMsg(r) // who asked may be gone
		}
	}
}
