// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// An object that makes our code panic is counted and told, and all others are
// there. No object is known to: the conversion is replaced by one that does.
func TestPanicIsCounted(t *testing.T) {
	set := resources[object.Services].set
	defer func() { resources[object.Services].set = set }()
	resources[object.Services].set = func(s *Store, o runtime.Object, gen uint32, live bool) []object.Skip {
		if _, name := key(o); name == "poison" {
			panic("poison")
		}
		return set(s, o, gen, live)
	}

	server := apiserver.New()
	defer server.Close()
	service := func(name string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	}
	server.Apply(service("before"), service("poison"), service("zzz"))
	var told atomic.Value
	l, err := Acquire(Config{
		REST:  &rest.Config{Host: server.URL()},
		Hooks: Hooks{Failed: func(_ string, _ object.Kind, err error) { told.Store(err.Error()) }},
	}, object.Set(object.Services))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := l.Wait(ctx, object.Set(object.Services)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"before", "zzz"} {
		if l.Index().Service("default", name) == nil {
			t.Errorf("Service %s is missing", name)
		}
	}
	if got := l.Stats()[0].Skipped[skipPanic]; got != 1 {
		t.Errorf("panics counted: got %d, want 1", got)
	}
	if got, _ := told.Load().(string); !strings.Contains(got, "BUG") || !strings.Contains(got, "poison") {
		t.Errorf("told: got %q, want that it is a bug, and which", got)
	}

	rv := server.Apply(service("poison"), service("after")) // as events
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for l.Stats()[0].Version < rv && ctx.Err() == nil {
		<-tick.C
	}
	if l.Index().Service("default", "after") == nil {
		t.Error("the Service after the event that panics is missing")
	}
	if got := l.Stats()[0].Skipped[skipPanic]; got != 2 {
		t.Errorf("panics counted: got %d, want 2", got)
	}
}
