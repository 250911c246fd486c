// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const testBin = "../../bin"

// orphansEnv makes the test binary a program that runs a cluster in the named
// directory until it is killed, and that does not tie its children to itself.
const orphansEnv = "CLUSTER_TEST_ORPHANS"

func TestMain(m *testing.M) {
	dir := os.Getenv(orphansEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	if _, err := Start(context.Background(), Options{Dir: dir, Bin: testBin, orphan: true}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {}
}

// programs skips the test unless the Kubernetes programs were built.
func programs(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(testBin, apiServer)); err != nil {
		t.Skipf("%v: build the programs first, with `go run ./cmd/cluster build`", err)
	}
	t.Setenv(AssetsEnv, "")
}

func start(t *testing.T, opts Options) *Cluster {
	t.Helper()
	if opts.Bin == "" {
		opts.Bin = testBin
	}
	if opts.Dir == "" {
		opts.Dir = filepath.Join(t.TempDir(), "a state") // with a space
	}
	c, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

// user is someone who has a kubeconfig.
type user struct {
	client *http.Client
	server string
	token  string
}

func as(t *testing.T, kubeconfig string) user {
	t.Helper()
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	field := func(name string) string {
		found := regexp.MustCompile(`(?m)^\s+` + name + `: (\S+)$`).FindSubmatch(text)
		if found == nil {
			return ""
		}
		return string(found[1])
	}
	data := func(name string) []byte {
		decoded, err := base64.StdEncoding.DecodeString(field(name))
		if err != nil {
			t.Fatalf("%s in %s: %v", name, kubeconfig, err)
		}
		return decoded
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(data("certificate-authority-data"))
	config := &tls.Config{RootCAs: pool}
	if field("token") == "" {
		pair, err := tls.X509KeyPair(data("client-certificate-data"), data("client-key-data"))
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	return user{&http.Client{Transport: transport}, field("server"), field("token")}
}

func (u user) do(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, u.server+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if u.token != "" {
		request.Header.Set("Authorization", "Bearer "+u.token)
	}
	response, err := u.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, text.String()
}

func (u user) want(t *testing.T, status int, method, path, body string) string {
	t.Helper()
	got, text := u.do(t, method, path, body)
	if got != status {
		t.Fatalf("%s %s: got %d, want %d: %s", method, path, got, status, text)
	}
	return text
}

const configMaps = "/api/v1/namespaces/default/configmaps"

// configMap is one that a test makes and finds again later.
const configMap = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"kept"}}`
