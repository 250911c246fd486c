// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/corefile/render"
)

// CustomConfigMap is what the CoreDNS of managed clusters imports.
const CustomConfigMap = "coredns-custom"

// overlay writes what the CoreDNS of somebody else imports. Keys of others in
// the ConfigMap stay.
func (p *planner) overlay() {
	p.stage = stageOverlay
	p.refused = p.accept()
	p.unresolved = p.missing()
	if p.refused.reason != "" || len(p.unresolved) > 0 {
		return
	}
	p.apply(Object{Object: &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Operator.Namespace, Name: CustomConfigMap},
		Data:       render.Custom(p.file),
	}, Mode: Adopted})
}

// unmanaged leaves everything alone.
func (p *planner) unmanaged() { p.stage = stageUnmanaged }
