// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"testing"

	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// FuzzCorefile adopts any text. What comes of it can be rendered, and is the
// same when that is adopted again.
func FuzzCorefile(f *testing.F) {
	for _, text := range stock(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Corefile(text, nil)
		if err != nil {
			return
		}
		rendered, problems := render.Corefile(&r.Spec, render.Facts{})
		if len(problems) > 0 {
			t.Fatalf("problems: %v\nof %q\nnotices %v", problems, text, r.Notices)
		}
		again, err := Corefile(corefile.Format(rendered), nil)
		if err != nil {
			t.Fatalf("%v\nof %q", err, corefile.Format(rendered))
		}
		second, _ := render.Corefile(&again.Spec, render.Facts{})
		if canonical(rendered) != canonical(second) {
			t.Fatalf("once:\n%s\ntwice:\n%s", canonical(rendered), canonical(second))
		}
	})
}
