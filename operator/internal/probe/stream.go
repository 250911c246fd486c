// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"io"
	"time"
)

func (x *exchange) tcp(ctx context.Context) error {
	conn, err := dial(ctx, "tcp", x.target.Address)
	if err != nil {
		return err
	}
	defer closeOnDone(ctx, conn)()
	return x.stream(conn)
}

// tls asks like CoreDNS' forward plugin, without a name for the protocol (ALPN).
func (x *exchange) tls(ctx context.Context) error {
	conn, end, err := x.dialTLS(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err = x.stream(conn); broken(err) {
		return lastWord(conn, err)
	}
	return err
}

// stream asks over a connection that carries one message after another.
func (x *exchange) stream(conn io.ReadWriter) error {
	message, err := frame(x.query)
	if err != nil {
		return err
	}
	sent := time.Now()
	if _, err := conn.Write(message); err != nil {
		return fmt.Errorf("sending the question: %w", err)
	}
	if message, err = readFrame(conn); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return x.accept(message, sent)
}
