// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"slices"
	"strings"
)

// removed are plugins of former releases that old Corefiles still name.
var removed = map[string]string{
	"federation": "federation left CoreDNS with release 1.7.0",
	"proxy":      "proxy left CoreDNS with release 1.5.0; use forward",
}

// unknown returns what to say about a directive that this binary lacks.
func unknown(word string, directives, inTree []string) string {
	msg := fmt.Sprintf("unknown directive %q", word)
	if slices.Contains(inTree, word) {
		return fmt.Sprintf("%s: plugin %s of CoreDNS is not compiled into this binary; see coredns -plugins", msg, word)
	}
	if why, ok := removed[word]; ok {
		return msg + ": " + why
	}
	if near := nearest(word, directives); near != "" {
		return fmt.Sprintf("%s; did you mean %q?", msg, near)
	}
	if strings.ContainsAny(word, ".:{") {
		return msg + "; if a server block begins here, the one before it lacks its closing brace"
	}
	return msg + "; see coredns -plugins for the valid ones"
}

// nearest returns the word of words that is at most two edits away from word,
// or "".
func nearest(word string, words []string) string {
	best, bestDistance := "", min(2, len(word)/2)+1
	for _, w := range words {
		if d := distance(strings.ToLower(word), w); d < bestDistance {
			best, bestDistance = w, d
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b, with a swap of two
// neighbours as one edit.
func distance(a, b string) int {
	prev2, prev := []int(nil), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j]+cost, prev[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], prev2[j-1]+1)
			}
		}
		prev2, prev = prev, row
	}
	return prev[len(b)]
}
