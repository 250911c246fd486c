// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/operator/counter"
)

// Tests that begin with another DNS have a cluster of their own each, and are run
// by themselves: E2E_FROM names what they begin with, or "all". See
// testdata/from/README.md.
const (
	fromVariable = "E2E_FROM"
	fromTests    = "^Test(From|Migrat)"
)

// An origin is a DNS that clusters have before ours.
type origin struct {
	name       string   // its folder is testdata/from/NAME
	deployment string   // in the namespace kube-system
	images     []string // beside those that every node needs
	// others are answers that only this one gives: what the DNS outside of the cluster
	// says by way of its settings.
	others map[string]string
	paces  []pace // what it answers without a loss of its own
}

var origins = []origin{
	{
		name: "kube-dns", deployment: "kube-dns", images: []string{"kubedns", "dnsmasq", "sidecar"},
		others: map[string]string{"www.partner.example": "203.0.113.82", "www.corp.example": "203.0.113.80"},
		// dnsmasq has 20 connections at once at most, each a process of its own.
		paces: []pace{{200, []counter.Transport{counter.UDP, counter.Sticky}}, {20, []counter.Transport{counter.TCP}}},
	},
	{
		name: "kubeadm", deployment: "coredns", images: []string{"stock-coredns"},
		paces: []pace{{200, counter.Transports}},
	},
}

// eachOrigin runs a test with each DNS that E2E_FROM names.
func eachOrigin(t *testing.T, test func(*testing.T, origin)) {
	t.Helper()
	wanted := os.Getenv(fromVariable)
	if wanted == "" {
		t.Skipf("skipped: it has a cluster of its own; %s=all runs it", fromVariable)
	}
	if wanted != "all" && !slices.ContainsFunc(origins, func(o origin) bool { return o.name == wanted }) {
		t.Fatalf("%s=%s: want all, kube-dns or kubeadm", fromVariable, wanted)
	}
	for _, o := range origins {
		if wanted == "all" || wanted == o.name {
			t.Run(o.name, func(t *testing.T) { test(t, o) })
		}
	}
}

// bare starts a cluster with two nodes, and with no operator: its DNS is another.
// It is the world until the test ends. scene.installOperator makes the next step.
func bare(t *testing.T, o origin) {
	t.Helper()
	begin := time.Now()
	s, err := newScene(t.TempDir(), "", append(slices.Clone(images), o.images...))
	if err != nil {
		t.Fatal(err)
	}
	before := world
	world = s
	t.Cleanup(func() {
		if t.Failed() {
			s.complain()
			s.complainOf(o)
		}
		world = before
		s.close()
	})
	if err := s.applyOutside(); err != nil {
		t.Fatal(err)
	}
	do(t, "", "-n", "outside", "rollout", "status", "deployment/dns", "--timeout=120s")
	ready := time.Now()
	do(t, "", "apply", "-f", testdata(filepath.Join("from", o.name)))
	do(t, "", "-n", "kube-system", "rollout", "status", "deployment/"+o.deployment, "--timeout=180s")
	do(t, "", "-n", "outside", "wait", "--for=condition=Ready", "--timeout=120s", "pod/client")
	// Of the containers of kube-dns one only says when it is ready.
	eventually(t, o.name+" answers", func() bool {
		out, err := s.kubectl("", "-n", "outside", "exec", "client", "--", "dig", "@"+s.address(), "+short", asked)
		return err == nil && out != ""
	}, func() string { return "" })
	progress("%s serves after %s, the cluster after %s", o.name, time.Since(ready).Round(time.Second), time.Since(begin).Round(time.Second))
}

// complainOf shows what may explain that another DNS does not serve.
func (s *scene) complainOf(o origin) {
	out, err := s.kubectl("", "-n", "kube-system", "logs", "-l", "k8s-app=kube-dns", "--all-containers", "--prefix", "--tail=20")
	fmt.Fprintf(os.Stderr, "--- what %s says\n%s", o.name, out)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// TestFrom has each DNS that a migration begins with answer what Pods ask of the
// DNS of any cluster: what is migrated is a DNS that a cluster could have.
func TestFrom(t *testing.T) {
	eachOrigin(t, func(t *testing.T, o origin) {
		bare(t, o)
		t.Run("scripts", func(t *testing.T) {
			var files []string
			for _, name := range []string{"clusterip", "headless", "search-path", "upstream"} {
				files = append(files, testdata(name+".txtar"))
			}
			scripts(t, files)
		})
		t.Run("settings", func(t *testing.T) {
			for name, want := range o.others {
				if got := lookUp(t, name); got != want {
					t.Errorf("%s is answered %q, want %s", name, got, want)
				}
			}
		})
		t.Run("load", func(t *testing.T) {
			before := served(t)
			l := load(t, o.paces...)
			time.Sleep(20 * time.Second) // as long as the questions are to be counted
			for name, n := range served(t) {
				if n-before[name] < 1000 {
					t.Errorf("%s had %d of the questions", name, n-before[name])
				}
			}
			l.mark("the end")
			for _, x := range l.losses(t) {
				t.Errorf("%s", x)
			}
		})
	})
}

// testEnding tells a Pod of kube-dns to end: as a real one does, it answers on
// until it is killed.
func testEnding(t *testing.T) {
	pods, err := world.client.CoreV1().Pods("kube-system").List(t.Context(), metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
	if err != nil || len(pods.Items) == 0 {
		t.Fatalf("there is no Pod: %v", err)
	}
	p := pods.Items[0]
	do(t, "", "-n", "kube-system", "delete", "pod", p.Name, "--wait=false")
	got := do(t, "", "-n", "outside", "exec", "client", "--", "sh", "-c",
		`for i in $(seq 30); do dig @$0 +short +tries=1 +time=1 $1 >/dev/null && echo answered; sleep 0.5; done`, p.Status.PodIP, asked)
	if n := strings.Count(got, "answered"); n != 30 {
		t.Errorf("of 30 questions after it is told to end it answered %d", n)
	}
}

// TestFromNanny changes the ConfigMap of kube-dns: dnsmasq has the flags that
// dnsmasq-nanny gives it, before and after; then a Pod is told to end.
func TestFromNanny(t *testing.T) {
	eachOrigin(t, func(t *testing.T, o origin) {
		if o.name != "kube-dns" {
			t.Skip("it has no dnsmasq")
		}
		bare(t, o)
		const base = "-k --cache-size=1000 --no-negcache --dns-loop-detect --log-facility=-" +
			" --server=/cluster.local/127.0.0.1#10053 --server=/in-addr.arpa/127.0.0.1#10053 --server=/ip6.arpa/127.0.0.1#10053"
		want := base + " --server /corp.example/10.96.0.53 --server /corp.example/10.96.0.54#53 --server /partner.example/10.96.0.53" +
			" --server 10.96.0.53 --no-resolv"
		if got := dnsmasqFlags(t); got != want {
			t.Errorf("dnsmasq has\n%s\nwant\n%s", got, want)
		}
		do(t, "", "-n", "kube-system", "patch", "configmap", "kube-dns", "--type=merge", "-p",
			`{"data":{"stubDomains":"{\"corp.example\":[\"10.96.0.54\"]}","upstreamNameservers":null}}`)
		// A kubelet looks at ConfigMaps once a minute, and when a Pod changes.
		do(t, "", "-n", "kube-system", "annotate", "pods", "-l", "k8s-app=kube-dns", "clusterdns.test/look=now")
		want = base + " --server /corp.example/10.96.0.54"
		got := ""
		eventually(t, "dnsmasq has the new flags", func() bool { got = dnsmasqFlags(t); return got == want },
			func() string { return "it has " + got + "\nwant " + want })
		t.Run("ending", testEnding)
	})
}

// dnsmasqFlags returns what dnsmasq runs with in one of the Pods.
func dnsmasqFlags(t *testing.T) string {
	t.Helper()
	name := strings.Fields(do(t, "", "-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns", "-o", "jsonpath={.items[*].metadata.name}"))[0]
	// Between two runs there is none.
	line, _ := world.kubectl("", "-n", "kube-system", "exec", name, "-c", "dnsmasq", "--", "sh", "-c", `tr '\0' ' ' </proc/$(pidof -s dnsmasq)/cmdline`)
	return strings.TrimSpace(strings.TrimPrefix(line, "/usr/sbin/dnsmasq "))
}
