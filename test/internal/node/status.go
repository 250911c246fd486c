// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// status returns the status of a Pod in a state. What others have written there
// stays.
func (s state) status(o *corev1.Pod, host string, now metav1.Time) corev1.PodStatus {
	status := *o.Status.DeepCopy()
	status.ObservedGeneration = o.Generation
	status.Phase = s.phase
	status.StartTime = &s.since
	status.HostIP, status.HostIPs = host, []corev1.HostIP{{IP: host}}
	if s.ip.IsValid() {
		status.PodIP, status.PodIPs = s.ip.String(), []corev1.PodIP{{IP: s.ip.String()}}
	}
	status.ContainerStatuses = []corev1.ContainerStatus{s.containerStatus(o.Spec.Containers[0])}
	set := func(kind corev1.PodConditionType, met bool, reason string) {
		setCondition(&status.Conditions, corev1.PodCondition{
			Type: kind, Status: conditionStatus(met), Reason: reason,
			ObservedGeneration: o.Generation, LastTransitionTime: now,
		})
	}
	reason := s.whyUnready()
	set(corev1.PodReadyToStartContainers, s.ip.IsValid(), "")
	set(corev1.PodScheduled, true, "")
	set(corev1.PodInitialized, true, "")
	set(corev1.ContainersReady, s.ready, reason)
	if s.ready && !gatesOpen(o.Spec.ReadinessGates, status.Conditions) {
		reason = "ReadinessGatesNotReady"
	}
	set(corev1.PodReady, reason == "", reason)
	return status
}

// whyUnready is the reason of conditions, in the words of kubelet.
func (s state) whyUnready() string {
	switch {
	case s.ready:
		return ""
	case s.phase == corev1.PodSucceeded:
		return "PodCompleted"
	case s.phase == corev1.PodFailed:
		return "PodFailed"
	}
	return "ContainersNotReady"
}

func (s state) containerStatus(c corev1.Container) corev1.ContainerStatus {
	started := s.started
	return corev1.ContainerStatus{
		Name:                 c.Name,
		Image:                c.Image,
		ImageID:              c.Image,
		ContainerID:          s.id,
		State:                s.container,
		LastTerminationState: s.last,
		RestartCount:         s.restarts,
		Started:              &started,
		Ready:                s.ready,
	}
}

// gatesOpen reports whether the conditions that others set for a Pod are true.
func gatesOpen(gates []corev1.PodReadinessGate, conditions []corev1.PodCondition) bool {
	for _, g := range gates {
		i := slices.IndexFunc(conditions, func(c corev1.PodCondition) bool { return c.Type == g.ConditionType })
		if i < 0 || conditions[i].Status != corev1.ConditionTrue {
			return false
		}
	}
	return true
}

func conditionStatus(met bool) corev1.ConditionStatus {
	if met {
		return corev1.ConditionTrue
	}
	return corev1.ConditionFalse
}

// setCondition puts c in the place of the one of its type. The time is kept if
// the status is the same.
func setCondition(all *[]corev1.PodCondition, c corev1.PodCondition) {
	i := slices.IndexFunc(*all, func(old corev1.PodCondition) bool { return old.Type == c.Type })
	if i < 0 {
		*all = append(*all, c)
		return
	}
	if old := (*all)[i]; old.Status == c.Status {
		c.LastTransitionTime = old.LastTransitionTime
	}
	(*all)[i] = c
}
