// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// An asker carries questions to the server. It is used by many goroutines.
type asker interface {
	// exchange returns the answer, or why there is none by the end of ctx.
	exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error)
	close()
}

func (r *Run) asker(t Transport) (asker, error) {
	if t == Sticky {
		return newSticky(r.config.Server.String())
	}
	network := "udp"
	if t == TCP {
		network = "tcp"
	}
	return fresh{network: network, server: r.config.Server.String()}, nil
}

// fresh has a socket of its own for each question.
type fresh struct{ network, server string }

func (fresh) close() {}

func (f fresh) exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, f.network, f.server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // there is nothing to lose
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline) // of an open connection it does not fail
	}
	conn := &dns.Conn{Conn: c, UDPSize: dns.MaxMsgSize}
	if err := conn.WriteMsg(q); err != nil {
		return nil, err
	}
	return f.patiently(conn, q)
}

// patiently reads until the answer to q, and looks again when the time is over. Of
// an answer over TCP that came in part the rest is no answer.
func (f fresh) patiently(conn *dns.Conn, q *dns.Msg) (*dns.Msg, error) {
	m, err := f.receive(conn, q)
	if err == nil || !timedOut(err) {
		return m, err
	}
	_ = conn.SetDeadline(time.Now().Add(lastLook)) // of an open connection it does not fail
	return f.receive(conn, q)
}

// lastLook is how long to look, when the time is over, for an answer that has come
// before: who did not get the processor meanwhile has not seen it, and a server is
// not to blame for that.
const lastLook = 10 * time.Millisecond

// receive reads until the answer to q.
func (f fresh) receive(conn *dns.Conn, q *dns.Msg) (*dns.Msg, error) {
	for {
		m, err := conn.ReadMsg()
		switch {
		case err != nil && (m == nil || f.network == "tcp"):
			return nil, err
		case err == nil && answers(m, q):
			return m, nil
		}
		// What does not belong to the question does not answer it: wait on.
	}
}

// answers reports whether m is the response to q.
func answers(m, q *dns.Msg) bool {
	return m.Response && m.Id == q.Id && len(m.Question) == 1 && m.Question[0] == q.Question[0]
}

// sticky sends all questions from one socket.
type sticky struct {
	conn net.Conn
	done chan struct{} // closed when nobody reads any more

	mu      sync.Mutex
	next    uint16
	waiting map[uint16]wait
}

// wait is for the answer to one question.
type wait struct {
	question *dns.Msg
	answer   chan *dns.Msg
}

func newSticky(server string) (*sticky, error) {
	c, err := net.Dial("udp", server)
	if err != nil {
		return nil, err
	}
	s := &sticky{conn: c, done: make(chan struct{}), waiting: map[uint16]wait{}}
	go s.read()
	return s, nil
}

func (s *sticky) close() {
	_ = s.conn.Close()
	<-s.done
}

// errFull is when more questions wait than there are IDs.
var errFull = errors.New("65,535 questions wait for an answer")

func (s *sticky) exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	w := wait{question: q, answer: make(chan *dns.Msg, 1)}
	if !s.enter(w) {
		return nil, errFull
	}
	defer s.leave(q.Id)
	text, err := q.Pack()
	if err != nil {
		return nil, err
	}
	if err := s.write(text); err != nil {
		return nil, err
	}
	return w.await(ctx)
}

// await returns the answer. The end of ctx is only that if there is none.
func (w wait) await(ctx context.Context) (*dns.Msg, error) {
	select {
	case m := <-w.answer:
		return m, nil
	case <-ctx.Done():
	}
	look := time.NewTimer(lastLook)
	defer look.Stop()
	select {
	case m := <-w.answer:
		return m, nil
	case <-look.C:
		return nil, ctx.Err()
	}
}

// write sends a question. A connected socket tells in the next call that an
// earlier question was refused: then this one is not sent yet.
func (s *sticky) write(text []byte) (err error) {
	for range 3 {
		if _, err = s.conn.Write(text); err == nil {
			return nil
		}
	}
	return err
}

// enter gives the question an ID that no other has, and registers it.
func (s *sticky) enter(w wait) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 1<<16-1 {
		return false
	}
	for {
		s.next++
		if _, taken := s.waiting[s.next]; !taken {
			w.question.Id = s.next
			s.waiting[s.next] = w
			return true
		}
	}
}

func (s *sticky) leave(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
}

// read hands answers to those that wait, until the socket is closed.
func (s *sticky) read() {
	defer close(s.done)
	text := make([]byte, dns.MaxMsgSize)
	for {
		n, err := s.conn.Read(text)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		m := new(dns.Msg)
		if err != nil || m.Unpack(text[:n]) != nil {
			continue // refused, or no DNS: the question runs into its timeout
		}
		s.hand(m)
	}
}

func (s *sticky) hand(m *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.waiting[m.Id]
	if !ok || !answers(m, w.question) {
		return // too late, or of somebody else
	}
	select {
	case w.answer <- m:
	default: // the same again
	}
}

// reason says in few words why a question is lost.
func reason(err error) string {
	switch {
	case timedOut(err):
		return "timeout"
	case errors.Is(err, errRefused):
		return "refused"
	}
	return err.Error()
}

// seconds for JSON.
func seconds(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}
