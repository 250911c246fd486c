// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/miekg/dns"
)

// udp asks, and asks again when half of the time is over without an answer. The
// answer to either will do.
func (x *exchange) udp(ctx context.Context) error {
	conn, err := dial(ctx, "udp", x.target.Address)
	if err != nil {
		return err
	}
	defer closeOnDone(ctx, conn)()
	end, _ := ctx.Deadline()
	half := time.Now().Add(time.Until(end) / 2)
	sent := map[uint16]time.Time{}
	if err = x.attempt(conn, half, sent); errors.Is(err, os.ErrDeadlineExceeded) {
		err = x.attempt(conn, end, sent)
	}
	return err
}

// attempt sends the question with a new ID and waits until the time until.
func (x *exchange) attempt(conn net.Conn, until time.Time, sent map[uint16]time.Time) error {
	x.query.Id = dns.Id()
	message, err := x.query.Pack()
	if err != nil {
		return fmt.Errorf("packing the question: %w", err)
	}
	if err := conn.SetReadDeadline(until); err != nil {
		return fmt.Errorf("sending the question: %w", err)
	}
	sent[x.query.Id] = time.Now()
	if _, err := conn.Write(message); err != nil {
		return fmt.Errorf("sending the question: %w", err)
	}
	return x.receive(conn, sent)
}

// receive reads until the answer. Anybody can send us a datagram: what is no
// answer is left aside (RFC 5452 section 9.1) and only told if nothing else comes.
func (x *exchange) receive(conn net.Conn, sent map[uint16]time.Time) error {
	buffer := make([]byte, dns.MaxMsgSize)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		if x.aside = x.acceptAny(buffer[:n], sent); x.aside == nil {
			return nil
		}
	}
}

// acceptAny takes a message for the answer if it is that to one of the
// questions that were sent, by their IDs.
func (x *exchange) acceptAny(message []byte, sent map[uint16]time.Time) error {
	for id, at := range sent {
		if len(message) >= 2 && binary.BigEndian.Uint16(message) == id {
			x.query.Id = id
			return x.accept(message, at)
		}
	}
	return malformedf("it has another ID")
}
