// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// CertificateKey is the key of a ConfigMap with certificates to trust.
const CertificateKey = "ca-bundle.crt"

// Wanted are the names of objects that a spec names.
type Wanted struct {
	Services []v1alpha1.ServiceReference
	// ConfigMaps and Secrets of the operator's namespace.
	ConfigMaps, Secrets []string
}

// Wants returns what spec names, sorted, each once.
func Wants(spec *v1alpha1.ClusterDNSSpec) (w Wanted) {
	for u := range upstreamsOf(spec) {
		for _, e := range u.Endpoints {
			if e.Service != nil && !slices.Contains(w.Services, *e.Service) {
				w.Services = append(w.Services, *e.Service)
			}
		}
	}
	w.ConfigMaps, w.Secrets = certificateNames(spec), secretNames(spec)
	return w
}

// upstreamsOf yields all upstreams of spec, with the field that has them.
func upstreamsOf(spec *v1alpha1.ClusterDNSSpec) func(func(*v1alpha1.Upstreams, string) bool) {
	return func(yield func(*v1alpha1.Upstreams, string) bool) {
		if spec.Upstreams != nil && !yield(spec.Upstreams, "upstreams") {
			return
		}
		for i := range spec.StubZones {
			if !yield(&spec.StubZones[i].Upstreams, fmt.Sprintf("stubZones[%s].upstreams", spec.StubZones[i].Name)) {
				return
			}
		}
	}
}

func certificateNames(spec *v1alpha1.ClusterDNSSpec) []string {
	return tlsNames(spec, func(t *v1alpha1.UpstreamTLS) v1alpha1.ObjectName { return t.CAConfigMap })
}

func secretNames(spec *v1alpha1.ClusterDNSSpec) []string {
	return tlsNames(spec, func(t *v1alpha1.UpstreamTLS) v1alpha1.ObjectName { return t.ClientCertificateSecret })
}

func tlsNames(spec *v1alpha1.ClusterDNSSpec, name func(*v1alpha1.UpstreamTLS) v1alpha1.ObjectName) []string {
	var names []string
	for u := range upstreamsOf(spec) {
		if u.TLS != nil && name(u.TLS) != "" {
			names = append(names, string(name(u.TLS)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// missing returns what spec names and is not there, or not as it has to be.
func (p *planner) missing() []string {
	var out []string
	for u, field := range upstreamsOf(&p.ClusterDNS.Spec) {
		for _, e := range u.Endpoints {
			if e.Service == nil {
				continue
			}
			if _, ok := p.References.Services[*e.Service]; !ok {
				out = append(out, fmt.Sprintf("%s: Service %s/%s is not there, or has no cluster IP; make it, or name another endpoint", field, e.Service.Namespace, e.Service.Name))
			}
		}
		if u.TLS != nil {
			out = append(out, p.missingCertificates(u.TLS, field)...)
		}
	}
	return slices.Compact(out)
}

func (p *planner) missingCertificates(t *v1alpha1.UpstreamTLS, field string) (out []string) {
	ns := p.Operator.Namespace
	if name := string(t.CAConfigMap); name != "" {
		switch bundle, there := p.References.Certificates[name]; {
		case slices.Contains(p.References.Denied, "ConfigMap/"+name):
			out = append(out, fmt.Sprintf("%s.tls.caConfigMap: reading ConfigMap %s/%s is forbidden; allow the operator to get it", field, ns, name))
		case !there:
			out = append(out, fmt.Sprintf("%s.tls.caConfigMap: ConfigMap %s/%s is not there; make it, with the key %s", field, ns, name, CertificateKey))
		case len(bundle) == 0:
			out = append(out, fmt.Sprintf("%s.tls.caConfigMap: ConfigMap %s/%s has no key %s; add the certificates to trust, in PEM", field, ns, name, CertificateKey))
		}
	}
	if name := string(t.ClientCertificateSecret); name != "" {
		switch data, there := p.References.Secrets[name]; {
		case slices.Contains(p.References.Denied, "Secret/"+name):
			out = append(out, fmt.Sprintf("%s.tls.clientCertificateSecret: reading Secret %s/%s is forbidden; allow the operator to get it", field, ns, name))
		case !there:
			out = append(out, fmt.Sprintf("%s.tls.clientCertificateSecret: Secret %s/%s is not there; make it, of type %s", field, ns, name, corev1.SecretTypeTLS))
		case len(data[corev1.TLSCertKey]) == 0 || len(data[corev1.TLSPrivateKeyKey]) == 0:
			out = append(out, fmt.Sprintf("%s.tls.clientCertificateSecret: Secret %s/%s lacks %s or %s; make it of type %s", field, ns, name, corev1.TLSCertKey, corev1.TLSPrivateKeyKey, corev1.SecretTypeTLS))
		}
	}
	return out
}
