// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/coredns/coredns/plugin/autopath"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/internal/server"
)

// podOnNode returns the manifest of a Pod that a kubelet would have to end.
func podOnNode(namespace, name, ip, spec string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {namespace: %s, name: %s},
  spec: {nodeName: node-1, %scontainers: [{name: c, image: none}]},
  status: {phase: Running, podIP: %s, podIPs: [{ip: %s}]}}
---
`, namespace, name, spec, ip, ip)
}

// end begins to delete a Pod and leaves it to its kubelet, which is not there. It
// returns when the plugin was told, long before the Pod is collected as an orphan.
func end(t *testing.T, manifest string) {
	t.Helper()
	objects, err := kube.Decode(manifest)
	if err != nil {
		t.Fatal(err)
	}
	grace := int64(3600)
	for _, o := range objects {
		r := client.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(o.GetNamespace())
		if err := r.Delete(context.Background(), o.GetName(), metav1.DeleteOptions{GracePeriodSeconds: &grace}); err != nil {
			t.Fatal(err)
		}
		left, err := r.Get(context.Background(), o.GetName(), metav1.GetOptions{})
		if err != nil || left.GetDeletionTimestamp() == nil {
			t.Fatalf("%s does not terminate: %v", o.GetName(), err)
		}
		version, err := strconv.ParseFloat(left.GetResourceVersion(), 64)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the plugin was told", func() bool { return metric(t, "watch_resource_version", "resource=pods") >= version })
	}
}

// answerTo is what the client with the address from is answered over UDP.
func answerTo(s *server.Server, from, name string, qtype uint16) string {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), qtype)
	c := dns.Client{Timeout: 10 * time.Second, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}}
	resp, _, err := c.Exchange(m, s.UDP)
	if err != nil {
		return err.Error()
	}
	words := []string{}
	for _, rr := range resp.Answer {
		words = append(words, strings.Fields(rr.String())[4])
	}
	slices.Sort(words)
	return strings.Join(append([]string{dns.RcodeToString[resp.Rcode]}, words...), " ")
}

// Whose search path autopath goes follows the Pods of a real API server: from a
// Pod to none while it terminates, to the next Pod with the address, and never to
// one on the host network (B20).
func TestAutoPathIdentity(t *testing.T) {
	noStore(t)
	logs(t)
	const pod, host = "127.0.0.31", "127.0.0.32"
	apply(t, namespace("ident")+namespace("ident2")+
		service("ident2", "web", "clusterIP: 10.96.17.1, "+http)+service("ident", "db", "clusterIP: 10.96.17.2, "+http)+
		podOnNode("ident", "old", pod, "")+podOnNode("ident", "agent", host, "hostNetwork: true, "))
	s := start(t, "cluster.local {\n\terrors\n\tautopath @clusterdns\n\tclusterdns {\n\t\tpods verified\n\t\t"+real()+"\n\t}\n}\n")
	const (
		fromIdent  = "web.ident2.ident.svc.cluster.local"
		fromIdent2 = "db.ident.ident2.svc.cluster.local"
	)
	becomes := func(from, name string, qtype uint16, want string) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s asks %s: %s", from, name, want), func() bool { return answerTo(s, from, name, qtype) == want })
	}
	becomes(pod, fromIdent, dns.TypeA, "NOERROR 10.96.17.1 web.ident2.svc.cluster.local.")
	becomes(pod, fromIdent, dns.TypeAAAA, "NOERROR")
	becomes(pod, fromIdent2, dns.TypeA, "NXDOMAIN")
	become(t, s, fact{"127-0-0-32.ident.pod.cluster.local", dns.TypeA, "NOERROR " + host}) // it is known
	becomes(host, fromIdent, dns.TypeA, "NXDOMAIN")

	end(t, podOnNode("ident", "old", pod, ""))
	if got := answerTo(s, pod, fromIdent, dns.TypeA); got != "NXDOMAIN" {
		t.Errorf("a Pod that terminates: got %q, want NXDOMAIN", got)
	}
	apply(t, podOnNode("ident2", "new", pod, ""))
	becomes(pod, fromIdent2, dns.TypeA, "NOERROR 10.96.17.2 db.ident.svc.cluster.local.")
	becomes(pod, fromIdent, dns.TypeA, "NXDOMAIN")

	apply(t, podOnNode("ident", "twin", pod, "")) // the old one was not told to end, and is there for a while
	becomes(pod, fromIdent2, dns.TypeA, "NXDOMAIN")
	remove(t, podOnNode("ident", "twin", pod, ""))
	becomes(pod, fromIdent2, dns.TypeA, "NOERROR 10.96.17.2 db.ident.svc.cluster.local.")
}
