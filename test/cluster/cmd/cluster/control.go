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
	"strings"

	"github.com/clusterdns/clusterdns/test/cluster"
)

var (
	errQuit       = errors.New("told to quit")
	errInputEnded = errors.New("standard input ended")
)

// readRequests reads lines from in. The context ends with in, so that a cluster
// does not outlive the program at the other end, not even while it starts.
func readRequests(ctx context.Context, in io.Reader) (context.Context, <-chan string) {
	ctx, cancel := context.WithCancelCause(ctx)
	requests := make(chan string)
	go func() {
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			select {
			case requests <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
		cancel(errInputEnded)
	}()
	return ctx, requests
}

// serve answers requests until there is a reason to stop; it returns nil for a
// usual one, errQuit for one that waits for an answer, and else what failed.
func serve(ctx context.Context, std stdio, c *cluster.Cluster, requests <-chan string) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-c.Failed():
			return err
		case request := <-requests:
			words := strings.Fields(request)
			if len(words) == 0 {
				continue
			}
			if words[0] == "quit" {
				return errQuit
			}
			value, err := execute(ctx, c, words[0], words[1:])
			fmt.Fprintln(std.out, answer(value, err))
		}
	}
}

// request is one that a line may ask for. It takes from least to most
// arguments.
type request struct {
	name        string
	least, most int
	run         func(ctx context.Context, c *cluster.Cluster, args []string) (string, error)
}

const many = 1000 // arguments

var requests = []request{
	{"stop-apiserver", 0, 0, func(_ context.Context, c *cluster.Cluster, _ []string) (string, error) {
		return "", c.StopAPIServer()
	}},
	{"start-apiserver", 0, 0, func(ctx context.Context, c *cluster.Cluster, _ []string) (string, error) {
		return "", c.StartAPIServer(ctx)
	}},
	{"restart-apiserver", 0, 0, func(ctx context.Context, c *cluster.Cluster, _ []string) (string, error) {
		return "", c.RestartAPIServer(ctx)
	}},
	{"kubeconfig", 0, many, kubeconfig},
	{"nodes", 0, 0, func(_ context.Context, c *cluster.Cluster, _ []string) (string, error) {
		return asJSON(c.Nodes())
	}},
	{"add-node", 0, 1, addNode},
	{"stop-node", 1, 1, func(ctx context.Context, c *cluster.Cluster, args []string) (string, error) {
		return "", c.StopNode(ctx, args[0])
	}},
	{"start-node", 1, 1, func(ctx context.Context, c *cluster.Cluster, args []string) (string, error) {
		return "", c.StartNode(ctx, args[0])
	}},
	{"restart-program", 2, 2, func(ctx context.Context, c *cluster.Cluster, args []string) (string, error) {
		return "", c.RestartProgram(ctx, args[0], args[1])
	}},
	{"load-image", 2, 2, loadImage},
	{"netns", 1, 1, func(_ context.Context, c *cluster.Cluster, args []string) (string, error) {
		n, err := c.Node(args[0])
		return n.Netns, err
	}},
}

func execute(ctx context.Context, c *cluster.Cluster, name string, args []string) (string, error) {
	names := []string{}
	for _, r := range requests {
		if r.name == name {
			return r.execute(ctx, c, args)
		}
		names = append(names, r.name)
	}
	return "", fmt.Errorf("unknown request %q: there are %s, quit", name, strings.Join(names, ", "))
}

func (r request) execute(ctx context.Context, c *cluster.Cluster, args []string) (string, error) {
	switch {
	case r.most == 0 && len(args) > 0:
		return "", fmt.Errorf("%s takes no arguments", r.name)
	case len(args) < r.least || len(args) > r.most:
		return "", fmt.Errorf("%s does not take %d arguments; see `cluster run --help`", r.name, len(args))
	}
	return r.run(ctx, c, args)
}

func kubeconfig(ctx context.Context, c *cluster.Cluster, args []string) (string, error) {
	if len(args) == 0 {
		return c.Kubeconfig(), nil
	}
	return c.KubeconfigFor(ctx, args[0], args[1:]...)
}

func addNode(ctx context.Context, c *cluster.Cluster, args []string) (string, error) {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	n, err := c.AddNode(ctx, name)
	if err != nil {
		return "", err
	}
	return asJSON(n)
}

// allNodes is what requests call all nodes that run.
const allNodes = "all"

func loadImage(ctx context.Context, c *cluster.Cluster, args []string) (string, error) {
	name := args[0]
	if name == allNodes {
		name = ""
	}
	return "", c.LoadImage(ctx, name, args[1])
}

func asJSON(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

// answer is one line, whatever the error says.
func answer(value string, err error) string {
	if err != nil {
		lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' })
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		return "error " + strings.Join(lines, " | ")
	}
	return strings.TrimSpace("ok " + value)
}
