// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	excerptBytes = 16 << 10 // how much of the end of a log is looked at
	excerptWidth = 300      // longer lines are cut
)

// Excerpt is the end of the program's log, ready to be appended to an error.
func (p *Process) Excerpt(lines int) string { return Excerpt(p.Log, lines) }

// Excerpt is the end of a log file, ready to be appended to an error.
func Excerpt(path string, lines int) string {
	last := lastLines(path, lines)
	if len(last) == 0 {
		return fmt.Sprintf("; its log %s is empty", path)
	}
	return fmt.Sprintf("; the end of %s:\n    %s", path, strings.Join(last, "\n    "))
}

func lastLines(path string, n int) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > excerptBytes {
		_, _ = file.Seek(-excerptBytes, io.SeekEnd)
	}
	text, _ := io.ReadAll(file)
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if len(line) > excerptWidth {
			line = line[:excerptWidth] + "..."
		}
		lines = append(lines, line)
	}
	return lines[max(0, len(lines)-n):]
}
