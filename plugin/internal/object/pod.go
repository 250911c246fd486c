// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// FromPod returns what DNS needs of p, and what keep says. ok is false if it is
// not to be served: a Pod that terminates, or has ended, no longer owns its address.
func FromPod(p *corev1.Pod, keep KeepPods) (pod Pod, skipped []Skip, ok bool) {
	if !isLabel(p.Namespace) || p.Name == "" {
		return Pod{}, []Skip{SkipName}, false
	}
	if !p.DeletionTimestamp.IsZero() || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return Pod{}, nil, false
	}
	pod = Pod{Namespace: intern(p.Namespace), Name: strings.Clone(p.Name), HostNetwork: p.Spec.HostNetwork}
	pod.keep(p, keep)
	for _, ip := range podIPs(p) {
		a, ok := addr(ip)
		switch {
		case !ok:
			skipped = append(skipped, SkipAddress)
		case !slices.Contains(pod.IPs, a):
			pod.IPs = append(pod.IPs, a)
		}
	}
	return pod, skipped, len(pod.IPs) > 0
}

// keep adds to pod what of p is kept beyond what every answer needs.
func (pod *Pod) keep(p *corev1.Pod, keep KeepPods) {
	pod.Record = keep.Records && isLabel(p.Name)
	pod.Named = keep.Names || pod.Record
	if keep.Labels {
		pod.Labels = newLabels(p.Labels)
	}
	if keep.Places {
		pod.Node = intern(p.Spec.NodeName)
		pod.Zone = intern(lower(p.Labels[corev1.LabelTopologyZone]))
	}
}

func podIPs(p *corev1.Pod) []string {
	if len(p.Status.PodIPs) == 0 && p.Status.PodIP != "" {
		return []string{p.Status.PodIP}
	}
	ips := make([]string, 0, len(p.Status.PodIPs))
	for _, ip := range p.Status.PodIPs {
		ips = append(ips, ip.IP)
	}
	return ips
}

// FromNamespace returns the name of n. ok is false if it cannot be served.
func FromNamespace(n *corev1.Namespace) (name string, skipped []Skip, ok bool) {
	if !isLabel(n.Name) {
		return "", []Skip{SkipName}, false
	}
	return intern(n.Name), nil, true
}
