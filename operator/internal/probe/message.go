// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// payload is the size of UDP messages that pass everywhere without fragments
// (DNS flag day 2020).
const payload = 1232

// newQuery returns the message that asks q, with a random ID.
func newQuery(q Question) (*dns.Msg, error) {
	name := dns.Fqdn(q.Name)
	if _, ok := dns.IsDomainName(name); !ok || q.Name == "" {
		return nil, fmt.Errorf("%q is no domain name", q.Name)
	}
	m := new(dns.Msg).SetQuestion(name, q.Type)
	m.RecursionDesired = !q.NoRecursion
	return m.SetEdns0(payload, false), nil
}

// malformedf says what is wrong with a message that should be our answer.
func malformedf(format string, args ...any) error {
	return fmt.Errorf("malformed answer: "+format, args...)
}

// readAnswer returns the message if it is the response to query, and says
// otherwise why not.
func readAnswer(message []byte, query *dns.Msg) (*dns.Msg, error) {
	m := new(dns.Msg)
	if err := m.Unpack(message); err != nil {
		return nil, malformedf("%w", err)
	}
	switch {
	case m.Id != query.Id:
		return nil, malformedf("its ID is %d, not %d", m.Id, query.Id)
	case !m.Response:
		return nil, malformedf("it is a question")
	case m.Opcode != query.Opcode:
		return nil, malformedf("its opcode is %d, not %d", m.Opcode, query.Opcode)
	case len(m.Question) == 0 && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented):
		return m, nil // a server that does not understand the question cannot repeat it
	case len(m.Question) != 1 || !same(m.Question[0], query.Question[0]):
		return nil, malformedf("it is to another question: %s", questions(m))
	}
	return m, nil
}

// same compares questions. Names do not have case (RFC 4343).
func same(a, b dns.Question) bool {
	return strings.EqualFold(a.Name, b.Name) && a.Qtype == b.Qtype && a.Qclass == b.Qclass
}

func questions(m *dns.Msg) string {
	var all []string
	for _, q := range m.Question {
		all = append(all, Question{Name: q.Name, Type: q.Qtype}.String())
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
