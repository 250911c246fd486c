// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
)

// stored is obj as the server keeps it when it is the nth object.
func stored[T metav1.Object](obj T, rv int) T {
	obj.SetResourceVersion(fmt.Sprint(rv))
	obj.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012x", rv)))
	return obj
}

// real returns what the serializer of apimachinery makes of obj.
func real(t *testing.T, contentType string, obj runtime.Object, gvk schema.GroupVersionKind) string {
	t.Helper()
	obj.GetObjectKind().SetGroupVersionKind(gvk)
	var b bytes.Buffer
	if contentType == runtime.ContentTypeJSON {
		if err := json.NewEncoder(&b).Encode(obj); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if err := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme).Encode(obj, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSameBytes compares lists, objects, errors and events with what the serializers of the real server write.
func TestSameBytes(t *testing.T) {
	s := newServer(t)
	s.Apply(service("a", "one", labelled("x", "ü\x00\"")), service("b", "two"), slice("a", "one", "10.1.0.1"))
	one, two := stored(service("a", "one", labelled("x", "ü\x00\"")), 2), stored(service("b", "two"), 3)
	ep := stored(slice("a", "one", "10.1.0.1"), 4)
	services := &corev1.ServiceList{ListMeta: metav1.ListMeta{ResourceVersion: "4"}, Items: []corev1.Service{*one, *two}}
	slices := &discoveryv1.EndpointSliceList{ListMeta: metav1.ListMeta{ResourceVersion: "4"}, Items: []discoveryv1.EndpointSlice{*ep}}
	nodes := &corev1.NodeList{ListMeta: metav1.ListMeta{ResourceVersion: "4"}, Items: []corev1.Node{}}
	missing := &metav1.Status{
		Status: "Failure", Reason: "NotFound", Code: 404, Message: `services "none" not found`,
		Details: &metav1.StatusDetails{Name: "none", Kind: "services"},
	}
	v1, disco := corev1.SchemeGroupVersion, discoveryv1.SchemeGroupVersion
	partials := &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{ResourceVersion: "4"}}
	for _, svc := range []*corev1.Service{one, two} {
		p := meta.AsPartialObjectMetadata(svc)
		p.SetGroupVersionKind(metav1.SchemeGroupVersion.WithKind("PartialObjectMetadata"))
		partials.Items = append(partials.Items, *p)
	}

	tests := []struct {
		name, path, as string
		status         int
		obj            runtime.Object
		gvk            schema.GroupVersionKind
	}{
		{"services", "/api/v1/services", "", 200, services, v1.WithKind("ServiceList")},
		{"endpointslices", "/apis/discovery.k8s.io/v1/endpointslices", "", 200, slices, disco.WithKind("EndpointSliceList")},
		{"empty", "/api/v1/nodes", "", 200, nodes, v1.WithKind("NodeList")},
		{"object", "/api/v1/namespaces/a/services/one", "", 200, one, v1.WithKind("Service")},
		{"error", "/api/v1/namespaces/a/services/none", "", 404, missing, v1.WithKind("Status")},
		{
			"metadata", "/api/v1/services", ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", 200,
			partials, metav1.SchemeGroupVersion.WithKind("PartialObjectMetadataList"),
		},
	}
	for _, tt := range tests {
		for name, contentType := range contentTypes {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				want := real(t, contentType, tt.obj.DeepCopyObject(), tt.gvk)
				for range 2 { // the second time from the cache
					status, header, got := get(t, s, tt.path, contentType+tt.as)
					if status != tt.status || header.Get("Content-Type") != contentType {
						t.Errorf("got status %d, content type %q", status, header.Get("Content-Type"))
					}
					if got != want {
						t.Errorf("got\n%q\nwant\n%q", got, want)
					}
				}
			})
		}
	}
}

// TestSameEventBytes compares the stream of a watch with what the real server writes.
func TestSameEventBytes(t *testing.T) {
	s := newServer(t)
	s.Apply(service("a", "one"))
	one := stored(service("a", "one"), 2)
	for name, contentType := range contentTypes {
		t.Run(name, func(t *testing.T) {
			object := real(t, contentType, one.DeepCopy(), corev1.SchemeGroupVersion.WithKind("Service"))
			event := &metav1.WatchEvent{Type: string(watch.Added), Object: runtime.RawExtension{Raw: []byte(object)}}
			var want bytes.Buffer
			streamType := contentType
			if contentType == runtime.ContentTypeJSON {
				if err := json.NewEncoder(&want).Encode(event); err != nil {
					t.Fatal(err)
				}
			} else {
				streamType += ";stream=watch"
				raw, err := event.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := protobuf.LengthDelimitedFramer.NewFrameWriter(&want).Write(raw); err != nil {
					t.Fatal(err)
				}
			}
			status, header, got := get(t, s, "/api/v1/services?watch=true&resourceVersion=0&timeoutSeconds=1", contentType)
			if status != http.StatusOK || header.Get("Content-Type") != streamType {
				t.Errorf("got status %d, content type %q", status, header.Get("Content-Type"))
			}
			if got != want.String() {
				t.Errorf("got\n%q\nwant\n%q", got, want.String())
			}
		})
	}
}

// TestMalformed serves what a real API server would refuse.
func TestMalformed(t *testing.T) {
	s := newServer(t)
	bad := []runtime.Object{
		service("", ""),
		service("a", "Not A Name!"),
		service("a", "bad-ip", clusterIP("300.1.1.1")),
		service("a", "headless-and-not", clusterIP("None")),
	}
	s.Apply(bad...)
	s.Apply(slice("a", "nonsense", "", "::g", "10.0.0.1", "10.0.0.1"))
	for name, contentType := range contentTypes {
		t.Run(name, func(t *testing.T) {
			c := client(t, s, contentType)
			list, err := c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, obj := range bad {
				want := obj.(*corev1.Service)
				found := false
				for _, got := range list.Items {
					found = found || got.Name == want.Name && got.Namespace == want.Namespace && equality.Semantic.DeepEqual(got.Spec, want.Spec)
				}
				if !found {
					t.Errorf("%q is not served", want.Name)
				}
			}
			slices, err := c.DiscoveryV1().EndpointSlices("a").List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Items[0].Endpoints[0].Addresses; len(got) != 4 {
				t.Errorf("got addresses %q", got)
			}
		})
	}
}
