// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// TestScenarios runs testdata/*.txtar: a Corefile with the keys of
// coredns-custom, or the keys of the ConfigMap kube-dns with the arguments of
// dnsmasq, one a line, and the settings, the notices and the Corefile that come
// of them.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios: ", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in := input(a)
			got := &txtar.Archive{Comment: a.Comment, Files: append(in, output(t, in)...)}
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(got))); diff != "" {
				t.Errorf("-want +got (run with -update if it is meant):\n%s", diff)
			}
		})
	}
}

// input returns the files that are not results.
func input(a *txtar.Archive) []txtar.File {
	return filter(a.Files, func(f txtar.File) bool { return !strings.HasPrefix(f.Name, "want-") })
}

func adopt(in []txtar.File) (Result, error) {
	text, dnsmasq := "", []string(nil)
	var custom, config map[string]string
	for _, f := range in {
		data := string(f.Data)
		if strings.HasSuffix(f.Name, ".crlf") {
			data = strings.ReplaceAll(data, "\n", "\r\n")
		}
		folder, key := filepath.Split(f.Name)
		switch {
		case strings.HasPrefix(f.Name, "Corefile"):
			text = data
		case folder == "coredns-custom/":
			custom = put(custom, key, data)
		case folder == "kube-dns/":
			config = put(config, key, strings.TrimSpace(data))
		case f.Name == "dnsmasq":
			dnsmasq = strings.Split(strings.TrimSpace(data), "\n")
		}
	}
	if text != "" {
		return Corefile(text, custom)
	}
	return KubeDNS(config, dnsmasq, "cluster.local")
}

func put(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = make(map[string]string)
	}
	m[key] = value
	return m
}

func output(t *testing.T, in []txtar.File) []txtar.File {
	r, err := adopt(in)
	if err != nil {
		return []txtar.File{{Name: "want-error", Data: []byte(err.Error() + "\n")}}
	}
	spec, err := yaml.Marshal(r.Spec)
	if err != nil {
		t.Fatal(err)
	}
	notices := ""
	for _, n := range r.Notices {
		notices += n.String() + "\n"
	}
	f, problems := render.Corefile(&r.Spec, services)
	if len(problems) > 0 {
		t.Error(problems)
	}
	return []txtar.File{
		{Name: "want-spec", Data: spec}, {Name: "want-notices", Data: []byte(notices)}, {Name: "want-Corefile", Data: []byte(corefile.Format(f))},
	}
}

// TestCoreDNSLoads asks the server whether it loads what is rendered of all
// Corefiles and scenarios that need no other files.
func TestCoreDNSLoads(t *testing.T) {
	server, err := filepath.Abs("../../bin/coredns")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(server); err != nil {
		t.Skip("there is no bin/coredns: run make build")
	}
	results := make(map[string]Result)
	for name, text := range stock(t) {
		r, err := Corefile(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		results[name] = r
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := adopt(input(a)); err == nil {
			results[filepath.Base(file)] = r
		}
	}
	for name, r := range results {
		t.Run(name, func(t *testing.T) { loads(t, server, r) })
	}
}

// elsewhere are files and variables that only the servers of the input have.
var elsewhere = []string{"/etc/pki/", "kubeconfig", "{$"}

func loads(t *testing.T, server string, r Result) {
	f, _ := render.Corefile(&r.Spec, services)
	text := corefile.Format(f)
	for _, e := range elsewhere {
		if strings.Contains(text, e) {
			t.Skip("it needs what only its servers have: ", e)
		}
	}
	conf := filepath.Join(t.TempDir(), "Corefile")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(server, "-check", "-conf", conf)
	c.Env = append(os.Environ(), "KUBERNETES_SERVICE_HOST=192.0.2.1", "KUBERNETES_SERVICE_PORT=443")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, text)
	}
}

func TestErrors(t *testing.T) {
	var syntax *corefile.SyntaxError
	if _, err := Corefile(". {\n  errors\n", nil); !errors.As(err, &syntax) {
		t.Errorf("got %v, want a syntax error", err)
	}
	_, err := Corefile(". {\n  import custom/*.override\n}\n", map[string]string{"a.override": "errors\nlog }\n"})
	if !errors.As(err, &syntax) || syntax.Line != 2 || !strings.Contains(err.Error(), "coredns-custom/a.override") {
		t.Errorf("got %v, want a syntax error on line 2 of the key", err)
	}
	if _, err := Corefile(". {\n  import custom/*\n}\n", map[string]string{"a": "log {"}); !errors.As(err, &syntax) {
		t.Errorf("got %v, want a syntax error", err)
	}
	if _, err := Corefile("example.org {\n  whoami\n}\n", nil); err == nil {
		t.Error("a Corefile without a server block for . was taken")
	}
	if _, err := KubeDNS(map[string]string{"stubDomains": "no JSON"}, nil, ""); err == nil {
		t.Error("stub domains that are no JSON were taken")
	}
}
