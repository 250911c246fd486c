// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"
	"time"
)

// config is that of a client of the target. It leaves the verification of the
// server to crypto/tls, and only remembers what was verified: the certificate
// that was not comes with the error.
func (x *exchange) config(protocols ...string) *tls.Config {
	return &tls.Config{
		ServerName:   x.target.name(),
		RootCAs:      x.target.Roots,
		Certificates: x.target.Certificates,
		NextProtos:   protocols,
		MinVersion:   tls.VersionTLS12,
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) > 0 {
				x.trusted.Store(s.PeerCertificates[0])
			}
			return nil
		},
	}
}

// expires returns when the certificate of the server expires: of one that was
// trusted, or of that in err, the error of the handshake.
func (x *exchange) expires(err error) time.Time {
	if c := presented(err); c != nil {
		return c.NotAfter
	}
	if c := x.trusted.Load(); c != nil {
		return c.NotAfter
	}
	return time.Time{}
}

// presented returns the certificate that err is about, or nil.
func presented(err error) *x509.Certificate {
	var failed *tls.CertificateVerificationError
	if errors.As(err, &failed) && len(failed.UnverifiedCertificates) > 0 {
		return failed.UnverifiedCertificates[0]
	}
	return nil
}

// dialTLS connects to a server and verifies it. The caller calls end.
func (x *exchange) dialTLS(ctx context.Context, protocols ...string) (conn *tls.Conn, end func(), err error) {
	raw, err := dial(ctx, "tcp", x.target.Address)
	if err != nil {
		return nil, nil, err
	}
	hangUp := closeOnDone(ctx, raw)
	conn = tls.Client(open{raw}, x.config(protocols...))
	if err := conn.HandshakeContext(ctx); err != nil {
		hangUp()
		return nil, nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return conn, func() {
		_ = conn.Close() // says goodbye
		hangUp()
	}, nil
}

// open is a connection that stays open until its owner closes it, so that there
// is something to read for [lastWord] after a library has closed it.
type open struct{ net.Conn }

func (open) Close() error { return nil }

// lastWord returns the alert that the server sent before the connection ended
// with err, or err if it sent none. A server that rejects our certificate says
// so after the handshake of TLS 1.3, when our question is on its way. That it
// closed the connection can reach us first; the reason is still to be read.
func lastWord(conn *tls.Conn, err error) error {
	if _, last := conn.Read(make([]byte, 1)); last != nil {
		if _, ok := remoteAlert(last); ok {
			return last
		}
	}
	return err
}

// broken reports whether err is that of a connection that ended, so that
// reading from it does not wait.
func broken(err error) bool {
	return slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET},
		func(end error) bool { return errors.Is(err, end) })
}
