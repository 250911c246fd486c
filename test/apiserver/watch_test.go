// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"github.com/clusterdns/clusterdns/test/apiserver"
)

// each runs a test against a server of its own with JSON and with protobuf.
func each(t *testing.T, test func(*testing.T, *apiserver.Server, kubernetes.Interface), options ...apiserver.Option) {
	for name, contentType := range contentTypes {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, options...)
			test(t, s, client(t, s, contentType))
		})
	}
}

// watchList are the options of a client that wants the objects from the watch.
func watchList(rv string) metav1.ListOptions {
	return metav1.ListOptions{
		ResourceVersion: rv, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
		SendInitialEvents: new(true), AllowWatchBookmarks: true,
	}
}

func TestWatch(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		s.Apply(service("a", "one"))
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "2"})
		s.Apply(service("a", "two"))
		s.Apply(slice("a", "two")) // another kind
		s.Apply(service("a", "one", clusterIP("10.0.0.9")))
		s.Delete(service("a", "two"), service("a", "none"))
		expect(t, w, "ADDED two 3", "MODIFIED one 5", "DELETED two 6")

		// A watch from an older version catches up.
		w = watching(t, c, metav1.ListOptions{ResourceVersion: "3"})
		expect(t, w, "MODIFIED one 5", "DELETED two 6")
	})
}

// TestDeletedState checks that a DELETED event shows the last state of the object.
func TestDeletedState(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		s.Apply(service("a", "one", clusterIP("10.0.0.7")))
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "2"})
		s.Delete(service("a", "one"))
		svc := (<-w.ResultChan()).Object.(*corev1.Service)
		if svc.Spec.ClusterIP != "10.0.0.7" || svc.ResourceVersion != "3" || svc.UID == "" {
			t.Errorf("got %v", svc)
		}
	})
}

func TestWatchNamespace(t *testing.T) {
	s := newServer(t)
	c := client(t, s, runtime.ContentTypeProtobuf)
	w, err := c.CoreV1().Services("b").Watch(t.Context(), metav1.ListOptions{ResourceVersion: "1"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	s.Apply(service("a", "one"), service("b", "two"))
	expect(t, w, "ADDED two 3")
}

// TestWatchSelector moves an object into and out of a selector.
func TestWatchSelector(t *testing.T) {
	for name, opts := range map[string]metav1.ListOptions{
		"label": {ResourceVersion: "1", LabelSelector: "app=x"},
		"field": {ResourceVersion: "1", FieldSelector: "spec.clusterIP=10.0.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
				w := watching(t, c, opts)
				in, out := service("a", "one", labelled("app", "x"), clusterIP("10.0.0.2")), service("a", "one")
				s.Apply(out)        // 2
				s.Apply(in)         // 3
				s.Apply(in)         // 4
				s.Apply(out)        // 5
				s.Apply(out)        // 6
				s.Delete(out)       // 7
				s.Apply(in)         // 8
				s.Delete(in)        // 9
				s.Apply(in, in, in) // 10 to 12
				expect(t, w, "ADDED one 3", "MODIFIED one 4", "DELETED one 5", "ADDED one 8", "DELETED one 9", "ADDED one 10")
			})
		})
	}
}

func TestReplace(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		s.Apply(service("a", "same"), service("a", "changed"), service("a", "gone"), slice("a", "gone"))
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "5"})
		rv := s.Replace(
			service("a", "same"),
			service("a", "twice"),
			service("a", "changed", clusterIP("10.0.0.8")),
			service("a", "twice", clusterIP("10.0.0.9")),
		)
		expect(t, w, "MODIFIED changed 6", "ADDED twice 7", "DELETED gone 8")
		if rv != 9 {
			t.Errorf("got resourceVersion %d, want 9", rv)
		}
		list, err := c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, svc := range list.Items {
			got[svc.Name] = svc.Spec.ClusterIP + " " + svc.ResourceVersion
		}
		want := map[string]string{"same": "10.0.0.1 2", "changed": "10.0.0.8 6", "twice": "10.0.0.9 7"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestWatchStart checks what a watch without a version begins with.
func TestWatchStart(t *testing.T) {
	tests := []struct {
		name      string
		watchList bool // of the server
		opts      metav1.ListOptions
		want      []string
	}{
		{"any", true, metav1.ListOptions{ResourceVersion: "0"}, []string{"ADDED one 2", "ADDED two 3", "ADDED new 4"}},
		{"latest", true, metav1.ListOptions{}, []string{"ADDED one 2", "ADDED two 3", "ADDED new 4"}},
		{
			"any with bookmarks", true, metav1.ListOptions{AllowWatchBookmarks: true},
			[]string{"ADDED one 2", "ADDED two 3", "BOOKMARK initial-events-end 3", "ADDED new 4"},
		},
		{"any, old server", false, metav1.ListOptions{AllowWatchBookmarks: true}, []string{"ADDED one 2", "ADDED two 3", "ADDED new 4"}},
		{"list", true, watchList(""), []string{"ADDED one 2", "ADDED two 3", "BOOKMARK initial-events-end 3", "ADDED new 4"}},
		{"list any", true, watchList("0"), []string{"ADDED one 2", "ADDED two 3", "BOOKMARK initial-events-end 3", "ADDED new 4"}},
		{"list since", true, watchList("2"), []string{"ADDED one 2", "ADDED two 3", "BOOKMARK initial-events-end 3", "ADDED new 4"}},
		{
			"list selected", true, func() metav1.ListOptions { o := watchList(""); o.FieldSelector = "metadata.name!=one"; return o }(),
			[]string{"ADDED two 3", "BOOKMARK initial-events-end 3", "ADDED new 4"},
		},
		{
			"from now", true, metav1.ListOptions{
				ResourceVersion: "0", SendInitialEvents: new(false), ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
			},
			[]string{"ADDED new 4"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
				s.SetWatchList(tt.watchList)
				s.Apply(service("a", "one"), service("a", "two"))
				w := watching(t, c, tt.opts)
				s.Apply(service("a", "new"))
				expect(t, w, tt.want...)
			})
		})
	}
}

// TestWatchFuture says nothing until the version from the future is reached. A list from there is an error.
func TestWatchFuture(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		s.BookmarkEvery(time.Millisecond)
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "3", AllowWatchBookmarks: true})
		s.Apply(service("a", "two"), service("a", "three"), service("a", "four"))
		expect(t, w, "ADDED four 4", "BOOKMARK  4")

		w = watching(t, c, watchList("99"))
		e := <-w.ResultChan()
		if err := apierrors.FromObject(e.Object); !apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge) {
			t.Errorf("got %v", err)
		}
		expect(t, w, "end")
	})
}

func TestWatchListOff(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		s.SetWatchList(false)
		_, err := c.CoreV1().Services("").Watch(t.Context(), watchList(""))
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "sendInitialEvents: Forbidden") {
			t.Errorf("got %v", err)
		}
	})
}

func TestBookmarks(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		with := watching(t, c, metav1.ListOptions{ResourceVersion: "1", AllowWatchBookmarks: true})
		without := watching(t, c, metav1.ListOptions{ResourceVersion: "1"})
		s.Apply(slice("a", "one"), slice("a", "two"))
		s.BookmarkEvery(time.Millisecond) // also for watches that are open
		expect(t, with, "BOOKMARK  3", "BOOKMARK  3")
		s.BookmarkEvery(0)
		s.Apply(service("a", "one"))
		expect(t, without, "ADDED one 4")
	})
}

// TestBookmarkBeforeTheEnd ends a watch after three seconds, so a bookmark comes after one.
func TestBookmarkBeforeTheEnd(t *testing.T) {
	s := newServer(t)
	c := client(t, s, runtime.ContentTypeJSON)
	w := watching(t, c, metav1.ListOptions{ResourceVersion: "1", AllowWatchBookmarks: true, TimeoutSeconds: new(int64(3))})
	expect(t, w, "BOOKMARK  1", "end")
}

func TestCompact(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		rv := s.Apply(service("a", "one"))
		open := watching(t, c, metav1.ListOptions{ResourceVersion: "1"})
		expect(t, open, "ADDED one 2")
		s.Compact()
		old := watching(t, c, metav1.ListOptions{ResourceVersion: version(rv)})
		expect(t, old, "ERROR Expired", "end")
		s.Apply(service("a", "two"))
		expect(t, open, "ADDED two 4")
		expect(t, watching(t, c, metav1.ListOptions{ResourceVersion: "3"}), "ADDED two 4")
	})
}

// TestHistory overwrites the oldest of four events with a fifth.
func TestHistory(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		for i := range 5 {
			s.Apply(service("a", fmt.Sprint(i))) // 2 to 6
		}
		expect(t, watching(t, c, metav1.ListOptions{ResourceVersion: "2"}), "ADDED 1 3", "ADDED 2 4", "ADDED 3 5", "ADDED 4 6")
		expect(t, watching(t, c, metav1.ListOptions{ResourceVersion: "1"}), "ERROR Expired")
	}, apiserver.WithHistory(4))
}

// TestSlowWatch lets the history overflow while a watch is frozen: it loses nothing.
func TestSlowWatch(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "1"})
		s.Freeze()
		for i := range 300 {
			s.Apply(service("a", fmt.Sprint(i)))
		}
		s.Thaw()
		for i := range 300 {
			expect(t, w, fmt.Sprintf("ADDED %d %d", i, i+2))
		}
	}, apiserver.WithHistory(4))
}

func TestBadWatch(t *testing.T) {
	s := newServer(t)
	if status, _, _ := get(t, s, "/api/v1/services?watch=true&resourceVersion=x", runtime.ContentTypeJSON); status != http.StatusBadRequest {
		t.Errorf("got status %d", status)
	}
}
