// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/pager"

	"github.com/clusterdns/clusterdns/test/apiserver"
)

func TestList(t *testing.T) {
	s := newServer(t)
	s.Apply(
		service("b", "two", labelled("app", "x")),
		service("a", "one", labelled("app", "y")),
		service("a", "three"),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "b"}, Status: corev1.NamespaceStatus{Phase: corev1.NamespaceTerminating}},
	)
	tests := []struct {
		name, namespace string
		opts            metav1.ListOptions
		want            []string
	}{
		{"all", "", metav1.ListOptions{}, []string{"a/one", "a/three", "b/two"}},
		{"namespace", "a", metav1.ListOptions{}, []string{"a/one", "a/three"}},
		{"no such namespace", "c", metav1.ListOptions{}, nil},
		{"label", "", metav1.ListOptions{LabelSelector: "app=x"}, []string{"b/two"}},
		{"label not", "", metav1.ListOptions{LabelSelector: "app!=x"}, []string{"a/one", "a/three"}},
		{"label set", "", metav1.ListOptions{LabelSelector: "app in (x,y)"}, []string{"a/one", "b/two"}},
		{"name", "", metav1.ListOptions{FieldSelector: "metadata.name=two"}, []string{"b/two"}},
		{"fields", "", metav1.ListOptions{FieldSelector: "metadata.namespace=a,metadata.name!=one"}, []string{"a/three"}},
		{"from the cache", "", metav1.ListOptions{ResourceVersion: "0"}, []string{"a/one", "a/three", "b/two"}},
		{"not older than", "", metav1.ListOptions{ResourceVersion: "3"}, []string{"a/one", "a/three", "b/two"}},
		{"the cache ignores the limit", "", metav1.ListOptions{ResourceVersion: "0", Limit: 1}, []string{"a/one", "a/three", "b/two"}},
		{"exactly now", "", metav1.ListOptions{ResourceVersion: "6", ResourceVersionMatch: "Exact"}, []string{"a/one", "a/three", "b/two"}},
	}
	for name, contentType := range contentTypes {
		c := client(t, s, contentType)
		for _, tt := range tests {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				list, err := c.CoreV1().Services(tt.namespace).List(t.Context(), tt.opts)
				if err != nil {
					t.Fatal(err)
				}
				if got := names(list); !slices.Equal(got, tt.want) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if list.ResourceVersion != "6" {
					t.Errorf("got resourceVersion %q", list.ResourceVersion)
				}
			})
		}
		t.Run(name+"/phase", func(t *testing.T) {
			list, err := c.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{FieldSelector: "status.phase!=Active"})
			if err != nil {
				t.Fatal(err)
			}
			if len(list.Items) != 1 || list.Items[0].Name != "b" {
				t.Errorf("got %v", list.Items)
			}
		})
	}
}

func TestListRefusals(t *testing.T) {
	s := newServer(t)
	old := s.Apply(service("a", "one"))
	s.Compact()
	tests := []struct {
		name   string
		opts   metav1.ListOptions
		status int
		cause  metav1.CauseType
	}{
		{"future", metav1.ListOptions{ResourceVersion: "99"}, http.StatusGatewayTimeout, metav1.CauseTypeResourceVersionTooLarge},
		{"forgotten", metav1.ListOptions{ResourceVersion: version(old), ResourceVersionMatch: "Exact"}, http.StatusGone, ""},
		{"bad version", metav1.ListOptions{ResourceVersion: "x"}, http.StatusBadRequest, ""},
		{"bad token", metav1.ListOptions{Continue: "x"}, http.StatusBadRequest, ""},
		{"bad field", metav1.ListOptions{FieldSelector: "spec.nonsense=1"}, http.StatusBadRequest, ""},
		{"bad label", metav1.ListOptions{LabelSelector: "a=b=c"}, http.StatusBadRequest, ""},
		{"match without version", metav1.ListOptions{ResourceVersionMatch: "Exact"}, http.StatusUnprocessableEntity, ""},
	}
	for name, contentType := range contentTypes {
		c := client(t, s, contentType)
		for _, tt := range tests {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				_, err := c.CoreV1().Services("").List(t.Context(), tt.opts)
				status, ok := err.(apierrors.APIStatus)
				if !ok || int(status.Status().Code) != tt.status {
					t.Fatalf("got %v, want status %d", err, tt.status)
				}
				if tt.cause != "" && !apierrors.HasStatusCause(err, tt.cause) {
					t.Errorf("no cause %s in %v", tt.cause, err)
				}
			})
		}
	}
	for _, tt := range []struct {
		name, path, accept string
		want               int
	}{
		{"unknown encoding", "/api/v1/services", "application/cbor", http.StatusNotAcceptable},
		{"table", "/api/v1/services", "application/json;as=Table;g=meta.k8s.io;v=v1", http.StatusNotAcceptable},
		{"table or else", "/api/v1/services", "application/json;as=Table;g=meta.k8s.io;v=v1,application/json", http.StatusOK},
		{"unknown kind", "/api/v1/secrets", "application/json", http.StatusNotFound},
		{"unknown group", "/apis/nowhere/v1/services", "application/json", http.StatusNotFound},
		{"cluster scope", "/api/v1/namespaces/a/nodes", "application/json", http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, _, text := get(t, s, tt.path, tt.accept); got != tt.want {
				t.Errorf("got status %d, want %d: %s", got, tt.want, text)
			}
		})
	}
}

// TestPages changes objects between two pages: the pages show the state at the first one.
func TestPages(t *testing.T) {
	s := newServer(t)
	var want []string
	for i := range 7 {
		s.Apply(service("a", fmt.Sprint(i)))
		want = append(want, fmt.Sprintf("a/%d", i))
	}
	for name, contentType := range contentTypes {
		t.Run(name, func(t *testing.T) {
			c := client(t, s, contentType)
			var got []string
			opts := metav1.ListOptions{Limit: 3}
			rv := version(s.ResourceVersion())
			for page := 0; ; page++ {
				list, err := c.CoreV1().Services("").List(t.Context(), opts)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, names(list)...)
				if list.ResourceVersion != rv {
					t.Errorf("page %d: got resourceVersion %s, want %s", page, list.ResourceVersion, rv)
				}
				if left := list.RemainingItemCount; left != nil && *left != int64(len(want)-len(got)) {
					t.Errorf("page %d: %d remain, want %d", page, *left, len(want)-len(got))
				}
				if opts.Continue = list.Continue; opts.Continue == "" {
					break
				}
				s.Delete(service("a", "5"))
				s.Apply(service("a", "31"))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			s.Apply(service("a", "5"))
			s.Delete(service("a", "31"))
		})
	}
}

func TestPagesOfASelector(t *testing.T) {
	s := newServer(t)
	for i := range 9 {
		s.Apply(service("a", fmt.Sprint(i), labelled("odd", fmt.Sprint(i%2))))
	}
	c := client(t, s, runtime.ContentTypeProtobuf)
	opts := metav1.ListOptions{Limit: 2, LabelSelector: "odd=1"}
	first, err := c.CoreV1().Services("").List(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(first); !slices.Equal(got, []string{"a/1", "a/3"}) || first.Continue == "" || first.RemainingItemCount != nil {
		t.Errorf("got %q, continue %q, remaining %v", got, first.Continue, first.RemainingItemCount)
	}
	opts.Continue = first.Continue
	second, err := c.CoreV1().Services("").List(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(second); !slices.Equal(got, []string{"a/5", "a/7"}) {
		t.Errorf("got %q", got)
	}
}

// TestExpiredPage forgets a list between two pages. The pager of client-go then lists again.
func TestExpiredPage(t *testing.T) {
	s := newServer(t)
	for i := range 5 {
		s.Apply(service("a", fmt.Sprint(i)))
	}
	c := client(t, s, runtime.ContentTypeProtobuf)
	first, err := c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	s.Compact()
	_, err = c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{Limit: 2, Continue: first.Continue})
	if !apierrors.IsResourceExpired(err) {
		t.Errorf("got %v, want 410 Expired", err)
	}

	p := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		if opts.Continue != "" {
			s.Compact()
		}
		return c.CoreV1().Services("").List(ctx, opts)
	})
	p.PageSize = 2
	list, _, err := p.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(list.(*corev1.ServiceList).Items); got != 5 {
		t.Errorf("got %d services", got)
	}
}

// TestExact lists former states: with every change undone, lost ones too.
func TestExact(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		versions := []uint64{
			s.Apply(service("a", "one"), service("a", "two")),
			s.Apply(service("a", "one", clusterIP("10.0.0.2"))),
			s.Delete(service("a", "two")),
			s.ApplyQuietly(service("a", "three")),
			s.DeleteQuietly(service("a", "one")),
			s.Apply(slice("a", "one")),
			s.Apply(service("b", "one")),
		}
		wants := []string{
			"[one 10.0.0.1 two 10.0.0.1]", "[one 10.0.0.2 two 10.0.0.1]", "[one 10.0.0.2]", "[one 10.0.0.2 three 10.0.0.1]",
			"[three 10.0.0.1]", "[three 10.0.0.1]", "[three 10.0.0.1 one 10.0.0.1]",
		}
		for i, want := range wants {
			for _, opts := range []metav1.ListOptions{
				{ResourceVersionMatch: metav1.ResourceVersionMatchExact},
				{Limit: 10},
			} {
				opts.ResourceVersion = version(versions[i])
				list, err := c.CoreV1().Services("").List(t.Context(), opts)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, svc := range list.Items {
					got = append(got, svc.Name, svc.Spec.ClusterIP)
				}
				if fmt.Sprint(got) != want || list.ResourceVersion != opts.ResourceVersion {
					t.Errorf("at %s: got %s at %s, want %s", opts.ResourceVersion, got, list.ResourceVersion, want)
				}
			}
		}
	})
}

// TestPagesOfANamespace ends with the last object of the namespace.
func TestPagesOfANamespace(t *testing.T) {
	s := newServer(t)
	for _, ns := range []string{"a", "a-b", "aa", "b"} {
		s.Apply(service(ns, "one"), service(ns, "two"))
	}
	c := client(t, s, runtime.ContentTypeProtobuf)
	for _, ns := range []string{"a", "a-b", "aa", "b"} {
		opts := metav1.ListOptions{Limit: 1}
		for _, name := range []string{"one", "two"} {
			list, err := c.CoreV1().Services(ns).List(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(list); !slices.Equal(got, []string{ns + "/" + name}) {
				t.Errorf("got %q, want %s/%s", got, ns, name)
			}
			if left := list.RemainingItemCount; (left != nil) != (name == "one") || left != nil && *left != 1 {
				t.Errorf("%s/%s: %v remain", ns, name, left)
			}
			opts.Continue = list.Continue
		}
		if opts.Continue != "" {
			t.Errorf("%s: there is a third page", ns)
		}
	}
}

func TestGet(t *testing.T) {
	s := newServer(t)
	s.Apply(service("a", "one"), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a"}})
	for name, contentType := range contentTypes {
		t.Run(name, func(t *testing.T) {
			c := client(t, s, contentType)
			svc, err := c.CoreV1().Services("a").Get(t.Context(), "one", metav1.GetOptions{})
			if err != nil || svc.ResourceVersion != "2" {
				t.Errorf("got %v, %v", svc, err)
			}
			if _, err := c.CoreV1().Namespaces().Get(t.Context(), "a", metav1.GetOptions{}); err != nil {
				t.Error(err)
			}
			if _, err := c.CoreV1().Services("a").Get(t.Context(), "two", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("got %v, want not found", err)
			}
		})
	}
}

// TestMetadata lists and watches metadata only, as an audit does.
func TestMetadata(t *testing.T) {
	s := newServer(t, apiserver.WithKind(apiserver.ServiceImports()))
	s.Apply(service("a", "one", labelled("app", "x")), serviceImport("a", "one"))
	c, err := metadata.NewForConfig(config(s, ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []apiserver.Kind{apiserver.Kinds()[0], apiserver.ServiceImports()} {
		r := c.Resource(gvr(k)).Namespace("a")
		list, err := r.List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Items) != 1 || list.Items[0].Name != "one" || list.Items[0].Labels["app"] != "x" || list.Items[0].UID == "" {
			t.Errorf("%s: got %v", k.Resource, list.Items)
		}
		w, err := r.Watch(t.Context(), metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, w, "ADDED one "+list.Items[0].ResourceVersion)
		w.Stop()
	}
	want := map[apiserver.Request]int{}
	for _, resource := range []string{"services", "serviceimports"} {
		for _, verb := range []string{apiserver.VerbList, apiserver.VerbWatch} {
			want[apiserver.Request{Verb: verb, Resource: resource, ContentType: runtime.ContentTypeProtobuf, Metadata: true}] = 1
		}
	}
	if diff := cmp.Diff(want, s.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestKindAddedLater asks for a custom resource before and after its definition exists.
func TestKindAddedLater(t *testing.T) {
	s := newServer(t)
	k := apiserver.ServiceImports()
	c, err := dynamic.NewForConfig(config(s, ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resource(gvr(k)).List(t.Context(), metav1.ListOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("got %v, want not found", err)
	}
	s.AddKind(k)
	s.Apply(serviceImport("a", "one"))
	list, err := c.Resource(gvr(k)).Namespace("a").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 1 || list.Items[0].GetName() != "one" || list.GetKind() != "ServiceImportList" {
		t.Errorf("got %v", list)
	}
	w, err := c.Resource(gvr(k)).Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	rv := s.Delete(serviceImport("a", "one"))
	expect(t, w, "DELETED one "+version(rv))
}

func TestDiscovery(t *testing.T) {
	s := newServer(t, apiserver.WithKind(apiserver.ServiceImports()))
	d, err := discovery.NewDiscoveryClientForConfig(config(s, ""))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := d.ServerVersion(); err != nil || v.Major != "1" {
		t.Errorf("version: got %v, %v", v, err)
	}
	_, lists, err := d.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lists {
		for _, r := range l.APIResources {
			got = append(got, l.GroupVersion+" "+r.Name+" "+r.Kind)
		}
	}
	want := []string{
		"v1 services Service", "v1 pods Pod", "v1 namespaces Namespace", "v1 nodes Node",
		"discovery.k8s.io/v1 endpointslices EndpointSlice",
		"multicluster.x-k8s.io/v1alpha1 serviceimports ServiceImport",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if status, _, text := get(t, s, "/readyz", "*/*"); status != http.StatusOK || text != "ok" {
		t.Errorf("readyz: got %d %q", status, text)
	}
	if u, err := url.Parse(s.URL()); err != nil || u.Scheme != "http" {
		t.Errorf("got URL %q, %v", s.URL(), err)
	}
}

func gvr(k apiserver.Kind) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Resource}
}

func serviceImport(namespace, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("multicluster.x-k8s.io/v1alpha1")
	u.SetKind("ServiceImport")
	u.SetNamespace(namespace)
	u.SetName(name)
	u.SetLabels(map[string]string{"app": "x"})
	return u
}
