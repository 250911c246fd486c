// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/x509"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// An exchange is one question on its way to one server.
type exchange struct {
	target  Target
	started time.Time
	query   *dns.Msg

	answer *dns.Msg
	rtt    time.Duration
	aside  error // what was wrong with the last datagram that was no answer

	// trusted is the certificate of the server. QUIC finds it in a goroutine
	// that can outrun us when ctx ends.
	trusted atomic.Pointer[x509.Certificate]
}

func (x *exchange) ask(ctx context.Context, q Question) error {
	if !x.target.Address.IsValid() {
		return fmt.Errorf("the address is missing")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	query, err := newQuery(q)
	if err != nil {
		return err
	}
	x.query = query
	switch x.target.Transport {
	case UDP:
		return x.udp(ctx)
	case TCP:
		return x.tcp(ctx)
	case TLS:
		return x.tls(ctx)
	case HTTPS:
		return x.https(ctx)
	case QUIC:
		return x.quic(ctx)
	}
	return fmt.Errorf("transport %q is none of UDP, TCP, TLS, HTTPS, QUIC", x.target.Transport)
}

// accept takes a message for the answer if it is one. The question was sent at
// the time sent.
func (x *exchange) accept(message []byte, sent time.Time) error {
	rtt := time.Since(sent)
	answer, err := readAnswer(message, x.query)
	if err != nil {
		return err
	}
	x.answer, x.rtt = answer, rtt
	return nil
}
