// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command nanny stands for the container dnsmasq of a kube-dns: Debian's dnsmasq
// with the flags that dnsmasq-nanny gives it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/clusterdns/clusterdns/test/kubedns"
)

const about = `Usage: nanny [flags] -- FLAGS OF DNSMASQ...

Runs dnsmasq with these flags and those that the ConfigMap kube-dns is made into.
Names of servers are looked up once, at the start. When the ConfigMap changes,
dnsmasq is killed and started anew.

Flags:
`

// cluster is the resolver of the container kubedns.
const cluster = "127.0.0.1:10053"

func main() {
	folder := flag.String("configDir", "/etc/k8s/dns/dnsmasq-nanny", "`folder` with the keys of the ConfigMap kube-dns")
	restart := flag.Bool("restartDnsmasq", false, "start dnsmasq anew when the ConfigMap changes")
	program := flag.String("dnsmasqExec", "/usr/sbin/dnsmasq", "`path` of dnsmasq")
	flag.Int("v", 0, "verbosity, which changes nothing")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, about)
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := kubedns.Keeper{
		Folder: *folder, Log: log,
		Program: func(ctx context.Context, c kubedns.Config) *exec.Cmd {
			cmd := exec.CommandContext(ctx, *program, kubedns.Dnsmasq(flag.Args(), c, lookUp(ctx), log)...)
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			return cmd
		},
		Same: func(_, _ kubedns.Config) bool { return !*restart },
	}.Run(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func log(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// lookUp returns the first address of a host: of one of the cluster as kubedns
// says, of others as the node's servers do.
func lookUp(ctx context.Context) func(host string) (netip.Addr, error) {
	return func(host string) (netip.Addr, error) {
		r := &net.Resolver{PreferGo: true}
		if strings.HasSuffix(host, "cluster.local") {
			r.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "udp", cluster)
			}
		}
		all, err := r.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return netip.Addr{}, err
		}
		if len(all) == 0 {
			return netip.Addr{}, errors.New("no address")
		}
		return all[0].Unmap(), nil
	}
}
