// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/clusterdns/clusterdns/test/internal/kube"
)

// readOnly is all that a user may do for whom the program has to work.
const readOnly = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: dns
rules:
- apiGroups: [""]
  resources: [namespaces, services]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: dns
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: dns
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: User
  name: reader
`

// TestExisting runs against a cluster that is there already, as a user who can
// read a little and write nothing.
func TestExisting(t *testing.T) {
	cluster, err := kube.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Stop()
	admin := admin{cluster.Kubeconfig}
	roles := filepath.Join(t.TempDir(), "roles.yaml")
	if err := os.WriteFile(roles, []byte(readOnly), 0o600); err != nil {
		t.Fatal(err)
	}
	admin.kubectl(t, "apply", "--filename="+roles, "--filename="+filepath.Join(kube.Root(), "manifests", "samples"))
	reader, err := cluster.Do("kubeconfig reader")
	if err != nil {
		t.Fatal(err)
	}
	before := admin.objects(t)

	t.Run("one file", func(t *testing.T) {
		p := existing(t, reader, cluster.APIServer)
		p.interrupt(t)
	})
	t.Run("several files", func(t *testing.T) {
		empty := filepath.Join(t.TempDir(), "empty")
		if err := os.WriteFile(empty, []byte("apiVersion: v1\nkind: Config\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		p := existing(t, empty+string(os.PathListSeparator)+reader, cluster.APIServer)
		coreDNSDies(t, p)
	})
	if after := admin.objects(t); after != before {
		t.Errorf("the objects of the cluster before:\n%s\nand after:\n%s", before, after)
	}
}

// existing starts the program with KUBECONFIG and tries what it says.
func existing(t *testing.T, kubeconfig, server string) *process {
	t.Helper()
	t.Setenv("KUBECONFIG", kubeconfig)
	_, flags := place(t)
	p := start(t, append(flags, "--cluster=existing")...)
	p.until(t, &p.stdout, started)

	before, _, _ := strings.Cut(p.stderr.String(), "starting CoreDNS")
	for _, want := range []string{"context clusterdns-test", server, "Kubernetes v1.", "nothing is applied"} {
		if !strings.Contains(before, want) {
			t.Errorf("before it started it did not say %q:\n%s", want, before)
		}
	}
	said := p.try(t)
	for _, service := range []string{"web", "dual", "voip", "db", "docs"} {
		wantAnswer(t, said, " "+service+".demo.svc.cluster.local ", "")
	}
	for _, e := range said {
		if strings.Contains(e.line, "kubectl") {
			t.Errorf("it says how to write: %s", e.line)
		}
	}
	for _, c := range descendants(t, p.cmd.Process.Pid) {
		if c.name != "coredns" {
			t.Errorf("it started %v", c)
		}
	}
	return p
}

// coreDNSDies ends CoreDNS under the running program.
func coreDNSDies(t *testing.T, p *process) {
	t.Helper()
	if err := syscall.Kill(p.child(t, "coredns").pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if got := p.status(t); got != 1 {
		t.Errorf("exit status: %d, want 1", got)
	}
	if want := "error: CoreDNS ended by itself (signal: killed); the end of "; !strings.Contains(p.stderr.String(), want) {
		t.Errorf("it did not say %q", want)
	}
}

// TestNoExisting has no cluster to use.
func TestNoExisting(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "nowhere"))
	_, flags := place(t)
	said := fails(t, append(flags, "--cluster=existing")...)
	for _, want := range []string{"kubeconfig", "KUBECONFIG", "use-context"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q does not contain %q", said, want)
		}
	}
}

// admin may do everything.
type admin struct{ kubeconfig string }

func (a admin) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(filepath.Join(kube.Root(), "bin", "kubectl"))
	if err != nil {
		path = "kubectl"
	}
	out, err := exec.Command(path, append([]string{"--kubeconfig=" + a.kubeconfig, "--cache-dir=" + t.TempDir()}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// objects returns the objects that samples consist of, with their versions.
func (a admin) objects(t *testing.T) string {
	t.Helper()
	columns := "--output=custom-columns=" + strings.Join([]string{
		"KIND:.kind", "NAMESPACE:.metadata.namespace", "NAME:.metadata.name", "VERSION:.metadata.resourceVersion",
	}, ",")
	return a.kubectl(t, "get", "--all-namespaces", columns, "namespaces,services,endpointslices,pods,deployments,clusterroles,clusterrolebindings")
}
