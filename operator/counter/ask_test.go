// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestLastLook finds answers that came in time and were not seen in time: who
// counts did not get the processor.
func TestLastLook(t *testing.T) {
	t.Run("udp", func(t *testing.T) {
		server, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = server.Close() }()
		q := new(dns.Msg).SetQuestion("a.example.org.", dns.TypeA)
		answered := make(chan error, 1)
		go func() { answered <- answerOnce(server) }()
		c, err := net.Dial("udp", server.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		conn := &dns.Conn{Conn: c}
		if err := conn.WriteMsg(q); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Unix(1, 0)) // long ago
		m, err := fresh{network: "udp"}.receive(conn, q)
		if m != nil || !timedOut(err) {
			t.Fatalf("the time is over, but it reads %v, %v", m, err)
		}
		if m, err := (fresh{network: "udp"}).patiently(conn, q); err != nil || m.Id != q.Id {
			t.Errorf("got %v, %v", m, err)
		}
	})
	t.Run("udp-sticky", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 { // where both are there, select chooses any
			w := wait{answer: make(chan *dns.Msg, 1)}
			w.answer <- new(dns.Msg)
			if m, err := w.await(ctx); m == nil || err != nil {
				t.Fatalf("got %v, %v", m, err)
			}
		}
		if m, err := (wait{answer: make(chan *dns.Msg)}).await(ctx); m != nil || err == nil {
			t.Errorf("nothing came, but it has %v, %v", m, err)
		}
	})
}

// answerOnce answers one question.
func answerOnce(server net.PacketConn) error {
	text := make([]byte, dns.MinMsgSize)
	n, from, err := server.ReadFrom(text)
	if err != nil {
		return err
	}
	q := new(dns.Msg)
	if err := q.Unpack(text[:n]); err != nil {
		return err
	}
	if text, err = new(dns.Msg).SetReply(q).Pack(); err == nil {
		_, err = server.WriteTo(text, from)
	}
	return err
}
