// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// commands returns the lines that a user is told to try.
func (p *process) commands() []string {
	var lines []string
	for line := range strings.Lines(p.stdout.String()) {
		line, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "  ")
		switch word, _, _ := strings.Cut(line, " "); {
		case !indented:
		case word == "dig", word == "nslookup", strings.HasSuffix(word, "kubectl"), strings.Contains(line, "kubectl' "):
			lines = append(lines, line)
		}
	}
	return lines
}

// shell runs a line as a user does who pastes it.
func shell(line string) (string, error) {
	out, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", line, err, out)
	}
	return string(out), nil
}

var (
	digAnswers = regexp.MustCompile(`(?s)status: NOERROR,.*ANSWER: [1-9]`)
	nslookupOK = regexp.MustCompile(`(?m)^Name:|\bname = |\bservice = |canonical name = |\btext = `)
)

// ask runs a dig or nslookup line and returns an error unless records came.
func ask(line string) (string, error) {
	out, err := shell(line)
	answered := digAnswers
	if strings.HasPrefix(line, "nslookup ") {
		answered = nslookupOK
	}
	if err == nil && (!answered.MatchString(out) || strings.Contains(out, "No answer")) {
		err = fmt.Errorf("%s: no answer:\n%s", line, out)
	}
	return out, err
}

// An exchange is a line that was run, and what was said to it.
type exchange struct{ line, out string }

// try runs all that the program told the user to try, in that order. The
// question after the command that creates a Service must be answered within a
// second; that after a new setting, while that is rolled out.
func (p *process) try(t *testing.T) []exchange {
	t.Helper()
	var said []exchange
	var created time.Time
	rollOut := false
	for _, line := range p.commands() {
		var out string
		var err error
		switch asks := strings.HasPrefix(line, "dig ") || strings.HasPrefix(line, "nslookup "); {
		case !asks:
			out, err = shell(line)
			created = time.Now()
			rollOut = strings.Contains(line, "patch clusterdns")
		case created.IsZero():
			out, err = ask(line)
		case rollOut:
			out, err = askWithin(t, line, created.Add(limit))
			t.Logf("the new setting was answered %s after kubectl returned", time.Since(created))
			created, rollOut = time.Time{}, false
		default:
			out, err = askWithin(t, line, created.Add(time.Second))
			t.Logf("the new Service was answered %s after kubectl returned", time.Since(created))
			created = time.Time{}
		}
		if err != nil {
			t.Error(err)
		}
		said = append(said, exchange{line, out})
	}
	return said
}

// askWithin asks until there is an answer; it must come before end.
func askWithin(t *testing.T, line string, end time.Time) (out string, err error) {
	t.Helper()
	for {
		out, err = ask(line)
		switch late := time.Now().After(end); {
		case late && err == nil:
			t.Errorf("%s: answered too late", line)
			return out, nil
		case late || err == nil:
			return out, err
		}
	}
}

// wantAnswer wants a line that contains question, and in what was said to the
// first such line a match of the pattern answer.
func wantAnswer(t *testing.T, said []exchange, question, answer string) {
	t.Helper()
	for _, e := range said {
		if strings.Contains(e.line, question) {
			if !regexp.MustCompile(answer).MatchString(e.out) {
				t.Errorf("%s: nothing like %q in\n%s", e.line, answer, e.out)
			}
			return
		}
	}
	t.Errorf("no line contains %q", question)
}
