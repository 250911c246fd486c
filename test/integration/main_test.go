// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package integration tests the plugin in a CoreDNS that is in this process,
// on real sockets, against a real Kubernetes API server.
//
// A real one does not expire a watch on demand: compaction of etcd alone does
// not, for watches are served from the API server's own cache. So 410 Gone, and
// what else a real one cannot be made to do, comes from test/apiserver.
package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	_ "github.com/clusterdns/clusterdns/plugin"
	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/internal/server"
)

// patience is how long a test waits for what must happen. A watch that failed
// for long is tried again every 15 seconds or so.
const patience = time.Minute

var (
	cluster *kube.Cluster
	client  *kube.Client
	logged  logbook
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	log.SetOutput(&logged)
	var err error
	if cluster, err = kube.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer cluster.Stop()
	if client, err = kube.NewClient(cluster.Kubeconfig); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// A logbook keeps what CoreDNS logs.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// since returns what was written after the first n octets, and how many there are now.
func (l *logbook) since(n int) (string, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf.Bytes()[n:]), l.buf.Len()
}

// logs returns a function that returns what is logged from now on. It is shown if the test fails.
func logs(t *testing.T) func() string {
	t.Helper()
	_, mark := logged.since(0)
	text := func() string {
		text, _ := logged.since(mark)
		return text
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("CoreDNS logged:\n%s", text())
		}
	})
	return text
}

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still not so after %s: %s", patience, what)
		}
	}
}

// apply creates or replaces the objects of a manifest. They are deleted with
// the test, but for namespaces.
func apply(t *testing.T, manifest string) {
	t.Helper()
	applyEach(t, manifest, func(o *unstructured.Unstructured) {
		if o.GetKind() != "Namespace" {
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				_ = client.Delete(ctx, o)
			})
		}
	})
}

// applyEach creates or replaces the objects of a manifest and calls f after each.
func applyEach(t *testing.T, manifest string, f func(*unstructured.Unstructured)) {
	t.Helper()
	objects, err := kube.Decode(manifest)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, o := range objects {
		if _, err := client.Apply(ctx, o); err != nil {
			t.Fatal(err)
		}
		f(o)
	}
}

// remove deletes the objects of a manifest.
func remove(t *testing.T, manifest string) {
	t.Helper()
	objects, err := kube.Decode(manifest)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, o := range objects {
		if err := client.Delete(ctx, o); err != nil {
			t.Fatal(err)
		}
	}
}

// control has the control plane obey a command.
func control(t *testing.T, command string) string {
	t.Helper()
	answer, err := cluster.Do(command)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// start starts CoreDNS, and stops it with the test.
func start(t *testing.T, corefile string) *server.Server {
	t.Helper()
	s, err := server.Start(corefile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stopping CoreDNS: %v", err)
		}
	})
	return s
}

// block returns a server block of the plugin for cluster.local and the reverse
// zones, with options.
func block(options ...string) string {
	return fmt.Sprintf("cluster.local in-addr.arpa ip6.arpa {\n\terrors\n\tclusterdns {\n\t\tpods verified\n\t\t%s\n\t}\n}\n",
		strings.Join(options, "\n\t\t"))
}

// real is the option that names the real API server.
func real() string { return "kubeconfig " + cluster.Kubeconfig }

// ask sends one query, over udp or tcp.
func ask(s *server.Server, proto, name string, qtype uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), qtype)
	m.SetEdns0(1232, false)
	addr := s.UDP
	if proto == "tcp" {
		addr = s.TCP
	}
	c := dns.Client{Net: proto, Timeout: 10 * time.Second}
	resp, _, err := c.Exchange(m, addr)
	// CoreDNS, with any plugin, closes connections at a reload that it has
	// accepted but not yet read: then a client tries again (RFC 7766 section 6.2.4).
	for try := 0; try < 3 && closed(err); try++ {
		resp, _, err = c.Exchange(m, addr)
	}
	return resp, err
}

// closed reports whether err says that the server closed the connection.
func closed(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) }

// answer is the response to a query in one line: the response code, the data of
// the records in order, and the Extended DNS Error.
func answer(s *server.Server, proto, name string, qtype uint16) string {
	m, err := ask(s, proto, name, qtype)
	if err != nil {
		return err.Error()
	}
	var data []string
	for _, rr := range m.Answer {
		fields := strings.Fields(rr.String())
		data = append(data, strings.Join(fields[4:], " "))
	}
	slices.Sort(data)
	words := append([]string{dns.RcodeToString[m.Rcode]}, data...)
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				words = append(words, fmt.Sprintf("EDE %d", e.InfoCode))
			}
		}
	}
	return strings.Join(words, " ")
}

// A fact is a question and its answer.
type fact struct {
	name  string
	qtype uint16
	want  string
}

func (f fact) String() string { return f.name + " " + dns.TypeToString[f.qtype] }

// become waits until the facts are so.
func become(t *testing.T, s *server.Server, facts ...fact) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for _, f := range facts {
		for got := ""; got != f.want; {
			if got = answer(s, "udp", f.name, f.qtype); got != f.want && time.Now().After(deadline) {
				t.Fatalf("%s: got %q, want %q", f, got, f.want)
			}
		}
	}
}

// are checks that the facts are so now, over UDP and TCP.
func are(t *testing.T, s *server.Server, facts ...fact) {
	t.Helper()
	for _, f := range facts {
		for _, proto := range []string{"udp", "tcp"} {
			if got := answer(s, proto, f.name, f.qtype); got != f.want {
				t.Errorf("%s over %s: got %q, want %q", f, proto, got, f.want)
			}
		}
	}
}

// ceaselessly asks for the facts over UDP and TCP until end is called. Each
// answer must come and be as the fact says. asked returns how many there were.
func ceaselessly(t *testing.T, s *server.Server, facts ...fact) (asked func() int, end func()) {
	t.Helper()
	udp, tcp := s.UDP, s.TCP // a reload may write them
	stop := make(chan struct{})
	var mu sync.Mutex
	var wg sync.WaitGroup
	count, wrong := 0, 0
	for _, proto := range []string{"udp", "tcp"} {
		wg.Go(func() {
			tick := time.NewTicker(time.Millisecond) // leaves the machine something to do other things with
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				f := facts[i%len(facts)]
				got := answer(&server.Server{UDP: udp, TCP: tcp}, proto, f.name, f.qtype)
				mu.Lock()
				count++
				if got != f.want {
					if wrong++; wrong <= 10 {
						t.Errorf("%s over %s, query %d: got %q, want %q", f, proto, count, got, f.want)
					}
				}
				mu.Unlock()
			}
		})
	}
	end = sync.OnceFunc(func() { close(stop); wg.Wait() })
	t.Cleanup(end)
	asked = func() int {
		mu.Lock()
		defer mu.Unlock()
		return count
	}
	return asked, end
}

// metric returns the sum of the samples of a metric of ours.
func metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	v, err := server.Metric("coredns_clusterdns_"+name, labels...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// host is the label of metrics about requests to the real API server.
func host() string { return "host=" + strings.TrimPrefix(cluster.APIServer, "https://") }

// theStore is the label of metrics about the only store that there is.
func theStore(t *testing.T) string {
	t.Helper()
	names := stores(t)
	if len(names) != 1 {
		t.Fatalf("stores: got %v, want one", names)
	}
	return "store=" + names[0]
}

// left are stores that a test has found to be left behind, and told.
var left []string

// stores returns the values of the label store, but for those in left.
func stores(t *testing.T) []string {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		if f.GetName() != "coredns_clusterdns_soa_serial" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "store" && !slices.Contains(left, l.GetValue()) {
					names = append(names, l.GetValue())
				}
			}
		}
	}
	return names
}

// noStore checks that nothing is left of servers that were stopped.
func noStore(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if got := stores(t); len(got) != 0 {
			t.Errorf("stores after the end: got %v, want none", got)
		}
	})
}
