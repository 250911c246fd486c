// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command ingress is a small Ingress controller for tests: it writes the file of
// a nginx beside it, and has nginx read it anew when something changes.
//
// Traefik instead would be 2,277 packages, of which 1,600 are clients of DNS
// hosters for ACME that no test needs, from modules that not every proxy has.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const about = `Usage: ingress [flags]

Serves the Ingresses of one namespace and one class with nginx, which it starts.
It goes by hosts, also such as *.example.org, and by paths, Exact and Prefix;
anything else gets 404, and a Service without a Pod that is ready 503. It knows
neither TLS nor annotations. It watches Ingresses, Services and EndpointSlices, and
writes the addresses of a Service into the status of Ingresses.

Flags:
`

type options struct {
	kubeconfig, namespace, class, publish, folder string
	port, ready                                   int
}

func main() {
	var o options
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "`file` to reach the API server by (default: the service account of the Pod)")
	flag.StringVar(&o.namespace, "namespace", os.Getenv("POD_NAMESPACE"), "`namespace` of the Ingresses (default: POD_NAMESPACE of the environment)")
	flag.StringVar(&o.class, "class", "test", "`name` of the IngressClass")
	flag.StringVar(&o.publish, "publish", "", "`name` of the Service before nginx, whose addresses Ingresses get (default: they get none)")
	flag.StringVar(&o.folder, "folder", os.TempDir(), "`folder` for what nginx reads and writes")
	flag.IntVar(&o.port, "port", 8080, "`port` of HTTP")
	flag.IntVar(&o.ready, "ready-port", 8081, "`port` that says 200 once nginx serves")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, about)
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	if err := run(ctx, o); err != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

// run serves until ctx ends or nginx does.
func run(ctx context.Context, o options) error {
	if o.namespace == "" {
		return fmt.Errorf("there is no namespace: give --namespace")
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	w, err := watch(ctx, client, o.namespace)
	if err != nil {
		return err
	}
	n := &nginx{folder: o.folder, ended: make(chan struct{})}
	defer n.stop()
	again := time.NewTimer(0) // for what failed
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.ended:
			return fmt.Errorf("nginx ended by itself: %s", n.cmd.ProcessState)
		case <-w.changed:
		case <-again.C:
		}
		if err := step(ctx, w, n, o); err != nil {
			fmt.Fprintf(os.Stderr, "error: %v\n", err)
			again.Reset(time.Second)
		}
	}
}

// step brings nginx and the Ingresses up to date.
func step(ctx context.Context, w *watcher, n *nginx, o options) error {
	now, err := w.world()
	if err != nil {
		return err
	}
	c := conf{Listen: listen(o.port), Ready: listen(o.ready), Folder: o.folder}
	c.Servers, c.Backends = now.route(o.class)
	text, err := c.render()
	if err != nil {
		return err
	}
	if err := n.use(ctx, text); err != nil {
		return err
	}
	if o.publish == "" {
		return nil
	}
	return w.publish(ctx, now, o.class, o.publish)
}

// listen returns the addresses of a port, of both families if there are two.
func listen(port int) []string {
	all := []string{fmt.Sprint(port)}
	if _, err := os.Stat("/proc/net/if_inet6"); err == nil {
		all = append(all, fmt.Sprintf("[::]:%d", port))
	}
	return all
}
