// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"io"
	"net"
	"testing"
)

// TestHangUp asks servers that close the connection, after a part of an answer
// or without.
func TestHangUp(t *testing.T) {
	const want = "the server ended the exchange without an answer: check transport and port"
	for _, c := range []struct{ name, part string }{
		{"at once", ""},
		{"in the length", "\x00"},
		{"in the message", "\x00\x20abc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantErr(t, Ask(t.Context(), plain(t, TCP, c.part), question), want)
		})
	}
}

func TestMalformed(t *testing.T) {
	wantErr(t, Ask(t.Context(), plain(t, TCP, "\x00\x03abc"), question),
		"malformed answer: bad header bits: dns: overflow unpacking uint16")
}

// TestPlainServer asks a server over TLS that speaks something else.
func TestPlainServer(t *testing.T) {
	for _, over := range []Transport{TLS, HTTPS} {
		wantErr(t, Ask(t.Context(), plain(t, over, "220 mail.example.org ESMTP\r\n"), question),
			"the server does not speak TLS: check transport and port")
	}
}

// TestConnectionEnds has a server wait for the end of the connection.
func TestConnectionEnds(t *testing.T) {
	l, address := listen(t)
	ended := make(chan error)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			ended <- err
			return
		}
		_, err = io.Copy(io.Discard, conn)
		_ = conn.Close()
		ended <- err
	}()
	wantTimeout(t, Ask(within(t, soon), Target{Address: address, Transport: TCP}, question), "")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// plain is a server that reads something, writes text and hangs up.
func plain(t *testing.T, over Transport, text string) Target {
	t.Helper()
	l, address := listen(t)
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = conn.Read(make([]byte, 1<<16))
		_, _ = io.WriteString(conn.(*net.TCPConn), text)
	}()
	return Target{Address: address, Transport: over}
}
