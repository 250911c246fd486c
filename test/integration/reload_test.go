// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/apiserver"
)

// reloaded are facts that no reload may change.
func reloaded(t *testing.T) []fact {
	t.Helper()
	apply(t, namespace("reload")+
		service("reload", "web", "clusterIP: 10.96.23.1, "+http)+
		service("reload", "db", "clusterIP: None, "+http)+slice("reload", "db", "IPv4", "{addresses: [10.1.23.1]}"))
	return []fact{
		{"web.reload.svc.cluster.local", dns.TypeA, "NOERROR 10.96.23.1"},
		{"web.reload.svc.cluster.local", dns.TypeAAAA, "NOERROR"},
		{"db.reload.svc.cluster.local", dns.TypeA, "NOERROR 10.1.23.1"},
		{"1.23.96.10.in-addr.arpa", dns.TypePTR, "NOERROR web.reload.svc.cluster.local."},
		{"missing.reload.svc.cluster.local", dns.TypeA, "NXDOMAIN"},
	}
}

// The Corefile is loaded again and again: no query is lost, no answer wrong,
// and nothing is read from the API server again, since the store is handed on.
func TestReload(t *testing.T) {
	noStore(t)
	logs(t)
	facts := reloaded(t)
	s := start(t, block(real()))
	are(t, s, facts...)
	requests, relists, store := metric(t, "rest_client_requests_total", host()), metric(t, "watch_relists_total", theStore(t)), theStore(t)
	asked, end := ceaselessly(t, s, facts...)
	const reloads = 20
	for i := range reloads {
		before := asked()
		if err := s.Reload(block(real(), fmt.Sprintf("ttl %d", 10+i))); err != nil {
			t.Fatal(err)
		}
		eventually(t, "some queries were asked meanwhile", func() bool { return asked() > before+4 })
	}
	end()
	m, err := ask(s, "udp", facts[0].name, facts[0].qtype)
	if err != nil || len(m.Answer) != 1 || m.Answer[0].Header().Ttl != 10+reloads-1 {
		t.Errorf("after the last reload: got %v, %v, want its TTL", m, err)
	}
	if got := metric(t, "watch_relists_total", store); got != relists {
		t.Errorf("relists: got %v, want %v", got, relists)
	}
	if got := metric(t, "rest_client_requests_total", host()); got != requests {
		t.Errorf("requests to the API server: got %v, want %v", got, requests)
	}
	if got := theStore(t); got != store {
		t.Errorf("got %s, want %s", got, store)
	}
}

// A reload may want more kinds, or other selectors: what both want stays, what
// only the old one wanted goes.
func TestReloadChangesWhatIsWatched(t *testing.T) {
	noStore(t)
	logs(t)
	facts := reloaded(t)
	with := func(options ...string) string {
		return strings.Replace(block(append(options, real())...), "\t\tpods verified\n", "", 1)
	}
	s := start(t, with())
	_, end := ceaselessly(t, s, facts...)
	kinds := func(want float64) {
		t.Helper()
		if got := metric(t, "synced", theStore(t)); got != want {
			t.Errorf("kinds synced: got %v, want %v", got, want)
		}
	}
	kinds(3)
	for _, step := range []struct {
		corefile string
		kinds    float64
	}{
		{with("pods verified"), 4}, {with(), 3}, {with("labels !hidden"), 3}, {with("labels !hidden", "pods verified"), 4}, {with(), 3},
	} {
		if err := s.Reload(step.corefile); err != nil {
			t.Fatal(err)
		}
		kinds(step.kinds)
	}
	end()
}

// A Corefile that cannot be loaded leaves the old one answering, and nothing of itself.
func TestFailedReload(t *testing.T) {
	noStore(t)
	logs(t)
	facts := reloaded(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	onPort := func(block string) string {
		zone, rest, _ := strings.Cut(block, " ")
		_, rest, _ = strings.Cut(rest, "{")
		return zone + ":" + portOf(taken) + " {\n\tbind 127.0.0.1" + rest
	}
	other := strings.NewReplacer("cluster.local", "other.local", "in-addr.arpa ip6.arpa", "").Replace(block(real(), "labels !hidden"))

	good := map[string]string{
		"one block": block(real()),
		// Two stores: none of them may be given up for the sake of the other.
		"two blocks": block(real()) + other,
	}
	bad := []struct{ corefile, reason string }{
		{"cluster.local {", "Corefile:1"},
		{block(real(), "nonsense"), "nonsense"},
		{block(real()) + other + "example.org {\n\tnonsense\n}\n", "nonsense"},
		{block("kubeconfig missing"), "missing"},
		{block(real()) + onPort(other), "address already in use"},
		{block(real(), "labels a=b") + onPort(other), "address already in use"}, // its stores are other ones
		{block("endpoint http://127.0.0.1:1", "startup_timeout 0") + onPort(other), "address already in use"},
	}
	for name, corefile := range good {
		t.Run(name, func(t *testing.T) {
			facts := facts
			if strings.Contains(corefile, "other.local") {
				facts = append(slices.Clip(facts), fact{"web.reload.svc.other.local", dns.TypeA, "NOERROR 10.96.23.1"})
			}
			s := start(t, corefile)
			are(t, s, facts...)
			before := stores(t)
			_, end := ceaselessly(t, s, facts...)
			for _, bad := range bad {
				if err := s.Reload(bad.corefile); err == nil || !strings.Contains(err.Error(), bad.reason) {
					t.Fatalf("got %v, want that it says %q", err, bad.reason)
				}
				if got := stores(t); !slices.Equal(got, before) {
					t.Errorf("%s: stores: got %v, want %v", bad.reason, got, before)
				}
				are(t, s, facts...)
			}
			end()
			// The watches of the old one go on.
			apply(t, service("reload", "later", "clusterIP: 10.96.23.2, "+http))
			become(t, s, fact{"later.reload.svc.cluster.local", dns.TypeA, "NOERROR 10.96.23.2"})
			remove(t, service("reload", "later", ""))
			become(t, s, fact{"later.reload.svc.cluster.local", dns.TypeA, "NXDOMAIN"})
			// A good one still can be loaded.
			if err := s.Reload(corefile); err != nil {
				t.Fatal(err)
			}
			are(t, s, facts...)
			if got := stores(t); !slices.Equal(got, before) {
				t.Errorf("stores after a good one: got %v, want %v", got, before)
			}
		})
	}
}

// The old Corefile has nothing to do with clusters, and the new one fails after
// its store was made: nobody is told, so it is given up when the next one is made.
func TestFailedReloadIntoThePlugin(t *testing.T) {
	logs(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	api := apiserver.New() // has no store that another test could come to share
	defer api.Close()
	const without = "example.org {\n\terrors\n}\n"
	s := start(t, without)
	err = s.Reload(block("endpoint "+api.URL()) + "example.org:" + portOf(taken) + " {\n\tbind 127.0.0.1\n\terrors\n}\n")
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Fatalf("got %v, want that the address is in use", err)
	}
	for _, corefile := range []string{block("endpoint " + api.URL()), without} {
		if err := s.Reload(corefile); err != nil {
			t.Fatal(err)
		}
	}
	if got := stores(t); len(got) != 0 {
		t.Errorf("stores after a reload that failed, a good one, and one without the plugin: got %v, want none", got)
		left = append(left, got...)
	}
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
