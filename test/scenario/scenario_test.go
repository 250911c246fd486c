// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"flag"
	"fmt"
	"os"
	"testing"

	_ "github.com/coredns/coredns/plugin/autopath"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/metadata"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/rewrite"
	_ "github.com/coredns/coredns/plugin/template"
	_ "github.com/coredns/coredns/plugin/transfer"

	_ "github.com/clusterdns/clusterdns/plugin"
	"github.com/clusterdns/clusterdns/test/internal/kube"
)

var update = flag.Bool("update", false, "rewrite the transcripts with what was answered")

var suite *Suite

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	flag.Parse()
	cluster, err := kube.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer cluster.Stop()
	if suite, err = New(cluster); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// TestScenarios runs every scenario of testdata. They use one cluster, one after the other.
func TestScenarios(t *testing.T) {
	files, err := Files("testdata")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	suite.RunAll(t, files, *update)
}
