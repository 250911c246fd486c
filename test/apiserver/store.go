// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// key names an object within its kind.
type key struct{ namespace, name string }

// path orders objects as etcd does, by the bytes of namespace/name.
func (k key) path() string {
	if k.namespace == "" {
		return k.name
	}
	return k.namespace + "/" + k.name
}

// entry is one version of one object. Nothing in it changes but for the encodings, which are filled in when
// first asked for.
type entry struct {
	kind *Kind
	obj  runtime.Object
	meta metav1.Object // of obj
	key  key
	path string
	rv   uint64
	enc  [encodings]cached
}

func newEntry(k *Kind, obj runtime.Object, rv uint64) *entry {
	m, err := meta.Accessor(obj)
	if err != nil {
		panic(fmt.Sprintf("apiserver: %T has no object metadata: %v", obj, err))
	}
	m.SetResourceVersion(strconv.FormatUint(rv, 10))
	e := &entry{kind: k, obj: obj, meta: m, rv: rv, key: key{name: m.GetName()}}
	if k.Namespaced {
		e.key.namespace = m.GetNamespace()
	}
	e.path = e.key.path()
	return e
}

// at returns the same object under another resourceVersion.
func (e *entry) at(rv uint64) *entry { return newEntry(e.kind, e.obj.DeepCopyObject(), rv) }

// collection holds the objects of one kind and what happened to them. Guarded by Server.mu.
type collection struct {
	*Kind
	objects map[key]*entry
	sorted  []*entry // by path; nil when out of date, never modified once made
	history history
	past    past
}

func newCollection(k Kind) *collection {
	return &collection{Kind: &k, objects: map[key]*entry{}, history: newHistory()}
}

// list returns the objects in their order. The slice belongs to everyone: read only.
func (c *collection) list() []*entry {
	if c.sorted == nil {
		c.sorted = make([]*entry, 0, len(c.objects))
		for _, e := range c.objects {
			c.sorted = append(c.sorted, e)
		}
		sortByPath(c.sorted)
	}
	return c.sorted
}

func sortByPath(list []*entry) {
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.path, b.path) })
}

// loudness says whether watchers hear of a change.
type loudness bool

const (
	loud  loudness = true
	quiet loudness = false
)

// Apply creates or replaces each object under a resourceVersion of its own and returns the last one.
// Objects are copied. Nothing is validated and nothing but an empty UID and the resourceVersion is filled
// in, and a replacement that changes nothing is an event too. Apply panics when the kind is not served.
func (s *Server) Apply(objs ...runtime.Object) uint64 { return s.apply(loud, objs) }

// ApplyQuietly is Apply with every event lost: lists show the change, watches never do, not even one
// that starts from an older resourceVersion. Later bookmarks pretend that the event was sent.
func (s *Server) ApplyQuietly(objs ...runtime.Object) uint64 { return s.apply(quiet, objs) }

// Delete removes the objects of the same kind, namespace and name and returns the last resourceVersion.
// One that does not exist is ignored.
func (s *Server) Delete(objs ...runtime.Object) uint64 { return s.remove(loud, objs) }

// DeleteQuietly is Delete with every event lost, in the sense of ApplyQuietly.
func (s *Server) DeleteQuietly(objs ...runtime.Object) uint64 { return s.remove(quiet, objs) }

// Replace makes objs the whole state in one step: no list sees a part of it. Objects that are already there
// and equal keep their resourceVersion and give no event, all others that are not in objs are deleted.
// If objs names an object twice, the last one counts.
func (s *Server) Replace(objs ...runtime.Object) uint64 {
	copies := s.adopt(objs)
	s.mu.Lock()
	defer s.mu.Unlock()
	last := make(map[*collection]map[key]int, len(s.collections))
	for i, o := range copies {
		if last[o.in] == nil {
			last[o.in] = map[key]int{}
		}
		last[o.in][o.key] = i
	}
	for i, o := range copies {
		if last[o.in][o.key] == i && !s.unchanged(o) {
			s.put(loud, o)
		}
	}
	for _, c := range s.collections {
		for _, e := range c.list() {
			if _, ok := last[c][e.key]; !ok {
				s.drop(loud, c, e)
			}
		}
	}
	s.broadcast()
	return s.rv
}

// ResourceVersion returns the one of the latest change.
func (s *Server) ResourceVersion() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rv
}

func (s *Server) apply(l loudness, objs []runtime.Object) uint64 {
	copies := s.adopt(objs)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range copies {
		s.put(l, o)
	}
	s.broadcast()
	return s.rv
}

func (s *Server) remove(l loudness, objs []runtime.Object) uint64 {
	copies := s.adopt(objs)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range copies {
		if e, ok := o.in.objects[o.key]; ok {
			s.drop(l, o.in, e)
		}
	}
	s.broadcast()
	return s.rv
}

// candidate is a copied object on its way into its collection.
type candidate struct {
	in *collection
	*entry
}

// adopt copies objs outside of the lock, which may take a while for many.
func (s *Server) adopt(objs []runtime.Object) []candidate {
	s.mu.Lock()
	collections := slices.Clone(s.collections)
	s.mu.Unlock()
	copies := make([]candidate, 0, len(objs))
	for _, obj := range objs {
		i := slices.IndexFunc(collections, func(c *collection) bool { return c.holds(obj) })
		if i < 0 {
			panic(fmt.Sprintf("apiserver: no kind for %T (%s)", obj, obj.GetObjectKind().GroupVersionKind()))
		}
		c := collections[i]
		obj = obj.DeepCopyObject()
		if !c.unstructured() {
			// The real server keeps it out of typed objects; encodings add it where it belongs.
			obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
		}
		copies = append(copies, candidate{c, newEntry(c.Kind, obj, 0)})
	}
	return copies
}

// put stores the object under the next resourceVersion.
func (s *Server) put(l loudness, o candidate) {
	old := o.in.objects[o.key]
	s.rv++
	o.rv = s.rv
	o.meta.SetResourceVersion(strconv.FormatUint(s.rv, 10))
	switch {
	case o.meta.GetUID() != "":
	case old != nil:
		o.meta.SetUID(old.meta.GetUID())
	default:
		// Made from the counter, so that a seeded test is the same every time.
		o.meta.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012x", s.rv)))
	}
	o.in.objects[o.key], o.in.sorted = o.entry, nil
	s.record(l, o.in, &event{rv: s.rv, prev: old, cur: o.entry})
}

// drop removes e under the next resourceVersion.
func (s *Server) drop(l loudness, c *collection, e *entry) {
	s.rv++
	delete(c.objects, e.key)
	c.sorted = nil
	s.record(l, c, &event{rv: s.rv, prev: e})
}

// unchanged reports whether storing o would change nothing but its version and an empty UID.
func (s *Server) unchanged(o candidate) bool {
	old := o.in.objects[o.key]
	if old == nil {
		return false
	}
	o.meta.SetResourceVersion(old.meta.GetResourceVersion())
	if o.meta.GetUID() == "" {
		o.meta.SetUID(old.meta.GetUID())
	}
	return equality.Semantic.DeepEqual(o.obj, old.obj)
}
