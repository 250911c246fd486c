// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// existingCluster starts CoreDNS for the cluster of the current kubeconfig. It
// reads only.
func (s *session) existingCluster(ctx context.Context) (*guide, *tee, error) {
	s.env = os.Environ()
	k := s.userKubectl()
	c, err := k.cluster(ctx)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(s.err, "using the existing cluster of context %s: %s, Kubernetes %s\nit is only read: nothing is applied there\n", c.context, c.server, c.version)
	found, err := k.objects(ctx, "")
	if err != nil {
		return nil, nil, fmt.Errorf("reading the cluster: %w; the user of this context needs to list and watch namespaces, services and endpointslices", err)
	}
	kubeconfig, err := s.kubeconfigFile(ctx, k)
	if err != nil {
		return nil, nil, err
	}
	output, err := s.startCoreDNS(api{kubeconfig, c.context})
	if err != nil {
		return nil, nil, err
	}
	topics := append(wellKnown(), found.examples().topics()...)
	err = s.step("asking CoreDNS until it answers", func() error {
		if err := s.await(ctx, wellKnown()); err != nil {
			return err
		}
		topics = s.answered(ctx, topics)
		return ctx.Err()
	})
	if err != nil {
		return nil, nil, err
	}
	g := s.guide(topics)
	g.facts = append([]fact{{"cluster", fmt.Sprintf("%s, %s, Kubernetes %s", c.context, c.server, c.version)}}, g.facts...)
	return g, output, nil
}

// answered leaves out what is not answered soon: the cluster is in use, and
// what was there when we looked may be gone.
func (s *session) answered(ctx context.Context, topics []topic) []topic {
	timed, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var all []topic
	open := resolver(address(s.port)).await(timed, questions(topics))
	for _, u := range open {
		fmt.Fprintf(s.err, "  left out, since it is not answered: %s\n", u)
	}
	for _, t := range topics {
		t.questions = slices.DeleteFunc(t.questions, func(q question) bool {
			return slices.ContainsFunc(open, func(u unanswered) bool { return u.question == q })
		})
		if len(t.questions) > 0 {
			all = append(all, t)
		}
	}
	return all
}

// userKubectl prefers the one of the machine, which knows how to log in.
func (s *session) userKubectl() kubectl {
	k := kubectl{env: s.env}
	for _, name := range []string{"kubectl", s.program("kubectl")} {
		if path, err := exec.LookPath(name); err == nil {
			k.path = path
			return k
		}
	}
	return k
}

// identity says which cluster it is.
type identity struct{ context, server, version string }

// cluster asks the kubeconfig and the API server who they are.
func (k kubectl) cluster(ctx context.Context) (identity, error) {
	var config struct {
		Current  string `json:"current-context"`
		Clusters []struct{ Cluster struct{ Server string } }
	}
	out, err := k.run(ctx, "config", "view", "--minify", "--output=json")
	if err == nil {
		err = json.Unmarshal(out, &config)
	}
	if err == nil && (config.Current == "" || len(config.Clusters) == 0) {
		err = errors.New("it has no current context")
	}
	if err != nil {
		return identity{}, fmt.Errorf("reading the current kubeconfig: %w; set KUBECONFIG, or choose with `kubectl config use-context`", err)
	}
	id := identity{context: config.Current, server: config.Clusters[0].Cluster.Server}
	var version struct {
		ServerVersion struct{ GitVersion string }
	}
	out, err = k.run(ctx, "version", "--output=json", "--request-timeout=15s")
	if err == nil {
		err = json.Unmarshal(out, &version)
	}
	if err != nil {
		return identity{}, fmt.Errorf("asking the API server of context %s, %s: %w", id.context, id.server, err)
	}
	id.version = version.ServerVersion.GitVersion
	return id, nil
}

// kubeconfigFile returns the one file that CoreDNS reads. Where KUBECONFIG lists
// several, the current context is put into one that only lives as long as we do.
func (s *session) kubeconfigFile(ctx context.Context, k kubectl) (string, error) {
	listed := slices.DeleteFunc(filepath.SplitList(os.Getenv("KUBECONFIG")), func(path string) bool { return path == "" })
	if len(listed) == 1 {
		return filepath.Abs(listed[0])
	}
	if len(listed) == 0 {
		home, err := os.UserHomeDir()
		return filepath.Join(home, ".kube", "config"), err
	}
	text, err := k.run(ctx, "config", "view", "--minify", "--flatten", "--raw")
	if err != nil {
		return "", err
	}
	path := s.file("kubeconfig")
	s.files = append(s.files, path)
	return path, os.WriteFile(path, text, 0o600)
}
