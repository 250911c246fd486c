// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"strings"
	"text/template"
)

// ports of a server.
type ports struct{ DNS, Health, Ready, Metrics, Pprof int }

// corefileTemplate is the default of kubeadm, without its own "ttl 30", which
// would keep answers in caches for longer, and on addresses of this machine.
// whoami has what stands before it in the chain: forward would come first.
var corefileTemplate = template.Must(template.New("Corefile").Parse(`.:{{.DNS}} {
    bind 127.0.0.1
{{- if not .Bare}}
    errors
    health 127.0.0.1:{{.Health}}
    ready 127.0.0.1:{{.Ready}}
    prometheus 127.0.0.1:{{.Metrics}}
    pprof 127.0.0.1:{{.Pprof}}
{{- end}}
{{- if .API}}
{{- if .Labels}}
    metadata
{{- end}}
    {{.Plugin}} cluster.local in-addr.arpa ip6.arpa {
        {{.API}}
        pods {{.Pods}}
        fallthrough in-addr.arpa ip6.arpa
    }
    forward . {{.Upstream}} {
        max_concurrent 1000
    }
{{- if .Cache}}
    cache 30
{{- end}}
    loop
{{- else}}
    {{.Plugin}}
{{- end}}
{{- if not .Bare}}
    reload
    loadbalance
{{- end}}
}
`))

// A source is where a server reads the cluster from.
type source struct {
	api      string // the line of the Corefile
	pods     string // verified or insecure
	labels   bool   // keep the labels of Pods, for the metadata plugin
	upstream netip.AddrPort
}

func kubeconfig(path string) string { return fmt.Sprintf("kubeconfig %q", path) }

func endpoint(url string) string { return "endpoint " + url }

func (k kind) corefile(p ports, src source) string {
	api := src.api
	if !k.clustered() {
		api = ""
	}
	var text strings.Builder
	err := corefileTemplate.Execute(&text, map[string]any{
		"DNS": p.DNS, "Health": p.Health, "Ready": p.Ready, "Metrics": p.Metrics, "Pprof": p.Pprof,
		"Bare": k.bare, "Plugin": k.plugin, "Cache": k.cache, "API": api, "Pods": src.pods, "Labels": src.labels, "Upstream": src.upstream,
	})
	if err != nil {
		panic("BUG: " + err.Error()) // all fields are there
	}
	return text.String()
}

// nsdConf has one server process, and no limit of equal answers: with the
// default of 200 a second it would be measured refusing.
func nsdConf(dir string, p ports) string {
	return fmt.Sprintf(`server:
    server-count: 1
    ip-address: 127.0.0.1@%d
    username: ""
    chroot: ""
    zonesdir: %q
    database: ""
    zonelistfile: ""
    xfrdfile: ""
    pidfile: ""
    rrl-ratelimit: 0
    round-robin: no
    tcp-count: 100
remote-control:
    control-enable: no
zone:
    name: cluster.local
    zonefile: cluster.local.zone
zone:
    name: 10.in-addr.arpa
    zonefile: 10.in-addr.arpa.zone
`, p.DNS, dir)
}

func knotConf(dir string, p ports) string {
	return fmt.Sprintf(`server:
    listen: 127.0.0.1@%d
    rundir: %q
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: %q
template:
  - id: default
    storage: %q
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
zone:
  - domain: cluster.local
    file: cluster.local.zone
  - domain: 10.in-addr.arpa
    file: 10.in-addr.arpa.zone
`, p.DNS, dir, dir, dir)
}
