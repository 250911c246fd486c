// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/upstream"
)

func ask(t *testing.T, s *upstream.Server) string {
	t.Helper()
	r, err := dns.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion("a.example.org.", dns.TypeA), s.Address(upstream.UDP).String())
	if err != nil {
		t.Fatal(err)
	}
	return dns.RcodeToString[r.Rcode]
}

// TestControl changes the manners of a server that runs.
func TestControl(t *testing.T) {
	file := filepath.Join(t.TempDir(), "records")
	if err := os.WriteFile(file, []byte("; mine\n\na.example.org. 60 IN A 192.0.2.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"--address=127.0.0.1", "--port=0", "--tls-port=0", "--https-port=0", "--quic-port=0", "--records=" + file, "--mode=servfail"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := upstream.Start(o.config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	s.Set(o.mode)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler(s).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	if got := ask(t, s); got != "SERVFAIL" {
		t.Errorf("at first: %s", got)
	}
	if w := get("/mode?set=honest"); w.Code != http.StatusOK {
		t.Errorf("to be honest: %s", w.Body)
	}
	if got := ask(t, s); got != "NOERROR" {
		t.Errorf("when it is honest: %s", got)
	}
	var was seen
	if err := json.Unmarshal(get("/queries").Body.Bytes(), &was); err != nil || was.Counts[upstream.UDP] != 2 || len(was.Queries) != 2 {
		t.Errorf("it has seen %+v: %v", was, err)
	}
	get("/forget")
	if got := get("/queries").Body.String(); !strings.Contains(got, `"queries":[]`) && !strings.Contains(got, `"queries":null`) {
		t.Errorf("it remembers %s", got)
	}
	if w := get("/mode?set=kind"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "honest") {
		t.Errorf("a mode that is none: %d %s", w.Code, w.Body)
	}
	if got := get("/ca").Body.String(); !strings.Contains(got, "BEGIN CERTIFICATE") {
		t.Errorf("the CA is %q", got)
	}
}

func TestParseErrors(t *testing.T) {
	for _, args := range [][]string{
		{"--address=x"}, {"--mode=dead"}, {"--port=70000"}, {"--records=/nonexistent"}, {"more"},
	} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

// TestEnd ends when it is told to.
func TestEnd(t *testing.T) {
	o, err := parse([]string{"--address=127.0.0.1", "--port=0", "--tls-port=0", "--https-port=0", "--quic-port=0", "--control=127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, o); err != nil {
		t.Error(err)
	}
	o.control = "127.0.0.1:x"
	if err := run(t.Context(), o); err == nil {
		t.Error("it runs without a port")
	}
}
