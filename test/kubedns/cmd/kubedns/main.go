// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command kubedns stands for the container kubedns of a kube-dns: stock CoreDNS
// on port 10053 with the flags of kube-dns.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/clusterdns/clusterdns/test/kubedns"
)

const about = `Usage: kubedns [flags]

Runs /coredns so that it answers for the cluster's domain as kube-dns does, and
asks the upstreams of the ConfigMap for the rest. http://:8081/readiness says ok
once it has all Services. As kube-dns does, it ignores SIGINT and SIGTERM: a Pod
that is told to end serves until it is killed. Flags that are not here are not those of kube-dns'
manifest.

Flags:
`

func main() {
	domain := flag.String("domain", "cluster.local.", "the cluster's `domain`")
	port := flag.Int("dns-port", 10053, "`port` of the DNS; only 10053 is possible")
	folder := flag.String("config-dir", "/kube-dns-config", "`folder` with the keys of the ConfigMap kube-dns")
	flag.Int("v", 0, "verbosity, which changes nothing")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, about)
		flag.PrintDefaults()
	}
	flag.Parse()
	if *port != 10053 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "error: the port is 10053, and there are no arguments; see kubedns --help")
		os.Exit(2)
	}
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	go serveReadiness()
	err := kubedns.Keeper{
		Folder: *folder, Log: log,
		Program: func(ctx context.Context, c kubedns.Config) *exec.Cmd {
			cmd := exec.CommandContext(ctx, "/coredns", "-conf", "stdin")
			cmd.Stdin = strings.NewReader(kubedns.Corefile(*domain, c))
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			return cmd
		},
		// Stub domains are the other container's.
		Same: func(was, is kubedns.Config) bool { return reflect.DeepEqual(was.Upstreams, is.Upstreams) },
	}.Run(context.Background())
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func log(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// serveReadiness says at kube-dns' path what CoreDNS says at its own.
func serveReadiness() {
	client := http.Client{Timeout: time.Second}
	http.HandleFunc("/readiness", func(w http.ResponseWriter, _ *http.Request) {
		r, err := client.Get(kubedns.Ready)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_ = r.Body.Close() // it is not read
		w.WriteHeader(r.StatusCode)
		if r.StatusCode == http.StatusOK {
			fmt.Fprintln(w, "ok")
		}
	})
	server := http.Server{Addr: ":8081", ReadHeaderTimeout: time.Second}
	if err := server.ListenAndServe(); err != nil {
		fmt.Fprintf(os.Stderr, "error: serving the readiness: %v\n", err)
		os.Exit(1)
	}
}
