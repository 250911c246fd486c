// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// ownRegistry is in the names of the images in bin/images. Nobody has it.
const ownRegistry = "clusterdns.test/conformance"

// archives are what the nodes of our own cluster get, by their path in the
// repository.
var archives = []string{
	"bin/conformance/coredns.tar", "bin/conformance/operator.tar",
	"bin/images/agnhost.tar", "bin/images/glibc-dns-testing.tar",
}

// A cluster is one that test/cluster runs until its standard input ends.
type cluster struct {
	Kubeconfig, Kubectl string

	job     *job
	cmd     *exec.Cmd
	input   io.WriteCloser
	answers *bufio.Reader
}

// start starts a cluster. It ends with this program, however that ends.
func (j *job) start(ctx context.Context) (*cluster, error) {
	for _, name := range archives {
		if _, err := os.Stat(filepath.Join(j.root, name)); err != nil {
			return nil, fmt.Errorf("%w: make conformance makes it", err)
		}
	}
	dir := filepath.Join(j.work, "cluster")
	if err := j.clear(ctx, dir); err != nil {
		return nil, err
	}
	fmt.Fprintf(j.log, "starting a cluster with %d nodes in %s\n", j.nodes, dir)
	c := &cluster{job: j}
	// Not CommandContext: with Ctrl-C the tests end first, and the end of its
	// standard input ends the cluster.
	c.cmd = exec.Command(filepath.Join(j.root, "bin", "cluster"), "run", "--json", "--control",
		"--dir="+dir, "--scheduler", "--nodes="+strconv.Itoa(j.nodes))
	c.cmd.Stderr = j.log
	own(c.cmd)
	var err error
	if c.input, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.answers = bufio.NewReader(output)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := c.line(ctx)
	if err != nil {
		return nil, errors.Join(errors.New("the cluster did not come up: its messages are above"), err, c.stop())
	}
	if err := json.Unmarshal([]byte(line), c); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// clear removes the cluster of an earlier run, also of one that was killed: the
// DNS that it had would seem to be ready.
func (j *job) clear(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	// Ends what still runs, and unmounts what is below the folder.
	if err := j.command(ctx, filepath.Join(j.root, "bin", "cluster"), "stop", "--dir="+dir).Run(); err != nil {
		return fmt.Errorf("ending the cluster of an earlier run: %w; if nothing of it runs, delete %s", err, dir)
	}
	return os.RemoveAll(dir)
}

// stop ends the cluster and waits for it.
func (c *cluster) stop() error {
	_ = c.input.Close() // it may be gone already
	return c.cmd.Wait()
}

// line returns the next line of the cluster. When ctx ends before, the cluster
// is told to end, and so is this.
func (c *cluster) line(ctx context.Context) (string, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.input.Close() })
	defer stop()
	line, err := c.answers.ReadString('\n')
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return strings.TrimSpace(line), err
}

// request asks something of the cluster.
func (c *cluster) request(ctx context.Context, words ...string) error {
	if _, err := fmt.Fprintln(c.input, strings.Join(words, " ")); err != nil {
		return err
	}
	answer, err := c.line(ctx)
	if err == nil && !strings.HasPrefix(answer, "ok") {
		err = errors.New(answer)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	return nil
}

// install brings our DNS to the cluster, as docs/operator.md says, and waits
// until it serves.
func (c *cluster) install(ctx context.Context) error {
	for _, name := range archives {
		fmt.Fprintf(c.job.log, "loading %s into the nodes\n", name)
		if err := c.request(ctx, "load-image", "all", filepath.Join(c.job.root, name)); err != nil {
			return err
		}
	}
	fmt.Fprintln(c.job.log, "installing the operator and its DNS")
	manifests := filepath.Join(c.job.root, "manifests")
	for _, args := range [][]string{
		{"apply", "-k", manifests},
		{"wait", "--for=condition=Established", "crd/clusterdnses.clusterdns.io", "--timeout=60s"},
		{"rollout", "status", "-n", "kube-system", "deployment/clusterdns-operator", "--timeout=180s"},
		{"apply", "-f", filepath.Join(c.job.root, "test", "conformance", "clusterdns.yaml")},
		{"wait", "--for=condition=Programmed", "clusterdns/default", "--timeout=300s"},
	} {
		if err := c.kubectl(ctx, args...); err != nil {
			_ = c.kubectl(ctx, "get", "clusterdns,pods,events", "-A") // says why, as far as it can
			return err
		}
	}
	return nil
}

func (c *cluster) kubectl(ctx context.Context, args ...string) error {
	cmd := c.job.command(ctx, c.Kubectl, append([]string{"--kubeconfig=" + c.Kubeconfig}, args...)...)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("kubectl %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
