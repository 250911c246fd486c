// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/clusterdns/clusterdns/test/upstream"
)

// seen is what /queries says.
type seen struct {
	Counts  map[upstream.Transport]int `json:"counts"`
	Queries []upstream.Query           `json:"queries"`
}

// handler changes how the server behaves, and says what it was asked. All is
// GET, also what changes something: busybox wget has little else.
func handler(s *upstream.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/mode", func(w http.ResponseWriter, r *http.Request) {
		m, err := upstream.ParseMode(r.FormValue("set"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Set(m)
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/queries", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(seen{s.Counts(), s.Queries()}) // who asked may be gone
	})
	mux.HandleFunc("/forget", func(w http.ResponseWriter, _ *http.Request) {
		s.Forget()
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/ca", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(s.CA().PEM()) })
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return mux
}
