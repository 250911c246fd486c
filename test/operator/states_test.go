// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/test/internal/clients"
	"github.com/clusterdns/clusterdns/test/internal/node"
	"github.com/clusterdns/clusterdns/test/upstream"
)

// TestObserveWritesTheStatusOnly changes the spec in the states in which the
// operator leaves all as it is.
func TestObserveWritesTheStatusOnly(t *testing.T) {
	begin(t, base(t))
	before, pods := objects(t), servers(t, system)
	for _, s := range []struct {
		state  v1alpha1.ManagementState
		status metav1.ConditionStatus
		reason string
	}{
		{v1alpha1.Observe, metav1.ConditionFalse, "Observed"},
		{v1alpha1.Unmanaged, metav1.ConditionUnknown, "Unmanaged"},
	} {
		spec := withHost(t, "observed.example")
		spec.ManagementState = s.state
		spec.Scaling.Replicas = new(int32(2))
		give(t, spec)
		await(t, string(s.state), func(d *v1alpha1.ClusterDNS) bool {
			return condition(d, v1alpha1.ConditionProgrammed, s.status, s.reason)
		})
		unchanged(t, before)
		do(t, "delete", "clusterrolebinding", "clusterdns:servers")
		before = objects(t)
		reconciled(t)
		unchanged(t, before)
		do(t, "create", "clusterrolebinding", "clusterdns:servers", "--clusterrole=clusterdns:servers", "--serviceaccount=kube-system:clusterdns")
		before = objects(t)
		if got := servers(t, system); fmt.Sprint(got) != fmt.Sprint(pods) {
			t.Errorf("%s: the servers are %v, want %v", s.state, got, pods)
		}
	}
}

// TestPausedRollout changes the spec while roll-outs are paused.
func TestPausedRollout(t *testing.T) {
	begin(t, base(t))
	good := current(t).Status.Revision.Name
	spec := withHost(t, "paused.example")
	spec.Rollout.Paused = true
	give(t, spec)
	d := unprogrammed(t, "Paused")
	says(t, d, v1alpha1.ConditionProgrammed, d.Status.Revision.Name, good+" stays")
	reconciled(t)
	if got := loads(deployment(t).Spec.Template.Spec); got != good {
		t.Errorf("the servers load %s, want %s", got, good)
	}
	spec.Rollout.Paused = false
	give(t, spec)
	programmed(t)
	answered(t, "paused.example", "192.0.2.1")
}

// TestBadExtraChangesNothing writes Corefile text that CoreDNS refuses.
func TestBadExtraChangesNothing(t *testing.T) {
	begin(t, base(t))
	for _, b := range []struct{ name, extra, words string }{
		{"unknown directive", "bufsize 1232\nbogus yes\n", "line 25 of the Corefile: there is no plugin bogus"},
		{"refused by its plugin", "bufsize 1\n", "line 24: plugin/bufsize"},
		{"unbalanced", "template ANY ANY internal.example {\n", "extra.after"},
	} {
		t.Run(b.name, func(t *testing.T) {
			before := objects(t)
			spec := withHost(t, "extra.example")
			spec.Extra = &v1alpha1.Extra{After: b.extra}
			give(t, spec)
			d := await(t, "Accepted is False", func(d *v1alpha1.ClusterDNS) bool {
				return condition(d, v1alpha1.ConditionAccepted, metav1.ConditionFalse, "")
			})
			says(t, d, v1alpha1.ConditionAccepted, b.words)
			reconciled(t)
			unchanged(t, before)
		})
	}
	give(t, base(t))
	programmed(t)
}

// TestOverlay adds to the CoreDNS of a managed cluster.
func TestOverlay(t *testing.T) {
	begin(t, base(t))
	custom := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "coredns-custom"}, Data: map[string]string{"theirs.server": "theirs.example:53 {\n    whoami\n}\n"}}
	putForTest(t, custom)
	before := objects(t)
	u := upstreamOf(t, upstream.Config{})
	overlay := v1alpha1.ClusterDNSSpec{
		ManagementState: v1alpha1.Overlay,
		Hosts:           withHost(t, "overlay.example").Hosts,
		StubZones:       withStub(t, "corp.example", over(u, upstream.UDP)).StubZones,
	}
	give(t, overlay)
	await(t, "Overlay", func(d *v1alpha1.ClusterDNS) bool {
		return condition(d, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, "Overlay")
	})
	keys := func() string {
		cm := &corev1.ConfigMap{}
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(custom), cm); err != nil {
			t.Fatal(err)
		}
		if cm.Data["theirs.server"] != custom.Data["theirs.server"] {
			t.Errorf("a key of others is %q", cm.Data["theirs.server"])
		}
		return fmt.Sprint(strings.Contains(cm.Data["clusterdns.override"], "overlay.example"), strings.Contains(cm.Data["clusterdns.server"], "corp.example"))
	}
	if got := keys(); got != "true true" {
		t.Errorf("clusterdns.override and clusterdns.server are right: %s", got)
	}
	overlay.StubZones = nil
	give(t, overlay)
	poll(t, "the stub zone is gone", func() bool { return keys() == "true false" }, keys)
	after := objects(t)
	delete(before, "*v1.ConfigMap kube-system/coredns-custom")
	for name, version := range before {
		if after[name] != version {
			t.Errorf("%s was %s, and is %q", name, version, after[name])
		}
	}
	give(t, base(t))
	programmed(t)
}

// TestDaemonSetAndBack has a server on each node, and then a number of them.
func TestDaemonSetAndBack(t *testing.T) {
	o := begin(t, base(t))
	c := clients.Ask(service)
	defer c.None(t)
	key := client.ObjectKey{Namespace: system, Name: "clusterdns"}
	gone := func(o client.Object) func() bool {
		return func() bool { return apierrors.IsNotFound(api.Get(t.Context(), key, o)) }
	}
	spec := base(t)
	spec.Scaling = &v1alpha1.Scaling{Workload: "DaemonSet"}
	give(t, spec)
	poll(t, "the Deployment is gone", gone(&appsv1.Deployment{}), func() string { return summary(current(t)) })
	programmed(t)
	give(t, base(t))
	poll(t, "the DaemonSet is gone", gone(&appsv1.DaemonSet{}), func() string { return summary(current(t)) })
	programmed(t)
	neverPinned(t, o)
}

// TestServersThatCrashAreTakenBack rolls out an image in which only the canary
// works, and then one that is never ready.
func TestServersThatCrashAreTakenBack(t *testing.T) {
	begin(t, base(t))
	c := clients.Ask(service)
	defer c.None(t)
	good := current(t).Status.Revision.Name
	dir := t.TempDir()
	script := func(name, otherwise string) string {
		path := filepath.Join(dir, name)
		text := "#!/bin/sh\ncase $HOSTNAME in *canary*) exec " + program("coredns") + ` "$@";; esac` + "\n" + otherwise + "\n"
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // it is to be run
			t.Fatal(err)
		}
		return path
	}
	second, err := node.Start(context.Background(), node.Options{
		Name: "process-2", Kubeconfig: cluster.Kubeconfig, Dir: filepath.Join(dir, "node"), Program: program("coredns"), PodCIDR: netip.MustParsePrefix("10.244.0.0/24"),
		Programs: map[string]string{
			"clusterdns/crashes:v1": script("crashes", "echo there is no licence >&2; exit 3"),
			"clusterdns/hangs:v1":   script("hangs", "exec sleep 1000"),
		},
		Credentials: func(namespace, account string) (string, error) {
			return cluster.Do(fmt.Sprintf("kubeconfig system:serviceaccount:%s:%s", namespace, account))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		second.Close()
		_, _ = kubectl("-n", system, "delete", "pods", "--field-selector=spec.nodeName=process-2", "--force", "--grace-period=0")
		_, _ = kubectl("delete", "node", "process-2")
	})
	for _, b := range []struct{ image, words string }{
		{"crashes", "CoreDNS ended with status 3: there is no licence"},
		{"hangs", ""},
	} {
		t.Run(b.image, func(t *testing.T) {
			spec := base(t)
			spec.Image = &v1alpha1.Image{Repository: "clusterdns/" + b.image, Tag: "v1"}
			spec.Placement = &v1alpha1.Placement{NodeSelector: map[string]string{"kubernetes.io/hostname": "process-2"}}
			spec.Rollout.ProgressDeadline = &metav1.Duration{Duration: 30 * time.Second}
			give(t, spec)
			d := unprogrammed(t, "RolledBack")
			says(t, d, v1alpha1.ConditionProgrammed, b.words)
			told(t, "RolledBack", good+" stays")
			poll(t, "the good revision is back", func() bool { return loads(deployment(t).Spec.Template.Spec) == good }, func() string { return summary(current(t)) })
			reconciled(t)
			if got := loads(deployment(t).Spec.Template.Spec); got != good {
				t.Errorf("the servers load %s, want %s", got, good)
			}
		})
	}
	give(t, base(t))
	programmed(t)
}

// TestAPIServerRestarts restarts the API server in the middle of a roll-out.
func TestAPIServerRestarts(t *testing.T) {
	o := begin(t, base(t))
	c := clients.Ask(service)
	defer c.None(t)
	give(t, withHost(t, "restart.example"))
	await(t, "a canary tries it", func(d *v1alpha1.ClusterDNS) bool {
		return condition(d, v1alpha1.ConditionProgressing, metav1.ConditionTrue, "")
	})
	if _, err := cluster.Do("restart-apiserver"); err != nil {
		t.Fatal(err)
	}
	programmed(t)
	answered(t, "restart.example", "192.0.2.1")
	neverPinned(t, o)
}
