// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/test/counter"
)

// asked is what is counted: a name that the cluster has by itself.
const asked = "kubernetes.default.svc.cluster.local"

// A counting asks the DNS through its cluster IP from a Pod on every node: 100
// numbered questions a second over UDP from fresh ports, over UDP from one port,
// and over TCP, none of them twice.
type counting struct {
	pods map[string]*counted
	once sync.Once
}

// A counted is what one Pod reports.
type counted struct {
	logs *exec.Cmd
	mu   sync.Mutex
	last counter.Report
	done chan struct{}
}

// count begins to ask, and returns once every Pod does.
func count(t *testing.T) *counting {
	t.Helper()
	c := &counting{pods: map[string]*counted{}}
	t.Cleanup(func() { c.end(t) })
	for _, node := range nodes(t) {
		name := "counter-" + node
		do(t, pod(name, node), "-n", "outside", "apply", "-f", "-")
		c.pods[name] = nil
	}
	for name := range c.pods {
		do(t, "", "-n", "outside", "wait", "--for=condition=Ready", "--timeout=60s", "pod/"+name)
		c.pods[name] = follow(t, name)
	}
	for name, p := range c.pods {
		eventually(t, name+" asks", func() bool { return p.report().Seconds > 0 }, func() string { return "" })
	}
	return c
}

// pod is one that asks.
func pod(name, node string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {app: counter}}
spec:
  nodeName: %s
  restartPolicy: Never
  dnsPolicy: Default
  terminationGracePeriodSeconds: 15
  tolerations: [{operator: Exists}]
  containers:
  - name: counter
    image: clusterdns.test/dns:1
    imagePullPolicy: IfNotPresent
    command: [/counter, --qps=100, --every=1s, --timeout=3s, '%s', %s]
`, name, node, world.address(), asked)
}

// follow reads the reports of a Pod.
func follow(t *testing.T, name string) *counted {
	t.Helper()
	p := &counted{logs: world.command("-n", "outside", "logs", "-f", name), done: make(chan struct{})}
	out, err := p.logs.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.logs.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var r counter.Report
			if json.Unmarshal(lines.Bytes(), &r) == nil {
				p.mu.Lock()
				p.last = r
				p.mu.Unlock()
			}
		}
		_ = p.logs.Wait()
	}()
	return p
}

func (p *counted) report() counter.Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// end stops asking, and returns the last reports by Pod.
func (c *counting) end(t *testing.T) map[string]counter.Report {
	t.Helper()
	out := map[string]counter.Report{}
	c.once.Do(func() {
		for name, p := range c.pods {
			_, _ = world.kubectl("", "-n", "outside", "delete", "pod", name, "--ignore-not-found")
			if p == nil {
				continue
			}
			select {
			case <-p.done:
			case <-time.After(time.Minute):
				t.Errorf("%s does not end", name)
				_ = p.logs.Process.Kill()
			}
			out[name] = p.report()
		}
	})
	return out
}

// lossless ends the counting: over fresh ports and TCP nothing may be lost, and
// from one port no more than what was on its way to servers that ended.
func (c *counting) lossless(t *testing.T) {
	t.Helper()
	for name, r := range c.end(t) {
		if !r.Final || len(r.Counts) == 0 {
			t.Errorf("%s has no final report: %+v", name, r)
		}
		for _, n := range r.Counts {
			t.Logf("%s: %s", name, describe(n))
			bad := n.Lost + n.Wrong
			if n.Transport == counter.Sticky {
				continue // told, and bounded by what is under way: see docs/benchmarks.md
			}
			if bad > 0 || n.Sent == 0 {
				t.Errorf("%s: %s", name, describe(n))
			}
		}
	}
}

func describe(n counter.Count) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d asked, %d lost, %d wrong, longest gap %.3f s, p99 %.1f ms", n.Transport, n.Sent, n.Lost, n.Wrong, n.LongestGap, 1000*n.P99)
	for i, f := range n.Failures {
		if i < 3 {
			fmt.Fprintf(&b, "; number %d after %.1f s: %s", f.Number, f.At, f.What)
		}
	}
	return b.String()
}
