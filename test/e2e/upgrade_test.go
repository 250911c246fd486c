// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/clusterdns/clusterdns/test/internal/kube"
)

// older is the version that the build of the previous commit is called.
const older = "v0.0.9"

// TestUpgrade goes from the build of the previous commit to this one, operator,
// CRD and servers, and back, while every node counts.
func TestUpgrade(t *testing.T) {
	own(t)
	before := previous(t)
	for _, image := range []string{"coredns", "operator"} {
		if _, err := world.cluster.Do("load-image all " + filepath.Join(before, "images", image+".tar")); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { do(t, "", "apply", "--server-side", "--force-conflicts", "-k", testdata("install")) })
	c := count(t)
	install(t, filepath.Join(before, "test", "e2e", "testdata", "install"), "clusterdns/coredns:"+older)
	install(t, testdata("install"), "clusterdns/coredns:v0.1.0")
	c.lossless(t)
}

// install installs what a folder has, and returns when all servers have an image.
func install(t *testing.T, folder, image string) {
	t.Helper()
	do(t, "", "apply", "--server-side", "--force-conflicts", "-k", folder)
	do(t, "", "-n", "kube-system", "rollout", "status", "deployment/clusterdns-operator", "--timeout=120s")
	eventually(t, "the servers have "+image, func() bool {
		return do(t, "", "-n", "kube-system", "get", "deployment", "clusterdns", "-o", "jsonpath={.spec.template.spec.containers[0].image}") == image
	}, func() string { return conditions(current(t)) })
	do(t, "", "-n", "kube-system", "rollout", "status", "deployment/clusterdns", "--timeout=120s")
	programmed(t)
}

// previous returns a checkout of the previous commit, with its images.
func previous(t *testing.T) string {
	t.Helper()
	const folder = "test/e2e/testdata/install"
	if err := exec.Command("git", "-C", kube.Root(), "cat-file", "-e", "HEAD^:"+folder).Run(); err != nil {
		t.Skip("skipped: there is no previous commit here that could be installed as these tests do")
	}
	dir := filepath.Join(t.TempDir(), "previous")
	shell(t, kube.Root(), "git", "worktree", "add", "--quiet", "--detach", dir, "HEAD^")
	t.Cleanup(func() { shell(t, kube.Root(), "git", "worktree", "remove", "--force", dir) })
	shell(t, filepath.Join(dir, "cmd", "image"), "go", "run", ".", "--platform=linux/"+runtime.GOARCH, "--version="+older, "--out="+filepath.Join(dir, "images"))
	kustomization := filepath.Join(dir, filepath.FromSlash(folder), "kustomization.yaml")
	text, err := os.ReadFile(kustomization)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "images:\n- {name: clusterdns/operator, newTag: "+older+"}\n"...)
	if err := os.WriteFile(kustomization, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func shell(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
