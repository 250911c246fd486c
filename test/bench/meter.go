// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var client = &http.Client{Timeout: 60 * time.Second}

// mallocs returns how many allocations CoreDNS has done so far.
func (s *server) mallocs() (float64, error) {
	return scan(fmt.Sprintf("http://127.0.0.1:%d/metrics", s.ports.Metrics), "go_memstats_mallocs_total ")
}

// liveHeap returns the heap after a garbage collection.
func (s *server) liveHeap() (float64, error) {
	// Twice: what a finalizer frees is gone only after the second.
	const heap = "http://127.0.0.1:%d/debug/pprof/heap?gc=1&debug=1"
	if _, err := scan(fmt.Sprintf(heap, s.ports.Pprof), "# HeapAlloc = "); err != nil {
		return 0, err
	}
	return scan(fmt.Sprintf(heap, s.ports.Pprof), "# HeapAlloc = ")
}

// isReady asks the ready plugin.
func (s *server) isReady() bool {
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/ready", s.ports.Ready))
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// scan returns the number after a prefix of a line.
func scan(url, prefix string) (float64, error) {
	resp, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	value, found := 0.0, false
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if after, ok := strings.CutPrefix(lines.Text(), prefix); ok && !found {
			if value, err = strconv.ParseFloat(strings.TrimSpace(after), 64); err != nil {
				return 0, err
			}
			found = true
		}
	}
	if !found {
		return 0, fmt.Errorf("%s does not say %q", url, prefix)
	}
	return value, nil
}
