// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metadata"
	coretest "github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"
	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/test/apiserver"
	"github.com/clusterdns/clusterdns/test/internal/server"
)

// providers hands out the providers of metadata of a server that starts.
const providers = "providers_of_metadata"

var found []metadata.Provider

func init() {
	at := slices.Index(dnsserver.Directives, "log")
	dnsserver.Directives = slices.Insert(slices.Clone(dnsserver.Directives), at, providers)
	plugin.Register(providers, func(c *caddy.Controller) error {
		c.OnStartup(func() error {
			found = nil
			for _, h := range dnsserver.GetConfig(c).Handlers() {
				if p, ok := h.(metadata.Provider); ok {
					found = append(found, p)
				}
			}
			return nil
		})
		return nil
	})
}

// podOf returns a Pod with labels.
func podOf(namespace, name, ip string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}},
	}
}

// bothProviders returns our plugin and stock's, which know the same Pods.
func bothProviders(t testing.TB, zones, options string) [2]metadata.Provider {
	t.Helper()
	labels := map[string]string{"app": "web", "app.kubernetes.io/name": "web", "pod-template-hash": "7d9f8b6c5d"}
	api := apiserver.New()
	t.Cleanup(api.Close)
	api.Apply(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "demo"}},
		podOf("demo", "web-1", "10.1.0.1", labels), podOf("demo", "bare", "fd00:1::1", nil),
	)
	corefile := ". {\nmetadata\n" + providers + "\nclusterdns " + zones + " {\nendpoint " + api.URL() + "\npods verified\n" + options + "\n}\n}\n"
	var both [2]metadata.Provider
	for i, text := range []string{corefile, Stock(corefile)} {
		s, err := server.Start(text)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Stop() })
		if len(found) != 1 {
			t.Fatalf("providers of metadata: got %d, want 1", len(found))
		}
		both[i] = found[0]
		deadline := time.Now().Add(patience)
		for collected(both[i], "10.1.0.1", "example.org.")["kubernetes/client-namespace"] != "demo" {
			if time.Now().After(deadline) {
				t.Fatalf("%T does not know the Pod", both[i])
			}
			time.Sleep(time.Millisecond)
		}
	}
	return both
}

func state(remote, name string) request.Request {
	m := new(dns.Msg)
	m.SetQuestion(name, dns.TypeA)
	return request.Request{W: &coretest.ResponseWriter{RemoteIP: remote}, Req: m}
}

// collected returns the labels of a query, but for those under our own name.
func collected(p metadata.Provider, remote, name string) map[string]string {
	m := metadata.Metadata{Zones: []string{"."}, Providers: []metadata.Provider{p}}
	labels := map[string]string{}
	for label, f := range metadata.ValueFuncs(m.Collect(context.Background(), state(remote, name))) {
		labels[label] = f()
	}
	maps.DeleteFunc(labels, func(label, _ string) bool { return strings.HasPrefix(label, oursName+"/") })
	return labels
}

// TestMetadata: both have the same labels for the same queries.
func TestMetadata(t *testing.T) {
	for _, zones := range []string{"cluster.local b.cluster.local in-addr.arpa ip6.arpa", "."} {
		for _, options := range []string{"", "zonal"} {
			sameLabels(t, zones, options)
		}
	}
}

func sameLabels(t *testing.T, zones, options string) {
	both := bothProviders(t, zones, options)
	for _, zone := range []string{"cluster.local.", "b.cluster.local.", "CLUSTER.Local.", "in-addr.arpa.", "example.org.", "."} {
		for _, below := range []string{
			"", "svc.", "pod.", "SVC.", "demo.svc.", "demo.pod.", "web.demo.svc.", "Web.Demo.Svc.", "10-1-0-1.demo.pod.",
			"db-0.web.demo.svc.", "_tcp.web.demo.svc.", "x.10-1-0-1.demo.pod.", "_http._tcp.web.demo.svc.", "http.tcp.web.demo.svc.",
			"__http.__tcp.web.demo.svc.", "_._.web.demo.svc.", "_http._tcp.10-1-0-1.demo.pod.", "a._http._tcp.web.demo.svc.",
			"a.b.c.d.e.f.g.svc.", "none.", "web.demo.none.", "dns-version.", "ns.dns.", "1.0.1.10.", `a\.b.demo.svc.`, `a\.svc.`, "*.demo.svc.",
			"EU-1a.pin._zone.web.demo.svc.", "eu.1a.prefer._zone.web.demo.svc.", "eu.other._zone.web.demo.svc.", "pin._zone.web.demo.svc.",
			"_zone.web.demo.svc.", "eu.pin._zone.web.demo.pod.", "eu.pin.zone.web.demo.svc.",
		} {
			for _, remote := range []string{"10.1.0.1", "fd00:1::1", "192.0.2.1"} {
				name := below + zone
				if zone == "." && below != "" {
					name = below
				}
				want, got := collected(both[1], remote, name), collected(both[0], remote, name)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("zones %s, option %q: %s from %s (-stock +ours):\n%s", zones, options, name, remote, diff)
				}
			}
		}
	}
}

// BenchmarkMetadata is what a query costs beside the metadata plugin, if nobody
// looks at a label and if somebody does.
func BenchmarkMetadata(b *testing.B) {
	for i, p := range bothProviders(b, "cluster.local", "") {
		for name, look := range map[string]func(context.Context){
			"unseen": func(context.Context) {},
			"seen":   func(ctx context.Context) { _ = metadata.ValueFunc(ctx, "kubernetes/client-namespace")() },
		} {
			b.Run([]string{oursName, stockName}[i]+"/"+name, func(b *testing.B) {
				m := metadata.Metadata{Zones: []string{"."}, Providers: []metadata.Provider{p}}
				s := state("10.1.0.1", "_http._tcp.web.demo.svc.cluster.local.")
				b.ReportAllocs()
				for b.Loop() {
					look(m.Collect(context.Background(), s))
				}
			})
		}
	}
}
