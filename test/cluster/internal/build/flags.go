// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var required = regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes (v(\d+)\.(\d+)\.\S+)`)

// flags are those of go build.
func (o Options) flags(t target) ([]string, error) {
	if t.folder == runtime {
		return []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w"}, nil
	}
	return o.kubernetesFlags()
}

// kubernetesFlags make the version what a release would say: without it the API
// server calls itself v0.0.0, which older clients refuse.
func (o Options) kubernetesFlags() ([]string, error) {
	path := filepath.Join(o.Module, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	version := required.FindStringSubmatch(string(text))
	if version == nil {
		return nil, fmt.Errorf("%s does not say which k8s.io/kubernetes it requires", path)
	}
	link := []string{"-s", "-w"}
	for _, set := range []string{
		"gitVersion=" + version[1],
		"gitMajor=" + version[2],
		"gitMinor=" + version[3],
		"gitCommit=", // a module does not tell
		"gitTreeState=archive",
	} {
		link = append(link, "-X", "k8s.io/component-base/version."+set)
	}
	return []string{
		"-trimpath",
		"-buildvcs=false", // our own commits are not part of these programs
		"-tags=kube",
		"-ldflags=" + strings.Join(link, " "),
	}, nil
}

// listFlags are those flags that decide which packages are part of a build.
func listFlags(flags []string) []string {
	var kept []string
	for _, flag := range flags {
		if strings.HasPrefix(flag, "-tags") {
			kept = append(kept, flag)
		}
	}
	return kept
}
