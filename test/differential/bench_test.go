// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"strings"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/test/apiserver"
	"github.com/clusterdns/clusterdns/test/internal/server"
)

// A bench is API servers with random objects, and both plugins reading them.
type bench struct {
	malformed bool
	sets      bool
	corefile  string
	options   *Options
	api, good *apiserver.Server // good lacks what is malformed in api
	pair      Pair
}

func newBench(t *testing.T, g *generator, malformed bool, outside *Outside) *bench {
	t.Helper()
	imports := apiserver.WithKind(apiserver.ServiceImports())
	b := &bench{malformed: malformed, sets: g.sets, api: apiserver.New(imports), good: apiserver.New(imports)}
	t.Cleanup(b.api.Close)
	t.Cleanup(b.good.Close)
	b.corefile = g.corefile(b.api.URL(), outside.Addr)
	options, err := ParseCorefile(b.corefile)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.corefile)
	}
	b.options = options[0]
	return b
}

// moving is how long ours may hold on to endpoints that could be on their way
// to another EndpointSlice, and a little more: nothing tells when it has ended.
const moving = 400 * time.Millisecond

// show makes w the state numbered phase, and returns when both plugins know.
func (b *bench) show(t *testing.T, w *World, phase int) {
	t.Helper()
	last := sentinel(phase, b.sets)
	clean, faults := Clean(w)
	put(b.api, w, last)
	put(b.good, clean, last)
	if phase == 0 {
		b.start(t)
	}
	for _, c := range append(b.pair.Clients[:], b.pair.Clean) {
		await(t, c, b.options, phase)
	}
	if phase > 0 {
		time.Sleep(moving)
	}
	clean.Add(last.Objects()...)
	v := &View{Options: b.options, world: clean}
	if phase > 0 {
		v.before = b.pair.View.world
	}
	b.pair.View = v
	b.pair.Faults = append(b.pair.Faults, faults...) // those of before too: stock may remember (B20)
}

func (b *bench) start(t *testing.T) {
	t.Helper()
	b.pair.Clients = [2]*Client{start(t, b.corefile), start(t, Stock(b.corefile))}
	if b.malformed {
		b.pair.Clean = start(t, strings.ReplaceAll(Stock(b.corefile), b.api.URL(), b.good.URL()))
	}
}

// put makes w the state of an API server, and says so last.
func put(api *apiserver.Server, w, last *World) {
	api.Replace(w.Objects()...)
	api.Apply(last.Objects()...)
}

// start starts a CoreDNS and returns a client of it. Both end with the test.
func start(t *testing.T, corefile string) *Client {
	t.Helper()
	s, err := server.Start(corefile)
	if err != nil {
		t.Fatalf("%v\n%s", err, corefile)
	}
	c := NewClient(s.UDP, s.TCP)
	t.Cleanup(func() {
		c.Close()
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// await waits until the server behind c, if there is one, has been told of the state numbered phase.
func await(t *testing.T, c *Client, o *Options, phase int) {
	t.Helper()
	if c == nil {
		return
	}
	deadline := time.Now().Add(patience)
	for q, want := range inStep(o, phase) {
		for {
			got, err := c.Ask(q)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.ReplaceAll(got.String(), "rd ", ""), want) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: want %q, got\n%s", q, want, got)
			}
			time.Sleep(time.Millisecond)
		}
	}
}
