// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// An explained error has a text for people, and is still what it was.
type explained struct {
	text string
	err  error
}

func (e explained) Error() string { return e.text }

func (e explained) Unwrap() error { return e.err }

// explain says what an error of the exchange means, and what helps. What the
// server said comes before that time was up.
func (x *exchange) explain(ctx context.Context, err error) error {
	var failed *tls.CertificateVerificationError
	if errors.As(err, &failed) {
		return explained{x.target.explainCertificate(failed, time.Now()), err}
	}
	if alert, ok := remoteAlert(err); ok {
		return explained{x.target.explainAlert(alert), err}
	}
	if cause := ended(ctx, err); cause != nil {
		return x.explainEnd(ctx, cause)
	}
	if text := explainNetwork(err); text != "" {
		return explained{text, err}
	}
	return err
}

// ended returns why the exchange ended before its time, or nil if it did not.
// The deadline of a socket can pass before that of ctx is seen to.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var timeout net.Error
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return context.DeadlineExceeded
	}
	return nil
}

func (x *exchange) explainEnd(ctx context.Context, cause error) error {
	if !errors.Is(cause, context.DeadlineExceeded) {
		return explained{"given up before an answer came", cause}
	}
	end, _ := ctx.Deadline()
	text := "no answer within " + roughly(end.Sub(x.started)).String()
	if x.aside != nil {
		text += ", but a " + x.aside.Error()
	}
	return explained{text, cause}
}

// roughly hides the moments between the making of a deadline and the question.
func roughly(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// explainNetwork returns the empty string for what it does not know.
func explainNetwork(err error) string {
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &plain):
		return "the server does not speak TLS: check transport and port"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused, nobody listens there: check transport, address and port"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to the server: check its address, and network policies"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server ended the exchange without an answer: check transport and port"
	}
	return ""
}
