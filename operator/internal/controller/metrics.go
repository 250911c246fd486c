// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// Metrics tell how the DNS is.
type Metrics struct {
	condition *prometheus.GaugeVec
	drift     *prometheus.CounterVec
	upstream  *prometheus.GaugeVec
	rtt       *prometheus.GaugeVec
	expires   *prometheus.GaugeVec
	pods      *prometheus.GaugeVec
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "clusterdns", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		condition: gauge("condition", "1 if the condition of the ClusterDNS is True, 0 if it is False, -1 if it is Unknown.", "type", "reason"),
		drift:     prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "clusterdns", Name: "drift_corrections_total", Help: "Changes by others that were put right."}, []string{"kind", "field"}),
		upstream:  gauge("upstream_healthy", "1 if the upstream answered the last probe.", "endpoint", "zone"),
		rtt:       gauge("upstream_rtt_seconds", "How long the last answer of the upstream took.", "endpoint", "zone"),
		expires:   gauge("upstream_certificate_expiry_timestamp_seconds", "When the certificate of the upstream expires.", "endpoint", "zone"),
		pods:      gauge("revision_pods", "Servers that have loaded the wanted revision, and those that have not.", "loaded"),
	}
	for _, c := range []prometheus.Collector{m.condition, m.drift, m.upstream, m.rtt, m.expires, m.pods} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Corrected counts a change by others that was put right.
func (m *Metrics) Corrected(kind, field string) { m.drift.WithLabelValues(kind, field).Inc() }

// observe takes over what a status says.
func (m *Metrics) observe(s *v1alpha1.ClusterDNSStatus) {
	for _, v := range []*prometheus.GaugeVec{m.condition, m.upstream, m.rtt, m.expires, m.pods} {
		v.Reset()
	}
	if s == nil {
		return
	}
	for _, c := range s.Conditions {
		m.condition.WithLabelValues(c.Type, c.Reason).Set(map[metav1.ConditionStatus]float64{metav1.ConditionTrue: 1, metav1.ConditionFalse: 0, metav1.ConditionUnknown: -1}[c.Status])
	}
	for _, u := range s.Upstreams {
		zone := u.Zones[0]
		m.upstream.WithLabelValues(u.Endpoint, zone).Set(map[bool]float64{true: 1}[u.Healthy])
		if u.RTT != nil {
			m.rtt.WithLabelValues(u.Endpoint, zone).Set(u.RTT.Seconds())
		}
		if u.CertificateExpires != nil {
			m.expires.WithLabelValues(u.Endpoint, zone).Set(float64(u.CertificateExpires.Unix()))
		}
	}
	if r := s.Revision; r != nil {
		m.pods.WithLabelValues("true").Set(float64(r.LoadedPods))
		m.pods.WithLabelValues("false").Set(float64(r.Pods - r.LoadedPods))
	}
}
