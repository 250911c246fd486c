// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// A live workload is what runs, of either kind.
type live struct {
	exists bool
	kind   string
	// revision that it was given.
	revision string
	template *corev1.PodSpec
	// settled says that the controller has seen all and every Pod is of the revision and available.
	settled bool
	// refused says why no Pod is made, or "".
	refused   string
	available int32
	wanted    int32
	updated   int32
}

func (o *Observed) live() live {
	switch {
	case o.Deployment != nil && !(o.wantsDaemonSet() && o.DaemonSet != nil):
		return deployed(o.Deployment)
	case o.DaemonSet != nil:
		return onEachNode(o.DaemonSet)
	}
	return live{}
}

func (o *Observed) wantsDaemonSet() bool {
	return o.ClusterDNS != nil && o.ClusterDNS.Spec.Scaling != nil && o.ClusterDNS.Spec.Scaling.Workload == "DaemonSet"
}

func deployed(d *appsv1.Deployment) live {
	s := d.Status
	l := live{
		exists: true, kind: "Deployment", revision: revisionOf(&d.Spec.Template.Spec), template: &d.Spec.Template.Spec,
		available: s.AvailableReplicas, updated: s.UpdatedReplicas, wanted: 1,
	}
	if d.Spec.Replicas != nil {
		l.wanted = *d.Spec.Replicas
	}
	seen := s.ObservedGeneration >= d.Generation
	l.settled = seen && s.UpdatedReplicas >= l.wanted && s.Replicas == s.UpdatedReplicas && s.AvailableReplicas >= l.wanted
	for _, c := range s.Conditions {
		if seen && c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			l.refused = c.Message
		}
	}
	return l
}

func onEachNode(d *appsv1.DaemonSet) live {
	s := d.Status
	return live{
		exists: true, kind: "DaemonSet", revision: revisionOf(&d.Spec.Template.Spec), template: &d.Spec.Template.Spec,
		available: s.NumberAvailable, updated: s.UpdatedNumberScheduled, wanted: s.DesiredNumberScheduled,
		settled: s.ObservedGeneration >= d.Generation && s.UpdatedNumberScheduled >= s.DesiredNumberScheduled && s.NumberAvailable >= s.DesiredNumberScheduled,
	}
}

// servers returns the Pods that serve, or are to. What is left of one that its
// node threw out is not: there is another in its place.
func (o *Observed) servers() []*corev1.Pod {
	return slices.DeleteFunc(o.pods(componentServer), func(p *corev1.Pod) bool {
		return p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
	})
}

// canary returns the canary of a revision, or nil. One that ends, or whose time
// was up, is that of an earlier try.
func (o *Observed) canary(revision string) *corev1.Pod {
	for _, p := range o.pods(componentCanary) {
		if revisionOf(&p.Spec) == revision && p.DeletionTimestamp == nil && p.Status.Reason != "DeadlineExceeded" {
			return p
		}
	}
	return nil
}

func (o *Observed) pods(component string) []*corev1.Pod {
	var out []*corev1.Pod
	for i := range o.Pods {
		if p := &o.Pods[i]; p.Labels[LabelName] == Name && p.Labels[LabelComponent] == component {
			out = append(out, p)
		}
	}
	return out
}

func ready(p *corev1.Pod) bool {
	if p.DeletionTimestamp != nil || p.Status.PodIP == "" {
		return false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// broken says why a Pod will not become ready, or "": it ended twice, or ended
// and is not tried again, or the name of its image is none.
func broken(p *corev1.Pod) string {
	for _, s := range p.Status.ContainerStatuses {
		if s.Ready {
			continue // whatever was: a node began anew, say
		}
		if w := s.State.Waiting; w != nil && w.Reason == "InvalidImageName" {
			return fmt.Sprintf("%s: %s", w.Reason, w.Message)
		}
		if ended := lastEnd(s); ended != nil && (s.RestartCount >= 2 || p.Status.Phase == corev1.PodFailed) {
			return fmt.Sprintf("CoreDNS ended with status %d: %s", ended.ExitCode, lastLines(ended.Message))
		}
	}
	if p.Status.Phase == corev1.PodFailed {
		return fmt.Sprintf("the Pod failed: %s %s", p.Status.Reason, p.Status.Message)
	}
	return ""
}

// delayed says what keeps a Pod from becoming ready for now, or "": a registry or
// a node may be well again in a moment.
func delayed(p *corev1.Pod) string {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Message
		}
	}
	for _, s := range p.Status.ContainerStatuses {
		if w := s.State.Waiting; w != nil && w.Message != "" {
			return fmt.Sprintf("%s: %s", w.Reason, w.Message)
		}
	}
	return ""
}

func lastEnd(s corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if s.State.Terminated != nil {
		return s.State.Terminated
	}
	return s.LastTerminationState.Terminated
}

// lastLines returns the end of a log on one line.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if n := len(lines); n > 3 {
		lines = lines[n-3:]
	}
	return strings.Join(lines, " | ")
}
