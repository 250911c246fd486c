// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package load

import (
	"context"
	"testing"
	"time"
)

func TestPaced(t *testing.T) {
	p := Pace{Server: serve(t), Queries: queries(t), Rate: 2000, Duration: 100 * time.Millisecond}
	got, err := p.Go(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got.Sent < 199 || got.Sent > 201 || got.Received != got.Sent || len(got.Latencies) != got.Received || got.Good != 0 {
		t.Errorf("sent %d, received %d, good %d", got.Sent, got.Received, got.Good)
	}
}
