// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestAnswer(t *testing.T) {
	t.Setenv("POD_NAME", "web-0")
	r := httptest.NewRequest(http.MethodGet, "http://web.demo/", nil)
	r.RemoteAddr = "192.0.2.1:1234"
	w := httptest.NewRecorder()
	handler(new(atomic.Bool)).ServeHTTP(w, r)
	for _, want := range []string{"name: web-0\n", "\nclient: 192.0.2.1:1234\n", "\nhost: web.demo\n"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q has no %q", w.Body, want)
		}
	}
}

func TestHealth(t *testing.T) {
	var ending atomic.Bool
	h := handler(&ending)
	for _, want := range []int{http.StatusOK, http.StatusServiceUnavailable} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		if w.Code != want {
			t.Errorf("got %d, want %d", w.Code, want)
		}
		ending.Store(true)
	}
}

func TestEcho(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	go echoTCP(l)
	go echoUDP(p)
	for _, a := range []net.Addr{l.Addr(), p.LocalAddr()} {
		c, err := net.Dial(a.Network(), a.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 10)
		if n, err := c.Read(text); err != nil || string(text[:n]) != "hello" {
			t.Errorf("%s: got %q, %v", a.Network(), text[:n], err)
		}
	}
}
