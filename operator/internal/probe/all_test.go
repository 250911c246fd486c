// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/upstream"
)

// TestAll asks many servers, some of which do not answer, and gets the reports
// in order.
func TestAll(t *testing.T) {
	s := start(t, upstream.Config{})
	mute := start(t, upstream.Config{})
	mute.Set(upstream.Silent)
	var asks []Asked
	for _, over := range transports {
		asks = append(asks,
			Asked{Target: target(s, over), Question: question},
			Asked{Target: target(mute, over), Question: question, Timeout: soon},
			Asked{Target: target(s, over), Question: Question{Name: "b.example.org", Type: dns.TypeA}})
	}
	for _, parallel := range []int{-1, 3, 1000} {
		reports := All(t.Context(), asks, parallel)
		if len(reports) != len(asks) {
			t.Fatalf("got %d reports, want %d", len(reports), len(asks))
		}
		for i := 0; i < len(asks); i += 3 {
			if r := reports[i]; r.Err != nil || addresses(r) != "192.0.2.1" {
				t.Errorf("%s: got %v", asks[i].Target, r)
			}
			wantTimeout(t, reports[i+1], "")
			if r := reports[i+2]; r.Err != nil || r.Rcode != dns.RcodeNameError {
				t.Errorf("%s: got %v", asks[i].Target, r)
			}
		}
	}
	if got := All(t.Context(), nil, 3); len(got) != 0 {
		t.Errorf("got %v for no question", got)
	}
}

// TestAllBounded ends when two of five questions are under way, and none more was asked.
func TestAllBounded(t *testing.T) {
	s := start(t, upstream.Config{})
	s.Set(upstream.Silent)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_ = s.Await(t.Context(), 2)
		cancel()
	}()
	asks := make([]Asked, 5)
	for i := range asks {
		asks[i] = Asked{Target: target(s, TCP), Question: question, Timeout: time.Hour}
	}
	for _, r := range All(ctx, asks, 2) {
		if !errors.Is(r.Err, context.Canceled) {
			t.Errorf("got %v, want %v", r.Err, context.Canceled)
		}
	}
	if n := len(s.Queries()); n != 2 {
		t.Errorf("the server was asked %d times, want 2", n)
	}
}
