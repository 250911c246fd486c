// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/upstream"
)

// serve runs a web server, with HTTP/2 or without, and returns it as a target.
func serve(t *testing.T, http2 bool, handler http.HandlerFunc) Target {
	t.Helper()
	ca := newCA(t)
	s := httptest.NewUnstartedServer(handler)
	s.EnableHTTP2 = http2
	s.TLS = &tls.Config{Certificates: []tls.Certificate{serverOf(t, ca)}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return Target{
		Address:    netip.MustParseAddrPort(s.Listener.Addr().String()),
		Transport:  HTTPS,
		ServerName: upstream.ServerName,
		Roots:      ca.Pool(),
	}
}

// TestWebServers asks web servers that do not serve DNS, or not as they must.
func TestWebServers(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"no DNS", http.NotFound,
			"HTTP status 404 Not Found: the server does not answer at /dns-query"},
		{"not acceptable", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
			"HTTP status 204 No Content: the server does not answer at /dns-query"},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
			`malformed answer: it is "text/html; charset=utf-8", not application/dns-message`},
		{"too much", message(make([]byte, dns.MaxMsgSize+1)),
			"malformed answer: it is larger than 65535 octets"},
		{"far too much", endless,
			"malformed answer: it is larger than 65535 octets"},
		{"nothing", message(nil),
			"malformed answer: bad header id: dns: overflow unpacking uint16"},
	} {
		for version, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
			t.Run(c.name+" "+version, func(t *testing.T) {
				wantErr(t, Ask(t.Context(), serve(t, http2, c.handler), question), c.want)
			})
		}
	}
}

// TestWebServerGivesUp asks a server that ends HTTP/1.1 with its connection and
// HTTP/2 with its stream.
func TestWebServerGivesUp(t *testing.T) {
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	wantErr(t, Ask(t.Context(), serve(t, false, abort), question),
		"the server ended the exchange without an answer: check transport and port")
	wantErr(t, Ask(t.Context(), serve(t, true, abort), question),
		"stream error: stream ID 1; INTERNAL_ERROR; received from peer")
}

func message(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(body)
	}
}

// endless writes until the client is gone.
func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", mediaType)
	for {
		if _, err := w.Write(make([]byte, 1<<16)); err != nil {
			return
		}
	}
}

// TestRedirect asks a server that sends us to another path, where there is an answer.
func TestRedirect(t *testing.T) {
	var asked atomic.Int64
	to := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	wantErr(t, Ask(t.Context(), to, question),
		`HTTP status 307 Temporary Redirect to "/elsewhere", which is not followed: name the server that answers at /dns-query`)
	if n := asked.Load(); n != 1 {
		t.Errorf("the server was asked %d times, want once", n)
	}
}

// TestRequest looks at what a web server gets.
func TestRequest(t *testing.T) {
	for version, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(version, func(t *testing.T) {
			got := make(chan *http.Request, 1)
			to := serve(t, http2, func(w http.ResponseWriter, r *http.Request) {
				got <- r
				http.NotFound(w, r)
			})
			Ask(t.Context(), to, question)
			r := <-got
			if r.Proto != version || r.Method != http.MethodPost || r.URL.Path != "/dns-query" ||
				r.Header.Get("Content-Type") != mediaType || r.Header.Get("Accept") != mediaType {
				t.Errorf("got %s %s %s %v", r.Proto, r.Method, r.URL, r.Header)
			}
			if want := to.authority(); r.Host != want {
				t.Errorf("got host %s, want %s", r.Host, want)
			}
		})
	}
}

func TestAuthority(t *testing.T) {
	for _, c := range []struct{ address, name, want string }{
		{"192.0.2.1:443", "dns.example.org", "dns.example.org"},
		{"192.0.2.1:443", "dns.example.org.", "dns.example.org"},
		{"192.0.2.1:8443", "dns.example.org", "dns.example.org:8443"},
		{"192.0.2.1:443", "", "192.0.2.1"},
		{"192.0.2.1:8443", "", "192.0.2.1:8443"},
		{"[2001:db8::1]:443", "", "[2001:db8::1]"},
		{"[2001:db8::1]:8443", "", "[2001:db8::1]:8443"},
		{"[fe80::1%eth0]:443", "", "[fe80::1]"},
		{"[::ffff:192.0.2.1]:443", "", "192.0.2.1"},
	} {
		to := Target{Address: netip.MustParseAddrPort(c.address), ServerName: c.name}
		if got := to.authority(); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.address, c.name, got, c.want)
		}
	}
}
