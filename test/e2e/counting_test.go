// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/operator/counter"
)

// asked is what is counted: a name that the cluster has by itself.
const asked = "kubernetes.default.svc.cluster.local"

// A counting asks the DNS through its cluster IP from a Pod on every node: numbered
// questions at a steady rate over UDP from fresh ports, over UDP from one port, and
// over TCP, none of them twice.
type counting struct {
	pods map[string]*counted // by name
	once sync.Once
}

// A pace is how many questions a second there are over each of some transports.
type pace struct {
	qps        int
	transports []counter.Transport
}

// A counted is what one Pod reports.
type counted struct {
	cancel context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	last   counter.Report
}

// usual is the pace of tests that only want to know whether something is lost.
var usual = pace{100, counter.Transports}

// count begins to ask at the usual pace, and returns once every Pod does.
func count(t *testing.T) *counting { t.Helper(); return countAt(t, usual) }

// countAt asks at these paces, each from a Pod of its own on every node.
func countAt(t *testing.T, paces ...pace) *counting {
	t.Helper()
	c := &counting{pods: map[string]*counted{}}
	t.Cleanup(func() { c.end(t) })
	for _, node := range nodes(t) {
		for _, p := range paces {
			name := fmt.Sprintf("counter-%s-%s", p.transports[0], node)
			do(t, pod(name, node, p), "-n", "outside", "apply", "-f", "-")
			c.pods[name] = nil
		}
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
func pod(name, node string, p pace) string {
	var transports []string
	for _, x := range p.transports {
		transports = append(transports, string(x))
	}
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
    command: [/counter, --qps=%d, '--transports=%s', --every=1s, --timeout=5s, '%s', %s]
`, name, node, p.qps, strings.Join(transports, ","), world.address(), asked)
}

// follow reads the reports of a Pod, until the final one: the API server may be
// restarted meanwhile.
func follow(t *testing.T, name string) *counted {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &counted{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for ctx.Err() == nil && !p.report().Final {
			p.read(ctx, name)
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return p
}

// read reads reports until the log ends.
func (p *counted) read(ctx context.Context, name string) {
	logs := world.command("-n", "outside", "logs", "-f", name)
	out, err := logs.StdoutPipe()
	if err != nil || logs.Start() != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = logs.Process.Kill() })
	defer stop()
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
	_ = logs.Wait()
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
			}
			p.cancel()
			out[name] = p.report()
		}
	})
	return out
}

// inFlight is how many answers a change may lose of the flow of one port: proxies
// forget the flow when its server is to end, and with it an answer that is on its
// way in that instant. Of fresh ports none is: none is led there any more.
const inFlight = 3

// lossless ends the counting once all that end are gone: over fresh ports and TCP
// nothing may be lost.
func (c *counting) lossless(t *testing.T) {
	t.Helper()
	settled(t) // servers that have been told to end may yet take answers with them
	time.Sleep(2 * time.Second)
	c.none(t)
}

// none ends the counting, and fails the test if something was lost.
func (c *counting) none(t *testing.T) {
	t.Helper()
	for name, r := range c.end(t) {
		if !r.Final || len(r.Counts) == 0 {
			t.Errorf("%s has no final report: %+v", name, r)
		}
		for _, n := range r.Counts {
			t.Logf("%s: %s", name, describe(n))
			bad := n.Lost + n.Wrong
			if n.Transport == counter.Sticky && bad <= inFlight {
				continue
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
