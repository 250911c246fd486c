// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
)

// Limits bound the load that a store puts on the API server.
type Limits struct {
	// QPS and Burst bound how many requests are begun per second. 0 is no bound.
	QPS   float32
	Burst int
	// MaxInflight bounds how many requests wait for the head of their response at once. 0 is no bound.
	MaxInflight int
}

// codecs know the kinds that are watched, and no others: registering all of
// Kubernetes costs every process megabytes. fullCodecs read more of each Pod.
var (
	codecs     = serializer.NewCodecFactory(newScheme(new(pod), new(podList)))
	fullCodecs = serializer.NewCodecFactory(newScheme(new(fullPod), new(fullPodList)))
	parameters = runtime.NewParameterCodec(newScheme(new(pod), new(podList)))
)

// newScheme returns a scheme in which a Pod and a list of them are of those types.
func newScheme(aPod, pods runtime.Object) *runtime.Scheme {
	scheme := runtime.NewScheme()
	core, discovery := corev1.SchemeGroupVersion, discoveryv1.SchemeGroupVersion
	scheme.AddKnownTypeWithName(core.WithKind("Namespace"), new(namespace))
	scheme.AddKnownTypeWithName(core.WithKind("NamespaceList"), new(namespaceList))
	scheme.AddKnownTypeWithName(core.WithKind("Service"), new(service))
	scheme.AddKnownTypeWithName(core.WithKind("ServiceList"), new(serviceList))
	scheme.AddKnownTypeWithName(core.WithKind("Pod"), aPod)
	scheme.AddKnownTypeWithName(core.WithKind("PodList"), pods)
	scheme.AddKnownTypeWithName(core.WithKind("Node"), new(node))
	scheme.AddKnownTypeWithName(core.WithKind("NodeList"), new(nodeList))
	scheme.AddKnownTypeWithName(discovery.WithKind("EndpointSlice"), new(endpointSlice))
	scheme.AddKnownTypeWithName(discovery.WithKind("EndpointSliceList"), new(endpointSliceList))
	scheme.AddKnownTypeWithName(metav1.SchemeGroupVersion.WithKind("PartialObjectMetadataList"), new(metadataList))
	scheme.AddKnownTypeWithName(multicluster.WithKind("ServiceImport"), new(serviceImport))
	scheme.AddKnownTypeWithName(multicluster.WithKind("ServiceImportList"), new(serviceImportList))
	metav1.AddToGroupVersion(scheme, core)
	metav1.AddToGroupVersion(scheme, discovery)
	metav1.AddToGroupVersion(scheme, multicluster)
	return scheme
}

// A client talks to one API server.
type client struct {
	http                          *http.Client
	core, discovery, multicluster rest.Interface
}

func newClient(cfg Config) (*client, error) {
	c := rest.CopyConfig(cfg.REST)
	c.NegotiatedSerializer = codecs.WithoutConversion()
	if full(cfg.Keep) {
		c.NegotiatedSerializer = fullCodecs.WithoutConversion()
	}
	c.ContentType = runtime.ContentTypeProtobuf
	c.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	c.QPS = -1 // client-go does not limit watches; ours limits every request
	c.Timeout = 0
	c.Wrap(func(next http.RoundTripper) http.RoundTripper { return newTransport(next, cfg) })

	h, err := rest.HTTPClientFor(c)
	if err != nil {
		return nil, err
	}
	core, err := restClient(c, h, "/api", corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	discovery, err := restClient(c, h, "/apis", discoveryv1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	c.ContentType, c.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON // custom resources have no other form
	imports, err := restClient(c, h, "/apis", multicluster)
	if err != nil {
		return nil, err
	}
	return &client{h, core, discovery, imports}, nil
}

func restClient(cfg *rest.Config, h *http.Client, path string, gv schema.GroupVersion) (rest.Interface, error) {
	c := rest.CopyConfig(cfg)
	c.APIPath, c.GroupVersion = path, &gv
	return rest.RESTClientForConfigAndClient(c, h)
}

// close closes connections that are not in use.
func (c *client) close() { utilnet.CloseIdleConnectionsFor(c.http.Transport) }

// A transport limits and counts requests.
type transport struct {
	next     http.RoundTripper
	limiter  flowcontrol.RateLimiter // nil is no bound
	inflight chan struct{}           // nil is no bound
	observe  func(method, host, code string, d time.Duration)
}

func newTransport(next http.RoundTripper, cfg Config) *transport {
	t := &transport{next: next, observe: cfg.Hooks.Request}
	if l := cfg.Limits; l.QPS > 0 {
		t.limiter = flowcontrol.NewTokenBucketRateLimiter(l.QPS, max(l.Burst, 1))
	}
	if n := cfg.Limits.MaxInflight; n > 0 {
		t.inflight = make(chan struct{}, n)
	}
	return t
}

// WrappedRoundTripper implements [utilnet.RoundTripperWrapper].
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// RoundTrip implements [http.RoundTripper]. It returns with the head of the
// response, so a watch that stays open does not count as in flight.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if t.limiter != nil {
		if err := t.limiter.Wait(ctx); err != nil {
			return nil, err
		}
	}
	if t.inflight != nil {
		select {
		case t.inflight <- struct{}{}:
			defer func() { <-t.inflight }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	start := time.Now()
	resp, err := t.await(r)
	if t.observe != nil {
		t.observe(r.Method, r.URL.Host, code(resp, err), time.Since(start))
	}
	return resp, err
}

// headTimeout is how long a response may take to begin. An API server that
// accepts requests and does not answer is like one that refuses them. A
// variable for tests.
var headTimeout = listTimeout

var errNoResponse = errors.New("the API server accepts requests, but does not respond")

// await does r, whose response must begin in time.
func (t *transport) await(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	late := time.AfterFunc(headTimeout, func() { cancel(errNoResponse) })
	defer late.Stop() // the body may take longer: ctx ends with that of r
	resp, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil && errors.Is(context.Cause(ctx), errNoResponse) {
		err = errNoResponse
	}
	return resp, err
}

func code(resp *http.Response, err error) string {
	if err != nil {
		return "<error>"
	}
	return strconv.Itoa(resp.StatusCode)
}
