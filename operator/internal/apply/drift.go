// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

const (
	// patience is how often somebody may change something of ours within window
	// before it is left to them, for respite.
	patience = 5
	window   = 10 * time.Minute
	respite  = time.Hour
	// memory is how long a change is told that was put right.
	memory = 24 * time.Hour
)

// Drift knows what others changed in objects that are ours. It is not safe for
// concurrent use.
type Drift struct {
	// Corrected is called for each change that was put right.
	Corrected func(kind, field string)

	wanted map[string]string
	found  map[string]*finding
}

// A finding is an object that somebody changed.
type finding struct {
	field, manager string
	times          []time.Time // within the window
	corrected      int32
	left           time.Time
}

// NewDrift returns what is known at the beginning: nothing.
func NewDrift(corrected func(kind, field string)) *Drift {
	return &Drift{Corrected: corrected, wanted: map[string]string{}, found: map[string]*finding{}}
}

// left reports whether an object is left to somebody who keeps changing it. What
// we want anew is applied all the same: a roll-back must not wait.
func (d *Drift) left(u *unstructured.Unstructured, now time.Time) bool {
	f := d.found[name(u)]
	if f == nil || f.left.IsZero() || now.Sub(f.left) >= respite {
		return false
	}
	text, err := json.Marshal(u.Object)
	return err == nil && d.wanted[name(u)] == string(text)
}

// applied takes note of what applying u changed.
func (d *Drift) applied(wanted, before, after *unstructured.Unstructured, there bool, manager string, now time.Time) {
	key := name(wanted)
	text, err := json.Marshal(wanted.Object)
	if err != nil {
		return
	}
	same := d.wanted[key] == string(text)
	d.wanted[key] = string(text)
	if !same {
		return
	}
	field := "all of it: it was deleted"
	by := ""
	if there {
		if field = difference("", settings(before), settings(after)); field == "" {
			return
		}
		by = owner(before, manager, field)
	}
	d.note(key, wanted.GetKind(), field, by, now)
}

func (d *Drift) note(key, kind, field, manager string, now time.Time) {
	f := d.found[key]
	if f == nil {
		f = &finding{}
		d.found[key] = f
	}
	if manager != f.manager {
		f.times = nil
	}
	f.field, f.manager = field, manager
	f.corrected++
	f.times = slices.DeleteFunc(append(f.times, now), func(t time.Time) bool { return now.Sub(t) > window })
	if f.left = (time.Time{}); manager != "" && len(f.times) > patience {
		f.left = now
	}
	if d.Corrected != nil {
		d.Corrected(kind, field)
	}
}

// Status returns what is known, sorted. What nobody did again since is forgotten.
func (d *Drift) Status(now time.Time) []v1alpha1.DriftStatus {
	maps.DeleteFunc(d.found, func(_ string, f *finding) bool { return now.Sub(f.times[len(f.times)-1]) > memory })
	var out []v1alpha1.DriftStatus
	for _, key := range slices.Sorted(maps.Keys(d.found)) {
		f := d.found[key]
		out = append(out, v1alpha1.DriftStatus{
			Object: key, Field: f.field, Manager: f.manager, Corrected: f.corrected,
			Left: !f.left.IsZero() && now.Sub(f.left) < respite,
		})
	}
	return out
}

// settings returns what people set in an object.
func settings(u *unstructured.Unstructured) map[string]any {
	o := maps.Clone(u.Object)
	delete(o, "status")
	metadata := map[string]any{}
	if l := u.GetLabels(); l != nil {
		metadata["labels"] = l
	}
	if a := u.GetAnnotations(); a != nil {
		metadata["annotations"] = a
	}
	o["metadata"] = metadata
	return o
}

// difference returns the path of the first field that differs, or "".
func difference(path string, a, b any) string {
	x, ok := a.(map[string]any)
	y, also := b.(map[string]any)
	if !ok || !also {
		if equality.Semantic.DeepEqual(a, b) {
			return ""
		}
		return cmp.Or(path, "all of it")
	}
	keys := slices.Sorted(maps.Keys(x))
	for k := range y {
		if _, found := x[k]; !found {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		inner := k
		if path != "" {
			inner = fmt.Sprintf("%s.%s", path, k)
		}
		if d := difference(inner, x[k], y[k]); d != "" {
			return d
		}
	}
	return ""
}

// owner returns who has a field now that is not as we want it, or, if it is
// nobody's, who changed the object last. Those who report do not count.
func owner(u *unstructured.Unstructured, own, field string) string {
	has, last := "", ""
	var hasAt, lastAt time.Time
	for _, f := range u.GetManagedFields() {
		if f.Manager == own || f.Subresource == "status" {
			continue
		}
		var at time.Time // none if it was kubectl scale
		if f.Time != nil {
			at = f.Time.Time
		}
		var fields map[string]any
		if f.FieldsV1 != nil && json.Unmarshal(f.FieldsV1.Raw, &fields) == nil && covers(fields, field) && !at.Before(hasAt) {
			has, hasAt = f.Manager, at
		}
		if !at.Before(lastAt) {
			last, lastAt = f.Manager, at
		}
	}
	return cmp.Or(has, last)
}

// covers reports whether fields, as in managedFields, have a path or what is in it.
func covers(fields map[string]any, path string) bool {
	for key, inner := range fields {
		name, ok := strings.CutPrefix(key, "f:")
		if !ok {
			continue
		}
		if name == path {
			return true
		}
		if rest, ok := strings.CutPrefix(path, name+"."); ok {
			if m, ok := inner.(map[string]any); ok && covers(m, rest) {
				return true
			}
		}
	}
	return false
}
