// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/clusterdns/clusterdns/operator/counter"
	"github.com/clusterdns/clusterdns/operator/meter"
	"github.com/clusterdns/clusterdns/test/upstream"
)

// TestMeter runs the command as a Pod does: it says where its counts are, has them
// over HTTP, and prints them when it ends.
func TestMeter(t *testing.T) {
	s, err := upstream.Start(upstream.Config{Records: []string{"a.example.org. 60 IN A 192.0.2.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	s.Set(upstream.Lying) // nothing of it is known to be a lie: any address will do
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said, errs := io.Pipe()
	var out bytes.Buffer
	root := newRoot("clusterdns")
	root.SetArgs([]string{"meter", "--server", s.Address(upstream.UDP).String(), "--name", "a.example.org", "--qps", "200", "--address", "127.0.0.1:0"})
	root.SetOut(&out)
	root.SetErr(errs)
	done := make(chan error, 1)
	go func() {
		err := root.ExecuteContext(ctx)
		_ = errs.CloseWithError(err)
		done <- err
	}()

	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatalf("it says %q: %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	if !strings.Contains(line, "for a.example.org A, 200 questions") {
		t.Errorf("it says %q", line)
	}
	if err := s.Await(t.Context(), 30); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(regexp.MustCompile(`http://\S+`).FindString(line))
	if err != nil {
		t.Fatal(err)
	}
	on, err := meter.Read(resp.Body)
	_ = resp.Body.Close()
	if err != nil || on.Transports[counter.TCP].Asked == 0 {
		t.Errorf("it has %+v, %v", on, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	last, err := meter.Read(&out)
	if err != nil || last.Sum().Asked < 30 || !last.Since.Equal(on.Since) || !last.Good() {
		t.Errorf("at the end it prints %+v, %v", last, err)
	}
}
