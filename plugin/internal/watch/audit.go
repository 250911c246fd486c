// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	// maxTouched bounds what an audit remembers of the changes beside it. An audit
	// of a kind that changes faster is given up.
	maxTouched = 1 << 16
	// notListedYet is how long to wait for the first list before an audit.
	notListedYet = time.Second
)

// errDiffers says that events were lost.
var errDiffers = errors.New("an audit found that changes were lost: everything is read again")

// An audit compares what a watcher brought into the index with what the API
// server has: names and resourceVersions, which a list of the metadata tells.
//
// The list is not older than the index was when the audit began, and it is
// compared once the watch is as far as the list. An object that the watch did not
// touch meanwhile is as it was all along, on both sides: if it differs then, an
// event was lost. It counts if it is still so at a second look.
//
// All methods are called by the goroutine of the watcher.
type audit struct {
	w     *watcher
	every time.Duration // 0 is never
	next  time.Time
	timer *time.Timer // until next, or until the watch should be as far as the list
	// unserved are the versions of those objects that the API server has and the
	// index cannot use.
	unserved map[uint64]uint32

	// Of the look under way, if there is one.
	cancel   context.CancelFunc
	looking  sync.WaitGroup
	found    chan inventory
	theirs   *inventory          // once it is there
	touched  map[uint64]struct{} // since it began, by ID; nil if none is under way
	suspects map[uint64]struct{} // what differed at the first look, if this is the second
}

// An inventory is what the API server has.
type inventory struct {
	version uint64 // of the list
	objects []item // ordered by ID
	err     error
}

// An item is one object, as [index.Index.Versions] has it.
type item struct {
	id      uint64
	version uint32
	here    bool // the index has it
}

// plan sets how often to audit. Replicas that start together do not audit together.
func (a *audit) plan(w *watcher, every time.Duration) {
	a.w, a.every = w, every
	if every > 0 {
		a.next = time.Now().Add(rand.N(every))
	}
}

// begin is called when a watch begins.
func (a *audit) begin() {
	if a.every > 0 {
		a.timer = time.NewTimer(time.Until(a.next))
	}
}

// end is called when the watch has ended. A look that is under way would have to
// begin again.
func (a *audit) end() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.endLook()
	a.suspects = nil
}

func (a *audit) endLook() {
	if a.cancel != nil {
		a.cancel()
		a.looking.Wait()
	}
	a.cancel, a.found, a.theirs, a.touched = nil, nil, nil, nil
}

// finish ends the audit and plans the next.
func (a *audit) finish() {
	a.endLook()
	a.suspects = nil
	wait := a.every*3/4 + rand.N(a.every/2)
	a.next = time.Now().Add(wait)
	a.timer.Reset(wait)
}

// due is when to call proceed.
func (a *audit) due() <-chan time.Time {
	if a.timer == nil {
		return nil
	}
	return a.timer.C
}

// proceed begins an audit, or ends its wait for the watch.
func (a *audit) proceed(ctx context.Context) error {
	switch {
	case a.theirs != nil: // as good as it gets: the second look will tell
		return a.compare(ctx)
	case a.w.version == "":
		a.timer.Reset(notListedYet)
	case a.touched == nil:
		a.look(ctx)
	}
	return nil
}

// look asks for the inventory.
func (a *audit) look(ctx context.Context) {
	ctx, a.cancel = context.WithCancel(ctx)
	found := make(chan inventory, 1)
	a.found, a.touched = found, make(map[uint64]struct{})
	for slice := range a.w.moving.deleted() {
		a.touch(slice.namespace, slice.name) // it is on the way out
	}
	version := a.w.version
	a.looking.Go(func() { found <- a.w.inventory(ctx, version) })
}

// read takes the inventory.
func (a *audit) read(ctx context.Context, found inventory) error {
	switch {
	case tooLarge(found.err):
		a.w.stats.backwards.Add(1)
		a.w.stats.version.Store(0) // the list is not to be counted once more
		return fmt.Errorf("%w (%w)", errBackwards, found.err)
	case found.err != nil:
		a.finish()
		return nil //nolint:nilerr // who lists and watches will meet it too, and tell
	}
	a.theirs = &found
	a.timer.Reset(bookmarkPatience)
	return a.heard(ctx)
}

// heard is called when the watch went on.
func (a *audit) heard(ctx context.Context) error {
	switch {
	case a.theirs != nil && a.w.stats.version.Load() >= a.theirs.version:
		return a.compare(ctx)
	case len(a.touched) > maxTouched:
		a.finish()
	}
	return nil
}

// compare looks for differences, and has them looked at again or healed.
func (a *audit) compare(ctx context.Context) error {
	different := a.different()
	if a.suspects == nil && len(different) > 0 {
		a.endLook()
		a.suspects = different
		a.look(ctx)
		return nil
	}
	lost := 0
	for id := range a.suspects {
		if _, still := different[id]; still {
			lost++
		}
	}
	a.finish()
	a.w.stats.audits.Add(1)
	if lost > 0 {
		a.w.stats.healed.Add(int64(lost))
		return fmt.Errorf("%w (%d objects)", errDiffers, lost)
	}
	a.w.stats.verified.now()
	return nil
}

// different returns what the index has and the API server has not, or the other
// way round, or in another version.
func (a *audit) different() map[uint64]struct{} {
	all := make(map[uint64]struct{})
	add := func(id uint64) {
		if _, ok := a.touched[id]; !ok {
			all[id] = struct{}{}
		}
	}
	theirs := a.theirs.objects
	for id, version := range a.w.index.Versions(a.w.as) {
		i, ok := slices.BinarySearchFunc(theirs, id, func(o item, id uint64) int { return cmp.Compare(o.id, id) })
		if ok {
			theirs[i].here = true
			ok = theirs[i].version == version
		}
		if !ok {
			add(id)
		}
	}
	for _, o := range theirs {
		if version, known := a.unserved[o.id]; !o.here && (!known || version != o.version) {
			add(o.id)
		}
	}
	return all
}

// applied is called when o was brought to the index.
func (a *audit) applied(o runtime.Object) {
	if a.every == 0 {
		return
	}
	x, m := a.w.index, o.(metav1.Object)
	ns, name, version := m.GetNamespace(), m.GetName(), version(m)
	if x.SetVersion(a.w.as, ns, name, version) {
		if len(a.unserved) > 0 {
			delete(a.unserved, x.ID(a.w.as, ns, name))
		}
	} else {
		if a.unserved == nil {
			a.unserved = make(map[uint64]uint32)
		}
		a.unserved[x.ID(a.w.as, ns, name)] = version
	}
	a.touch(ns, name)
}

// removed is called when o was taken out of the index.
func (a *audit) removed(o runtime.Object) {
	ns, name := key(o)
	if len(a.unserved) > 0 {
		delete(a.unserved, a.w.s.index.ID(a.w.as, ns, name))
	}
	a.touch(ns, name)
}

func (a *audit) touch(ns, name string) {
	if a.touched != nil {
		a.touched[a.w.s.index.ID(a.w.as, ns, name)] = struct{}{}
	}
}

// relist is called when everything is going to be read.
func (a *audit) relist() { a.unserved = nil }

// version returns the version of o as the index keeps it: 32 bits of its
// resourceVersion, or 0 if that is opaque.
func version(o metav1.Object) uint32 {
	v, _ := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	return uint32(v)
}

// inventory lists what the API server has, in a state that is not older than notOlderThan.
func (w *watcher) inventory(ctx context.Context, notOlderThan string) (all inventory) {
	opts := metav1.ListOptions{
		Limit:                pageSize,
		ResourceVersion:      notOlderThan,
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
	}
	for {
		page := new(metadataList)
		if all.err = w.metadata(ctx, opts, page); all.err != nil {
			return all
		}
		for i := range page.Items {
			o := &page.Items[i]
			all.objects = append(all.objects, item{id: w.index.ID(w.as, o.Namespace, o.Name), version: version(o)})
		}
		opts = metav1.ListOptions{Limit: pageSize, Continue: page.Continue}
		if page.Continue == "" {
			all.version, all.err = strconv.ParseUint(page.ResourceVersion, 10, 64)
			slices.SortFunc(all.objects, func(a, b item) int { return cmp.Compare(a.id, b.id) })
			return all
		}
	}
}

// metadata reads one page.
func (w *watcher) metadata(ctx context.Context, opts metav1.ListOptions, page *metadataList) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	w.selectors(&opts)
	return w.r.client(w.s.client).Get().Resource(w.kind.Plural()).VersionedParams(&opts, parameters).
		SetHeader("Accept", metadataTypes).Do(ctx).Into(page)
}

// metadataTypes are the forms of a list of the metadata that we read, the best first.
var metadataTypes = func() string {
	const as = ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
	return runtime.ContentTypeProtobuf + as + "," + runtime.ContentTypeJSON + as
}()

// tooLarge reports whether err says that a resourceVersion that we were told is
// one that the API server has not come to.
func tooLarge(err error) bool {
	return apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}
