// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/clusterdns/clusterdns/test/bench/internal/stat"
)

// A table is shown as text or as Markdown.
type table struct {
	title  string
	note   string
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// text aligns the columns.
func (t table) text() string {
	widths := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", t.title)
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				fmt.Fprintf(&b, "  %s%s", cell, pad)
			} else {
				fmt.Fprintf(&b, "  %s%s", pad, cell)
			}
		}
		b.WriteString("\n")
	}
	return b.String() + "\n"
}

func (t table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", t.title)
	if t.note != "" {
		fmt.Fprintf(&b, "%s\n\n", t.note)
	}
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(t.header, " | "), strings.Repeat("---|", len(t.header)))
	for _, row := range t.rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String() + "\n"
}

const none = "-"

// number shows three digits.
func number(v float64) string {
	switch {
	case v >= 99.5:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func median(e stat.Estimate) string { return scaled(e, 1) }

// scaled shows a median in another unit.
func scaled(e stat.Estimate, unit float64) string {
	if !e.Known() {
		return none
	}
	return number(e.Median / unit)
}

// interval shows a median with its confidence interval, which takes three rounds.
func interval(e stat.Estimate) string { return intervalIn(e, 1) }

func intervalIn(e stat.Estimate, unit float64) string {
	switch {
	case !e.Known():
		return none
	case !e.Sure():
		return number(e.Median/unit) + " (few rounds)"
	}
	return fmt.Sprintf("%s [%s, %s]", number(e.Median/unit), number(e.Low/unit), number(e.High/unit))
}
