// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"text/template"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster/internal/pki"
)

const (
	adminUser  = "kubernetes-admin"
	adminGroup = "system:masters"
)

// tokenLifetime is that of a service account's token, in seconds.
const tokenLifetime = 24 * 3600

// access is what it takes to make credentials for a cluster.
type access struct {
	files     layout
	ca        *pki.Authority
	apiServer string
}

func (c *Cluster) access() access { return access{c.files, c.ca, c.state.APIServer()} }

// KubeconfigFor writes a kubeconfig for a user and returns its path. A user
// system:serviceaccount:NAMESPACE:NAME gets a token of that service account,
// which must exist; any other a client certificate with these groups. The user
// has no rights but those that RBAC gives.
func (c *Cluster) KubeconfigFor(ctx context.Context, user string, groups ...string) (string, error) {
	return c.access().issue(ctx, user, groups)
}

// KubeconfigFor is [Cluster.KubeconfigFor] for a cluster of another program.
// Only service accounts need it to be running.
func KubeconfigFor(ctx context.Context, dir, user string, groups ...string) (string, error) {
	a, err := openAccess(dir)
	if err != nil {
		return "", err
	}
	return a.issue(ctx, user, groups)
}

// Kubeconfig is the path of the kubeconfig with all rights in dir.
func Kubeconfig(dir string) (string, error) {
	a, err := openAccess(dir)
	if err != nil {
		return "", err
	}
	return a.files.kubeconfig(), nil
}

func openAccess(dir string) (access, error) {
	files, err := existing(dir)
	if err != nil {
		return access{}, err
	}
	s, err := files.load()
	if err != nil {
		return access{}, err
	}
	ca, err := pki.Open(files.pki())
	if errors.Is(err, fs.ErrNotExist) {
		return access{}, noCluster(dir)
	}
	return access{files, ca, s.APIServer()}, err
}

func (a access) issue(ctx context.Context, user string, groups []string) (string, error) {
	if user == "" {
		return "", errors.New("issuing a kubeconfig: the user has no name")
	}
	path := a.files.path("kubeconfigs", fileName(user, groups)+".kubeconfig")
	var err error
	if namespace, name, ok := serviceAccount(user); !ok {
		err = a.writeCertificate(path, user, groups...)
	} else if len(groups) > 0 {
		err = errors.New("the groups of a service account are fixed; leave them out")
	} else {
		err = a.writeToken(ctx, path, namespace, name)
	}
	if err != nil {
		return "", fmt.Errorf("issuing a kubeconfig for %q: %w", user, err)
	}
	return path, nil
}

func serviceAccount(user string) (namespace, name string, ok bool) {
	rest, ok := strings.CutPrefix(user, "system:serviceaccount:")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, ":")
}

var unusual = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// fileName is readable, safe in a path and in the list $KUBECONFIG, and never
// the same for two users.
func fileName(user string, groups []string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{user}, groups...), "\x00")))
	readable := unusual.ReplaceAllString(user, "-")
	return fmt.Sprintf("%.40s-%x", strings.TrimLeft(readable, ".-"), sum[:4])
}

func (a access) writeCertificate(path, user string, groups ...string) error {
	pair, err := a.ca.Client(user, groups...)
	if err != nil {
		return err
	}
	return a.write(path, user, credential{Certificate: pair.Cert, Key: pair.Key})
}

func (a access) writeToken(ctx context.Context, path, namespace, name string) error {
	token, err := a.token(ctx, namespace, name)
	if err != nil {
		return err
	}
	return a.write(path, name, credential{Token: token})
}

// credential is a certificate and its key, or a token.
type credential struct {
	Certificate, Key []byte
	Token            string
}

var kubeconfig = template.Must(template.New("kubeconfig").Funcs(template.FuncMap{
	"base64": base64.StdEncoding.EncodeToString,
}).Parse(`apiVersion: v1
kind: Config
clusters:
- name: clusterdns-test
  cluster:
    server: {{.Server}}
    certificate-authority-data: {{base64 .CA}}
users:
- name: {{printf "%q" .User}}
  user:
{{- if .Token}}
    token: {{.Token}}
{{- else}}
    client-certificate-data: {{base64 .Certificate}}
    client-key-data: {{base64 .Key}}
{{- end}}
contexts:
- name: clusterdns-test
  context:
    cluster: clusterdns-test
    user: {{printf "%q" .User}}
current-context: clusterdns-test
`))

func (a access) write(path, user string, c credential) error {
	var text bytes.Buffer
	err := kubeconfig.Execute(&text, struct {
		Server, User string
		CA           []byte
		credential
	}{a.apiServer, user, a.ca.CertPEM, c})
	if err != nil {
		return err
	}
	return writeFile(path, text.Bytes())
}

// client talks to the API server with all rights.
func (a access) client() (*http.Client, error) {
	pair, err := a.ca.Client(adminUser, adminGroup)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: a.ca.Pool(), Certificates: []tls.Certificate{certificate}},
		// A connection of yesterday's API server must not answer for today's.
		DisableKeepAlives: true,
	}}, nil
}

// token asks the API server for a token of a service account.
func (a access) token(ctx context.Context, namespace, name string) (string, error) {
	client, err := a.client()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	url := fmt.Sprintf("%s/api/v1/namespaces/%s/serviceaccounts/%s/token", a.apiServer, namespace, name)
	body := fmt.Sprintf(`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":%d}}`, tokenLifetime)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		Message string // of a Status
		Status  any    // text in a Status
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", fmt.Errorf("the API server says %s: %w", response.Status, err)
	}
	if fields, ok := answer.Status.(map[string]any); ok {
		if token, ok := fields["token"].(string); ok {
			return token, nil
		}
	}
	return "", fmt.Errorf("the API server says %s: %s", response.Status, answer.Message)
}
