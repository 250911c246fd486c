// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/client-go/rest"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// storeNames returns the names of all stores of the process.
func storeNames() []string {
	var names []string
	for _, s := range watch.All() {
		names = append(names, s.Name())
	}
	return names
}

// Leases of equal configurations are of one store, which asks once.
func TestEqualConfigurationsShare(t *testing.T) {
	s := newServer(t)
	s.Apply(cluster()...)
	first := synced(t, config(s), basic)
	second := synced(t, config(s), basic) // a reload: another Config, of equal content
	if first.Store != second.Store {
		t.Error("equal configurations have two stores")
	}
	if got := len(watch.All()); got != 1 {
		t.Errorf("stores: got %d, want 1", got)
	}
	basic.Each(func(k object.Kind) {
		if got := requests(s, k.String()); got != 1 {
			t.Errorf("requests for %s: got %d, want 1", k, got)
		}
	})

	first.Release()
	first.Release() // does nothing
	if !first.Released() || second.Released() {
		t.Errorf("released: got %v and %v, want only the first", first.Released(), second.Released())
	}
	told(t, second, object.Services, s.Apply(service("more")))
	if got := len(watch.All()); got != 1 {
		t.Errorf("stores with one lease left: got %d, want 1", got)
	}

	second.Release()
	if got := len(watch.All()); got != 0 {
		t.Errorf("stores without leases: got %d, want 0", got)
	}
	eventually(t, "the watches are closed", func() bool { return s.OpenWatches("services") == 0 })
}

// What makes a difference to what is watched, or as whom, or how fast, makes another store.
func TestDifferentConfigurationsDoNotShare(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*watch.Config){
		"labels":           func(c *watch.Config) { c.Labels = "a=b" },
		"namespace labels": func(c *watch.Config) { c.NamespaceLabels = "a=b" },
		"pod names":        func(c *watch.Config) { c.Keep.PodNames = true },
		"zones":            func(c *watch.Config) { c.Keep.Zones = true },
		"qps":              func(c *watch.Config) { c.Limits.QPS = 50 },
		"burst":            func(c *watch.Config) { c.Limits.Burst = 50 },
		"max inflight":     func(c *watch.Config) { c.Limits.MaxInflight = 50 },
		"stale after":      func(c *watch.Config) { c.StaleAfter = time.Minute },
		"audit":            func(c *watch.Config) { c.Audit = time.Minute },
		"token":            func(c *watch.Config) { c.REST.BearerToken = "secret" },
		"token file":       func(c *watch.Config) { c.REST.BearerTokenFile = token },
		"user":             func(c *watch.Config) { c.REST.Username, c.REST.Password = "bob", "secret" },
		"impersonation":    func(c *watch.Config) { c.REST.Impersonate = rest.ImpersonationConfig{UserName: "bob"} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			cfg := config(s)
			edit(&cfg)
			first, second := acquire(t, config(s), services), acquire(t, cfg, services)
			if first.Store == second.Store {
				t.Fatal("one store for both")
			}
			if first.Name() == second.Name() {
				t.Errorf("both stores are called %q", first.Name())
			}
			eventually(t, "both ask", func() bool { return requests(s, "services") >= 2 })
		})
	}
}

// Names of stores are labels of metrics: they tell the cluster and the selectors, no two are equal, and none is a secret.
func TestStoreNames(t *testing.T) {
	s := newServer(t)
	host := s.URL()[len("http://"):]
	selected, token := config(s), config(s)
	selected.Labels, selected.NamespaceLabels = "app=web", "public"
	token.REST.BearerToken = "secret"
	for _, cfg := range []watch.Config{config(s), selected, token} {
		acquire(t, cfg, services)
	}
	want := []string{host, host + "#2", host + ",app=web,public"}
	if got := storeNames(); !slices.Equal(got, want) {
		t.Errorf("names: got %q, want %q", got, want)
	}
}

// A configuration that no client can be made of is an error, and leaves no store.
func TestBadConfiguration(t *testing.T) {
	noLeak(t)
	cfg := watch.Config{REST: &rest.Config{Host: "https://127.0.0.1:1", TLSClientConfig: rest.TLSClientConfig{CAFile: "testdata/missing"}}}
	l, err := watch.Acquire(cfg, services)
	if err == nil {
		l.Release()
		t.Fatal("a CA file that does not exist was taken")
	}
	if got := len(watch.All()); got != 0 {
		t.Errorf("stores: got %d, want 0", got)
	}
}

// A kind is watched as long as a lease wants it, then it is forgotten.
func TestKindsAreCounted(t *testing.T) {
	s := newServer(t)
	s.Apply(cluster()...)
	pods := object.Set(object.Pods)
	first := synced(t, config(s), basic)
	if got := requests(s, "pods"); got != 0 {
		t.Errorf("requests for pods nobody wants: got %d, want 0", got)
	}
	for round := range 2 {
		second := synced(t, config(s), basic|pods)
		third := synced(t, config(s), pods)
		if !first.Index().HasPod("default", addr("10.1.0.1")) {
			t.Errorf("round %d: the Pod is missing", round)
		}
		second.Release()
		if !third.Synced().Has(pods) || !first.Index().HasPod("default", addr("10.1.0.1")) {
			t.Errorf("round %d: the Pods are gone while a lease wants them", round)
		}
		third.Release()
		if first.Synced() != basic {
			t.Errorf("round %d: synced when nobody wants Pods: got %b, want %b", round, first.Synced(), basic)
		}
		if first.Index().HasPod("default", addr("10.1.0.1")) || first.Index().Objects(object.Pods) != 0 {
			t.Errorf("round %d: the Pods stay in memory", round)
		}
		eventually(t, "the watch of Pods is closed", func() bool { return s.OpenWatches("pods") == 0 })
		if got := requests(s, "pods"); got != round+1 {
			t.Errorf("round %d: requests for pods: got %d, want %d", round, got, round+1)
		}
	}
	becomes(t, first, "default/web")
	if got := requests(s, "services"); got != 1 {
		t.Errorf("requests for services: got %d, want 1", got)
	}
}

// Release leaves nothing behind, whatever the store is doing.
func TestReleaseStopsEverything(t *testing.T) {
	for name, prepare := range map[string]func(s *apiserver.Server){
		"watching":     func(*apiserver.Server) {},
		"stopped":      func(s *apiserver.Server) { s.Stop() },
		"refused":      func(s *apiserver.Server) { s.Deny("services", 403) },
		"throttled":    func(s *apiserver.Server) { s.Deny("services", 429) },
		"no answer":    func(s *apiserver.Server) { s.Delay(patience) },
		"no event":     func(s *apiserver.Server) { s.Freeze() },
		"page by page": func(s *apiserver.Server) { s.SetWatchList(false) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.Apply(cluster()...)
			prepare(s)
			noLeak(t, // checked before the server is closed, which would end requests for us
				goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), // see TestReleaseClosesConnections
				goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
				goleak.IgnoreAnyFunction("net/http.(*conn).serve"))
			cfg := config(s)
			cfg.Limits.QPS, cfg.Limits.Burst = 2, 3 // so that some wait for their turn
			l := acquire(t, cfg, all)
			if name != "stopped" {
				eventually(t, "it asks", func() bool { return requests(s, "services") > 0 })
			}
			l.Release()
			if got := len(watch.All()); got != 0 {
				t.Errorf("stores: got %d, want 0", got)
			}
		})
	}
}

// A store that is gone keeps no connection to the API server open: each
// configuration that was replaced would leave one behind.
func TestReleaseClosesConnections(t *testing.T) {
	s := newServer(t)
	s.Deny("services", 403) // with which the connection becomes idle
	noLeak(t)               // checked before the server is closed, which would close it for us
	var j journal
	cfg := config(s)
	cfg.Hooks = j.hooks()
	acquire(t, cfg, services)
	eventually(t, "the refusal is told", func() bool { return j.has("failed services") })
}

// Server blocks come and go on several goroutines, while metrics are collected.
func TestConcurrentLeases(t *testing.T) {
	s := newServer(t)
	s.Apply(cluster()...)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			cfg := config(s)
			cfg.Labels = []string{"", "a"}[i%2]
			for range 10 {
				l, err := watch.Acquire(cfg, []object.Kinds{basic, all}[i/2%2])
				if err != nil {
					t.Error(err)
					return
				}
				for _, s := range watch.All() {
					_, _ = fmt.Sprint(s.Name(), s.Stats(), s.Synced(), s.Index().Serial()), s.Index().Endpoints()
				}
				l.Index().Service("default", "web")
				l.Release()
			}
		})
	}
	wg.Wait()
	if got := len(watch.All()); got != 0 {
		t.Errorf("stores at the end: got %d, want 0", got)
	}
	eventually(t, "no watch is left", func() bool { return s.OpenWatches("services")+s.OpenWatches("pods") == 0 })
}
