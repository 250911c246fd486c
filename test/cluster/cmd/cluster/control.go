// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
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

func execute(ctx context.Context, c *cluster.Cluster, request string, args []string) (string, error) {
	plain := map[string]func() error{
		"stop-apiserver":    c.StopAPIServer,
		"start-apiserver":   func() error { return c.StartAPIServer(ctx) },
		"restart-apiserver": func() error { return c.RestartAPIServer(ctx) },
	}
	run, ok := plain[request]
	switch {
	case ok && len(args) > 0:
		return "", fmt.Errorf("%s takes no arguments", request)
	case ok:
		return "", run()
	case request != "kubeconfig":
		return "", fmt.Errorf("unknown request %q: there are stop-apiserver, start-apiserver, restart-apiserver, kubeconfig, quit", request)
	case len(args) == 0:
		return c.Kubeconfig(), nil
	}
	return c.KubeconfigFor(ctx, args[0], args[1:]...)
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
