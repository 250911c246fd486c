// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/test/upstream"
)

// TestMissingReferences names objects that are made later.
func TestMissingReferences(t *testing.T) {
	begin(t, base(t))
	good := current(t).Status.Revision.Name
	ca := authority(t)
	secure := upstreamOf(t, upstream.Config{CA: ca, DemandCertificate: true})
	upstreams := over(secure, upstream.TLS)
	upstreams.TLS.ClientCertificateSecret = "dns-client"
	spec := withStub(t, "corp.example", upstreams)
	spec.StubZones = append(spec.StubZones, v1alpha1.StubZone{Name: "service", Zones: []v1alpha1.Zone{"corp.example.org"}, Upstreams: v1alpha1.Upstreams{
		Endpoints: []v1alpha1.Endpoint{{Service: &v1alpha1.ServiceReference{Namespace: "default", Name: "resolver"}}},
	}})
	give(t, spec)
	d := unprogrammed(t, "RefNotFound")
	if !condition(d, v1alpha1.ConditionResolvedRefs, metav1.ConditionFalse, "RefNotFound") || !condition(d, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "RefNotFound") {
		t.Error(summary(d))
	}
	says(t, d, v1alpha1.ConditionResolvedRefs,
		"stubZones[stub].upstreams.tls.caConfigMap: ConfigMap kube-system/ca is not there; make it, with the key ca-bundle.crt",
		"stubZones[stub].upstreams.tls.clientCertificateSecret: Secret kube-system/dns-client is not there; make it, of type kubernetes.io/tls",
		"stubZones[service].upstreams: Service default/resolver is not there, or has no cluster IP; make it, or name another endpoint")
	told(t, "RefNotFound", "kube-system/ca")
	if got := loads(deployment(t).Spec.Template.Spec); got != good {
		t.Errorf("the servers load %s, want %s", got, good)
	}
	putForTest(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "ca"}, Data: map[string]string{"ca.crt": string(ca.PEM())}})
	d = await(t, "the ConfigMap has another key", func(d *v1alpha1.ClusterDNS) bool {
		c := conditionOf(d, v1alpha1.ConditionResolvedRefs)
		return c.Status == metav1.ConditionFalse && !strings.Contains(c.Message, "ConfigMap kube-system/ca is not there")
	})
	says(t, d, v1alpha1.ConditionResolvedRefs, "ConfigMap kube-system/ca has no key ca-bundle.crt; add the certificates to trust, in PEM")

	// Without the zone of the Service, which goes nowhere, the rest is rolled out by itself.
	spec.StubZones = spec.StubZones[:1]
	give(t, spec)
	putForTest(t, identity(t, ca))
	bundle(t, ca.PEM())
	d = programmed(t)
	answered(t, host, "192.0.2.80")
	if !condition(d, v1alpha1.ConditionResolvedRefs, metav1.ConditionTrue, "") {
		t.Error(summary(d))
	}
}

// TestServiceAsUpstream forwards to a Service that is made later.
func TestServiceAsUpstream(t *testing.T) {
	begin(t, base(t))
	spec := withStub(t, "corp.example", v1alpha1.Upstreams{Endpoints: []v1alpha1.Endpoint{{Service: &v1alpha1.ServiceReference{Namespace: "default", Name: "resolver"}}}})
	// Nothing is behind the address: what counts is that it is rolled out to a canary.
	give(t, spec)
	unprogrammed(t, "RefNotFound")
	putForTest(t, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "resolver"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53}}},
	})
	await(t, "a canary tries it", func(d *v1alpha1.ClusterDNS) bool {
		return condition(d, v1alpha1.ConditionResolvedRefs, metav1.ConditionTrue, "") &&
			(condition(d, v1alpha1.ConditionProgressing, metav1.ConditionTrue, "Canary") || condition(d, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, "CanaryFailed"))
	})
}

// TestForbiddenSecret names a Secret that the operator may not read, until it may.
func TestForbiddenSecret(t *testing.T) {
	ca := authority(t)
	bundle(t, ca.PEM())
	secret := identity(t, ca)
	secret.Name = "private"
	putForTest(t, secret)
	begin(t, base(t))
	good := current(t).Status.Revision.Name
	upstreams := over(upstreamOf(t, upstream.Config{CA: ca, DemandCertificate: true}), upstream.TLS)
	upstreams.TLS.ClientCertificateSecret = "private"
	give(t, withStub(t, "corp.example", upstreams))
	d := await(t, "ResolvedRefs is False", func(d *v1alpha1.ClusterDNS) bool {
		return condition(d, v1alpha1.ConditionResolvedRefs, metav1.ConditionFalse, "")
	})
	says(t, d, v1alpha1.ConditionResolvedRefs, "reading Secret kube-system/private is forbidden; allow the operator to get it")
	if got := loads(deployment(t).Spec.Template.Spec); got != good {
		t.Errorf("the servers load %s, want %s", got, good)
	}
	putForTest(t, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "private"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"private"}, Verbs: []string{"get"}},
	}})
	putForTest(t, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "private"}, RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: "private"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: system, Name: "clusterdns-operator"}},
	})
	programmed(t)
	answered(t, host, "192.0.2.80")
	give(t, base(t))
	programmed(t)
}
