// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/clusterdns/clusterdns/operator/counter"
)

func (m *meter) handler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{m.run.Report})
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+PathCounts, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(m.counts()) // who asked has gone
	})
	mux.Handle("GET "+PathMetrics, promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET "+PathHealth, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	return mux
}

var (
	queries = prometheus.NewDesc("clusterdns_meter_queries_total", "Numbered questions that were asked, none of them twice.", []string{"transport"}, nil)
	lost    = prometheus.NewDesc("clusterdns_meter_lost_total", "Questions without an answer in time, or with a wrong one.", []string{"transport", "reason"}, nil)
	gap     = prometheus.NewDesc("clusterdns_meter_longest_gap_seconds", "The longest time without a right answer.", []string{"transport"}, nil)
)

// collector has the metrics of what is reported.
type collector struct{ report func() counter.Report }

// Describe implements [prometheus.Collector].
func (collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{queries, lost, gap} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(to chan<- prometheus.Metric) {
	for _, n := range c.report().Counts {
		send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, kind, v, append([]string{string(n.Transport)}, labels...)...)
		}
		send(queries, prometheus.CounterValue, float64(n.Sent))
		send(lost, prometheus.CounterValue, float64(n.Lost), "unanswered")
		send(lost, prometheus.CounterValue, float64(n.Wrong), "wrong")
		send(gap, prometheus.GaugeValue, n.LongestGap)
	}
}
