// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterdns/clusterdns/test/internal/server"
)

// A wire is a TCP proxy to the API server that can be cut: then what is sent on
// it arrives nowhere, and nobody is told.
type wire struct {
	net.Listener
	to string

	mu    sync.Mutex
	all   []net.Conn
	links []*atomic.Bool // of the connections there are: whether they are cut
	cut   bool           // those to come
}

// newWire returns a wire and the option that names the API server at its other end.
func newWire(t *testing.T) (w *wire, option string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w = &wire{Listener: l, to: strings.TrimPrefix(cluster.APIServer, "https://")}
	var wg sync.WaitGroup
	wg.Go(w.serve)
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		for _, c := range w.all {
			_ = c.Close()
		}
		w.mu.Unlock()
		wg.Wait()
	})
	text, err := os.ReadFile(cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), w.to, l.Addr().String())), 0o600); err != nil {
		t.Fatal(err)
	}
	return w, "kubeconfig " + path
}

func (w *wire) serve() {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		client, err := w.Accept()
		if err != nil {
			return
		}
		api, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		w.mu.Lock()
		link := new(atomic.Bool)
		link.Store(w.cut)
		w.links = append(w.links, link)
		w.all = append(w.all, client, api)
		w.mu.Unlock()
		wg.Go(func() { pump(api, client, link) })
		wg.Go(func() { pump(client, api, link) })
	}
}

// pump copies what comes from src to dst until one of them ends, or swallows it
// if the link is cut. A link that is cut does not tell that one end is gone.
func pump(dst, src net.Conn, cut *atomic.Bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if !cut.Load() {
			if _, werr := dst.Write(buf[:n]); werr != nil || err != nil {
				_ = dst.Close()
				_ = src.Close()
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// blackhole cuts all connections, and those that will be made until mend. Those
// that were cut stay so: both ends believe in them.
func (w *wire) blackhole() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for _, l := range w.links {
		l.Store(true)
	}
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
}

// The network to the API server swallows everything for a while, without a word.
// Answers go on, as stale ones, and when it is back, so are we: with stale_after
// and without, where only the pings of HTTP/2 tell that a connection is dead.
func TestBlackhole(t *testing.T) {
	logs(t)
	apply(t, namespace("hole")+
		service("hole", "web", "clusterIP: 10.96.23.1, "+http)+
		service("hole", "gone", "clusterIP: 10.96.23.2, "+http)+
		service("hole", "db", "clusterIP: None, "+http)+slice("hole", "db", "IPv4", "{addresses: [10.1.23.1]}"))
	const web, gone, fresh, db = "web.hole.svc.cluster.local", "gone.hole.svc.cluster.local", "new.hole.svc.cluster.local", "db.hole.svc.cluster.local"
	w, api := newWire(t)
	heedful := start(t, block(api, "stale_after 2s"))
	heedless := start(t, block(api, "stale_after 0"))
	both := []*server.Server{heedful, heedless}
	for _, s := range both {
		become(t, s, fact{web, dns.TypeA, "NOERROR 10.96.23.1"}, fact{db, dns.TypeA, "NOERROR 10.1.23.1"}, fact{fresh, dns.TypeA, "NXDOMAIN"})
	}

	w.blackhole()
	_, end := ceaselessly(t, heedless, fact{web, dns.TypeA, "NOERROR 10.96.23.1"}, fact{db, dns.TypeA, "NOERROR 10.1.23.1"})
	remove(t, service("hole", "gone", ""))
	apply(t, service("hole", "new", "clusterIP: 10.96.23.3, "+http))
	apply(t, slice("hole", "db", "IPv4", "{addresses: [10.1.23.2]}"))
	become(t, heedful,
		fact{web, dns.TypeA, "NOERROR 10.96.23.1 EDE 3"},
		fact{db, dns.TypeA, "NOERROR 10.1.23.1 EDE 3"},
		fact{db, dns.TypeMX, "NOERROR EDE 3"},
		fact{gone, dns.TypeA, "NOERROR 10.96.23.2 EDE 3"},
		fact{fresh, dns.TypeA, "NXDOMAIN EDE 19"})
	are(t, heedless,
		fact{gone, dns.TypeA, "NOERROR 10.96.23.2"},
		fact{fresh, dns.TypeA, "NXDOMAIN"})
	if got := metric(t, "synced"); got != 8 {
		t.Errorf("kinds synced while it is away: got %v, want 8", got)
	}
	eventually(t, "all kinds of the one are stale", func() bool { return metric(t, "stale") == 4 })
	end()

	w.mend()
	began := time.Now()
	for _, s := range both {
		become(t, s,
			fact{web, dns.TypeA, "NOERROR 10.96.23.1"},
			fact{db, dns.TypeA, "NOERROR 10.1.23.2"},
			fact{gone, dns.TypeA, "NXDOMAIN"},
			fact{fresh, dns.TypeA, "NOERROR 10.96.23.3"})
		t.Logf("back after %s", time.Since(began).Round(time.Second))
	}
	if got := metric(t, "watch_relists_total"); got != 0 {
		t.Errorf("relists: got %v, want 0: no change was lost", got)
	}
}

// Audits of what a real API server has find no difference, whatever changes beside them.
func TestAudits(t *testing.T) {
	noStore(t)
	logs(t)
	s := start(t, block(real(), "audit 1s"))
	become(t, s, fact{"kubernetes.default.svc.cluster.local", dns.TypeA, "NOERROR 10.96.0.1"})
	store := theStore(t)
	kinds := []string{"namespaces", "services", "endpointslices", "pods"}
	audits := func() float64 {
		least := metric(t, "audits_total", store, "resource="+kinds[0])
		for _, kind := range kinds[1:] {
			least = min(least, metric(t, "audits_total", store, "resource="+kind))
		}
		return least
	}
	deadline := time.Now().Add(patience)
	for round := 0; audits() < 3; round++ {
		if time.Now().After(deadline) {
			t.Fatalf("audits of each kind: got %v after %s and %d rounds of changes, want 3", audits(), patience, round)
		}
		name := fmt.Sprint("audited-", round%10)
		manifest := service("default", name, fmt.Sprintf("clusterIP: None, ports: [{name: http, port: %d}]", 1+round%60000)) +
			slice("default", name, "IPv4", fmt.Sprintf("{addresses: [10.1.24.%d]}", 1+round%200)) +
			pod("default", name, "10.1.24.201")
		change(t, "{apiVersion: v1, kind: Namespace, metadata: {name: audited, labels: {round: r"+fmt.Sprint(round)+"}}}\n---\n"+manifest)
		if round%2 == 0 {
			remove(t, manifest)
		}
	}
	for _, kind := range kinds {
		if got := metric(t, "audit_healed_objects_total", store, "resource="+kind); got != 0 {
			t.Errorf("%s: got %v objects healed, want 0", kind, got)
		}
		if got := metric(t, "watch_relists_total", store, "resource="+kind); got != 0 {
			t.Errorf("%s: got %v relists, want 0", kind, got)
		}
	}
}

// change is apply without an end: the objects stay for later changes.
func change(t *testing.T, manifest string) {
	t.Helper()
	applyEach(t, manifest, func(*unstructured.Unstructured) {})
}
