// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"bufio"
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/apiserver"
)

// checkBuild fails if the program was linked with other versions than CoreDNS requires.
func checkBuild(t *testing.T, program string, requires map[string]string) {
	t.Helper()
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	linked := make(map[string]string)
	for _, m := range info.Deps {
		linked[m.Path] = m.Version
	}
	if linked[module] == "" || linked["google.golang.org/api"] == "" {
		t.Errorf("the program has the modules %v: want ours and all of CoreDNS", linked)
	}
	for _, bad := range raised(requires, linked) {
		t.Error(bad)
	}
}

// checkAnswers fails unless the program answers for what an API server has.
func checkAnswers(t *testing.T, program, version string) {
	t.Helper()
	if got := mustCommand(t, t.TempDir(), program, "-version"); !strings.Contains(got, version) {
		t.Errorf("the program says it is %q, want CoreDNS %s", got, version)
	}
	api := apiserver.New()
	defer api.Close()
	api.Replace(objects()...)
	addr := freePort(t)
	host, port, _ := strings.Cut(addr, ":")
	serve(t, program, fmt.Sprintf(`.:%s {
    bind %s
    errors
    clusterdns cluster.local in-addr.arpa {
        endpoint %s
    }
    whoami
}
`, port, host, api.URL()))

	for _, network := range []string{"udp", "tcp"} {
		for _, q := range []struct {
			name  string
			qtype uint16
			want  string
		}{
			{"kubernetes.default.svc.cluster.local.", dns.TypeA, "10.96.0.1"},
			{"_https._tcp.kubernetes.default.svc.cluster.local.", dns.TypeSRV, "0 100 443 kubernetes.default.svc.cluster.local."},
			{"1.0.96.10.in-addr.arpa.", dns.TypePTR, "kubernetes.default.svc.cluster.local."},
		} {
			got, err := ask(network, addr, q.name, q.qtype)
			if err != nil || got != "NOERROR "+q.want {
				t.Errorf("%s %s over %s: got %q, %v, want %q", q.name, dns.TypeToString[q.qtype], network, got, err, q.want)
			}
		}
		if got, err := ask(network, addr, "none.default.svc.cluster.local.", dns.TypeA); err != nil || got != "NXDOMAIN" {
			t.Errorf("a name that does not exist, over %s: got %q, %v, want NXDOMAIN", network, got, err)
		}
	}
}

// serve runs CoreDNS until the end of the test, and returns when it answers.
func serve(t *testing.T, program, corefile string) {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "Corefile")
	write(t, conf, corefile)
	cmd := exec.Command(program, "-conf", conf)
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hang := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		t.Log(lines.Text())
		if strings.HasPrefix(lines.Text(), "CoreDNS-") { // after all listen
			hang.Stop()
			go func() { // lest it blocks
				for lines.Scan() {
				}
			}()
			return
		}
	}
	_ = cmd.Wait()
	t.Fatalf("CoreDNS did not start: %s", stderr.String())
}
