// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// propagation is how long a change of an endpoint may take to be in answers. It
// takes milliseconds; this is a busy machine, where the test hears of changes late.
const propagation = time.Second

const churned = `apiVersion: v1
kind: Service
metadata: {name: all, namespace: churn}
spec:
  clusterIP: None
  selector: {app: web}
  ports: [{name: http, port: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: live, namespace: churn}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: churn}
spec:
  replicas: 0
  strategy: {rollingUpdate: {maxSurge: 5, maxUnavailable: 5}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: clusterdns.test/web:1
        imagePullPolicy: IfNotPresent
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
`

// TestChurn scales endpoints from 0 to 10, replaces them all, and scales to 0,
// while every server is asked without a break: an answer never has an address that
// is gone, lacks none that is there, and names that live exist.
func TestChurn(t *testing.T) {
	own(t) // the servers are asked from here, one by one
	do(t, "", "create", "namespace", "churn")
	t.Cleanup(func() { do(t, "", "delete", "namespace", "churn") })
	do(t, churned, "apply", "-f", "-")
	history := observeEndpoints(t)
	ask := askServers(t)

	deployment := []string{"-n", "churn", "rollout", "status", "deployment/web", "--timeout=120s"}
	do(t, "", "-n", "churn", "scale", "deployment/web", "--replicas=10")
	do(t, "", deployment...)
	do(t, "", "-n", "churn", "rollout", "restart", "deployment/web")
	do(t, "", deployment...)
	eventually(t, "ten new endpoints", func() bool { return len(history.ready(time.Now())) == 10 }, func() string { return "" })
	do(t, "", "-n", "churn", "scale", "deployment/web", "--replicas=0")
	eventually(t, "no endpoint", func() bool { return len(history.ready(time.Now())) == 0 }, func() string { return "" })
	time.Sleep(2 * propagation) // what is answered then is looked at, too

	n, addresses := 0, 0
	for _, a := range ask.end() {
		n++
		addresses += len(a.addresses)
		history.judge(t, a)
	}
	seen := history.end()
	t.Logf("%d answers with %d addresses of %d endpoints", n, addresses, seen)
	if seen < 20 || addresses == 0 {
		t.Errorf("%d endpoints were seen, want 20 at least", seen)
	}
}

// An endpoints history knows when which address was ready.
type endpoints struct {
	mu     sync.Mutex
	spans  map[string][]span
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// A span is from one time to another; the zero time is not yet.
type span struct{ from, to time.Time }

func observeEndpoints(t *testing.T) *endpoints {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	h := &endpoints{spans: map[string][]span{}, cancel: cancel}
	w, err := world.client.DiscoveryV1().EndpointSlices("churn").Watch(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=all"})
	if err != nil {
		t.Fatal(err)
	}
	h.done.Go(func() {
		slicesNow := map[string][]string{}
		for e := range w.ResultChan() {
			s, ok := e.Object.(*discoveryv1.EndpointSlice)
			if !ok {
				continue
			}
			slicesNow[s.Name] = nil
			for _, e := range s.Endpoints {
				if e.Conditions.Ready == nil || *e.Conditions.Ready {
					slicesNow[s.Name] = append(slicesNow[s.Name], e.Addresses[0])
				}
			}
			h.note(slicesNow, time.Now())
		}
	})
	t.Cleanup(func() { h.end() })
	return h
}

// note takes in what is ready now.
func (h *endpoints) note(now map[string][]string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ready := map[string]bool{}
	for _, addresses := range now {
		for _, a := range addresses {
			ready[a] = true
		}
	}
	for a, spans := range h.spans {
		if last := &spans[len(spans)-1]; last.to.IsZero() && !ready[a] {
			last.to = at
		}
	}
	for a := range ready {
		if spans := h.spans[a]; len(spans) == 0 || !spans[len(spans)-1].to.IsZero() {
			h.spans[a] = append(spans, span{from: at})
		}
	}
}

// ready returns the addresses that were at a time.
func (h *endpoints) ready(at time.Time) []string { return h.during(at, at, false) }

// during returns the addresses that were ready all of the time, or some of it.
func (h *endpoints) during(from, to time.Time, some bool) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for a, spans := range h.spans {
		if slices.ContainsFunc(spans, func(s span) bool {
			if some {
				return !s.from.After(to) && (s.to.IsZero() || !s.to.Before(from))
			}
			return !s.from.After(from) && (s.to.IsZero() || !s.to.Before(to))
		}) {
			out = append(out, a)
		}
	}
	return out
}

func (h *endpoints) end() int {
	h.cancel()
	h.done.Wait()
	return len(h.spans)
}

// judge compares an answer with what was ready around it.
func (h *endpoints) judge(t *testing.T, a answer) {
	t.Helper()
	if strings.HasPrefix(a.name, "live.") {
		if a.problem != "" || len(a.addresses) != 1 {
			t.Errorf("%s at %s: %s %v %s", a.name, a.server, a.rcode, a.addresses, a.problem)
		}
		return
	}
	if a.problem != "" {
		t.Errorf("%s at %s: %s", a.name, a.server, a.problem)
		return
	}
	might, must := h.during(a.asked.Add(-propagation), a.got.Add(propagation), true), h.during(a.asked.Add(-propagation), a.got.Add(propagation), false)
	for _, x := range a.addresses {
		if !slices.Contains(might, x) {
			t.Errorf("%s answers %s, which was not ready for %s", a.server, x, propagation)
		}
	}
	for _, x := range must {
		if !slices.Contains(a.addresses, x) {
			t.Errorf("%s answers %s without %s, which is ready for %s (%s)", a.server, a.addresses, x, propagation, a.rcode)
		}
	}
}

// An answer is what a server said about a name.
type answer struct {
	server, name, rcode, problem string
	asked, got                   time.Time
	addresses                    []string
}

// An asker asks every server for the names in turn.
type asker struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex
	all    []answer
}

func askServers(t *testing.T) *asker {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	a := &asker{cancel: cancel}
	t.Cleanup(func() { a.end() })
	pods := settled(t)
	if len(pods) == 0 {
		t.Fatal("there is no server")
	}
	for _, p := range pods {
		ip := p.Status.PodIP
		for _, name := range []string{"all.churn.svc.cluster.local.", "live.churn.svc.cluster.local."} {
			a.done.Go(func() {
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for ctx.Err() == nil {
					a.ask(ip, name)
					<-tick.C
				}
			})
		}
	}
	return a
}

func (a *asker) ask(server, name string) {
	out := answer{server: server, name: name, asked: time.Now()}
	m := new(dns.Msg).SetQuestion(name, dns.TypeA)
	r, _, err := (&dns.Client{Timeout: 3 * time.Second, UDPSize: 4096}).Exchange(m, server+":53")
	out.got = time.Now()
	switch {
	case err != nil:
		out.problem = err.Error()
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		out.problem = dns.RcodeToString[r.Rcode]
	default:
		out.rcode = dns.RcodeToString[r.Rcode]
		for _, rr := range r.Answer {
			if a, ok := rr.(*dns.A); ok {
				out.addresses = append(out.addresses, a.A.String())
			}
		}
		slices.Sort(out.addresses)
		if d := slices.Compact(slices.Clone(out.addresses)); len(d) != len(out.addresses) {
			out.problem = fmt.Sprintf("an address twice: %v", out.addresses)
		}
	}
	a.mu.Lock()
	a.all = append(a.all, out)
	a.mu.Unlock()
}

func (a *asker) end() []answer {
	a.cancel()
	a.done.Wait()
	return a.all
}
