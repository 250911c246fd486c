// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"net/http"
	"slices"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

var (
	imports = object.Set(object.ServiceImports)
	sets    = basic | object.Imports
)

func serviceImport(name, ip string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport",
		"metadata": map[string]any{"namespace": "default", "name": name},
		"spec": map[string]any{
			"type": "ClusterSetIP", "ips": []any{ip},
			"ports":                 []any{map[string]any{"name": "http", "port": int64(80)}},
			"internalTrafficPolicy": "Cluster", // which is of no interest
		},
	}}
}

// importSlice returns an EndpointSlice of the ServiceImport of its name.
func importSlice(name, cluster string, edits ...func(*discoveryv1.EndpointSlice)) *discoveryv1.EndpointSlice {
	return slice(name, append(edits, func(s *discoveryv1.EndpointSlice) {
		s.Name = name + "-" + cluster
		delete(s.Labels, discoveryv1.LabelServiceName)
		s.Labels[object.LabelImport], s.Labels[object.LabelCluster] = name, cluster
	})...)
}

// withImports is the option to serve ServiceImports from the start.
var withImports = apiserver.WithKind(apiserver.ServiceImports())

// importNames returns the names of the Services that are imported.
func importNames(l *watch.Lease) []string {
	var got []string
	for s := range l.Index().Imports().Services() {
		got = append(got, s.Name)
	}
	slices.Sort(got)
	return got
}

func imported(t *testing.T, l *watch.Lease, want ...string) {
	t.Helper()
	eventually(t, "the imports are as they should be", func() bool { return slices.Equal(importNames(l), want) })
}

// What is imported is not the cluster's, nor the other way round.
func TestImports(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, verb string) {
		s.Apply(cluster()...)
		s.Apply(serviceImport("shop", "10.112.0.1"), importSlice("shop", "east", endpoints("10.7.0.1")))
		l := synced(t, config(s), sets)
		x := l.Index()
		if got, want := names(l), []string{"default/web"}; !slices.Equal(got, want) {
			t.Errorf("Services: got %v, want %v", got, want)
		}
		imported(t, l, "shop")
		shop := x.Imports().Service("default", "shop")
		if got := shop.ClusterIPs.AppendTo(nil); len(got) != 1 || got[0] != addr("10.112.0.1") {
			t.Errorf("ClusterSetIPs: got %v", got)
		}
		if got, want := shop.Ports, []object.Port{{Name: "http", Protocol: "tcp", Number: 80}}; !slices.Equal(got, want) {
			t.Errorf("ports: got %v, want %v", got, want)
		}
		if len(shop.Groups) != 1 || shop.Groups[0].Cluster() != "east" || shop.Groups[0].Addr(0) != addr("10.7.0.1") {
			t.Errorf("endpoints: got %+v", shop.Groups)
		}
		for a, want := range map[string][2]bool{"10.1.0.1": {true, false}, "10.7.0.1": {false, true}, "10.112.0.1": {false, true}} {
			if got := [2]bool{owned(x, a), owned(x.Imports(), a)}; got != want {
				t.Errorf("%s is of the cluster, is imported: got %v, want %v", a, got, want)
			}
		}
		if got := s.Count(verb, "serviceimports"); got != 1 {
			t.Errorf("%s of serviceimports: got %d, want 1", verb, got)
		}
		for _, k := range []object.Kind{object.ServiceImports, object.ImportSlices} {
			if st := stats(t, l, k); st.Objects != 1 || !st.Synced {
				t.Errorf("%s: got %+v, want one, synced", k, st)
			}
		}
		if got := stats(t, l, object.EndpointSlices).Skipped; len(got) > 0 {
			t.Errorf("an EndpointSlice of a ServiceImport is counted as skipped: %v", got)
		}

		told(t, l, object.ServiceImports, s.Apply(serviceImport("shop", "10.112.0.2"), serviceImport("more", "10.112.0.3")))
		imported(t, l, "more", "shop")
		if got := x.Imports().Service("default", "shop").ClusterIPs; !got.Contains(addr("10.112.0.2")) {
			t.Errorf("a changed address: got %v", got.AppendTo(nil))
		}
		told(t, l, object.ServiceImports, s.Delete(serviceImport("more", "")))
		imported(t, l, "shop")
		told(t, l, object.ImportSlices, s.Delete(importSlice("shop", "east")))
		if got := x.Imports().Service("default", "shop").Groups; len(got) != 0 {
			t.Errorf("endpoints that are gone: got %+v", got)
		}
	}, withImports)
}

// The watch is too old: what is gone meanwhile is removed, of both kinds.
func TestImportsExpired(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(serviceImport("goes", "10.112.0.1"), serviceImport("stays", "10.112.0.2"), importSlice("stays", "east"), importSlice("stays", "west"))
		l := synced(t, config(s), sets)
		s.Stop()
		s.Delete(serviceImport("goes", ""), importSlice("stays", "west"))
		s.Compact()
		s.Start()
		sets.Each(func(k object.Kind) { told(t, l, k, s.ResourceVersion()) })
		imported(t, l, "stays")
		if got := l.Index().Imports().Service("default", "stays").Groups; len(got) != 1 || got[0].Cluster() != "east" {
			t.Errorf("endpoints: got %+v, want those of east", got)
		}
	}, withImports)
}

// Which objects are asked for. ServiceImports have labels of their own: neither
// labels nor namespace_labels is about them (B8).
func TestImportSelectors(t *testing.T) {
	s := newServer(t, withImports)
	shop := serviceImport("shop", "10.112.0.1")
	s.Apply(shop, importSlice("shop", "east"), importSlice("shop", "west", func(s *discoveryv1.EndpointSlice) { s.Labels["team"] = "a" }))
	cfg := config(s)
	cfg.Labels, cfg.NamespaceLabels = "team in (a,b)", "nobody=has"
	l := synced(t, cfg, sets)
	imported(t, l, "shop")
	if got := l.Index().Imports().Service("default", "shop").Groups; len(got) != 1 || got[0].Cluster() != "west" {
		t.Errorf("endpoints: got %+v, want those of west", got)
	}
}

// An API server without the kind has no such object: the kind is complete, and
// read as soon as it is there. When it goes, its objects are gone.
func TestImportsWithoutKind(t *testing.T) {
	inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
		s.Apply(cluster()...)
		var j journal
		cfg := config(s)
		cfg.Hooks = j.hooks()
		l := synced(t, cfg, sets)
		if got := l.Refused(); got != 0 {
			t.Errorf("refused: got %b, want none", got)
		}
		if err := j.firstError(); !watch.Absent(err) || watch.Denied(err) {
			t.Errorf("told of %v, want that the kind is absent", err)
		}
		serial := l.Index().Imports().Serial()
		if serial == 0 {
			t.Error("the serial of the clusterset does not begin with a resourceVersion")
		}
		s.AddKind(apiserver.ServiceImports())
		told(t, l, object.ServiceImports, s.Apply(serviceImport("shop", "10.112.0.1")))
		imported(t, l, "shop")
		if got := l.Index().Imports().Serial(); got != serial+1 {
			t.Errorf("serial: got %d, want %d", got, serial+1)
		}
		if want := []string{"failed serviceimports", "recovered serviceimports"}; !slices.Equal(j.all(), want) {
			t.Errorf("told: got %v, want %v", j.all(), want)
		}

		s.Deny("serviceimports", http.StatusNotFound)
		s.DisconnectWatches()
		imported(t, l)
		if got := l.Index().Imports().Serial(); got != serial+2 {
			t.Errorf("serial after the kind went: got %d, want %d", got, serial+2)
		}
		s.Deny("serviceimports", 0)
		imported(t, l, "shop")
		if !l.Synced().Has(sets) {
			t.Errorf("synced: got %b, want %b", l.Synced(), sets)
		}
	})
}

// A kind that is refused is not waited for, and not taken for empty; what was
// read of it before stays.
func TestImportsRefused(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusUnauthorized} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			inModes(t, func(t *testing.T, s *apiserver.Server, _ string) {
				s.Apply(serviceImport("shop", "10.112.0.1"))
				s.Deny("serviceimports", status)
				l := acquire(t, config(s), sets)
				if err := l.Wait(t.Context(), sets); err != nil {
					t.Fatal(err)
				}
				if got, want := l.Synced(), sets&^imports; got != want {
					t.Errorf("synced: got %b, want %b", got, want)
				}
				if got := l.Refused(); got != imports {
					t.Errorf("refused: got %b, want %b", got, imports)
				}
				s.Deny("serviceimports", 0)
				imported(t, l, "shop")
				eventually(t, "it is no longer refused", func() bool { return l.Refused() == 0 && l.Synced() == sets })

				s.Deny("serviceimports", status)
				s.ResetStats()
				s.DisconnectWatches()
				eventually(t, "it is refused again", func() bool { return requests(s, "serviceimports") > 1 })
				imported(t, l, "shop")
				if l.Refused() != 0 || l.Synced() != sets {
					t.Errorf("refused %b, synced %b, want that what was read stays", l.Refused(), l.Synced())
				}
			}, withImports)
		})
	}
	// Kinds that names of every cluster need are waited for.
	s := newServer(t)
	s.Deny("services", http.StatusForbidden)
	var j journal
	cfg := config(s)
	cfg.Hooks = j.hooks()
	l := acquire(t, cfg, basic)
	eventually(t, "it is refused", func() bool { return j.has("failed services") })
	if got := l.Refused(); got != 0 {
		t.Errorf("refused: got %b, want none", got)
	}
}

// Whoever wants imports has them read, of a store that others use without; when
// nobody does, they are forgotten.
func TestImportsAreShared(t *testing.T) {
	s := newServer(t, withImports)
	s.Apply(cluster()...)
	s.Apply(serviceImport("shop", "10.112.0.1"), importSlice("shop", "east"))
	without := synced(t, config(s), basic)
	if got := requests(s, "serviceimports"); got != 0 {
		t.Errorf("requests without: got %d, want none", got)
	}
	l := synced(t, config(s), sets)
	if l.Store != without.Store {
		t.Error("two stores, want one")
	}
	imported(t, l, "shop")
	if _, ok := without.Index().Namespace("default"); !ok {
		t.Error("the namespace is gone")
	}
	l.Release()
	imported(t, without)
	if got := without.Index().Imports().Endpoints(); got != 0 {
		t.Errorf("endpoints: got %d, want none", got)
	}
	if got := without.Synced(); got != basic {
		t.Errorf("synced: got %b, want %b", got, basic)
	}
	synced(t, config(s), sets)
	imported(t, without, "shop")
}
