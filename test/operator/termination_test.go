// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/test/internal/node"
)

// TestServerAnswersWhileItEnds asks a server that was told to end: there are
// clients that have not heard of it.
func TestServerAnswersWhileItEnds(t *testing.T) {
	begin(t, base(t))
	var pods corev1.PodList
	if err := api.List(t.Context(), &pods, client.InNamespace(system), client.MatchingLabels{"app.kubernetes.io/component": "server"}); err != nil {
		t.Fatal(err)
	}
	var pod corev1.Pod
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil {
			pod = p
		}
	}
	at := node.Reach(netip.AddrPortFrom(netip.MustParseAddr(pod.Status.PodIP), 53))
	do(t, "-n", system, "delete", "pod", pod.Name, "--wait=false")
	poll(t, "the node has heard that the Pod is to end", func() bool {
		err := api.Get(t.Context(), client.ObjectKeyFromObject(&pod), &pod)
		return err == nil && pod.DeletionTimestamp != nil
	}, func() string { return "" })
	deadline := time.Now().Add(base(t).Rollout.Lameduck.Duration * 2 / 3)
	answers := map[string]int{}
	for time.Now().Before(deadline) {
		r, _, err := (&dns.Client{Timeout: time.Second}).Exchange(new(dns.Msg).SetQuestion("kubernetes.default.svc.cluster.local.", dns.TypeA), at.String())
		if err != nil {
			answers[err.Error()]++
			continue
		}
		answers[dns.RcodeToString[r.Rcode]]++
	}
	if len(answers) != 1 || answers["NOERROR"] == 0 {
		t.Errorf("answers %v, want NOERROR only", answers)
	}
	programmed(t)
}
