// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// TestStrays asks a server behind which others send datagrams of their own,
// before the answer.
func TestStrays(t *testing.T) {
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- answerAfterStrays(p) }()
	to := Target{Address: netip.MustParseAddrPort(p.LocalAddr().String()), Transport: UDP}
	if r := Ask(t.Context(), to, question); r.Err != nil || r.Rcode != dns.RcodeNotImplemented {
		t.Errorf("got %v", r)
	}
	_ = p.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// answerAfterStrays answers one question NOTIMP, after what is no answer to it.
func answerAfterStrays(p net.PacketConn) error {
	buffer := make([]byte, dns.MaxMsgSize)
	n, client, err := p.ReadFrom(buffer)
	if err != nil {
		return err
	}
	q := new(dns.Msg)
	if err := q.Unpack(buffer[:n]); err != nil {
		return err
	}
	for _, datagram := range straysBefore(q) {
		if _, err := p.WriteTo(datagram, client); err != nil {
			return err
		}
	}
	return nil
}

// straysBefore returns the answer NOTIMP to q, last, and before it what is none.
func straysBefore(q *dns.Msg) [][]byte {
	otherID := new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	otherID.Id++
	otherName := new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	otherName.Question = []dns.Question{{Name: "example.net.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
	answer := pack(new(dns.Msg).SetRcode(q, dns.RcodeNotImplemented))
	return [][]byte{{}, answer[:1], answer[:len(answer)-1], pack(otherID), pack(otherName), pack(q), answer}
}

func pack(m *dns.Msg) []byte {
	message, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return message
}

func TestReadAnswer(t *testing.T) {
	query, err := newQuery(Question{Name: "a.example.org", Type: dns.TypeA})
	if err != nil {
		t.Fatal(err)
	}
	query.Id = 7
	for _, c := range []struct {
		name string
		edit func(*dns.Msg)
		want string
	}{
		{"good", func(*dns.Msg) {}, ""},
		{"with another case", func(m *dns.Msg) { m.Question[0].Name = "A.Example.ORG." }, ""},
		{"FORMERR without question", func(m *dns.Msg) { m.Rcode, m.Question = dns.RcodeFormatError, nil }, ""},
		{"NOTIMP without question", func(m *dns.Msg) { m.Rcode, m.Question = dns.RcodeNotImplemented, nil }, ""},
		{"REFUSED without question", func(m *dns.Msg) { m.Rcode, m.Question = dns.RcodeRefused, nil },
			"malformed answer: it is to another question: none"},
		{"with another ID", func(m *dns.Msg) { m.Id = 8 }, "malformed answer: its ID is 8, not 7"},
		{"a question", func(m *dns.Msg) { m.Response = false }, "malformed answer: it is a question"},
		{"a notify", func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }, "malformed answer: its opcode is 4, not 0"},
		{"of another type", func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeNS },
			"malformed answer: it is to another question: a.example.org. NS"},
		{"of another class", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
			"malformed answer: it is to another question: a.example.org. A"},
		{"to two questions", func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
			"malformed answer: it is to another question: a.example.org. A, a.example.org. A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := new(dns.Msg).SetReply(query)
			c.edit(m)
			message, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if _, err := readAnswer(message, query); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
