// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientfeatures "k8s.io/client-go/features"
	featurestesting "k8s.io/client-go/features/testing"
	"k8s.io/client-go/informers"

	"github.com/clusterdns/clusterdns/test/apiserver"
)

// clients are the ways in which client-go fills a store.
var clients = []struct {
	name         string
	feature      bool // the client uses WatchList
	offered      bool // the server has it
	contentType  string
	list, stream int // requests for a first synchronisation
}{
	{"watchlist", true, true, runtime.ContentTypeProtobuf, 0, 1},
	{"watchlist json", true, true, runtime.ContentTypeJSON, 0, 1},
	{"watchlist refused", true, false, runtime.ContentTypeProtobuf, 1, 1},
	{"list", false, true, runtime.ContentTypeProtobuf, 1, 0},
	{"list json", false, true, runtime.ContentTypeJSON, 1, 0},
}

// reflecting runs a test with each of the clients, on a server that holds the service a/one.
func reflecting(t *testing.T, test func(*testing.T, *apiserver.Server, reflected)) {
	for _, tt := range clients {
		t.Run(tt.name, func(t *testing.T) {
			featurestesting.SetFeatureDuringTest(t, clientfeatures.WatchListClient, tt.feature)
			s := newServer(t)
			s.SetWatchList(tt.offered)
			s.Apply(service("a", "one"))
			r := reflect(t, s, tt.contentType)
			r.becomes(t, map[string]string{"a/one": "10.0.0.1"})
			eventually(t, "a watch is open", func() bool { return s.OpenWatches("services") == 1 })
			if l, w := s.Count(apiserver.VerbList, "services"), s.Count(apiserver.VerbWatchList, "services"); l != tt.list || w != tt.stream {
				t.Errorf("got %d lists and %d watch lists, want %d and %d", l, w, tt.list, tt.stream)
			}
			test(t, s, r)
		})
	}
}

// lists counts how often the client has asked for everything.
func lists(s *apiserver.Server) int {
	return s.Count(apiserver.VerbList, "services") + s.Count(apiserver.VerbWatchList, "services")
}

func TestReflector(t *testing.T) {
	reflecting(t, func(t *testing.T, s *apiserver.Server, r reflected) {
		s.Apply(service("a", "two"), service("a", "one", clusterIP("10.0.0.2")))
		r.becomes(t, map[string]string{"a/one": "10.0.0.2", "a/two": "10.0.0.1"})
		s.Replace(service("b", "three"))
		r.becomes(t, map[string]string{"b/three": "10.0.0.1"})
	})
}

// TestReflectorResumes breaks the watch: the client goes on where it was without listing. It would list if
// the watch had ended within a second and without a single event.
func TestReflectorResumes(t *testing.T) {
	reflecting(t, func(t *testing.T, s *apiserver.Server, r reflected) {
		before := lists(s)
		s.Apply(service("a", "two"))
		r.becomes(t, map[string]string{"a/one": "10.0.0.1", "a/two": "10.0.0.1"})
		s.DisconnectWatches()
		s.Apply(service("a", "three"))
		r.becomes(t, map[string]string{"a/one": "10.0.0.1", "a/two": "10.0.0.1", "a/three": "10.0.0.1"})
		if got := lists(s) - before; got != 0 {
			t.Errorf("listed %d times", got)
		}
	})
}

// TestReflectorExpired breaks the watch and forgets the history: the client lists again.
func TestReflectorExpired(t *testing.T) {
	reflecting(t, func(t *testing.T, s *apiserver.Server, r reflected) {
		before := lists(s)
		s.Compact()
		s.DisconnectWatches()
		s.Delete(service("a", "one"))
		r.becomes(t, map[string]string{})
		s.Apply(service("a", "two"))
		r.becomes(t, map[string]string{"a/two": "10.0.0.1"})
		if got := lists(s) - before; got == 0 {
			t.Error("did not list again")
		}
	})
}

// TestReflectorLosesEvents shows that nothing in client-go heals a lost event, not even a new watch, before it lists again.
func TestReflectorLosesEvents(t *testing.T) {
	reflecting(t, func(t *testing.T, s *apiserver.Server, r reflected) {
		s.DropEvents(1)
		s.Apply(service("a", "lost"), service("a", "two"))
		r.becomes(t, map[string]string{"a/one": "10.0.0.1", "a/two": "10.0.0.1"})
		s.DisconnectWatches()
		s.DeleteQuietly(service("a", "one"))
		s.Apply(service("a", "three"))
		r.becomes(t, map[string]string{"a/one": "10.0.0.1", "a/two": "10.0.0.1", "a/three": "10.0.0.1"})
		s.Restart()
		r.becomes(t, map[string]string{"a/lost": "10.0.0.1", "a/two": "10.0.0.1", "a/three": "10.0.0.1"})
	})
}

// TestReflectorFrozen freezes the watch while another one gets objects and bookmarks.
func TestReflectorFrozen(t *testing.T) {
	reflecting(t, func(t *testing.T, s *apiserver.Server, r reflected) {
		s.FreezeOpen()
		s.Apply(service("a", "two"))
		live := watching(t, client(t, s, runtime.ContentTypeProtobuf), metav1.ListOptions{AllowWatchBookmarks: true})
		s.BookmarkEvery(time.Millisecond)
		for range 4 {
			next(t, live)
		}
		if got := r.addresses(); len(got) != 1 {
			t.Errorf("got %v through a frozen watch", got)
		}
		s.Thaw()
		r.becomes(t, map[string]string{"a/one": "10.0.0.1", "a/two": "10.0.0.1"})
	})
}

func TestReflectorDenied(t *testing.T) {
	reflecting(t, func(t *testing.T, s *apiserver.Server, r reflected) {
		s.ResetStats()
		s.Deny("services", http.StatusForbidden)
		s.DisconnectWatches()
		s.Apply(service("a", "two"))
		eventually(t, "the client tries again", func() bool { return lists(s) > 1 })
		r.becomes(t, map[string]string{"a/one": "10.0.0.1"})
		s.Deny("services", 0)
		r.becomes(t, map[string]string{"a/one": "10.0.0.1", "a/two": "10.0.0.1"})
	})
}

func TestReflectorStopped(t *testing.T) {
	reflecting(t, func(t *testing.T, s *apiserver.Server, r reflected) {
		s.Stop()
		s.Apply(service("a", "two"))
		r.becomes(t, map[string]string{"a/one": "10.0.0.1"})
		s.Start()
		r.becomes(t, map[string]string{"a/one": "10.0.0.1", "a/two": "10.0.0.1"})
		s.Restart()
		s.Delete(service("a", "one"))
		r.becomes(t, map[string]string{"a/two": "10.0.0.1"})
	})
}

func TestInformers(t *testing.T) {
	s := newServer(t)
	s.Apply(service("a", "one"), slice("a", "one", "10.1.0.1"))
	c := client(t, s, runtime.ContentTypeProtobuf)
	factory := informers.NewSharedInformerFactory(c, 0)
	services, slices := factory.Core().V1().Services().Informer(), factory.Discovery().V1().EndpointSlices().Informer()
	stop := make(chan struct{})
	defer factory.Shutdown()
	defer close(stop)
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	if len(services.GetStore().List()) != 1 || len(slices.GetStore().List()) != 1 {
		t.Error("not synchronised")
	}
	s.Apply(slice("a", "one", "10.1.0.2"))
	eventually(t, "the change arrives", func() bool {
		ep := slices.GetStore().List()[0].(*discoveryv1.EndpointSlice)
		return ep.Endpoints[0].Addresses[0] == "10.1.0.2"
	})
}

// TestReflectorConverges does random things to a server that breaks all the time, in all ways but lost events. In the end the
// store of every client is what the server holds.
func TestReflectorConverges(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	reflecting(t, func(t *testing.T, s *apiserver.Server, r reflected) {
		rnd := rand.New(rand.NewPCG(1, 2))
		s.BookmarkEvery(time.Millisecond)
		state := map[string]string{"a/one": "10.0.0.1"}
		name := func() string { return fmt.Sprintf("s%d", rnd.IntN(20)) }
		for range rounds {
			switch n, ip := name(), fmt.Sprintf("10.0.0.%d", rnd.IntN(200)); rnd.IntN(12) {
			case 0:
				s.Compact()
			case 1:
				s.DisconnectWatches()
			case 2:
				s.FreezeOpen()
				s.Apply(service("a", n, clusterIP(ip)))
				state["a/"+n] = ip
				s.Thaw()
			case 3:
				s.FailLists(1)
			case 4:
				clear(state)
				state["b/"+n] = ip
				s.Replace(service("b", n, clusterIP(ip)))
			case 5, 6, 7:
				s.Delete(service("a", n))
				delete(state, "a/"+n)
			default:
				s.Apply(service("a", n, clusterIP(ip)))
				state["a/"+n] = ip
			}
			if rnd.IntN(100) == 0 {
				s.Restart()
			}
			if rnd.IntN(20) == 0 {
				r.becomes(t, maps.Clone(state))
			}
		}
		r.becomes(t, state)
	})
}
