// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/operator/counter"
)

// A loading is a counting whose losses have a time, and the step that was under
// way then.
type loading struct {
	*counting
	qps   map[counter.Transport]int
	mu    sync.Mutex
	steps []step
}

// A step is what a test did from a time on.
type step struct {
	at   time.Time
	what string
}

// A loss is a question that was not answered, or wrongly.
type loss struct {
	pod       string
	transport counter.Transport
	number    int
	asked     time.Time
	what      string
	step      string // that was under way when it was asked
}

func (l loss) String() string {
	return fmt.Sprintf("%s %s of %s: number %d, %s, while %s", l.asked.Format("15:04:05.000"), l.transport, l.pod, l.number, l.what, l.step)
}

// load begins to ask at these paces, from Pods on every node.
func load(t *testing.T, paces ...pace) *loading {
	t.Helper()
	l := &loading{counting: countAt(t, paces...), qps: map[counter.Transport]int{}, steps: []step{{what: "it begins"}}}
	for _, p := range paces {
		for _, x := range p.transports {
			l.qps[x] = p.qps
		}
	}
	return l
}

// mark says what happens from now on.
func (l *loading) mark(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, step{at: time.Now(), what: fmt.Sprintf(format, args...)})
}

// losses ends the load and returns what was lost, by time, of each transport and
// Pod the first hundred. Each Pod must have asked at the rate.
func (l *loading) losses(t *testing.T) []loss {
	t.Helper()
	var all []loss
	for pod, r := range l.end(t) {
		if !r.Final || len(r.Counts) == 0 {
			t.Errorf("%s has no final report: %+v", pod, r)
		}
		for _, n := range r.Counts {
			t.Logf("%s: %s", pod, describe(n))
			if n.Sent == 0 {
				t.Errorf("%s asked nothing over %s", pod, n.Transport)
			}
			if lost := n.Lost + n.Wrong - len(n.Failures); lost > 0 {
				t.Logf("%s: of %d more over %s there is no time", pod, lost, n.Transport)
			}
			for _, f := range n.Failures {
				asked := r.Start.Add(time.Duration(f.Number-1) * time.Second / time.Duration(l.qps[n.Transport]))
				all = append(all, loss{pod, n.Transport, f.Number, asked, f.What, l.during(asked)})
			}
		}
	}
	slices.SortFunc(all, func(a, b loss) int { return a.asked.Compare(b.asked) })
	return all
}

// during returns the step that was under way.
func (l *loading) during(at time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	what := ""
	for _, s := range l.steps {
		if !s.at.After(at) {
			what = s.what
		}
	}
	return what
}

// served returns how many questions each server has had since it began, by Pod: all
// Pods that the Service of the DNS could lead to are asked. What rises between two
// calls tells who answers.
func served(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, selector := range []string{"k8s-app=kube-dns", "app.kubernetes.io/name=clusterdns,app.kubernetes.io/component=server"} {
		pods, err := world.client.CoreV1().Pods("kube-system").List(t.Context(), metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pods.Items {
			if p.Status.Phase != corev1.PodRunning || p.Status.PodIP == "" {
				continue
			}
			script := `curl -sS --max-time 5 "http://$0:9153/metrics"`
			if p.Spec.Containers[0].Name == "kubedns" {
				script = `for n in hits misses; do dig @$0 +short CH TXT $n.bind; done`
			}
			text := do(t, "", "-n", "outside", "exec", "client", "--", "sh", "-c", script, p.Status.PodIP)
			out[p.Name] = requests(text)
		}
	}
	return out
}

// counted by CoreDNS, or by dnsmasq.
var requestCount = regexp.MustCompile(`(?m)^(?:coredns_dns_requests_total\{.*\} ([0-9.e+]+)|"(\d+)")$`)

func requests(text string) int {
	n := 0.0
	for _, m := range requestCount.FindAllStringSubmatch(text, -1) {
		one, _ := strconv.ParseFloat(m[1]+m[2], 64) // the expression has a number
		n += one
	}
	return int(n)
}
