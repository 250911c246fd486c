// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/clusterdns/clusterdns/test/apiserver"
)

// TestQuietly loses the events of a creation, a change and a deletion; another event shows that they never come.
func TestQuietly(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		s.Apply(service("a", "old"), service("a", "gone"))
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "3"})
		s.ApplyQuietly(service("a", "new"), service("a", "old", clusterIP("10.0.0.9")))
		s.DeleteQuietly(service("a", "gone"))
		s.Apply(service("a", "loud"))
		expect(t, w, "ADDED loud 7")
		expect(t, watching(t, c, metav1.ListOptions{ResourceVersion: "3"}), "ADDED loud 7")
		list, err := c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := names(list), []string{"a/loud", "a/new", "a/old"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestDropEvents(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "1"})
		s.DropEvents(2)
		s.Apply(service("a", "one"), service("a", "two"), service("a", "three"))
		expect(t, w, "ADDED three 4")
	})
}

func TestFreeze(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		s.BookmarkEvery(time.Millisecond)
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "1"})
		s.Freeze()
		later := watching(t, c, watchList(""))
		s.Apply(service("a", "one"))
		// Lists go on, and a list is answered long after an event would have been sent.
		if _, err := c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
		select {
		case e := <-w.ResultChan():
			t.Errorf("got %v", e)
		case e := <-later.ResultChan():
			t.Errorf("got %v", e)
		default:
		}
		s.Thaw()
		expect(t, w, "ADDED one 2")
		expect(t, later, "BOOKMARK initial-events-end 1", "ADDED one 2")
	})
}

// TestFreezeOpen freezes a watch for longer than its timeout; a new one works.
func TestFreezeOpen(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		timeout := int64(1)
		frozen := watching(t, c, metav1.ListOptions{ResourceVersion: "1", TimeoutSeconds: &timeout})
		s.FreezeOpen()
		s.Apply(service("a", "one"))
		// This one ends after a second, later than the frozen one should have.
		live := watching(t, c, metav1.ListOptions{ResourceVersion: "1", TimeoutSeconds: &timeout})
		expect(t, live, "ADDED one 2", "end")
		select {
		case e := <-frozen.ResultChan():
			t.Errorf("got %v", e)
		default:
		}
		s.DisconnectWatches()
		expect(t, frozen, "end")
	})
}

func TestDisconnectWatches(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "1"})
		s.DisconnectWatches()
		expect(t, w, "end")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := s.Await(ctx, func() bool { return s.OpenWatches("services") == 0 }); err != nil {
			t.Error(err)
		}
	})
}

func TestDeny(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "1"})
		for status, is := range map[int]func(error) bool{
			http.StatusForbidden:           apierrors.IsForbidden,
			http.StatusInternalServerError: apierrors.IsInternalError,
			http.StatusUnauthorized:        apierrors.IsUnauthorized,
			http.StatusServiceUnavailable:  apierrors.IsServiceUnavailable,
		} {
			s.Deny("services", status)
			if _, err := c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{}); !is(err) {
				t.Errorf("list: got %v, want status %d", err, status)
			}
			if _, err := c.CoreV1().Services("").Watch(t.Context(), metav1.ListOptions{}); !is(err) {
				t.Errorf("watch: got %v, want status %d", err, status)
			}
			if _, err := c.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{}); err != nil {
				t.Errorf("pods: got %v", err)
			}
		}
		s.Deny("services", 0)
		s.Apply(service("a", "one"))
		expect(t, w, "ADDED one 2")
		if _, err := c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// TestTooManyRequests tells clients when to come back, and client-go does.
func TestTooManyRequests(t *testing.T) {
	s := newServer(t)
	s.Deny("services", http.StatusTooManyRequests)
	if status, header, _ := get(t, s, "/api/v1/services", runtime.ContentTypeJSON); status != http.StatusTooManyRequests || header.Get("Retry-After") != "1" {
		t.Errorf("got status %d, Retry-After %q", status, header.Get("Retry-After"))
	}
	go func() {
		_ = s.Await(t.Context(), func() bool { return s.Count(apiserver.VerbList, "services") == 2 })
		s.Deny("services", 0)
	}()
	if _, err := client(t, s, runtime.ContentTypeJSON).CoreV1().Services("").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
}

func TestFailLists(t *testing.T) {
	s := newServer(t)
	s.FailLists(2)
	for _, want := range []int{http.StatusInternalServerError, http.StatusInternalServerError, http.StatusOK} {
		if got, _, _ := get(t, s, "/api/v1/services", runtime.ContentTypeJSON); got != want {
			t.Errorf("got status %d, want %d", got, want)
		}
	}
}

// TestDelay holds three requests back until all of them are there.
func TestDelay(t *testing.T) {
	s := newServer(t)
	s.Delay(time.Hour)
	c := client(t, s, runtime.ContentTypeProtobuf)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "three requests wait", func() bool { return s.MaxConcurrent() == 3 })
	s.Delay(0)
	wg.Wait()
	s.ResetStats()
	if got := s.MaxConcurrent(); got != 0 {
		t.Errorf("got %d concurrent requests after all ended", got)
	}
}

func TestStats(t *testing.T) {
	s := newServer(t)
	jsonClient, pbClient := client(t, s, runtime.ContentTypeJSON), client(t, s, runtime.ContentTypeProtobuf)
	for range 2 {
		if _, err := jsonClient.CoreV1().Services("a").List(t.Context(), metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	watching(t, pbClient, metav1.ListOptions{ResourceVersion: "1"})
	watching(t, pbClient, watchList(""))
	get(t, s, "/version", "")
	want := map[apiserver.Request]int{
		{Verb: apiserver.VerbList, Resource: "services", ContentType: runtime.ContentTypeJSON}:          2,
		{Verb: apiserver.VerbWatch, Resource: "services", ContentType: runtime.ContentTypeProtobuf}:     1,
		{Verb: apiserver.VerbWatchList, Resource: "services", ContentType: runtime.ContentTypeProtobuf}: 1,
		{Verb: apiserver.VerbOther, Resource: "/version", ContentType: "*/*"}:                           1,
	}
	if diff := cmp.Diff(want, s.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if got := s.OpenWatches("services"); got != 2 {
		t.Errorf("got %d open watches", got)
	}
	if got := s.UserAgents(); !slices.Equal(got, []string{"Go-http-client/1.1", "apiserver-test"}) {
		t.Errorf("got user agents %q", got)
	}
}

// TestStop stops a server that has a request waiting and a watch open, and starts it where it was.
func TestStop(t *testing.T) {
	each(t, func(t *testing.T, s *apiserver.Server, c kubernetes.Interface) {
		s.Apply(service("a", "one"))
		w := watching(t, c, metav1.ListOptions{ResourceVersion: "2"})
		url := s.URL()
		s.Delay(time.Hour)
		failed := make(chan error, 1)
		go func() {
			_, err := c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{})
			failed <- err
		}()
		eventually(t, "the list waits", func() bool { return s.Count(apiserver.VerbList, "services") == 1 })
		s.Stop()
		s.Stop()
		if err := <-failed; err == nil {
			t.Error("the waiting list was answered")
		}
		expect(t, w, "end")
		if _, err := http.Get(url + "/version"); err == nil {
			t.Error("a stopped server answers")
		}
		s.Delay(0)
		s.Apply(service("a", "two"))
		s.Start()
		s.Start()
		if s.URL() != url {
			t.Errorf("moved from %s to %s", url, s.URL())
		}
		expect(t, watching(t, c, metav1.ListOptions{ResourceVersion: "2"}), "ADDED two 3")
		s.Restart()
		expect(t, watching(t, c, metav1.ListOptions{ResourceVersion: "3"}), "ERROR Expired")
	})
}

// TestCloseLeavesNothing closes a server that has a request waiting and watches open, one of them frozen.
func TestCloseLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := apiserver.New()
	c := client(t, s, runtime.ContentTypeProtobuf)
	var watches []watch.Interface
	for range 2 {
		w, err := c.CoreV1().Services("").Watch(t.Context(), metav1.ListOptions{ResourceVersion: "1"})
		if err != nil {
			t.Fatal(err)
		}
		watches = append(watches, w)
		s.FreezeOpen()
	}
	s.Delay(time.Hour)
	failed := make(chan error, 1)
	go func() {
		_, err := c.CoreV1().Services("").List(t.Context(), metav1.ListOptions{})
		failed <- err
	}()
	eventually(t, "the list waits", func() bool { return s.Count(apiserver.VerbList, "services") == 1 })
	s.Close()
	if err := <-failed; err == nil {
		t.Error("the waiting list was answered")
	}
	for _, w := range watches {
		expect(t, w, "end")
	}
	goleak.VerifyNone(t, before)
}

func TestAddress(t *testing.T) {
	s := newServer(t)
	address := strings.TrimPrefix(s.URL(), "http://")
	s.Close()
	if got := newServer(t, apiserver.WithAddress(address)).URL(); got != s.URL() {
		t.Errorf("got %s, want %s", got, s.URL())
	}
}

func TestUnknownKind(t *testing.T) {
	s := newServer(t)
	defer func() {
		if recover() == nil {
			t.Error("a kind that is not served was taken")
		}
	}()
	s.Apply(&corev1.Secret{})
}

func TestAwaitGivesUp(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Await(ctx, func() bool { return false }); err == nil {
		t.Error("no error")
	}
}
