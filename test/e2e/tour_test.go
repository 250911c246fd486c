// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/internal/masks"
)

var update = flag.Bool("update", false, "write what commands say into docs/tour.md")

// TestTour runs all commands of docs/tour.md. Code blocks there are of two kinds:
// console has lines "$ COMMAND" and what each says; yaml is a file, whose name is
// in its first line. What is said may come in another order of lines, and is
// compared by [masks.Masks].
func TestTour(t *testing.T) {
	path := filepath.Join(kube.Root(), "docs", "tour.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tour := newTour(t)
	out := tour.take(strings.Split(string(text), "\n"))
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(out, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A tour is one that is taken.
type tour struct {
	t     *testing.T
	dir   string // with the files, and the folder test of the repository
	env   []string
	masks *masks.Masks
}

func newTour(t *testing.T) *tour {
	t.Helper()
	vacant(t, "tour")
	dir := t.TempDir()
	config, err := os.ReadFile(world.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "kubeconfig") // the tour chooses another namespace in it
	if err := os.WriteFile(own, config, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(kube.Root(), "test"), filepath.Join(dir, "test")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		do(t, "", "delete", "namespace", "tour", "--ignore-not-found", "--wait=false")
		replace(t, base(t))
		programmed(t)
	})
	return &tour{t: t, dir: dir, masks: masks.New(nodeAddresses(t)),
		// Without websockets kubectl exec says nothing of its own.
		env: append(os.Environ(), "KUBECONFIG="+own, "PATH="+os.Getenv("PATH")+":"+bin(), "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false")}
}

// vacant waits for a namespace that is being deleted, and leaves any other alone.
func vacant(t *testing.T, namespace string) {
	t.Helper()
	var phase string
	eventually(t, "there is no namespace "+namespace, func() bool {
		phase = do(t, "", "get", "namespace", namespace, "--ignore-not-found", "-o", "jsonpath={.status.phase}")
		return phase == "" || phase == "Active"
	}, func() string { return "it is " + phase })
	if phase != "" {
		t.Fatalf("there is a namespace %s, which the tour makes and deletes: delete it if nobody needs it", namespace)
	}
}

// nodeAddresses returns those of IPv4.
func nodeAddresses(t *testing.T) []string {
	t.Helper()
	all := strings.Fields(do(t, "", "get", "nodes", "-o", `jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}`))
	return slices.DeleteFunc(all, func(a string) bool { return strings.Contains(a, ":") })
}

// take goes through the lines of the page, and returns them with what was said.
func (r *tour) take(lines []string) []string {
	r.t.Helper()
	var out []string
	for i := 0; i < len(lines); i++ {
		out = append(out, lines[i])
		language, ok := strings.CutPrefix(lines[i], "```")
		if !ok {
			continue
		}
		begin := i + 1
		for i++; i < len(lines) && lines[i] != "```"; i++ { // to the end of the block
		}
		if i == len(lines) {
			r.t.Fatalf("docs/tour.md:%d: the block does not end", begin)
		}
		block := lines[begin:i]
		switch language {
		case "yaml":
			r.write(begin, block)
		case "console":
			block = r.run(begin, block)
		default:
			r.t.Fatalf("docs/tour.md:%d: a block of %q would not be run: the blocks are console or yaml", begin, language)
		}
		out = append(append(out, block...), "```")
	}
	return out
}

// write writes the file that a block is.
func (r *tour) write(line int, block []string) {
	r.t.Helper()
	name, ok := "", false
	if len(block) > 0 {
		name, ok = strings.CutPrefix(block[0], "# ")
	}
	if !ok || filepath.Base(name) != name {
		r.t.Fatalf("docs/tour.md:%d: the first line of a YAML block is # and its name", line)
	}
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(strings.Join(block, "\n")+"\n"), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// run runs the commands of a block, and returns it with what they said.
func (r *tour) run(line int, block []string) []string {
	r.t.Helper()
	var out []string
	for i := 0; i < len(block); {
		command, ok := strings.CutPrefix(block[i], "$ ")
		if !ok {
			r.t.Fatalf("docs/tour.md:%d: a console block begins with $ and a command", line+1+i)
		}
		begin := i
		for i++; i < len(block) && !strings.HasPrefix(block[i], "$ "); i++ { // to the next command
		}
		out = append(append(out, block[begin]), r.command(line+1+begin, command, block[begin+1:i])...)
	}
	return out
}

// command runs one, and returns what the page should have below it.
func (r *tour) command(line int, command string, want []string) []string {
	r.t.Helper()
	actual := r.masks.Actual(command)
	// Records and proxies follow the API server a moment later; but to change
	// something twice says something else.
	asks, wait := strings.HasPrefix(command, "kubectl exec ") || strings.Contains(command, " get "), patience
	if *update {
		wait = 10 * time.Second // for there to be something to write
	}
	for begin := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		got, err := r.shell(actual)
		fails := strings.Contains(strings.Join(want, "\n"), "exit code")
		late := !asks || time.Since(begin) > wait
		switch {
		case (err == nil) == !fails && (len(got) > 0 || !*update || late) && r.masks.Match(want, got):
			r.t.Logf("%4.1f s: %s", time.Since(begin).Seconds(), command)
			return want
		case *update && (late || err == nil && len(got) > 0):
			r.t.Logf("docs/tour.md:%d: $ %s\n%s", line, actual, strings.Join(got, "\n"))
			return r.masks.Document(got)
		case late:
			r.t.Fatalf("docs/tour.md:%d: $ %s\n(run as %s; %v)\n--- the page has\n%s\n--- it says\n%s", line, command, actual, err, strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
	}
}

// shell runs a command line, and returns the lines of all that it says.
func (r *tour) shell(command string) ([]string, error) {
	cmd := exec.CommandContext(r.t.Context(), "sh", "-c", command)
	cmd.Dir, cmd.Env = r.dir, r.env
	out, err := cmd.CombinedOutput()
	if len(out) == 0 {
		return nil, err
	}
	var lines []string
	for l := range strings.SplitSeq(strings.TrimRight(string(out), "\n"), "\n") {
		lines = append(lines, strings.TrimRight(l, " "))
	}
	if err != nil {
		err = fmt.Errorf("it fails: %w", err)
	}
	return lines, err
}
