// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// patience is how long anything but the start of the control plane may take.
const patience = time.Minute

// ownCluster starts a control plane with the samples, a node, and the operator,
// which has DNS servers on it.
func (s *session) ownCluster(ctx context.Context) (*guide, *tee, error) {
	// A kubeconfig of the user, or defaults for kubectl, are about other clusters.
	s.env = append(without(os.Environ(), "KUBECONFIG", "KUBERC"), "KUBERC=off")
	var access access
	err := s.step("starting a control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler", func() (err error) {
		access, err = s.startControlPlane(ctx)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	kubectl := s.kubectl(access)
	var output *tee
	err = s.step("starting a node, whose Pods are processes, and the operator", func() (err error) {
		output, err = s.startOperator(ctx, kubectl, access.Kubeconfig)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	var topics []topic
	err = s.step("applying manifests/samples, and asking the DNS until it answers for all of them", func() error {
		if _, err := kubectl.run(ctx, "apply", "--filename="+s.manifests("samples"), "--filename="+s.manifests("samples", "clusterdns", "default.yaml")); err != nil {
			return err
		}
		objects, err := kubectl.objects(ctx, "demo")
		if err != nil {
			return err
		}
		topics = append(wellKnown(), objects.topics()...)
		return s.await(ctx, topics)
	})
	if err != nil {
		return nil, nil, err
	}
	return s.ownGuide(kubectl, access, topics), output, nil
}

// ownGuide says what there is to see in a cluster that is the user's alone.
func (s *session) ownGuide(kubectl kubectl, access access, topics []topic) *guide {
	g := &guide{port: s.port, topics: topics, facts: []fact{
		{"kubeconfig", access.Kubeconfig},
		{"API server", access.APIServer},
		{"logs", s.file(operatorLog)},
		{"", filepath.Join(s.controlPlane(), "logs")},
		{"DNS servers", s.file("node") + " (a folder for each: its Corefile, its log)"},
		{"status", shellQuote(s.program("clusterdns")) + " status --watch --kubeconfig=" + shellQuote(access.Kubeconfig)},
	}}
	g.create = kubectl.line("create", "service", "clusterip", "hello", "--namespace=demo", "--tcp=80")
	g.change = kubectl.line("patch", "clusterdns", "default", "--type=merge",
		`--patch={"spec":{"hosts":[{"name":"`+hostSample+`","addresses":["192.0.2.7"]}]}}`)
	return g
}

// hostSample is a name that is answered once a setting is rolled out.
const hostSample = "hello.example"

func (s *session) manifests(names ...string) string {
	return filepath.Join(append([]string{s.repo, "manifests"}, names...)...)
}

// access is what the control plane says about itself once it is ready.
type access struct {
	Kubeconfig string // path, of an administrator
	APIServer  string // URL
	Kubectl    string // path of one to use; may be empty
}

func (s *session) controlPlane() string { return s.file("control-plane") }

// startControlPlane starts a cluster without a past. It ends with its standard
// input, that is with us at the latest.
func (s *session) startControlPlane(ctx context.Context) (access, error) {
	if err := s.clear(ctx); err != nil {
		return access{}, err
	}
	log, err := os.Create(s.file("control-plane.log"))
	if err != nil {
		return access{}, err
	}
	ready := &firstLine{line: make(chan []byte, 1)}
	cmd := exec.Command(s.program("cluster"), "run", "--json", "--control", "--scheduler", "--dir="+s.controlPlane())
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, ready, log
	input, err := cmd.StdinPipe()
	if err != nil {
		return access{}, err
	}
	c, err := startChild("the control plane", cmd, log, func(*child) { _ = input.Close() }, s.fail)
	if err != nil {
		return access{}, err
	}
	s.children = append(s.children, c)
	select {
	case line := <-ready.line:
		var a access
		if err := json.Unmarshal(line, &a); err != nil {
			return a, fmt.Errorf("the control plane said %q: %w", line, err)
		}
		return a, nil
	case <-ctx.Done():
		return access{}, context.Cause(ctx)
	}
}

// clear ends what a crash left of the control plane and deletes what it held.
// A folder that no control plane was in is left alone.
func (s *session) clear(ctx context.Context) error {
	if !exists(filepath.Join(s.controlPlane(), "lock")) {
		return nil
	}
	cmd := exec.CommandContext(ctx, s.program("cluster"), "stop", "--dir="+s.controlPlane())
	cmd.Env = s.env
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ending what an earlier run left behind: %w: %s", err, bytes.TrimSpace(said))
	}
	if !exists(filepath.Join(s.controlPlane(), "state.json")) {
		return nil
	}
	return os.RemoveAll(s.controlPlane())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (s *session) program(name string) string { return filepath.Join(s.repo, "bin", name) }

// kubectl returns the one that the control plane names.
func (s *session) kubectl(a access) kubectl {
	return kubectl{
		path:  a.Kubectl,
		flags: []string{"--kubeconfig=" + a.Kubeconfig},
		env:   s.env,
		cache: filepath.Join(s.controlPlane(), "kubectl"), // not in the home directory: the cluster is gone soon
	}
}

// await asks until all questions are answered.
func (s *session) await(ctx context.Context, topics []topic) error {
	timed, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	open := resolver(address(s.port)).await(timed, questions(topics))
	if len(open) == 0 {
		return nil
	}
	var names []string
	for _, u := range open {
		names = append(names, u.String())
	}
	return fmt.Errorf("after %s the DNS still does not answer for %s%s", patience, strings.Join(names, ", "), excerpt(s.logFile(), 12))
}

// firstLine is a writer that passes on the first line and drops the rest.
type firstLine struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	sent bool
	line chan []byte
}

// Write implements [io.Writer].
func (f *firstLine) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sent {
		return len(p), nil
	}
	f.buf.Write(p)
	if line, _, found := bytes.Cut(f.buf.Bytes(), []byte("\n")); found {
		f.sent = true
		f.line <- bytes.Clone(line)
	}
	return len(p), nil
}
