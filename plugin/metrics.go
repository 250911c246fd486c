// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
)

var (
	// programmingDuration is the DNS programming latency SLI of Kubernetes:
	// https://github.com/kubernetes/community/blob/master/sig-scalability/slos/dns_programming_latency.md
	programmingDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace:                   plugin.Namespace,
		Subsystem:                   Name,
		Name:                        "dns_programming_duration_seconds",
		Buckets:                     prometheus.ExponentialBuckets(0.001, 2, 20), // 1 ms to about 17 minutes
		NativeHistogramBucketFactor: plugin.NativeHistogramBucketFactor,
		Help:                        "Time from a change of a Pod or Service until it is answered.",
	}, []string{"service_kind"})

	requestDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace:                   plugin.Namespace,
		Subsystem:                   Name,
		Name:                        "rest_client_request_duration_seconds",
		Buckets:                     prometheus.DefBuckets,
		NativeHistogramBucketFactor: plugin.NativeHistogramBucketFactor,
		Help:                        "Time until the head of the API server's response.",
	}, []string{"method", "host"})

	requests = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: Name,
		Name:      "rest_client_requests_total",
		Help:      "Requests to the API server.",
	}, []string{"code", "method", "host"})
)

func init() { prometheus.MustRegister(collector{}) }

// observeProgrammed has the label values of the kubernetes plugin's metric.
func observeProgrammed(headless bool, d time.Duration) {
	kind := "cluster_ip"
	if headless {
		kind = "headless_with_selector"
	}
	programmingDuration.WithLabelValues(kind).Observe(d.Seconds())
}

func observeRequest(method, host, code string, d time.Duration) {
	requestDuration.WithLabelValues(method, host).Observe(d.Seconds())
	requests.WithLabelValues(code, method, host).Inc()
}

// A collector reads the state of the stores when it is asked: nothing is
// counted on the way of a query or an event.
type collector struct{}

var (
	syncedDesc                          = desc("synced", "Whether everything that the API server has of the resource was read (1) or not yet (0).", "resource")
	objectsDesc                         = desc("objects", "Objects in memory.", "resource")
	endpointsDesc                       = desc("endpoints", "Addresses of ready endpoints in memory.")
	serialDesc                          = desc("soa_serial", "Serial of the zones: it rises with every change that a query can see.")
	setSerialDesc                       = desc("clusterset_soa_serial", "Serial of the multicluster zones.")
	lastEventDesc                       = desc("watch_last_event_age_seconds", "Time since the API server last said anything about the resource: an event or a bookmark.", "resource")
	versionDesc                         = desc("watch_resource_version", "resourceVersion of the last event or bookmark.", "resource")
	relistsDesc                         = desc("watch_relists_total", "How often everything had to be read again.", "resource")
	staleDesc                           = desc("stale", "Whether nothing was heard of the resource for longer than stale_after (1) or not (0).", "resource")
	verifiedDesc                        = desc("verified_age_seconds", "Time since a list or an audit last showed that nothing of the resource is missing.", "resource")
	silentDesc                          = desc("watch_silent_total", "How often a watch was begun anew because it had said nothing for too long.", "resource")
	backwardsDesc                       = desc("watch_backwards_total", "How often the API server went back to an older state.", "resource")
	auditsDesc                          = desc("audits_total", "How often everything was compared with what the API server has.", "resource")
	healedDesc                          = desc("audit_healed_objects_total", "Objects that an audit found to be missing, left over or old.", "resource")
	reconnectsDesc                      = desc("watch_reconnects_total", "How often a watch was begun where another had ended.", "resource")
	skippedDesc                         = desc("skipped_objects_total", "Objects, or parts of them, that cannot be answered.", "resource", "reason")
	allDescs                            = []*prometheus.Desc{syncedDesc, objectsDesc, endpointsDesc, serialDesc, setSerialDesc, lastEventDesc, versionDesc, relistsDesc, reconnectsDesc, skippedDesc, staleDesc, verifiedDesc, silentDesc, backwardsDesc, auditsDesc, healedDesc}
	_              prometheus.Collector = collector{}
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, Name, name), help, append([]string{"store"}, labels...), nil)
}

// Describe implements [prometheus.Collector].
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range allDescs {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (collector) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	for _, s := range watch.All() {
		gauge(ch, endpointsDesc, float64(s.Index().Endpoints()), s.Name())
		gauge(ch, serialDesc, float64(s.Index().Serial()), s.Name())
		for _, st := range s.Stats() {
			if st.Kind == object.ServiceImports {
				gauge(ch, setSerialDesc, float64(s.Index().Imports().Serial()), s.Name())
			}
			collectWatch(ch, s.Name(), st, now)
		}
	}
}

func collectWatch(ch chan<- prometheus.Metric, store string, st watch.Stats, now time.Time) {
	resource := st.Kind.String()
	gauge(ch, syncedDesc, truth(st.Synced), store, resource)
	gauge(ch, staleDesc, truth(st.Stale), store, resource)
	gauge(ch, objectsDesc, float64(st.Objects), store, resource)
	gauge(ch, versionDesc, float64(st.Version), store, resource)
	if !st.LastEvent.IsZero() {
		gauge(ch, lastEventDesc, now.Sub(st.LastEvent).Seconds(), store, resource)
	}
	if !st.Verified.IsZero() {
		gauge(ch, verifiedDesc, now.Sub(st.Verified).Seconds(), store, resource)
	}
	counter(ch, silentDesc, float64(st.Silent), store, resource)
	counter(ch, backwardsDesc, float64(st.Backwards), store, resource)
	counter(ch, auditsDesc, float64(st.Audits), store, resource)
	counter(ch, healedDesc, float64(st.Healed), store, resource)
	counter(ch, relistsDesc, float64(max(0, st.Lists-1)), store, resource)
	counter(ch, reconnectsDesc, float64(st.Reconnects), store, resource)
	for reason, n := range st.Skipped {
		counter(ch, skippedDesc, float64(n), store, resource, string(reason))
	}
}

// truth is a claim as the value of a gauge.
func truth(claim bool) float64 {
	if claim {
		return 1
	}
	return 0
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
