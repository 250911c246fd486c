// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"
)

func (s *Server) serveQUIC() error {
	p, err := s.listenUDP(s.config.Ports.QUIC)
	if err != nil {
		return err
	}
	s.addresses[QUIC] = addrPort(p.LocalAddr())
	transport := &quic.Transport{Conn: p}
	l, err := transport.Listen(s.tls("doq"), nil)
	if err != nil {
		return errors.Join(err, p.Close())
	}
	s.stop = append(s.stop, func() error { return errors.Join(transport.Close(), p.Close()) })
	s.run(func() error {
		s.accept(l)
		return nil
	})
	return nil
}

// accept serves connections until Stop.
func (s *Server) accept(l *quic.Listener) {
	for {
		conn, err := l.Accept(s.ctx)
		if err != nil {
			return
		}
		s.running.Go(func() { s.serveConn(conn) })
	}
}

// serveConn serves the streams of a connection until one of both sides closes it.
func (s *Server) serveConn(conn *quic.Conn) {
	for {
		stream, err := conn.AcceptStream(s.ctx)
		if err != nil {
			_ = conn.CloseWithError(0, "")
			return
		}
		s.running.Go(func() { s.serveStream(stream) })
	}
}

// serveStream answers the question of a stream, which ends with the answer (RFC
// 9250 section 4.2). Without an answer it stays open.
func (s *Server) serveStream(stream *quic.Stream) {
	message, err := readQuestion(stream)
	if err != nil {
		stream.CancelWrite(1) // DOQ_INTERNAL_ERROR
		return
	}
	q := new(dns.Msg)
	if err := q.Unpack(message); err != nil {
		stream.CancelWrite(1)
		return
	}
	r := s.answer(stream.Context(), QUIC, q)
	if r == nil {
		return
	}
	if message, err = r.Pack(); err == nil {
		_, _ = stream.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)) // who asked may be gone
	}
	_ = stream.Close()
}

// readQuestion reads a message after its length, and the end of the stream.
func readQuestion(r io.Reader) ([]byte, error) {
	all, err := io.ReadAll(io.LimitReader(r, 2+dns.MaxMsgSize))
	if err != nil {
		return nil, err
	}
	if len(all) < 2 || int(binary.BigEndian.Uint16(all)) != len(all)-2 {
		return nil, io.ErrUnexpectedEOF
	}
	return all[2:], nil
}
