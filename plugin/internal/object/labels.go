// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// Labels are the labels of an object in one string, so that equal ones can be
// told and shared: Pods of one workload most often have the same.
type Labels string

// labelEnd stands behind each key and each value; it is in none.
const labelEnd = "\x00"

func newLabels(m map[string]string) Labels {
	if len(m) == 0 {
		return ""
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		for _, s := range []string{k, m[k]} {
			b.WriteString(strings.ReplaceAll(s, labelEnd, ""))
			b.WriteString(labelEnd)
		}
	}
	return Labels(b.String())
}

// All yields the keys and values, in the order of the keys.
func (l Labels) All() iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for rest := string(l); rest != ""; {
			var key, value string
			key, rest, _ = strings.Cut(rest, labelEnd)
			value, rest, _ = strings.Cut(rest, labelEnd)
			if !yield(key, value) {
				return
			}
		}
	}
}
