// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	path      = "/dns-query"
	mediaType = "application/dns-message" // RFC 8484 section 6
)

// https asks with HTTP/2, or with HTTP/1.1 if the server has nothing better.
func (x *exchange) https(ctx context.Context) error {
	x.query.Id = 0 // RFC 8484 section 4.1
	request, err := x.request(ctx)
	if err != nil {
		return err
	}
	conn, end, err := x.dialTLS(ctx, "h2", "http/1.1")
	if err != nil {
		return err
	}
	defer end()
	return x.post(ctx, conn, request)
}

// request is a POST: no cache between us and the server may answer it (RFC 8484
// section 4.1).
func (x *exchange) request(ctx context.Context) (*http.Request, error) {
	message, err := x.query.Pack()
	if err != nil {
		return nil, fmt.Errorf("packing the question: %w", err)
	}
	url := "https://" + x.target.authority() + path
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(message))
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("Accept", mediaType)
	r.Header.Set("User-Agent", "clusterdns")
	return r, nil
}

// authority is the server in a URL: its name, and its port unless that is usual.
func (t Target) authority() string {
	host, port := strings.TrimSuffix(t.name(), "."), t.Address.Port()
	if port != 443 {
		return net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		return "[" + host + "]"
	}
	return host
}

// post sends the request on conn and on no other connection. It follows no redirect.
func (x *exchange) post(ctx context.Context, conn *tls.Conn, request *http.Request) error {
	client, err := newClient(ctx, conn, request)
	if err != nil {
		return lastWord(conn, fmt.Errorf("sending the question: %w", err))
	}
	defer func() { _ = client.Close() }()
	sent := time.Now()
	response, err := client.RoundTrip(request)
	if err != nil {
		_ = client.Close() // tells the server, which ends the connection: lastWord does not wait
		return lastWord(conn, fmt.Errorf("reading the answer: %w", err))
	}
	return x.readResponse(response, sent)
}

func (x *exchange) readResponse(response *http.Response, sent time.Time) error {
	defer func() { _ = response.Body.Close() }()
	if err := checkResponse(response); err != nil {
		return err
	}
	message, err := io.ReadAll(io.LimitReader(response.Body, dns.MaxMsgSize+1))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if len(message) > dns.MaxMsgSize {
		return malformedf("it is larger than %d octets", dns.MaxMsgSize)
	}
	return x.accept(message, sent)
}

// newClient speaks HTTP on conn, in the version that the handshake chose.
func newClient(ctx context.Context, conn *tls.Conn, request *http.Request) (*http.ClientConn, error) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	transport := &http.Transport{
		DialTLSContext:         func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		DisableKeepAlives:      true,
		DisableCompression:     true, // what is bounded below is what is read
		MaxResponseHeaderBytes: 16 << 10,
		Protocols:              protocols,
	}
	return transport.NewClientConn(ctx, "https", net.JoinHostPort(request.URL.Hostname(), request.URL.Port()))
}

func checkResponse(r *http.Response) error {
	if to := r.Header.Get("Location"); to != "" && r.StatusCode/100 == 3 {
		return fmt.Errorf("HTTP status %s to %q, which is not followed: name the server that answers at %s", r.Status, to, path)
	}
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP status %s: the server does not answer at %s", r.Status, path)
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != mediaType {
		return malformedf("it is %q, not %s", r.Header.Get("Content-Type"), mediaType)
	}
	return nil
}
