// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command sidecar stands for the container sidecar of a kube-dns, which asks the
// other two and says for the kubelet's probes whether they answer.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/clusterdns/clusterdns/test/kubedns"
)

const about = `Usage: sidecar --probe=NAME,ADDRESS:PORT,QNAME,SECONDS,TYPE...

Asks each server every so many seconds. http://:10054/healthcheck/NAME says ok if
the last question was answered; /metrics has how many were and were not.

Flags:
`

func main() {
	var probes []*kubedns.Probe
	flag.Func("probe", "`question`; may be given more than once", func(text string) error {
		p, err := kubedns.ParseProbe(text)
		probes = append(probes, p)
		return err
	})
	flag.Int("v", 0, "verbosity, which changes nothing")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, about)
		flag.PrintDefaults()
	}
	flag.Parse()
	for _, p := range probes {
		go p.Run(context.Background()) // until the program ends
	}
	server := http.Server{Addr: ":10054", Handler: kubedns.Handler(probes), ReadHeaderTimeout: time.Second}
	if err := server.ListenAndServe(); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}
