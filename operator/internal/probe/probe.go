// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package probe asks DNS servers questions, and reports.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Timeout is how long [Ask] waits if its context has no deadline.
const Timeout = 2 * time.Second

// A Transport is what carries a question to a server.
type Transport string

// The transports.
const (
	UDP   Transport = "UDP"   // RFC 1035
	TCP   Transport = "TCP"   // RFC 7766
	TLS   Transport = "TLS"   // RFC 7858
	HTTPS Transport = "HTTPS" // RFC 8484, with POST to /dns-query
	QUIC  Transport = "QUIC"  // RFC 9250
)

// A Target is one DNS server over one transport. Those of TLS, HTTPS and QUIC
// need the fields about certificates, others ignore them. It is only read: many
// questions at a time may share it.
type Target struct {
	Address      netip.AddrPort
	Transport    Transport
	ServerName   string            // that its certificate must have; without one it must have the address
	Roots        *x509.CertPool    // authorities to trust; nil: those of the system
	Certificates []tls.Certificate // ours, for a server that demands one
}

// String is the target as in a Corefile, and the name it must have:
// "tls://192.0.2.1:853 (dns.example.org)".
func (t Target) String() string {
	s := strings.ToLower(string(t.Transport)) + "://" + t.Address.String()
	if t.ServerName != "" {
		s += " (" + t.ServerName + ")"
	}
	return s
}

// name is what the certificate must be for. It is never empty: crypto/x509
// does not look at the name of a certificate if there is none to compare.
func (t Target) name() string {
	if t.ServerName != "" {
		return t.ServerName
	}
	return t.Address.Addr().Unmap().WithZone("").String()
}

// A Question is a name and a type in the class IN.
type Question struct {
	Name        string // with or without the last dot
	Type        uint16 // as dns.TypeSOA
	NoRecursion bool   // the server shall say what it has, and not ask others
}

// String is the question as dig prints it: "example.org. SOA".
func (q Question) String() string {
	return dns.Fqdn(q.Name) + " " + dns.Type(q.Type).String()
}

// A Report is what came of a question. A response with an error, such as
// REFUSED, is an answer, and so is a truncated one: whoever gets it over UDP
// asks over TCP.
type Report struct {
	// RTT is the time from the question to the answer on a connection that
	// stands. It is zero without an answer.
	RTT time.Duration
	// Rcode is that of the answer, with the bits of EDNS (RFC 6891 section
	// 6.1.3), or -1 without an answer.
	Rcode int
	// Answer is to our question and nil if Err is not.
	Answer *dns.Msg
	// CertificateExpires is when the certificate that the server presented
	// expires or has expired, also if it is not trusted. It is zero if none was seen.
	CertificateExpires time.Time
	// Err says why there is no answer and, where that is known, what helps. It
	// wraps context.DeadlineExceeded if time was up.
	Err error
}

// Ask asks a server, once over everything but UDP, where a question that is
// lost is sent a second time. It waits until the deadline of ctx, or for
// [Timeout] if it has none. Nothing of the connection is left when it returns.
// It is safe for concurrent use.
func Ask(ctx context.Context, t Target, q Question) Report {
	if _, ok := ctx.Deadline(); !ok {
		bounded, cancel := context.WithTimeout(ctx, Timeout)
		defer cancel()
		ctx = bounded
	}
	x := &exchange{target: t, started: time.Now()}
	if err := x.ask(ctx, q); err != nil {
		err = fmt.Errorf("asking %s for %s: %w", t, q, x.explain(ctx, err))
		return Report{Rcode: -1, CertificateExpires: x.expires(err), Err: err}
	}
	return Report{RTT: x.rtt, Rcode: x.answer.Rcode, Answer: x.answer, CertificateExpires: x.expires(nil)}
}
