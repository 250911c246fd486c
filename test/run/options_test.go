// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if got := program([]string{"--help"}, &stdout, &stderr); got != 0 {
		t.Errorf("exit status: %d, want 0", got)
	}
	for _, want := range []string{"-port", "-cluster", "-dir", "CLUSTER=existing", "PORT="} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("help does not contain %q:\n%s", want, &stdout)
		}
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", &stderr)
	}
}

func TestMistakes(t *testing.T) {
	for arg, want := range map[string]string{
		"--cluster=other": "`make run CLUSTER=existing`",
		"--port=0":        "1 to 65535",
		"--port=dns":      "dns",
		"--nosuch":        "nosuch",
		"existing":        "flags only",
	} {
		var stdout, stderr bytes.Buffer
		if got := program([]string{arg}, &stdout, &stderr); got != 2 {
			t.Errorf("%s: exit status: %d, want 2", arg, got)
		}
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: %q does not contain %q", arg, &stderr, want)
		}
	}
}

func TestPastedWords(t *testing.T) {
	for _, word := range []string{"", "plain-1.2_3/a:b=c@d", "a space", "it's", "$HOME", `"`, `\`, "*", "a\nb"} {
		got, err := shell("printf %s " + shellQuote(word))
		if err != nil || got != word {
			t.Errorf("%s: the shell reads %q, %v; want %q", shellQuote(word), got, err, word)
		}
	}
}
