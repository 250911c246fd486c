// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func record(round int, server string, value float64) Record {
	return Record{Cell: Cell{"query", round, server, "a"}, Values: map[string]float64{"cpu_us": value, "qps": 1 / value}}
}

// TestResume stops a run in the middle of a line and goes on.
func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "journal")
	j, err := Open(path, "commit 1")
	if err != nil {
		t.Fatal(err)
	}
	noisy := record(2, "ours", 9)
	noisy.Discarded = "foreign CPU 80%"
	for _, r := range []Record{record(1, "stock", 20), record(1, "ours", 10), noisy} {
		if err := j.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, `{"Phase":"query","Ro`...), 0o644); err != nil {
		t.Fatal(err)
	}

	j, err = Open(path, "commit 1")
	if err != nil {
		t.Fatal(err)
	}
	if !j.Done(record(1, "ours", 0).Cell) {
		t.Error("what was measured is to be measured again")
	}
	if j.Done(noisy.Cell) {
		t.Error("what was discarded is not measured again")
	}
	if err := j.Add(record(2, "ours", 11)); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j, err = Open(path, "commit 1")
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if diff := cmp.Diff(map[int]float64{1: 10, 2: 11}, Pick(j.Records(), "query", "ours", "a", "cpu_us")); diff != "" {
		t.Errorf("after going on (-want +got):\n%s", diff)
	}
	if _, err := Open(path, "commit 2"); !errors.Is(err, ErrOther) {
		t.Errorf("the journal of another commit: got %v, want %v", err, ErrOther)
	}
}

func TestCSV(t *testing.T) {
	noisy := record(1, "stock", 4)
	noisy.Discarded, noisy.Note = "steal 4.0%", "a, b"
	want := []Record{record(1, "ours", 8), noisy, record(1, "stock", 2), record(2, "ours", 16)}
	var b bytes.Buffer
	if err := WriteCSV(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadCSV(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after writing and reading (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[int]float64{1: 2}, Pick(got, "query", "stock", "a", "cpu_us")); diff != "" {
		t.Errorf("what counts (-want +got):\n%s", diff)
	}
}
