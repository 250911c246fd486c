// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/quic-go/quic-go"
)

// Error codes of RFC 9250 section 4.3.
const (
	doqNoError          = 0
	doqRequestCancelled = 3
)

func (x *exchange) quic(ctx context.Context) error {
	x.query.Id = 0 // RFC 9250 section 4.2.1
	socket, err := dial(ctx, "udp", x.target.Address)
	if err != nil {
		return err
	}
	defer func() { _ = socket.Close() }()
	transport := &quic.Transport{Conn: peer{socket}}
	defer func() { _ = transport.Close() }()
	conn, err := transport.Dial(ctx, socket.RemoteAddr(), x.config("doq"), patient(ctx))
	if err != nil {
		return fmt.Errorf("QUIC handshake: %w", err)
	}
	defer func() { _ = conn.CloseWithError(doqNoError, "") }()
	return x.overQUIC(ctx, conn)
}

// patient has nothing but ctx end a connection. Only we open streams on it.
func patient(ctx context.Context) *quic.Config {
	end, _ := ctx.Deadline()
	left := max(time.Until(end), time.Millisecond) // to quic-go, zero is its own default
	return &quic.Config{HandshakeIdleTimeout: left, MaxIdleTimeout: left, MaxIncomingStreams: -1, MaxIncomingUniStreams: -1}
}

// overQUIC asks on a stream that is for this question alone.
func (x *exchange) overQUIC(ctx context.Context, conn *quic.Conn) error {
	message, err := frame(x.query)
	if err != nil {
		return err
	}
	sent := time.Now()
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return fmt.Errorf("opening a stream: %w", err)
	}
	defer context.AfterFunc(ctx, func() {
		stream.CancelWrite(doqRequestCancelled)
		stream.CancelRead(doqRequestCancelled)
	})()
	if _, err := stream.Write(message); err != nil {
		return fmt.Errorf("sending the question: %w", err)
	}
	if err := stream.Close(); err != nil { // there is one question: RFC 9250 section 4.2
		return fmt.Errorf("sending the question: %w", err)
	}
	if message, err = readFrame(stream); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return x.accept(message, sent)
}

// peer is a socket that is connected to the one server we talk to. The kernel
// tells such a socket that nobody listens there, where another would only wait.
type peer struct{ net.Conn }

func (p peer) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := p.Read(b)
	return n, p.RemoteAddr(), err
}

func (p peer) WriteTo(b []byte, _ net.Addr) (int, error) { return p.Write(b) }

// SetReadBuffer and SetWriteBuffer have quic-go neither enlarge the buffers,
// which one question does not need, nor log that it could not.

func (peer) SetReadBuffer(int) error { return nil }

func (peer) SetWriteBuffer(int) error { return nil }
