// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// standIn is a repository with the folders of ours, and programs that are
// compiled in a second.
var standIn = map[string]string{
	"go.mod": `module github.com/clusterdns/clusterdns

go 1.26.0

require example.org/near v0.0.0

replace example.org/near => ./near
`,
	"near/go.mod":            "module example.org/near\n\ngo 1.26.0\n",
	"near/near.go":           "package near\n\nconst Word = \"near\"\n",
	"operator/operator.go":   "package operator\n\nvar Version = \"v9.9.9\"\n",
	"cmd/coredns/main.go":    "package main\n\nimport \"example.org/near\"\n\nfunc main() { println(near.Word) }\n",
	"cmd/clusterdns/main.go": "package main\n\nimport \"github.com/clusterdns/clusterdns/operator\"\n\nfunc main() { println(operator.Version) }\n",
}

// enter makes the stand-in in a new folder, commits it at a fixed time, and
// changes to it.
func enter(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range standIn {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("SOURCE_DATE_EPOCH", "")
	commit(t)
}

func commit(t *testing.T) {
	t.Helper()
	for _, kv := range []string{
		"GIT_AUTHOR_DATE=2026-11-25T13:00:00+01:00", "GIT_COMMITTER_DATE=2026-11-25T13:00:00+01:00",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
	} {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "a"}} {
		if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
	}
}
