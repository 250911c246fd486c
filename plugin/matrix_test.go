// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// cells are what a scenario of every option has to show: records of each kind,
// and both ways to have none.
var cells = []string{"A", "AAAA", "SRV", "PTR", "CNAME", "TXT", "SOA", "NODATA", "NXDOMAIN"}

// TestEveryOptionHasItsScenarios derives from the parser's table what must be
// shown, and looks for it in the transcripts of test/scenario.
func TestEveryOptionHasItsScenarios(t *testing.T) {
	shown := make(map[string]map[string]bool) // by option
	root := filepath.Join("..", "test", "scenario", "testdata")
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		options, found := coverage(txtar.Parse(data))
		for _, option := range options {
			if shown[option] == nil {
				shown[option] = make(map[string]bool)
			}
			maps.Copy(shown[option], found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for option := range directives {
		for _, cell := range cells {
			if !shown[option][cell] {
				t.Errorf("no scenario with option %s shows %s", option, cell)
			}
		}
	}
}

// coverage returns the options that a scenario's Corefile has, and what its transcripts show.
func coverage(a *txtar.Archive) (options []string, found map[string]bool) {
	found = make(map[string]bool)
	for _, f := range a.Files {
		text := string(f.Data)
		switch f.Name {
		case "Corefile":
			for word := range strings.FieldsSeq(text) {
				if _, ok := directives[word]; ok {
					options = append(options, word)
				}
			}
		case "error":
			found["error"] = true
		default:
			transcript(text, found)
		}
	}
	return options, found
}

var record = regexp.MustCompile(`^\S+ \d+ IN ([A-Z]+) `)

// transcript adds to found what the answers in text show.
func transcript(text string, found map[string]bool) {
	for _, answer := range strings.Split(text, "$ dig ")[1:] {
		lines := strings.Split(answer, "\n")
		switch {
		case len(lines) < 3:
		case strings.HasPrefix(lines[1], "NXDOMAIN"):
			found["NXDOMAIN"] = true
		case lines[2] == "AUTHORITY":
			found["NODATA"] = true
		default:
			for _, line := range lines[2:] {
				if m := record.FindStringSubmatch(line); m != nil {
					found[m[1]] = true
				}
			}
		}
	}
}
