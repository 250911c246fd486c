// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/clusterdns/clusterdns/operator/counter"
	"github.com/clusterdns/clusterdns/test/upstream"
)

func TestProgram(t *testing.T) {
	s, err := upstream.Start(upstream.Config{Records: []string{"a.example.org. 60 IN AAAA 2001:db8::1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	at := s.Address(upstream.UDP).String()
	for _, c := range []struct {
		name   string
		args   []string
		status int
		right  int // of three, over each transport
		output string
	}{
		{"good", []string{"--type=aaaa", at, "a.example.org", "2001:db8::1"}, 0, 3, ""},
		{"anything", []string{"--type=AAAA", at, "a.example.org."}, 0, 3, ""},
		{"wrong", []string{"--type=AAAA", at, "a.example.org", "2001:db8::2"}, 1, 0, ""},
		{"no name", []string{at}, 2, 0, "a server and a name"},
		{"no server", []string{"dns", "a.example.org"}, 2, 0, "want an address"},
		{"no type", []string{"--type=B", at, "a.example.org"}, 2, 0, "no type"},
		{"no transport", []string{"--transports=sctp", at, "a.example.org"}, 2, 0, "no transport"},
		{"no time", []string{"--every=0", at, "a.example.org"}, 2, 0, "--every"},
		{"help", []string{"--help"}, 0, 0, "Usage: counter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			args := append([]string{"--count=3", "--qps=1000", "--every=1h"}, c.args...)
			if got := program(t.Context(), args, &out, &errs); got != c.status {
				t.Errorf("the status is %d, want %d: %s", got, c.status, &errs)
			}
			if c.output != "" {
				if !strings.Contains(errs.String(), c.output) {
					t.Errorf("it says %q, want %q", &errs, c.output)
				}
				return
			}
			var report counter.Report
			if err := json.Unmarshal(out.Bytes(), &report); err != nil || !report.Final || len(report.Counts) != 3 {
				t.Fatalf("the report is %s: %v", &out, err)
			}
			for _, got := range report.Counts {
				if got.Sent != 3 || got.Answered != c.right {
					t.Errorf("got %+v", got)
				}
			}
		})
	}
}

func TestServer(t *testing.T) {
	for text, want := range map[string]string{"10.96.0.10": "10.96.0.10:53", "fd00::a": "[fd00::a]:53", "[fd00::a]:1053": "[fd00::a]:1053"} {
		if got, err := server(text); err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
}
