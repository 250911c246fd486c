// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// place returns a port that is free, and a folder with a space in its name.
func place(t *testing.T) (port int, flags []string) {
	t.Helper()
	port = freePort(11000 + os.Getpid()%5000)
	return port, []string{fmt.Sprintf("--port=%d", port), "--dir=" + filepath.Join(t.TempDir(), "a state")}
}

// TestRun does what a newcomer does with make run, and what goes wrong then.
func TestRun(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(garbage, []byte("{not a kubeconfig"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", garbage)
	port, flags := place(t)

	first := start(t, flags...)
	first.until(t, &first.stdout, started)
	said := first.try(t)
	for question, answer := range map[string]string{
		" kubernetes.default.svc.cluster.local A":         `\sA\s+10\.96\.0\.1\n`,
		" dns-version.cluster.local TXT":                  `"1\.1\.0"`,
		" web.demo.svc.cluster.local A":                   `\sA\s+10\.96\.`,
		" _http._tcp.web.demo.svc":                        `SRV\s+0 \d+ 80 web\.demo\.svc\.cluster\.local\.`,
		" dual.demo.svc.cluster.local A":                  `\sA\s+10\.96\.`,
		" dual.demo.svc.cluster.local AAAA":               `\sAAAA\s+fd00:10:96::`,
		"-x fd00:10:96::":                                 `PTR\s+dual\.demo\.svc\.cluster\.local\.`,
		" _sip._udp.voip.demo.svc":                        `SRV\s+0 \d+ 5060 voip\.`,
		" _sips._tcp.voip.demo.svc":                       `SRV\s+0 \d+ 5061 voip\.`,
		" db.demo.svc.cluster.local A":                    `(?s)192\.0\.2\.1[01]\n.*192\.0\.2\.1[01]\n`,
		" db-0.db.demo.svc.cluster.local A":               `\sA\s+192\.0\.2\.10\n`,
		" _postgres._tcp.db.demo.svc":                     `SRV\s+0 \d+ 5432 db-[01]\.db\.`,
		"-x 192.0.2.10":                                   `PTR\s+db-0\.db\.demo\.`,
		" docs.demo.svc.cluster.local A":                  `(?s)CNAME\s+web\.demo\.svc\.cluster\.local\..*\sA\s+10\.96\.`,
		" hello.demo.svc.cluster.local A":                 `\sA\s+10\.96\.`,
		"kubectl":                                         ``,
		" hello.example A":                                `\sA\s+192\.0\.2\.7\n`,
		"nslookup ":                                       ``,
		"dig @127.0.0.1 -p " + fmt.Sprint(port) + " +tcp": `\(TCP\)`,
	} {
		wantAnswer(t, said, question, answer)
	}
	t.Run("taken by itself", func(t *testing.T) { takenByItself(t, port, flags) })

	// A crash, and a second run right after it.
	children := descendants(t, first.cmd.Process.Pid)
	if err := first.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	first.status(t)
	second := start(t, flags...)
	second.until(t, &second.stdout, started)
	for _, c := range children {
		if c.alive() {
			t.Errorf("%v of the run that was killed is alive", c)
		}
	}
	second.try(t) // it creates the Service hello again: the cluster is a new one
	breakSetting(t, second, port)
	second.interrupt(t)
}

// breakSetting gives the ClusterDNS what CoreDNS would not load: it says so, and
// goes on answering.
func breakSetting(t *testing.T, p *process, port int) {
	patch := ""
	for _, line := range p.commands() {
		if before, _, found := strings.Cut(line, "'--patch="); found {
			patch = before
		}
	}
	if patch == "" {
		t.Fatal("no line changes a setting")
	}
	if _, err := shell(patch + `--patch='{"spec":{"extra":{"after":"no_such_plugin"}}}'`); err != nil {
		t.Fatal(err)
	}
	get := strings.Replace(strings.Replace(patch, " patch ", " get ", 1), "--type=merge", `--output=jsonpath='{.status.conditions[?(@.type=="Accepted")]}'`, 1)
	for end := time.Now().Add(limit); ; {
		if _, err := ask(fmt.Sprintf("dig @127.0.0.1 -p %d web.demo.svc.cluster.local A", port)); err != nil {
			t.Fatal(err) // no query may be lost
		}
		out, err := shell(get)
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.Contains(out, `"status":"False"`) && strings.Contains(out, "no_such_plugin"):
			return
		case time.Now().After(end):
			t.Fatalf("it is not refused after %s: %s", limit, out)
		}
	}
}

// takenByItself starts the program while it runs.
func takenByItself(t *testing.T, port int, flags []string) {
	for name, args := range map[string][]string{
		"same folder":  flags,
		"other folder": {flags[0], "--dir=" + t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) { wantTaken(t, fails(t, args...), port) })
	}
}

func TestTaken(t *testing.T) {
	for network, listen := range map[string]func(address string) (interface{ Close() error }, error){
		"udp": func(address string) (interface{ Close() error }, error) { return net.ListenPacket("udp4", address) },
		"tcp": func(address string) (interface{ Close() error }, error) { return net.Listen("tcp4", address) },
	} {
		t.Run(network, func(t *testing.T) {
			port, flags := place(t)
			l, err := listen(address(port))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			said := fails(t, flags...)
			wantTaken(t, said, port)
			if !strings.Contains(said, strings.ToUpper(network)) {
				t.Errorf("%q does not name %s", said, network)
			}
		})
	}
}

// wantTaken wants the port that is taken, and one that is free.
func wantTaken(t *testing.T, said string, port int) {
	t.Helper()
	for _, want := range []string{fmt.Sprintf("port %d", port), fmt.Sprintf("`make run PORT=%d`", freePort(port+1))} {
		if !strings.Contains(said, want) {
			t.Errorf("%q does not contain %q", said, want)
		}
	}
}

func TestInterruptWhileItStarts(t *testing.T) {
	for _, state := range []string{"starting a control plane", "starting a node"} {
		t.Run(state, func(t *testing.T) {
			_, flags := place(t)
			p := start(t, flags...)
			p.until(t, &p.stderr, state)
			p.interrupt(t)
			if strings.Contains(p.stdout.String(), started) {
				t.Error("it says that all runs")
			}
		})
	}
}

// TestControlPlaneDies ends etcd under the running program.
func TestControlPlaneDies(t *testing.T) {
	_, flags := place(t)
	p := start(t, flags...)
	p.until(t, &p.stdout, started)
	children := descendants(t, p.cmd.Process.Pid)
	if err := syscall.Kill(p.child(t, "etcd").pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if got := p.status(t); got != 1 {
		t.Errorf("exit status: %d, want 1", got)
	}
	for _, want := range []string{"error: the control plane ended by itself (exit status 1)", "etcd ended by itself (signal: killed)"} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("it did not say %q", want)
		}
	}
	for _, c := range children {
		if c.alive() {
			t.Errorf("%v is alive after the end", c)
		}
	}
}
