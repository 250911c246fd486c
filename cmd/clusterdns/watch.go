// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
)

// A view is what a command shows, and again when it is another one.
type view struct {
	value any    // for programs
	text  string // for people
	// last says that nothing will follow.
	last bool
}

// watch shows what look returns whenever it is another one, until it is the last or
// ctx ends. On a terminal it takes the place of the one before. That it cannot be
// read ends it for programs: they begin anew.
func watch(ctx context.Context, w io.Writer, out *format, look func(context.Context) (view, error)) error {
	var before *view
	for {
		now, err := look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && out.name != "":
			return err
		case err != nil:
			now = view{text: err.Error() + "\n"}
		}
		if before == nil || before.text != now.text || !equality.Semantic.DeepEqual(before.value, now.value) {
			if err := now.show(w, out, before == nil); err != nil {
				return err
			}
			before = &now
		}
		if now.last {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (v *view) show(w io.Writer, out *format, first bool) error {
	return out.separate(w, first, v.value, func() {
		switch {
		case isTerminal(w):
			fmt.Fprint(w, "\x1b[H\x1b[2J")
		case !first:
			fmt.Fprintln(w)
		}
		fmt.Fprint(w, v.text)
	})
}

// separate writes one of several values.
func (f *format) separate(w io.Writer, first bool, v any, people func()) error {
	if f.name == "yaml" && !first {
		fmt.Fprintln(w, "---")
	}
	return f.write(w, v, people)
}
