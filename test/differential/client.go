// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// A Client asks one server, over connections that it keeps.
type Client struct {
	addrs map[string]string // by network
	conns map[way]*dns.Conn
}

// A way is how a question goes to a server: over which network, and from which
// address if that is not any.
type way struct {
	network string
	from    netip.Addr
}

// NewClient returns a client of a server.
func NewClient(udp, tcp string) *Client {
	return &Client{addrs: map[string]string{"udp": udp, "tcp": tcp}, conns: make(map[way]*dns.Conn)}
}

// Close closes the connections.
func (c *Client) Close() {
	for w := range c.conns {
		c.drop(w)
	}
}

func (c *Client) drop(w way) {
	_ = c.conns[w].Close()
	delete(c.conns, w)
}

// Ask asks q.
func (c *Client) Ask(q Question) (*Response, error) {
	w := way{"udp", q.From}
	if q.TCP {
		w.network = "tcp"
	}
	r, err := c.ask(q, w)
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) { // it was idle for too long
		c.drop(w)
		r, err = c.ask(q, w)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q, err)
	}
	return r, nil
}

func (c *Client) ask(q Question, w way) (*Response, error) {
	conn, err := c.dial(w)
	if err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	m.SetQuestion(q.Name, q.Type)
	m.Question[0].Qclass = q.Class
	if q.Size > 0 {
		m.SetEdns0(q.Size, q.DO)
	}
	if err := conn.WriteMsg(m); err != nil {
		return nil, err
	}
	r, err := c.read(conn, m, soon)
	if err == nil || !isTimeout(err) {
		return r, err
	}
	if q.TCP {
		return c.probe(m, w)
	}
	over := q
	over.TCP = true
	if r, err := c.Ask(over); err != nil || r.Rcode == silent {
		return r, err
	}
	return c.read(conn, m, patience) // it is only late
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func (c *Client) dial(w way) (*dns.Conn, error) {
	if conn := c.conns[w]; conn != nil {
		return conn, nil
	}
	d := net.Dialer{Timeout: patience}
	switch {
	case !w.from.IsValid():
	case w.network == "udp":
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(w.from, 0))
	default:
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(w.from, 0))
	}
	socket, err := d.Dial(w.network, c.addrs[w.network])
	if err != nil {
		return nil, err
	}
	conn := &dns.Conn{Conn: socket, UDPSize: dns.MaxMsgSize}
	c.conns[w] = conn
	return conn, nil
}

const (
	// patience is how long to wait for what must happen.
	patience = 20 * time.Second
	// soon is when an answer should be there, if there is one.
	soon = 100 * time.Millisecond
)

// The response codes of what is no response.
const (
	silent     = "SILENT"     // the server writes nothing
	unreadable = "UNREADABLE" // what it writes is no DNS message
)

// probe asks m once more, to find out whether it has a response at all: stock
// is silent where it cannot write what it found. Over TCP queries are answered
// in turn, so a response to the next one says that this one has none. It takes
// another connection: a response may have been read in part.
func (c *Client) probe(m *dns.Msg, w way) (*Response, error) {
	c.drop(w)
	conn, err := c.dial(w)
	if err != nil {
		return nil, err
	}
	next := new(dns.Msg)
	next.SetQuestion("probe.invalid.", dns.TypeA)
	if err := errors.Join(conn.WriteMsg(m), conn.WriteMsg(next)); err != nil {
		return nil, err
	}
	r, err := c.read(conn, m, patience)
	if err == nil && r.Rcode != silent {
		_, err = c.read(conn, next, patience)
	}
	return r, err
}

// read reads the next response. If it is not one to m, m has none.
func (c *Client) read(conn *dns.Conn, m *dns.Msg, wait time.Duration) (*Response, error) {
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	b, err := conn.ReadMsgHeader(nil)
	if err != nil {
		return nil, err
	}
	return parseMsg(b, m.Id), nil
}

// parseMsg reads the response to the query with that id.
func parseMsg(b []byte, id uint16) *Response {
	m := new(dns.Msg)
	readable := m.Unpack(b) == nil
	switch {
	case m.Id != id:
		return &Response{Rcode: silent}
	case !readable:
		return &Response{Rcode: unreadable}
	}
	return NewResponse(m)
}

// A Pair is our plugin and stock's, asked the same.
type Pair struct {
	Clients [2]*Client // ours and stock's
	View    *View
	// Clean is stock that was given the objects without Faults. It is nil if there are none.
	Clean  *Client
	Faults []Fault
}

// Compare asks both and returns how they differ. If there are malformed
// objects, it tells two differences apart: that of ours from stock without
// them, and what they change in stock.
func (p *Pair) Compare(q Question) ([]*Difference, error) {
	if p.Clean == nil {
		d, err := p.compare(q, p.Clients[ours], p.Clients[stock])
		return some(d), err
	}
	q.TCP = true
	d, err := p.compare(q, p.Clients[ours], p.Clean)
	if err != nil || q.Class == dns.ClassCHAOS || q.Class == dns.ClassHESIOD {
		return some(d), err
	}
	m, err := p.compare(q, p.Clean, p.Clients[stock])
	if err != nil || m == nil {
		return some(d), err
	}
	m.Clean, m.Malformed = m.Ours, concerned(p.Faults, m.Facts)
	if m.Ours, err = p.Clients[ours].Ask(m.Question); err != nil {
		return nil, err
	}
	return append(some(d), m), nil
}

func some(d *Difference) []*Difference {
	if d == nil {
		return nil
	}
	return []*Difference{d}
}

// compare returns how a and b differ, or nil. An answer that was cut stands for
// the whole one, which TCP brings: which records are left after cutting is free.
func (p *Pair) compare(q Question, a, b *Client) (*Difference, error) {
	d, err := p.difference(q, a, b)
	if err != nil || d == nil || q.TCP || !d.Ours.Truncated() && !d.Stock.Truncated() {
		return d, err
	}
	q = d.Question // maybe that of the end of a chain
	q.TCP = true
	whole, err := p.difference(q, a, b)
	if err != nil || whole == nil && d.Ours.Truncated() != d.Stock.Truncated() {
		return d, err
	}
	for _, cut := range []struct {
		*Response
		of *Client
	}{{d.Ours, a}, {d.Stock, b}} {
		full, err := cut.of.Ask(q)
		if err != nil || cut.Truncated() && !cut.within(full) {
			return d, err
		}
	}
	return whole, nil
}

func (p *Pair) difference(q Question, a, b *Client) (*Difference, error) {
	ra, err := a.Ask(q)
	if err != nil {
		return nil, err
	}
	if a == p.Clients[ours] && (ra.Rcode == silent || ra.Rcode == unreadable) {
		return nil, fmt.Errorf("%s: our answer is %s", q, ra.Rcode)
	}
	rb, err := b.Ask(q)
	if err != nil || ra.Equal(rb) {
		return nil, err
	}
	ask := func(server int, name string, qtype uint16) (*Response, error) {
		other := q
		other.Name, other.Type, other.TCP = name, qtype, true
		return []*Client{a, b}[server].Ask(other)
	}
	d := &Difference{Question: q, Facts: NewFacts(p.View, q.Name), Ours: ra, Stock: rb, Ask: ask}
	if target, ok := d.Alias(); ok && followed(d, target) {
		q.Name = target
		end, err := p.difference(q, a, b)
		if end != nil || err != nil {
			return end, err
		}
	}
	return d, nil
}

// followed reports whether both answer the alias at the name with its target
// and what they answer for that: then they differ there and not here.
func followed(d *Difference, target string) bool {
	for server, r := range []*Response{d.Ours, d.Stock} {
		end, err := d.Ask(server, target, d.Type)
		if err != nil || r.Rcode != end.Rcode || !equal(r.Answer, normal(append([]dns.RR{cname(d, target)}, end.Answer...))) {
			return false
		}
	}
	return true
}
