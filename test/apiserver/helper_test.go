// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/clusterdns/clusterdns/test/apiserver"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

var contentTypes = map[string]string{"json": runtime.ContentTypeJSON, "protobuf": runtime.ContentTypeProtobuf}

func newServer(t testing.TB, options ...apiserver.Option) *apiserver.Server {
	t.Helper()
	s := apiserver.New(options...)
	t.Cleanup(s.Close)
	return s
}

func config(s *apiserver.Server, contentType string) *rest.Config {
	return &rest.Config{
		Host: s.URL(), QPS: -1, UserAgent: "apiserver-test",
		ContentConfig: rest.ContentConfig{ContentType: contentType},
	}
}

func client(t testing.TB, s *apiserver.Server, contentType string) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(config(s, contentType))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		if cond() {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still not so: %s", what)
		}
	}
}

// get does one plain HTTP request.
func get(t testing.TB, s *apiserver.Server, path, accept string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func service(namespace, name string, edits ...func(*corev1.Service)) *corev1.Service {
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.ServiceSpec{
			ClusterIP:  "10.0.0.1",
			ClusterIPs: []string{"10.0.0.1"},
			Ports:      []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80}},
		},
	}
	for _, edit := range edits {
		edit(svc)
	}
	return svc
}

func labelled(k, v string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Labels = map[string]string{k: v} }
}

func clusterIP(ip string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = ip, []string{ip} }
}

func slice(namespace, name string, addresses ...string) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: name}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: addresses}},
	}
}

// watching starts a watch of services and ends it with the test.
func watching(t *testing.T, c kubernetes.Interface, opts metav1.ListOptions) watch.Interface {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w, err := c.CoreV1().Services("").Watch(ctx, opts)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Stop(); cancel() })
	return w
}

// next returns the next event as "TYPE name rv", or "end".
func next(t *testing.T, w watch.Interface) string {
	t.Helper()
	select {
	case e, ok := <-w.ResultChan():
		if !ok {
			return "end"
		}
		if e.Type == watch.Error {
			return fmt.Sprintf("ERROR %s", apierrors.ReasonForError(apierrors.FromObject(e.Object)))
		}
		m, err := meta.Accessor(e.Object)
		if err != nil {
			t.Fatal(err)
		}
		name := m.GetName()
		if m.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true" {
			name = "initial-events-end"
		}
		return fmt.Sprintf("%s %s %s", e.Type, name, m.GetResourceVersion())
	case <-time.After(patience):
		t.Fatal("no event")
		return ""
	}
}

// expect compares the next events.
func expect(t *testing.T, w watch.Interface, want ...string) {
	t.Helper()
	for _, want := range want {
		if got := next(t, w); got != want {
			t.Fatalf("event: got %q, want %q", got, want)
		}
	}
}

func version(rv uint64) string { return strconv.FormatUint(rv, 10) }

// reflected is a store that a real client-go reflector of services fills.
type reflected struct{ cache.Store }

func reflect(t *testing.T, s *apiserver.Server, contentType string) reflected {
	t.Helper()
	c := client(t, s, contentType)
	r := reflected{cache.NewStore(cache.MetaNamespaceKeyFunc)}
	lw := cache.NewListWatchFromClient(c.CoreV1().RESTClient(), "services", "", fields.Everything())
	reflector := cache.NewReflectorWithOptions(lw, &corev1.Service{}, r.Store, cache.ReflectorOptions{
		Backoff: &wait.Backoff{Duration: 10 * time.Millisecond, Cap: 100 * time.Millisecond, Steps: 10, Factor: 2},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		reflector.RunWithContext(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

// addresses are the cluster IPs by namespace/name.
func (r reflected) addresses() map[string]string {
	m := map[string]string{}
	for _, obj := range r.List() {
		svc := obj.(*corev1.Service)
		m[svc.Namespace+"/"+svc.Name] = svc.Spec.ClusterIP
	}
	return m
}

// becomes waits until the store holds exactly these services.
func (r reflected) becomes(t *testing.T, want map[string]string) {
	t.Helper()
	eventually(t, fmt.Sprintf("the reflector's store is %v", want), func() bool { return maps.Equal(r.addresses(), want) })
}

func names(list *corev1.ServiceList) []string {
	var n []string
	for _, s := range list.Items {
		n = append(n, s.Namespace+"/"+s.Name)
	}
	return slices.Clip(n)
}
