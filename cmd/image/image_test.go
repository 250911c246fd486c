// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestImages builds the images of the stand-in and reads all of them.
func TestImages(t *testing.T) {
	enter(t)
	var out, errs bytes.Buffer
	if status := program(t.Context(), nil, &out, &errs); status != exitOK {
		t.Fatalf("status %d\n%s", status, errs.String())
	}
	for _, c := range []struct {
		name, entrypoint, capable string
		programs                  []string
		ports                     map[string]struct{}
	}{
		{"coredns", "/coredns", "coredns", []string{"coredns"}, map[string]struct{}{"53/udp": {}, "53/tcp": {}}},
		// Dropping all capabilities, the operator could not start a /coredns that has one.
		{"operator", "/clusterdns", "", []string{"clusterdns", "coredns"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			images, top := open(t, "bin/images/"+c.name+".tar")
			if line := "docker.io/clusterdns/" + c.name + ":v9.9.9@" + top.Digest.String() + "\n"; !strings.Contains(out.String(), line) {
				t.Errorf("output %q, want %q in it", out.String(), line)
			}
			wantNames := map[string]string{
				"org.opencontainers.image.ref.name": "v9.9.9",
				"io.containerd.image.name":          "docker.io/clusterdns/" + c.name + ":v9.9.9",
			}
			if !maps.Equal(top.Annotations, wantNames) {
				t.Errorf("annotations %v, want %v", top.Annotations, wantNames)
			}
			if got := slices.Sorted(maps.Keys(images)); !slices.Equal(got, []string{"linux/amd64", "linux/arm64"}) {
				t.Errorf("platforms %q", got)
			}
			for platform, img := range images {
				checkConfig(t, img, platform, c.entrypoint, c.ports)
				checkFiles(t, img, platform, c.capable, c.programs)
			}
		})
	}
	checkRuns(t)
}

func checkConfig(t *testing.T, img v1.Image, platform, entrypoint string, ports map[string]struct{}) {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := file.Platform().String(); got != platform {
		t.Errorf("platform %s in the image for %s", got, platform)
	}
	c := file.Config
	if c.User != "65532:65532" || c.WorkingDir != "/" || !slices.Equal(c.Entrypoint, []string{entrypoint}) || c.Cmd != nil || !maps.Equal(c.ExposedPorts, ports) {
		t.Errorf("config %+v", c)
	}
	checkLabels(t, img, c.Labels)
}

func checkFiles(t *testing.T, img v1.Image, platform, capable string, programs []string) {
	t.Helper()
	files := root(t, img)
	want := []string{"etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt"}
	for _, p := range programs {
		want = append(want, p, "usr/share/sbom/"+p+".spdx.json")
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	for name, f := range files {
		checkFile(t, name, f, name == capable)
	}
	for _, p := range programs {
		checkSBOM(t, p, platform, files)
	}
}

func checkLabels(t *testing.T, img v1.Image, labels map[string]string) {
	t.Helper()
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(manifest.Annotations, labels) {
		t.Errorf("annotations %v, want the labels %v", manifest.Annotations, labels)
	}
	head, err := exec.CommandContext(t.Context(), "git", "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"source": "https://github.com/clusterdns/clusterdns", "version": "v9.9.9", "licenses": "Apache-2.0",
		"revision": strings.TrimSpace(string(head)), "created": "2026-11-25T12:00:00Z",
	} {
		if got := labels["org.opencontainers.image."+key]; got != want {
			t.Errorf("label %s: %q, want %q", key, got, want)
		}
	}
	for _, key := range []string{"title", "description"} {
		if labels["org.opencontainers.image."+key] == "" {
			t.Errorf("there is no label %s", key)
		}
	}
}

func checkFile(t *testing.T, name string, f entry, capable bool) {
	t.Helper()
	mode := int64(0o644)
	if !strings.Contains(name, "/") {
		mode = 0o755
	}
	if f.Mode != mode || f.Uid != 0 || f.Gid != 0 || f.Uname != "" || f.ModTime.UTC().Format("2006-01-02T15:04:05Z") != "2026-11-25T12:00:00Z" {
		t.Errorf("%s: %+v", name, f.Header)
	}
	want := ""
	if capable {
		want = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	}
	if got := f.PAXRecords["SCHILY.xattr.security.capability"]; got != want {
		t.Errorf("%s: capability %q, want %q", name, got, want)
	}
}

// checkSBOM holds the SBOM to be that of the program beside it.
func checkSBOM(t *testing.T, program, platform string, files map[string]entry) {
	t.Helper()
	inside := files["usr/share/sbom/"+program+".spdx.json"].text
	beside, err := os.ReadFile("bin/images/" + program + "-" + strings.ReplaceAll(platform, "/", "-") + ".spdx.json")
	if err != nil || !bytes.Equal(inside, beside) {
		t.Errorf("the SBOM of %s in the image is not that beside it: %v", program, err)
	}
	var d struct {
		SPDXVersion string
		Packages    []struct {
			Name      string
			Checksums []struct{ ChecksumValue string }
		}
	}
	if err := json.Unmarshal(inside, &d); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range d.Packages {
		names = append(names, p.Name)
	}
	want := []string{program, "stdlib"}
	if program == "coredns" {
		want = append(want, "./near")
	}
	if d.SPDXVersion != "SPDX-2.3" || !slices.Equal(names, want) {
		t.Errorf("the SBOM of %s: %s of %q, want SPDX-2.3 of %q", program, d.SPDXVersion, names, want)
	}
	if got, want := d.Packages[0].Checksums[0].ChecksumValue, sum(files[program].text); got != want {
		t.Errorf("the SBOM of %s is of %s, the image has %s", program, got, want)
	}
}

// checkRuns runs the operator of this machine's architecture: it names the
// version of the image, by which it chooses that of CoreDNS.
func checkRuns(t *testing.T) {
	t.Helper()
	images, _ := open(t, "bin/images/operator.tar")
	img, ok := images["linux/"+runtime.GOARCH]
	if runtime.GOOS != "linux" || !ok {
		t.Logf("%s/%s runs no program of the images", runtime.GOOS, runtime.GOARCH)
		return
	}
	path := filepath.Join(t.TempDir(), "clusterdns")
	if err := os.WriteFile(path, root(t, img)["clusterdns"].text, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), path).CombinedOutput(); err != nil || string(out) != "v9.9.9\n" {
		t.Errorf("it says %q, %v", out, err)
	}
}
