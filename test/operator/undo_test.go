// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/test/internal/clients"
	"github.com/clusterdns/clusterdns/test/upstream"
)

// TestRolloutUndo has somebody go back with kubectl.
func TestRolloutUndo(t *testing.T) {
	o := begin(t, base(t))
	c := clients.Ask(service)
	defer c.None(t)
	first := loads(deployment(t).Spec.Template.Spec)
	give(t, withHost(t, "second.example"))
	second := programmed(t).Status.Revision.Name
	answered(t, "second.example", "192.0.2.1")
	neverPinned(t, o)

	do(t, "-n", system, "rollout", "undo", "deployment/clusterdns")
	pinned := await(t, "RevisionPinned", func(d *v1alpha1.ClusterDNS) bool {
		return condition(d, v1alpha1.ConditionRevisionPinned, metav1.ConditionTrue, "RevisionPinned")
	})
	says(t, pinned, v1alpha1.ConditionRevisionPinned, first)
	if !condition(pinned, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, "RevisionPinned") {
		t.Errorf("Programmed does not say so:\n%s", summary(pinned))
	}
	do(t, "-n", system, "rollout", "status", "deployment/clusterdns", "--timeout=60s")
	for range 3 {
		reconciled(t)
		if got := loads(deployment(t).Spec.Template.Spec); got != first {
			t.Fatalf("the servers load %s, want %s: the pin was undone", got, first)
		}
	}
	if d := current(t); len(d.Status.Drift) > 0 {
		t.Errorf("it is called drift: %+v", d.Status.Drift)
	}

	give(t, withHost(t, "third.example"))
	d := programmed(t)
	answered(t, "third.example", "192.0.2.1")
	if got := d.Status.Revision.Name; got == first || got == second || meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionRevisionPinned) != nil {
		t.Errorf("after the change the servers load %s, and\n%s", got, summary(d))
	}
}

// TestChangesOfMindAreNoPin changes the spec, back and forth, while roll-outs are under way.
func TestChangesOfMindAreNoPin(t *testing.T) {
	o := begin(t, base(t))
	c := clients.Ask(service)
	defer c.None(t)
	for _, spec := range []v1alpha1.ClusterDNSSpec{withHost(t, "a.example"), base(t), withHost(t, "b.example"), withHost(t, "a.example"), base(t)} {
		give(t, spec)
		await(t, "the workload gets it", given)
	}
	programmed(t)
	neverPinned(t, o)
}

// given reports whether the workload was given the revision of the generation.
func given(d *v1alpha1.ClusterDNS) bool {
	if d.Status.ObservedGeneration != d.Generation || d.Status.Revision == nil {
		return false
	}
	out, err := kubectl("-n", system, "get", "deployment", "clusterdns", "-o", `jsonpath={.spec.template.spec.volumes[?(@.name=="config")].configMap.name}`)
	return err == nil && out == d.Status.Revision.Name
}

// TestDeletingTheClusterDNSKeepsTheDNS deletes it, and creates it again.
func TestDeletingTheClusterDNSKeepsTheDNS(t *testing.T) {
	begin(t, base(t))
	c := clients.Ask(service)
	defer c.None(t)
	old := current(t)
	before, pods := objects(t), servers(t, system)
	do(t, "delete", "clusterdns", "default")
	owned(t, old)
	collected(t, old)
	unchanged(t, before)
	if got := servers(t, system); !slices.Equal(got, pods) {
		t.Errorf("the servers are %v, want %v", got, pods)
	}
	answered(t, host, "192.0.2.80")

	give(t, base(t))
	programmed(t)
	if got := servers(t, system); !slices.Equal(got, pods) {
		t.Errorf("after it was created again the servers are %v, want %v", got, pods)
	}
	if d := current(t); len(d.Status.Drift) > 0 {
		t.Errorf("taking over is called drift: %+v", d.Status.Drift)
	}
}

// owned fails the test if an object has the ClusterDNS for an owner.
func owned(t *testing.T, d *v1alpha1.ClusterDNS) {
	t.Helper()
	out := do(t, "get", "deployments,daemonsets,replicasets,pods,services,endpointslices,configmaps,serviceaccounts,poddisruptionbudgets,networkpolicies,clusterroles,clusterrolebindings",
		"-A", "-o", `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.ownerReferences[*].uid}{"\n"}{end}`)
	for line := range slices.Values(linesWith(out, string(d.UID))) {
		t.Errorf("owned by the ClusterDNS: %s", line)
	}
}

// collected returns once the garbage collector has heard that the ClusterDNS is
// gone: it has deleted an object that is owned by it.
func collected(t *testing.T, d *v1alpha1.ClusterDNS) {
	t.Helper()
	child := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: system, Name: "orphan",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ClusterDNS", Name: d.Name, UID: d.UID}},
	}}
	put(t, child)
	poll(t, "the garbage collector deletes an orphan", func() bool {
		return client.IgnoreNotFound(api.Get(t.Context(), client.ObjectKeyFromObject(child), &corev1.ConfigMap{})) == nil &&
			api.Get(t.Context(), client.ObjectKeyFromObject(child), &corev1.ConfigMap{}) != nil
	}, func() string { return "" })
}

// TestCreatedAgainTriesAgain deletes a ClusterDNS that could not be rolled out,
// and creates it again when its upstream is well: that is not held up by what
// became of the first one.
func TestCreatedAgainTriesAgain(t *testing.T) {
	begin(t, base(t))
	corp := upstreamOf(t, upstream.Config{})
	corp.Set(upstream.Refusing)
	spec := withStub(t, "corp.example", v1alpha1.Upstreams{Endpoints: []v1alpha1.Endpoint{endpoint(corp, upstream.UDP)}})
	do(t, "delete", "clusterdns", "default")
	give(t, spec)
	unprogrammed(t, "CanaryFailed")
	corp.Set(upstream.Honest)
	do(t, "delete", "clusterdns", "default")
	give(t, spec)
	programmed(t)
	answered(t, host, "192.0.2.80")
}

// TestOldMarksAreNoDelay goes back to a revision that was rolled out an hour ago
// for the same generation: a certificate was exchanged, and exchanged back.
func TestOldMarksAreNoDelay(t *testing.T) {
	ca, other := authority(t), authority(t)
	secure := upstreamOf(t, upstream.Config{CA: ca})
	certificates := func(pem ...[]byte) {
		put(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "ca"}, Data: map[string]string{"ca-bundle.crt": string(slices.Concat(pem...))}})
	}
	certificates(ca.PEM())
	t.Cleanup(func() { _, _ = kubectl("-n", system, "delete", "configmap", "ca") })
	begin(t, withStub(t, "corp.example", v1alpha1.Upstreams{
		Endpoints: []v1alpha1.Endpoint{endpoint(secure, upstream.TLS)}, Transport: v1alpha1.TransportTLS,
		TLS: &v1alpha1.UpstreamTLS{ServerName: upstream.ServerName, CAConfigMap: "ca"},
	}))
	d := current(t)
	first, generation := d.Status.Revision.Name, d.Generation
	certificates(ca.PEM(), other.PEM())
	d = await(t, "the new certificates are rolled out", func(d *v1alpha1.ClusterDNS) bool {
		return d.Status.Revision.Name != first && condition(d, v1alpha1.ConditionProgrammed, metav1.ConditionTrue, "")
	})
	if d.Generation != generation {
		t.Fatalf("generation %d, want %d", d.Generation, generation)
	}
	answered(t, host, "192.0.2.80")
	second := d.Status.Revision.Name
	for _, mark := range []string{"verified", "offered-at", "applied-at", "good"} {
		do(t, "-n", system, "annotate", "--overwrite", "configmap", first, "clusterdns.io/"+mark+"=2020-01-02T03:04:05Z")
	}
	failures := count(t, "RolledBack")
	certificates(ca.PEM())
	await(t, "the old certificates are rolled out", func(d *v1alpha1.ClusterDNS) bool {
		return d.Status.Revision.Name == first && condition(d, v1alpha1.ConditionProgrammed, metav1.ConditionTrue, "")
	})
	if now := count(t, "RolledBack"); now != failures || loads(deployment(t).Spec.Template.Spec) != first {
		t.Errorf("the servers load %s, want %s and not %s; %d roll-backs", loads(deployment(t).Spec.Template.Spec), first, second, now-failures)
	}
}

// count returns how many events of the ClusterDNS there are for a reason.
func count(t *testing.T, reason string) (n int) {
	t.Helper()
	var list eventsv1.EventList
	if err := api.List(context.Background(), &list); err != nil {
		t.Fatal(err)
	}
	for _, e := range list.Items {
		if e.Regarding.Kind == "ClusterDNS" && e.Reason == reason {
			n++
		}
	}
	return n
}

func authority(t *testing.T) *upstream.CA {
	t.Helper()
	ca, err := upstream.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	return ca
}
