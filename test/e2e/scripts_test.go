// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/clusterdns/clusterdns/test/internal/kube"
)

// TestScripts runs testdata/*.txtar, each in a namespace of its own, $NS; $DNS is
// the address of the DNS, and $ROOT the folder of the repository. Beside those of
// testscript there are these commands:
//
//	apply FILE...           kubectl apply, with $NAMES in the files replaced
//	ready KIND/NAME...      waits for workloads, Pods or a Service with a ready endpoint
//	client NAME [KEY=VALUE...]
//	                        starts a Pod with the image clusterdns.test/IMAGE:1; keys are
//	                        image (default: NAME), hostNetwork, dnsPolicy, node
//	in POD COMMAND...       runs a command in a Pod
//	until PATTERN POD COMMAND...
//	                        repeats it until it succeeds and says what matches
//	set NAME COMMAND...     kubectl's answer becomes a variable
//	kubectl ARGS...         runs kubectl in the namespace
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	scripts(t, files)
}

// scripts runs these.
func scripts(t *testing.T, files []string) {
	testscript.Run(t, testscript.Params{
		Files: files, Setup: world.setUp, RequireUniqueNames: true,
		Condition: world.condition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"apply": apply, "ready": ready, "client": client, "in": in, "until": until, "set": set, "kubectl": kubectl,
		},
	})
}

// setUp makes the namespace of a script.
func (s *scene) setUp(env *testscript.Env) error {
	name := strings.ToLower(strings.TrimPrefix(filepath.Base(env.WorkDir), "script-"))
	namespace := "e2e-" + name
	env.Setenv("NS", namespace)
	env.Setenv("DNS", s.address())
	env.Setenv("ROOT", kube.Root())
	env.Defer(func() { _, _ = s.kubectl("", "delete", "namespace", namespace, "--wait=false") })
	_, err := s.kubectl("", "create", "namespace", namespace)
	return err
}

// address returns that of the cluster's DNS.
func (s *scene) address() string {
	out, _ := s.kubectl("", "-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIP}")
	return out
}

// condition is one of scripts: dual if Services can have both kinds of addresses,
// own if the nodes are ours.
func (s *scene) condition(name string) (bool, error) {
	switch name {
	case "dual":
		out, err := s.kubectl("", "-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIPs[1]}")
		return out != "", err
	case "own":
		return s.cluster != nil, nil
	}
	return false, fmt.Errorf("there is no condition %q", name)
}

// run runs kubectl in the namespace of the script, and reports whether it succeeded.
func run(ts *testscript.TestScript, stdin string, args ...string) error {
	out, err := world.kubectl(stdin, append([]string{"-n", ts.Getenv("NS")}, args...)...)
	fmt.Fprint(ts.Stdout(), out)
	if err != nil {
		fmt.Fprintln(ts.Stderr(), err)
	}
	return err
}

func must(ts *testscript.TestScript, neg bool, err error) {
	switch {
	case err != nil && !neg:
		ts.Fatalf("%v", err)
	case err == nil && neg:
		ts.Fatalf("it succeeded")
	}
}

func kubectl(ts *testscript.TestScript, neg bool, args []string) {
	must(ts, neg, run(ts, "", args...))
}

func apply(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), func(name string) string {
			if name == "$" {
				return "$"
			}
			return ts.Getenv(name)
		})
		must(ts, neg, run(ts, text, "apply", "-f", "-"))
	}
}

// ready waits for what has a way to be ready of its own.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		switch kind, _, _ := strings.Cut(name, "/"); kind {
		case "pod":
			must(ts, neg, run(ts, "", "wait", "--for=condition=Ready", "--timeout=120s", name))
		case "service":
			must(ts, neg, run(ts, "", "wait", "--for=jsonpath={.endpoints[0].conditions.ready}=true", "--timeout=120s",
				"endpointslice", "-l", "kubernetes.io/service-name="+strings.TrimPrefix(name, "service/")))
		default:
			must(ts, neg, run(ts, "", "rollout", "status", name, "--timeout=120s"))
		}
	}
}

// client starts a Pod to ask from.
func client(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: client NAME [KEY=VALUE...]")
	}
	name, image, spec := args[0], args[0], ""
	for _, a := range args[1:] {
		switch key, value, _ := strings.Cut(a, "="); key {
		case "image":
			image = value
		case "node":
			spec += fmt.Sprintf("  nodeName: %s\n", value)
		case "hostNetwork", "dnsPolicy":
			spec += fmt.Sprintf("  %s: %s\n", key, value)
		default:
			ts.Fatalf("a client has no %s", key)
		}
	}
	pod := fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  terminationGracePeriodSeconds: 1
%s  containers:
  - {name: client, image: 'clusterdns.test/%s:1', imagePullPolicy: IfNotPresent}
`, name, spec, image)
	must(ts, false, run(ts, pod, "apply", "-f", "-"))
	ready(ts, false, []string{"pod/" + name})
}

func in(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: in POD COMMAND...")
	}
	must(ts, neg, run(ts, "", append([]string{"exec", args[0], "--"}, args[1:]...)...))
}

// until repeats a command in a Pod: rules of proxies and records of the DNS follow
// the API server a moment later.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: until PATTERN POD COMMAND...")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for {
		cmd := world.command(append([]string{"-n", ts.Getenv("NS"), "exec", args[1], "--"}, args[2:]...)...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		if err == nil && pattern.Match(out.Bytes()) {
			fmt.Fprint(ts.Stdout(), out.String())
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not within %s: %s\n%s%s%v", patience, args[0], out.String(), errs.String(), ended(err))
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func ended(err error) string {
	if e, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Run returns it as it is
		return fmt.Sprintf("\nit ended with status %d", e.ExitCode())
	}
	return ""
}

func set(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: set NAME ARGS...")
	}
	out, err := world.kubectl("", append([]string{"-n", ts.Getenv("NS")}, args[1:]...)...)
	ts.Check(err)
	ts.Setenv(args[0], strings.TrimSpace(out))
}
