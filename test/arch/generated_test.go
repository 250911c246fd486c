// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGenerated: what "make generate" writes is what is there.
func TestGenerated(t *testing.T) {
	root, dir := filepath.Join("..", ".."), t.TempDir()
	cmd := exec.Command("make", "--no-print-directory", "-C", root, "generate", "GENERATED="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make generate: %v\n%s", err, out)
	}
	const chart = "manifests/helm/clusterdns/"
	for _, file := range []string{
		"api/v1alpha1/zz_generated.deepcopy.go", "manifests/crd/clusterdns.io_clusterdnses.yaml", "manifests/rbac/operator.yaml", "docs/api.md",
		chart + "crds/clusterdns.io_clusterdnses.yaml",
		"manifests/crd/clusterdns.io_dnsmigrations.yaml", chart + "crds/clusterdns.io_dnsmigrations.yaml", chart + "files/rbac.yaml", chart + "files/account.yaml", chart + "files/deployment.yaml",
		chart + "files/clusterdns.yaml", chart + "files/alerts.yaml", chart + "files/monitor.yaml", chart + "files/dashboard.json",
	} {
		want, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is old: run \"make generate\" (-generated +there):\n%s", file, diff)
		}
	}
}
