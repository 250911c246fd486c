// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster"
)

const runHelp = `Runs a cluster and stops it on Ctrl-C. When it is ready, standard output gets

    kubeconfig: PATH
    ready

or, with --json, one line {"kubeconfig":...,"apiserver":...,"kubectl":...}; all
other messages go to standard error. With --control it reads commands from
standard input, one a line, and answers each on standard output with a line
` + "`ok [VALUE]` or `error MESSAGE`" + `:

    stop-apiserver, start-apiserver, restart-apiserver
                              it keeps its port; ok when it is ready, or gone
    kubeconfig NAME [GROUP...]
                              ok PATH; of a user without other rights than RBAC
                              gives, or of system:serviceaccount:NAMESPACE:NAME
    nodes                     ok JSON; addresses, network namespace, resolv.conf
    add-node [NAME]           ok JSON of the node when it is ready
    stop-node NAME            a power failure; ok when it and its pods are gone
    start-node NAME           ok when it is ready again
    restart-program NAME kubelet|kube-proxy|containerd
                              ok when it was started again; pods keep running
    load-image NAME|all FILE  ok when the images in the archive can be used
    netns NAME                ok FILE of the node's network namespace
    quit                      ok when all is stopped

The end of standard input means quit.

With --nodes, which takes root on Linux, it has real nodes: node1, node2 and so
on, each in a network namespace, with containerd, kubelet and kube-proxy.`

// startFlags are the flags of everything that starts a cluster.
type startFlags struct {
	dir, bin, serviceCIDRs string
	scheduler              bool
	timeout                time.Duration
	nodes                  int
	cni, proxyMode         string
	resolvConf             string
}

// noNodes says that nodes were not asked for, which is less than to ask for 0.
const noNodes = -1

func (f *startFlags) register(set *flag.FlagSet) {
	set.StringVar(&f.dir, "dir", "", "state `folder` of the cluster; made if missing, delete it to begin anew")
	set.StringVar(&f.bin, "bin", "", binUsage)
	set.StringVar(&f.serviceCIDRs, "service-cidrs", cluster.DefaultServiceCIDRs, "`ranges` of service addresses")
	set.BoolVar(&f.scheduler, "scheduler", false, "start kube-scheduler, too")
	f.nodes = noNodes
	set.Func("nodes", "start this `number` of real nodes, too, which takes root on Linux; with 0 add-node can make some (default: none, now and later)", func(text string) (err error) {
		f.nodes, err = strconv.Atoi(text)
		return err
	})
	set.StringVar(&f.cni, "cni", "bridge", "how pods are joined to their node: bridge or ptp")
	set.StringVar(&f.proxyMode, "proxy-mode", "nftables", "how kube-proxy works: nftables or iptables")
	set.StringVar(&f.resolvConf, "resolv-conf", "", "`file` to use as the resolv.conf of new nodes (default: one that names the host)")
	set.DurationVar(&f.timeout, "timeout", 2*time.Minute, "give up when the cluster is not ready by then")
}

// args are the flags again, for another program.
func (f *startFlags) args() []string {
	return []string{
		"--dir=" + f.dir, "--bin=" + f.bin, "--service-cidrs=" + f.serviceCIDRs,
		fmt.Sprintf("--scheduler=%t", f.scheduler), "--timeout=" + f.timeout.String(),
		fmt.Sprintf("--nodes=%d", f.nodes), "--cni=" + f.cni, "--proxy-mode=" + f.proxyMode, "--resolv-conf=" + f.resolvConf,
	}
}

func (f *startFlags) options(std stdio) (cluster.Options, error) {
	o := cluster.Options{
		Dir: f.dir, Bin: f.bin, ServiceCIDRs: f.serviceCIDRs,
		Scheduler: f.scheduler, Timeout: f.timeout, Log: std.err,
	}
	if f.nodes == noNodes {
		return o, nil
	}
	o.Nodes = &cluster.NodeOptions{Count: f.nodes, CNI: f.cni, ProxyMode: f.proxyMode}
	if f.resolvConf != "" {
		text, err := os.ReadFile(f.resolvConf)
		if err != nil {
			return o, fmt.Errorf("reading the resolv.conf of the nodes: %w", err)
		}
		o.Nodes.ResolvConf = string(text)
	}
	return o, nil
}

func parseStart(std stdio, set *flag.FlagSet, f *startFlags, args []string) error {
	f.register(set)
	if err := parse(std, set, args); err != nil {
		return err
	}
	if f.bin == "" {
		f.bin = defaultBin()
	}
	return required(std, set, "dir")
}

func runRun(ctx context.Context, std stdio, args []string) error {
	set := flags(std, "run", runHelp)
	asJSON := set.Bool("json", false, "print one JSON line when ready")
	control := set.Bool("control", false, "read commands from standard input")
	var f startFlags
	if err := parseStart(std, set, &f, args); err != nil {
		return err
	}
	var requests <-chan string
	if *control {
		ctx, requests = readRequests(ctx, std.in)
	}
	options, err := f.options(std)
	if err != nil {
		return err
	}
	c, err := cluster.Start(ctx, options)
	if err != nil {
		if errors.Is(err, errInputEnded) {
			return nil
		}
		return err
	}
	announce(std, c, *asJSON)
	err = serve(ctx, std, c, requests)
	fmt.Fprintln(std.err, "stopping the cluster")
	c.Stop()
	if errors.Is(err, errQuit) {
		fmt.Fprintln(std.out, "ok")
		return nil
	}
	return err
}

// ready is what --json prints.
type ready struct {
	Kubeconfig string `json:"kubeconfig"`
	APIServer  string `json:"apiserver"`
	Kubectl    string `json:"kubectl,omitempty"` // one to use, if there is any
	// Host are the addresses of this machine towards nodes and pods.
	Host []netip.Addr `json:"host,omitempty"`
}

func announce(std stdio, c *cluster.Cluster, asJSON bool) {
	if !asJSON {
		fmt.Fprintf(std.out, "kubeconfig: %s\nready\n", c.Kubeconfig())
		explain(std, c)
		return
	}
	line, _ := json.Marshal(ready{c.Kubeconfig(), c.APIServer(), c.Kubectl(), c.HostAddresses()}) // strings always can
	fmt.Fprintf(std.out, "%s\n", line)
}

// explain tells a person what can be done with a cluster that has nodes.
func explain(std stdio, c *cluster.Cluster) {
	nodes := c.Nodes()
	if len(nodes) == 0 {
		return
	}
	fmt.Fprintf(std.err, `
Use it from another terminal, and end it with Ctrl-C here:

    export KUBECONFIG=%s
    kubectl get nodes -o wide
    bin/cluster load-image --dir %s FILE    # an archive with an image, for pods with imagePullPolicy: Never
    nsenter --net=%s dig @10.96.0.10 kubernetes.default.svc.cluster.local
                                            # any command as if on %s

`, c.Kubeconfig(), filepath.Dir(c.Kubeconfig()), nodes[0].Netns, nodes[0].Name)
}
