// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package journal keeps what was measured, so that a run can go on where it was stopped.
package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A Cell is one measurement.
type Cell struct {
	Phase  string // such as query or memory
	Round  int
	Server string
	Mix    string // the queries, or what else was varied
}

// A Record is a cell and what came out.
type Record struct {
	Cell
	Values    map[string]float64 // by metric
	Discarded string             `json:",omitempty"` // why it does not count; empty if it does
	Note      string             `json:",omitempty"`
}

// A Journal is a file with one record a line, after a line that says what it is about.
type Journal struct {
	file    *os.File
	records []Record
	done    map[Cell]bool
}

// ErrOther is a journal about something else: another commit, say.
var ErrOther = errors.New("the measurements there are about something else")

// Open opens the journal of a subject, or begins it. A last line that was not
// written to its end is dropped.
func Open(path, subject string) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	j := &Journal{done: map[Cell]bool{}}
	length, err := j.load(text, subject)
	if err != nil {
		return nil, err
	}
	if j.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return nil, err
	}
	if err := j.file.Truncate(int64(length)); err != nil {
		return nil, err
	}
	if _, err := j.file.Seek(int64(length), 0); err != nil {
		return nil, err
	}
	if length == 0 {
		return j, j.line(subject)
	}
	return j, nil
}

// load reads what is there and returns how much of it is whole.
func (j *Journal) load(text []byte, subject string) (int, error) {
	length, first := 0, true
	for len(text) > length {
		end := bytes.IndexByte(text[length:], '\n')
		if end < 0 {
			break
		}
		line := text[length : length+end]
		if first {
			var have string
			if err := json.Unmarshal(line, &have); err != nil || have != subject {
				return 0, ErrOther
			}
			first = false
		} else {
			var r Record
			if err := json.Unmarshal(line, &r); err != nil {
				return 0, fmt.Errorf("reading a measurement: %w", err)
			}
			j.add(r)
		}
		length += end + 1
	}
	return length, nil
}

func (j *Journal) add(r Record) {
	j.records = append(j.records, r)
	if r.Discarded == "" {
		j.done[r.Cell] = true
	}
}

// Add keeps a record.
func (j *Journal) Add(r Record) error {
	j.add(r)
	return j.line(r)
}

func (j *Journal) line(value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(j.file)
	_, _ = w.Write(append(line, '\n')) // Flush has the error
	if err := w.Flush(); err != nil {
		return fmt.Errorf("keeping a measurement: %w", err)
	}
	return nil
}

// Done reports whether the cell has a record that counts.
func (j *Journal) Done(c Cell) bool { return j.done[c] }

// Records returns all, in the order in which they were made.
func (j *Journal) Records() []Record { return j.records }

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
