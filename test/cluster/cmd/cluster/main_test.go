// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster"
)

const testBin = "../../../../bin"

// mainEnv makes the test binary the program itself.
const mainEnv = "CLUSTER_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		main()
	}
	os.Exit(m.Run())
}

// programs skips the test unless the Kubernetes programs were built.
func programs(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(testBin, "kube-apiserver")); err != nil {
		t.Skipf("%v: build the programs first, with `go run ./cmd/cluster build`", err)
	}
	t.Setenv(cluster.AssetsEnv, "")
}

func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	return cmd
}

// result is how a program ended and what it said.
type result struct {
	code        int
	stdout, err string
}

func run(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := program(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// session is a `cluster run` with pipes.
type session struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr bytes.Buffer
}

func open(t *testing.T, dir string, args ...string) *session {
	t.Helper()
	s := &session{cmd: program(append([]string{"run", "--bin", testBin, "--dir", dir}, args...)...)}
	s.cmd.Stderr = &s.stderr
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdin, s.stdout = stdin, bufio.NewReader(stdout)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Signal(syscall.SIGTERM)
		s.cmd.Wait()
	})
	return s
}

func (s *session) line(t *testing.T) string {
	t.Helper()
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		s.cmd.Wait()
		t.Fatalf("reading an answer: %v\n%s", err, &s.stderr)
	}
	return strings.TrimSuffix(line, "\n")
}

func (s *session) ask(t *testing.T, request string) string {
	t.Helper()
	if _, err := io.WriteString(s.stdin, request+"\n"); err != nil {
		t.Fatal(err)
	}
	return s.line(t)
}

// end waits for the program and wants it to succeed.
func (s *session) end(t *testing.T) {
	t.Helper()
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &s.stderr)
	}
}

// alive are the programs of the cluster in dir that run.
func alive(t *testing.T, dir string) []string {
	t.Helper()
	status, err := cluster.Inspect(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range status.Programs {
		if p.Alive {
			names = append(names, p.Name)
		}
	}
	return names
}

func TestControl(t *testing.T) {
	programs(t)
	dir := filepath.Join(t.TempDir(), "a state")
	s := open(t, dir, "--json", "--control")
	var r ready
	if line := s.line(t); json.Unmarshal([]byte(line), &r) != nil || r.Kubeconfig != filepath.Join(dir, "kubeconfig") || !strings.HasPrefix(r.APIServer, "https://127.0.0.1:") {
		t.Fatalf("got %s", line)
	}
	for _, tc := range []struct{ request, want string }{ // in this order
		{"kubeconfig", "ok " + r.Kubeconfig},
		{"kubeconfig bob dev ops", "ok " + filepath.Join(dir, "kubeconfigs", "bob-")},
		{"stop-apiserver", "ok"},
		{"stop-apiserver", "error the API server is not running"},
		{"kubeconfig system:serviceaccount:default:default", "error issuing a kubeconfig"},
		{"start-apiserver", "ok"},
		{"start-apiserver", "error the API server is running already"},
		{"restart-apiserver", "ok"},
		{"kubeconfig system:serviceaccount:default:default", "ok " + filepath.Join(dir, "kubeconfigs", "system-serviceaccount-default-default-")},
		{"restart-apiserver now", "error restart-apiserver takes no arguments"},
		{"nodes", "ok []"},
		{"nodes now", "error nodes takes no arguments"},
		{"add-node", "error this cluster has no network for nodes: start it with --nodes"},
		{"stop-node node1", "error this cluster has no network for nodes"},
		{"start-node", "error start-node does not take 0 arguments"},
		{"restart-program node1 kubelet", "error this cluster has no network for nodes"},
		{"netns node1", `error there is no node "node1"`},
		{"load-image all /no/image.tar", "error no node runs"},
		{"reboot", `error unknown request "reboot": there are stop-apiserver, `},
	} {
		got := s.ask(t, tc.request)
		if got != tc.want && !(strings.Contains(tc.want, " ") && strings.HasPrefix(got, tc.want)) {
			t.Errorf("%s: got %q, want %q", tc.request, got, tc.want)
		}
	}
	if got := s.ask(t, "\n\nquit"); got != "ok" {
		t.Errorf("quit: got %q", got)
	}
	s.end(t)
	if left := alive(t, dir); left != nil {
		t.Errorf("left running: %q", left)
	}
}

func TestEndOfInputMeansQuit(t *testing.T) {
	programs(t)
	t.Run("while it starts", func(t *testing.T) {
		s := open(t, t.TempDir(), "--control")
		s.stdin.Close()
		if text, _ := io.ReadAll(s.stdout); len(text) > 0 {
			t.Errorf("got %q", text)
		}
		s.end(t)
	})
	t.Run("when it is ready", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir, "--control")
		if got, want := s.line(t), "kubeconfig: "+filepath.Join(dir, "kubeconfig"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := s.line(t); got != "ready" {
			t.Errorf("got %q", got)
		}
		s.stdin.Close()
		s.end(t)
		if left := alive(t, dir); left != nil {
			t.Errorf("left running: %q", left)
		}
	})
}

func TestSignals(t *testing.T) {
	programs(t)
	for _, tc := range []struct {
		name     string
		signal   syscall.Signal
		ready    bool
		wantCode int
		wantText string
	}{
		{"Ctrl-C while it starts", syscall.SIGINT, false, 130, "interrupted"},
		{"Ctrl-C when it is ready", syscall.SIGINT, true, 0, "stopping the cluster"},
		{"SIGTERM when it is ready", syscall.SIGTERM, true, 0, "stopping the cluster"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			if tc.ready {
				s.line(t)
				s.line(t)
			} else {
				waitFor(t, filepath.Join(dir, "logs", "kube-apiserver.log"))
			}
			s.cmd.Process.Signal(tc.signal)
			s.cmd.Wait()
			if got := s.cmd.ProcessState.ExitCode(); got != tc.wantCode || !strings.Contains(s.stderr.String(), tc.wantText) {
				t.Errorf("exit status %d, want %d; it said %s", got, tc.wantCode, &s.stderr)
			}
			if left := alive(t, dir); left != nil {
				t.Errorf("left running: %q", left)
			}
		})
	}
}

// waitFor returns once the file is there.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for t.Context().Err() == nil {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s never came", path)
}

// kill -9 of the program: nothing stays behind, and the next one starts.
func TestKilledProgram(t *testing.T) {
	programs(t)
	dir := t.TempDir()
	first := open(t, dir, "--json")
	address := first.line(t)
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.cmd.Wait()
	second := open(t, dir, "--json")
	if got := second.line(t); got != address {
		t.Errorf("the second cluster is %s, the first was %s", got, address)
	}
	if got := alive(t, dir); len(got) != 3 {
		t.Errorf("running are %q", got)
	}
}

func TestBackground(t *testing.T) {
	programs(t)
	dir := filepath.Join(t.TempDir(), "a state")
	t.Cleanup(func() { run(t, "stop", "--dir", dir) })
	kubeconfig := filepath.Join(dir, "kubeconfig")
	for _, step := range []struct {
		args     []string
		wantCode int
		want     string // part of what it says
	}{
		{[]string{"status"}, 1, "holds no cluster"},
		{[]string{"start", "--bin", testBin, "--service-cidrs", "10.96.0.0"}, 1, `cluster: service CIDRs "10.96.0.0"`},
		{[]string{"start", "--bin", testBin}, 0, "kubeconfig: " + kubeconfig + "\nready\n"},
		{[]string{"start", "--bin", testBin}, 1, "cluster: a cluster already runs in " + dir},
		{[]string{"run", "--bin", testBin}, 1, "cluster: a cluster already runs in " + dir},
		{[]string{"status"}, 0, "is ready\nkubeconfig: " + kubeconfig + "\netcd (pid "},
		{[]string{"kubeconfig"}, 0, kubeconfig + "\n"},
		{[]string{"kubeconfig", "--user", "bob", "--group", "dev", "--group", "ops"}, 0, filepath.Join(dir, "kubeconfigs", "bob-")},
		{[]string{"stop"}, 0, "stopped\n"},
		{[]string{"stop"}, 0, "no cluster runs in " + dir},
		{[]string{"status"}, 1, "no cluster runs here\n"},
	} {
		got := run(t, append(step.args, "--dir", dir)...)
		if got.code != step.wantCode || !strings.Contains(got.stdout+got.err, step.want) {
			t.Errorf("%q: got %+v, want %d and %q", step.args, got, step.wantCode, step.want)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		name, args string
		wantCode   int
		want       string
	}{
		{"nothing", "", 2, "Commands:"},
		{"help", "--help", 0, "cluster start --dir DIR"},
		{"help of a command", "run --help", 0, "Usage: cluster run --dir DIR [--nodes N] [--json] [--control]"},
		{"unknown command", "frobnicate", 2, `there is no command "frobnicate"`},
		{"unknown flag", "start --frob", 2, "flag provided but not defined: -frob"},
		{"argument", "stop here", 2, `what is "here"?`},
		{"no directory", "start", 2, "--dir is missing"},
		{"group alone", "kubeconfig --dir x --group y", 2, "--group needs --user"},
		{"no image", "load-image --dir x", 2, "load-image: which file?"},
		{"image for nobody", "load-image --dir /no/such/cluster x.tar", 1, "holds no cluster"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := run(t, strings.Fields(tc.args)...)
			text := got.err
			if tc.wantCode == 0 {
				text = got.stdout
			}
			if got.code != tc.wantCode || !strings.Contains(text, tc.want) {
				t.Errorf("got %+v, want %d and %q", got, tc.wantCode, tc.want)
			}
		})
	}
}

func TestBuildWithAssets(t *testing.T) {
	t.Setenv(cluster.AssetsEnv, "/some/assets")
	got := run(t, "build", "--out", filepath.Join(t.TempDir(), "bin"))
	if got.code != 0 || !strings.Contains(got.err, "nothing to build: KUBEBUILDER_ASSETS is set") {
		t.Errorf("got %+v", got)
	}
}
