// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// tcp keeps the window full on a connection. A server that closes it gets a new one.
func (s *socket) tcp(ctx context.Context) error {
	for ctx.Err() == nil {
		before := s.received()
		err := s.connection(ctx)
		// What fails because we stop is no failure, nor that a connection is closed after a while.
		if err != nil && ctx.Err() == nil && s.received() == before {
			return fmt.Errorf("asking %s by TCP: %w", s.plan.Server, err)
		}
	}
	return nil
}

func (s *socket) connection(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp4", s.plan.Server.String())
	if err != nil {
		return err
	}
	return s.converse(ctx, conn)
}

func (s *socket) received() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts.Received
}

func (s *socket) converse(ctx context.Context, conn net.Conn) error {
	defer closeWith(ctx, conn)()
	in := bufio.NewReaderSize(conn, 64<<10)
	buf, response := make([]byte, queryMax), make([]byte, responseMax)
	var pending []byte
	for range s.plan.Window {
		pending = s.frame(pending, buf)
	}
	for {
		if _, err := conn.Write(pending); err != nil {
			return err
		}
		pending = pending[:0]
		_ = conn.SetReadDeadline(time.Now().Add(2 * patience))
		for more := true; more; more = in.Buffered() > 0 {
			n, err := readFrame(in, response)
			if err != nil {
				return err
			}
			var c Counts
			c.count(response[:n])
			s.tally(c)
			pending = s.frame(pending, buf)
		}
	}
}

// frame appends the next query with its length. The order of responses is
// that of the queries, so that all ids may be the same.
func (s *socket) frame(to, buf []byte) []byte {
	n := s.fill(buf, 1)
	to = binary.BigEndian.AppendUint16(to, uint16(n))
	return append(to, buf[:n]...)
}

func readFrame(in *bufio.Reader, buf []byte) (int, error) {
	var head [2]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(head[:]))
	if n < 12 {
		return 0, fmt.Errorf("a response of %d bytes", n)
	}
	_, err := io.ReadFull(in, buf[:n])
	return n, err
}
