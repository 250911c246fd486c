// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"text/template"
)

const coreDNSLog = "coredns.log"

// An api says which cluster CoreDNS answers for.
type api struct {
	kubeconfig string
	context    string // empty is the current one
}

// startCoreDNS writes the Corefile and starts CoreDNS with it. It returns the
// output, which is not shown yet.
func (s *session) startCoreDNS(a api) (*tee, error) {
	text, err := s.corefile(a)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.file("Corefile"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(s.file(coreDNSLog))
	if err != nil {
		return nil, err
	}
	output := &tee{log: log, screen: s.err}
	cmd := exec.Command(s.program("coredns"), "-quiet", "-conf", s.file("Corefile"))
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, output, output
	cmd.SysProcAttr = tied()
	fmt.Fprintf(s.err, "starting CoreDNS on %s, UDP and TCP\n", address(s.port))
	s.ports.release()
	c, err := startChild("CoreDNS", cmd, log, terminate, s.fail)
	if err != nil {
		return nil, err
	}
	s.children = append(s.children, c)
	return output, nil
}

// There is no cache: clusterdns answers from memory, and would keep a cache off
// its zones. There is no forward: nothing here needs another server.
var corefileTemplate = template.Must(template.New("Corefile").Parse(`# Made by make run, anew each time it starts. Until then you can change it:
# CoreDNS loads it again within seconds and keeps the old one if it is wrong.
# Names outside of these zones are refused.
cluster.local:{{.Port}} in-addr.arpa:{{.Port}} ip6.arpa:{{.Port}} {
    bind 127.0.0.1
    errors
    log
    health 127.0.0.1:{{.Health}}
    ready 127.0.0.1:{{.Ready}}
    prometheus 127.0.0.1:{{.Metrics}}
    clusterdns cluster.local in-addr.arpa ip6.arpa {
        kubeconfig {{.API}}
        pods insecure
    }
    reload 2s
}
`))

func (s *session) corefile(a api) (string, error) {
	args := corefileQuote(a.kubeconfig)
	if a.context != "" {
		args += " " + corefileQuote(a.context)
	}
	var text strings.Builder
	err := corefileTemplate.Execute(&text, map[string]any{
		"Port": s.port, "Health": s.health, "Ready": s.ready, "Metrics": s.metrics, "API": args,
	})
	return text.String(), err
}

// corefileQuote makes one token of text, which must not end in a backslash.
func corefileQuote(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }
