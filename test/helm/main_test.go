// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/operator"
	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/internal/node"
)

// patience is how long a test waits for what must happen.
const patience = 90 * time.Second

// A lab is a control plane and a node that runs the operator and the servers as
// processes, each with the rights of its service account.
type lab struct {
	cluster *kube.Cluster
	node    *node.Node
	api     client.Client
	dir     string
	env     []string // of helm, kubectl and the shell
}

// start starts a lab, which lives until the test ends.
func start(t *testing.T) *lab {
	t.Helper()
	built(t)
	l := &lab{dir: t.TempDir()}
	ctrl.SetLogger(logr.Discard())
	var err error
	if l.cluster, err = kube.Start(kube.WithScheduler); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.cluster.Stop)
	l.env = append(os.Environ(), "KUBECONFIG="+l.cluster.Kubeconfig, "PATH="+program("")+":"+os.Getenv("PATH"), "HOME="+l.dir,
		"KUBECACHEDIR="+filepath.Join(l.dir, "cache"), "HELM_CACHE_HOME="+l.dir, "HELM_CONFIG_HOME="+l.dir, "HELM_DATA_HOME="+l.dir)
	config, err := clientcmd.BuildConfigFromFlags("", l.cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 100, 200
	scheme, err := operator.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	if l.api, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	l.startNode(t)
	return l
}

func (l *lab) startNode(t *testing.T) {
	t.Helper()
	dir := filepath.Join(l.dir, "node")
	var err error
	l.node, err = node.Start(context.WithoutCancel(t.Context()), node.Options{
		Kubeconfig: l.cluster.Kubeconfig, Dir: dir, Program: program("coredns"),
		Programs: map[string]string{"clusterdns/operator:" + operator.Version: l.image(t)},
		Credentials: func(namespace, account string) (string, error) {
			return l.cluster.Do(fmt.Sprintf("kubeconfig system:serviceaccount:%s:%s", namespace, account))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			l.show(t, filepath.Join(dir, "*_clusterdns-operator-*", "log"))
		}
		l.node.Close()
	})
}

// image returns a program that is the operator where there are no containers: it
// finds the program of the servers elsewhere, and listens where the Pod is.
func (l *lab) image(t *testing.T) string {
	t.Helper()
	path := filepath.Join(l.dir, "operator")
	script := fmt.Sprintf(`#!/bin/sh
exec %s "$@" --coredns=%s --reach=10.244.0.0/24=127.244.0.0/24+1000 \
	--metrics-address="$LISTEN_ADDRESS:8080" --health-address="$LISTEN_ADDRESS:8081"
`, program("clusterdns"), program("coredns"))
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// obeyed fails the test if the API server refused an operator something.
func (l *lab) obeyed(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(l.dir, "node", "*_clusterdns-operator-*", "log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no operator has a log: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "forbidden") {
				t.Error(line)
			}
		}
	}
}

// show logs the end of files.
func (l *lab) show(t *testing.T, pattern string) {
	t.Helper()
	files, _ := filepath.Glob(pattern)
	for _, file := range files {
		text, _ := os.ReadFile(file)
		t.Logf("%s ends:\n%s", filepath.Base(filepath.Dir(file)), text[max(0, len(text)-4000):])
	}
}

// expose returns where the Service kube-dns of a namespace is asked.
func (l *lab) expose(t *testing.T, namespace string) netip.AddrPort {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	at, err := l.node.Expose(ctx, namespace, "kube-dns", netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// sh runs a line as a user in the repository does, and returns what it prints.
func (l *lab) sh(line string) (string, error) {
	cmd := exec.Command("sh", "-ec", line)
	cmd.Dir, cmd.Env = kube.Root(), l.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// do is sh, and has to succeed.
func (l *lab) do(t *testing.T, line string) string {
	t.Helper()
	began := time.Now()
	out, err := l.sh(line)
	if err != nil {
		state, _ := l.sh("kubectl get pods,clusterdns -A -o wide; kubectl get events -A | tail -20")
		t.Fatalf("%s: %v\n%s\n%s", line, err, out, state)
	}
	t.Logf("%.1f s: %s", time.Since(began).Seconds(), line)
	return out
}

// refused runs a line that has to fail, and to say certain words.
func (l *lab) refused(t *testing.T, line string, words ...string) {
	t.Helper()
	out, err := l.sh(line)
	if err == nil {
		t.Fatalf("%s is taken:\n%s", line, out)
	}
	for _, w := range words {
		if !strings.Contains(out, w) {
			t.Errorf("%s does not say %q:\n%s", line, w, out)
		}
	}
}

// manual returns the lines of docs/install.md that begin with a word, below a
// heading, each with those that it goes on in.
func manual(t *testing.T, heading, word string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(kube.Root(), "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var lines []string
	for block := range strings.SplitSeq(section, "```sh\n") {
		block, _, fenced := strings.Cut(block, "```")
		if !fenced {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", " ")) {
			if strings.HasPrefix(line, word) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	if !found || len(lines) == 0 {
		t.Fatalf("docs/install.md has no line %q below %q", word, heading)
	}
	return lines
}
