// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/test/upstream"
)

const (
	system = "kube-system"
	// host has the address 192.0.2.80 at all upstreams of these tests.
	host = "www.corp.example"
)

// outside is what all names are asked for upstream that no test has an own one for.
var outside = sync.OnceValues(func() (*upstream.Server, error) {
	return upstream.Start(upstream.Config{Zones: []string{"example"}, Records: []string{host + ". 60 IN A 192.0.2.80"}})
})

// base returns a spec whose roll-out is quick: one server, which ends soon when
// another takes its place.
func base(t *testing.T) v1alpha1.ClusterDNSSpec {
	t.Helper()
	u, err := outside()
	if err != nil {
		t.Fatal(err)
	}
	return v1alpha1.ClusterDNSSpec{
		Upstreams: &v1alpha1.Upstreams{Endpoints: []v1alpha1.Endpoint{endpoint(u, upstream.UDP)}},
		Scaling:   &v1alpha1.Scaling{Replicas: new(int32(1))},
		Rollout:   &v1alpha1.Rollout{Lameduck: &metav1.Duration{Duration: 3 * time.Second}},
	}
}

// withHost returns the base with a host, which is another Corefile for each name.
func withHost(t *testing.T, name string) v1alpha1.ClusterDNSSpec {
	t.Helper()
	spec := base(t)
	spec.Hosts = []v1alpha1.Host{{Name: v1alpha1.Domain(name), Addresses: []v1alpha1.Address{"192.0.2.1"}}}
	return spec
}

// withStub returns the base with a stub zone.
func withStub(t *testing.T, zone v1alpha1.Zone, upstreams v1alpha1.Upstreams) v1alpha1.ClusterDNSSpec {
	t.Helper()
	spec := base(t)
	spec.StubZones = []v1alpha1.StubZone{{Name: "stub", Zones: []v1alpha1.Zone{zone}, Upstreams: upstreams}}
	return spec
}

func endpoint(u *upstream.Server, transport upstream.Transport) v1alpha1.Endpoint {
	a := u.Address(transport)
	return v1alpha1.Endpoint{Address: v1alpha1.Address(a.Addr().String()), Port: v1alpha1.Port(a.Port())}
}

// upstreamOf starts an upstream that has host, until the test ends.
func upstreamOf(t *testing.T, c upstream.Config) *upstream.Server {
	t.Helper()
	c.Zones, c.Records = append(c.Zones, "corp.example"), append(c.Records, host+". 60 IN A 192.0.2.80")
	u, err := upstream.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Stop() })
	return u
}

// begin runs the operator until all servers have the spec, and it has looked at
// all that there is.
func begin(t *testing.T, spec v1alpha1.ClusterDNSSpec, args ...string) *operated {
	t.Helper()
	give(t, spec)
	forget(t)
	o := operate(t, args...)
	programmed(t)
	return o
}

// give is settle, while the operator writes the status.
func give(t *testing.T, spec v1alpha1.ClusterDNSSpec) {
	t.Helper()
	d := &v1alpha1.ClusterDNS{}
	if apierrors.IsNotFound(api.Get(t.Context(), client.ObjectKey{Name: "default"}, d)) {
		settle(t, spec)
		return
	}
	poll(t, "the spec is written", func() bool {
		d := current(t)
		d.Spec = spec
		err := api.Update(t.Context(), d)
		if err != nil && !apierrors.IsConflict(err) {
			t.Fatal(err)
		}
		return err == nil
	}, func() string { return "" })
}

// forget empties the status.
func forget(t *testing.T) {
	t.Helper()
	d := current(t)
	d.Status = v1alpha1.ClusterDNSStatus{}
	if err := api.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// current returns the ClusterDNS.
func current(t *testing.T) *v1alpha1.ClusterDNS {
	t.Helper()
	d := &v1alpha1.ClusterDNS{}
	if err := api.Get(t.Context(), client.ObjectKey{Name: "default"}, d); err != nil {
		t.Fatal(err)
	}
	return d
}

// reconciled returns once the operator has looked at all that there is now, and
// done what it does about it. A ConfigMap has it look, the status says that it did.
func reconciled(t *testing.T) {
	t.Helper()
	poll(t, "the status is cleared", func() bool {
		d := current(t)
		d.Status.ObservedGeneration = 0
		return api.Status().Update(t.Context(), d) == nil
	}, func() string { return "" })
	nudge(t, system)
	await(t, "the operator looks again", func(d *v1alpha1.ClusterDNS) bool { return d.Status.ObservedGeneration == d.Generation })
}

// nudge changes a ConfigMap that has the label of revisions and is none, at which
// the operator looks again.
func nudge(t *testing.T, namespace string) {
	t.Helper()
	put(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "nudge", Labels: map[string]string{"app.kubernetes.io/name": "clusterdns"}},
		Data:       map[string]string{"at": time.Now().String()},
	})
}

// put creates or replaces an object.
func put(t *testing.T, o client.Object) {
	t.Helper()
	err := api.Create(t.Context(), o)
	if apierrors.IsAlreadyExists(err) {
		o.SetResourceVersion("")
		err = api.Update(t.Context(), o)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// putForTest is put, and deletes the object when the test ends.
func putForTest(t *testing.T, o client.Object) {
	t.Helper()
	put(t, o)
	t.Cleanup(func() { _ = api.Delete(context.Background(), o) })
}

// do runs kubectl, which has to succeed.
func do(t *testing.T, args ...string) string {
	t.Helper()
	out, err := kubectl(args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// unprogrammed returns the ClusterDNS once its spec is not rolled out for a reason.
func unprogrammed(t *testing.T, reason string) *v1alpha1.ClusterDNS {
	t.Helper()
	return await(t, "Programmed is False: "+reason, func(d *v1alpha1.ClusterDNS) bool {
		return condition(d, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, reason)
	})
}

// says fails the test unless the message of a condition has all these words.
func says(t *testing.T, d *v1alpha1.ClusterDNS, kind string, words ...string) {
	t.Helper()
	for _, c := range d.Status.Conditions {
		if c.Type != kind {
			continue
		}
		for _, w := range words {
			if !strings.Contains(c.Message, w) {
				t.Errorf("%s does not say %q: %s", kind, w, c.Message)
			}
		}
		return
	}
	t.Errorf("there is no condition %s", kind)
}

// told waits until there is an event for a reason whose note has some words.
func told(t *testing.T, reason, words string) {
	t.Helper()
	var notes []string
	poll(t, fmt.Sprintf("event %s with %q", reason, words), func() bool {
		var list eventsv1.EventList
		if api.List(t.Context(), &list) != nil {
			return false
		}
		notes = nil
		for _, e := range list.Items {
			if e.Regarding.Kind != "ClusterDNS" || e.Reason != reason {
				continue
			}
			if notes = append(notes, e.Note); strings.Contains(e.Note, words) {
				return true
			}
		}
		return false
	}, func() string { return strings.Join(notes, "\n") })
}

// neverPinned fails the test if the operator took a roll-out for a pin.
func neverPinned(t *testing.T, o *operated) {
	t.Helper()
	if strings.Contains(o.log.String(), v1alpha1.ConditionRevisionPinned) {
		t.Errorf("nobody moved the servers, but they were called pinned:\n%s", o.log)
	}
}

// answered fails the test unless the Service answers a name with an address.
func answered(t *testing.T, name, address string) {
	t.Helper()
	if rcode, records := ask(name, dns.TypeA); rcode != "NOERROR" || !slices.Contains(records, address) {
		t.Errorf("%s is answered %s %v, want %s", name, rcode, records, address)
	}
}

// servers returns the UIDs of the Pods that serve, sorted.
func servers(t *testing.T, namespace string) []string {
	t.Helper()
	var list corev1.PodList
	err := api.List(t.Context(), &list, client.InNamespace(namespace), client.MatchingLabels{"app.kubernetes.io/name": "clusterdns", "app.kubernetes.io/component": "server"})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil {
			out = append(out, string(p.UID))
		}
	}
	slices.Sort(out)
	return out
}

// objects returns what the operator may write, and a version of each that is
// another one when somebody wrote what people set.
func objects(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, l := range []client.ObjectList{
		&appsv1.DeploymentList{}, &appsv1.DaemonSetList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{}, &corev1.ServiceAccountList{},
		&policyv1.PodDisruptionBudgetList{}, &rbacv1.ClusterRoleList{}, &rbacv1.ClusterRoleBindingList{},
	} {
		if err := api.List(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		for _, o := range items(l) {
			version := o.GetResourceVersion()
			if o.GetGeneration() != 0 {
				version = fmt.Sprint("generation ", o.GetGeneration()) // the status of others is theirs
			}
			if o.GetName() != "nudge" && o.GetName() != "kube-root-ca.crt" {
				out[fmt.Sprintf("%T %s/%s", o, o.GetNamespace(), o.GetName())] = fmt.Sprintf("%s %s", o.GetUID(), version)
			}
		}
	}
	return out
}

func items(l client.ObjectList) []client.Object {
	switch l := l.(type) {
	case *appsv1.DeploymentList:
		return pointers[*appsv1.Deployment](l.Items)
	case *appsv1.DaemonSetList:
		return pointers[*appsv1.DaemonSet](l.Items)
	case *corev1.ConfigMapList:
		return pointers[*corev1.ConfigMap](l.Items)
	case *corev1.ServiceList:
		return pointers[*corev1.Service](l.Items)
	case *corev1.ServiceAccountList:
		return pointers[*corev1.ServiceAccount](l.Items)
	case *policyv1.PodDisruptionBudgetList:
		return pointers[*policyv1.PodDisruptionBudget](l.Items)
	case *rbacv1.ClusterRoleList:
		return pointers[*rbacv1.ClusterRole](l.Items)
	case *rbacv1.ClusterRoleBindingList:
		return pointers[*rbacv1.ClusterRoleBinding](l.Items)
	}
	return nil
}

func pointers[P interface {
	*T
	client.Object
}, T any](list []T) []client.Object {
	var out []client.Object
	for i := range list {
		out = append(out, P(&list[i]))
	}
	return out
}

// unchanged fails the test if somebody wrote an object since.
func unchanged(t *testing.T, before map[string]string) {
	t.Helper()
	after := objects(t)
	for name, version := range before {
		if after[name] != version {
			t.Errorf("%s was %s, and is %q", name, version, after[name])
		}
	}
	for name := range after {
		if _, there := before[name]; !there {
			t.Errorf("%s is new", name)
		}
	}
}

// linesWith returns the lines of text that have a word.
func linesWith(text, word string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// conditionOf returns a condition, a zero one if there is none.
func conditionOf(d *v1alpha1.ClusterDNS, kind string) metav1.Condition {
	for _, c := range d.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{}
}

// askAt asks a server for the addresses of a name, and returns how many there are.
func askAt(at netip.AddrPort, name string) (int, error) {
	r, _, err := (&dns.Client{Timeout: 2 * time.Second}).Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA), at.String())
	if err != nil {
		return 0, err
	}
	return len(r.Answer), nil
}
