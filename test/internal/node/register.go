// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// heartbeat is how often the Node says that it lives.
	heartbeat = 3 * time.Second
	// leaseDuration is that of kubelet. The control plane waits for 50 seconds
	// before it gives up a Node.
	leaseDuration = 40
	requestTime   = 10 * time.Second
)

// register creates the Node, or takes over the one of an earlier process.
func (n *Node) register(ctx context.Context) error {
	_, err := n.client.CoreV1().Nodes().Create(ctx, n.object(), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("registering: %w", err)
	}
	for {
		err := n.beat(ctx)
		if !apierrors.IsConflict(err) { // with the controller that sets taints
			return err
		}
	}
}

func (n *Node) object() *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: n.options.Name,
			Labels: map[string]string{
				corev1.LabelHostname:     n.options.Name,
				corev1.LabelOSStable:     "linux", // that is what manifests select, whatever the machine runs
				corev1.LabelArchStable:   runtime.GOARCH,
				corev1.LabelTopologyZone: "zone-a",
			},
		},
		Spec: corev1.NodeSpec{
			PodCIDR:  n.options.PodCIDR.String(),
			PodCIDRs: []string{n.options.PodCIDR.String()},
		},
	}
}

// stayAlive keeps the control plane from taking the Node for dead.
func (n *Node) stayAlive() {
	for pause(n.ctx, heartbeat) {
		ctx, cancel := context.WithTimeout(n.ctx, requestTime)
		if err := n.beat(ctx); err != nil && n.ctx.Err() == nil {
			n.log.Printf("telling that it lives: %v", err)
		}
		cancel()
	}
}

// beat renews the Lease, and makes the Node ready if it is not.
func (n *Node) beat(ctx context.Context) error {
	if err := n.renew(ctx); err != nil {
		return fmt.Errorf("renewing the Lease: %w", err)
	}
	nodes := n.client.CoreV1().Nodes()
	o, err := nodes.Get(ctx, n.options.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if !ready(o) {
		o.Status = n.status(o.Status, metav1.Now())
		if o, err = nodes.UpdateStatus(ctx, o, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(o.Spec.Taints, outdated) {
		o.Spec.Taints = slices.DeleteFunc(o.Spec.Taints, outdated)
		_, err = nodes.Update(ctx, o, metav1.UpdateOptions{})
	}
	return err
}

func ready(o *corev1.Node) bool {
	return slices.ContainsFunc(o.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// outdated reports whether a taint says that the Node is not ready.
func outdated(t corev1.Taint) bool {
	return t.Key == corev1.TaintNodeNotReady || t.Key == corev1.TaintNodeUnreachable
}

func (n *Node) renew(ctx context.Context) error {
	leases := n.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	now := metav1.NowMicro()
	seconds := int32(leaseDuration)
	lease, err := leases.Get(ctx, n.options.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = leases.Create(ctx, &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: n.options.Name},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: &n.options.Name, LeaseDurationSeconds: &seconds, RenewTime: &now},
		}, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	lease.Spec.RenewTime = &now
	_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}

func (n *Node) status(s corev1.NodeStatus, now metav1.Time) corev1.NodeStatus {
	s.Capacity = corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("8"),
		corev1.ResourceMemory: resource.MustParse("16Gi"),
		corev1.ResourcePods:   resource.MustParse("110"),
	}
	s.Allocatable = s.Capacity
	s.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeHostName, Address: n.options.Name},
		{Type: corev1.NodeInternalIP, Address: n.addresses.host().String()},
	}
	s.NodeInfo.OperatingSystem, s.NodeInfo.Architecture = "linux", runtime.GOARCH
	s.Conditions = nil
	for _, problem := range []corev1.NodeConditionType{corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure} {
		s.Conditions = append(s.Conditions, nodeCondition(problem, corev1.ConditionFalse, now))
	}
	s.Conditions = append(s.Conditions, nodeCondition(corev1.NodeReady, corev1.ConditionTrue, now))
	return s
}

func nodeCondition(kind corev1.NodeConditionType, status corev1.ConditionStatus, now metav1.Time) corev1.NodeCondition {
	return corev1.NodeCondition{
		Type: kind, Status: status, Reason: "ProcessNode", LastHeartbeatTime: now, LastTransitionTime: now,
	}
}
