// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// TestBadSettings has settings that would take the DNS down: they get no further
// than a canary, and nothing is lost.
func TestBadSettings(t *testing.T) {
	nowhere := v1alpha1.Upstreams{Endpoints: []v1alpha1.Endpoint{{Address: "192.0.2.53"}}}
	for _, bad := range []struct {
		name, condition, reason string
		change                  func(*v1alpha1.ClusterDNSSpec)
	}{
		{"Corefile", v1alpha1.ConditionAccepted, "InvalidCorefile", func(s *v1alpha1.ClusterDNSSpec) {
			s.Extra = &v1alpha1.Extra{After: "nosuchplugin"}
		}},
		{"dead upstream", v1alpha1.ConditionProgrammed, "CanaryFailed", func(s *v1alpha1.ClusterDNSSpec) {
			s.Upstreams = &nowhere
		}},
		{"crash", v1alpha1.ConditionProgrammed, "CanaryFailed", func(s *v1alpha1.ClusterDNSSpec) {
			// An address that no Pod has is found out by starting only.
			s.Extra = &v1alpha1.Extra{Blocks: "crash.example:53 {\n    bind 192.0.2.99\n    whoami\n}\n"}
		}},
	} {
		t.Run(bad.name, func(t *testing.T) {
			good := programmed(t).Status.Revision.Name
			settled(t)
			w := watchServers(t)
			c := count(t)
			give(t, bad.change)
			dns := await(t, bad.condition, metav1.ConditionFalse, bad.reason)
			t.Log(conditions(dns))
			if got := w.end(); len(got) > 0 && !slices.Equal(got, []string{good}) {
				t.Errorf("servers had the revisions %v, want %s only", got, good)
			}
			c.lossless(t)
		})
	}
}

// A serverWatch knows which revisions servers ever had.
type serverWatch struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	seen   []string
}

func watchServers(t *testing.T) *serverWatch {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &serverWatch{cancel: cancel}
	w, err := world.client.CoreV1().Pods("kube-system").Watch(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=clusterdns,app.kubernetes.io/component=server"})
	if err != nil {
		t.Fatal(err)
	}
	s.done.Go(func() {
		for e := range w.ResultChan() {
			p, ok := e.Object.(*corev1.Pod)
			if !ok {
				continue
			}
			for _, v := range p.Spec.Volumes {
				if v.ConfigMap != nil && strings.HasPrefix(v.ConfigMap.Name, "coredns-") && !slices.Contains(s.seen, v.ConfigMap.Name) {
					s.seen = append(s.seen, v.ConfigMap.Name)
				}
			}
		}
	})
	return s
}

// end returns the revisions.
func (s *serverWatch) end() []string {
	s.cancel()
	s.done.Wait()
	return s.seen
}
