// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"time"

	"github.com/miekg/dns"
)

// mediaType is that of DNS messages (RFC 8484 section 6).
const mediaType = "application/dns-message"

func (s *Server) serveHTTPS() error {
	l, err := s.listenTCP(s.config.Ports.HTTPS)
	if err != nil {
		return err
	}
	s.addresses[HTTPS] = addrPort(l.Addr())
	mux := http.NewServeMux()
	mux.HandleFunc("/dns-query", s.serveHTTP)
	server := &http.Server{
		Handler:           mux,
		TLSConfig:         s.tls("h2", "http/1.1"),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // handshakes that shall fail
	}
	s.stop = append(s.stop, server.Close)
	s.run(func() error {
		if err := server.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return nil
}

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	q, err := request(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := s.answer(r.Context(), HTTPS, q)
	if answer == nil {
		<-r.Context().Done() // the client is gone, or Stop closed the connection
		return
	}
	message, err := answer.Pack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	_, _ = w.Write(message) // who asked may be gone
}

// request reads the question of a GET or a POST (RFC 8484 section 4.1).
func request(r *http.Request) (*dns.Msg, error) {
	message, err := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
	if r.Method == http.MethodPost {
		message, err = io.ReadAll(io.LimitReader(r.Body, dns.MaxMsgSize))
	}
	if err != nil {
		return nil, err
	}
	q := new(dns.Msg)
	return q, q.Unpack(message)
}
