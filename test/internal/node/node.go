// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package node is a Node of a Kubernetes cluster whose Pods are processes on this machine.
//
// It stands in for kubelet, a container runtime and kube-proxy, without root and
// without containers: what the control plane decides about Pods is real, and so
// are their processes, probes and exit codes. There is no isolation: processes
// see the files and the network of the machine.
//
// Endpoints may not have loopback addresses, and nothing else is sure to be free
// on a machine. So a Pod has an address that is on no network, and its process
// listens where [Reach] says.
package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// Options of a Node. Kubeconfig, Program and Dir have no default.
type Options struct {
	// Name of the Node. The default is process-1.
	Name string
	// Kubeconfig is the path of one with all rights.
	Kubeconfig string
	// Credentials returns the path of a kubeconfig of a service account. It is
	// asked once for each. Without it, Pods have no access to the API server.
	Credentials func(namespace, serviceAccount string) (string, error)
	// Program is the path of CoreDNS, which runs for all images but those in Programs.
	Program string
	// Programs are the paths of programs that are not CoreDNS, by image. They are to
	// listen on the address in the variable LISTEN_ADDRESS only, which is that of
	// their Pod on this machine.
	Programs map[string]string
	// Dir gets a folder for each Pod, with its files and its log.
	Dir string
	// PodCIDR has the addresses of the Pods; it is an IPv4 network. The default
	// is 10.244.0.0/24.
	PodCIDR netip.Prefix
	// ResolvConf is the file that is /etc/resolv.conf to Pods, which is the default.
	ResolvConf string
	// Log gets messages about what is tried again. The default is to drop them.
	Log io.Writer
}

func (o Options) complete() (Options, error) {
	o.Name = cmp.Or(o.Name, "process-1")
	o.ResolvConf = cmp.Or(o.ResolvConf, resolvConf)
	o.PodCIDR = cmp.Or(o.PodCIDR, netip.MustParsePrefix("10.244.0.0/24")).Masked()
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Kubeconfig == "" || o.Program == "" || o.Dir == "" {
		return o, errors.New("the options Kubeconfig, Program and Dir must be set")
	}
	if !o.PodCIDR.Addr().Is4() {
		return o, fmt.Errorf("the option PodCIDR is %s: it has to be an IPv4 network", o.PodCIDR)
	}
	var err error
	o.Dir, err = filepath.Abs(o.Dir) // processes have other working directories
	return o, err
}

// A Node runs Pods. Its methods are safe for concurrent use.
type Node struct {
	options   Options
	client    kubernetes.Interface
	addresses *pool
	accounts  accounts
	log       *log.Logger

	ctx    context.Context // ends with the Node
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	pods map[types.UID]*pod
}

// Start registers a Node and runs the Pods that are on it until ctx ends or
// [Node.Close]. When it returns, the Node is ready.
func Start(ctx context.Context, o Options) (*Node, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	n := &Node{
		options:   o,
		client:    client,
		addresses: newPool(o.PodCIDR),
		accounts:  accounts{client: client, issue: o.Credentials},
		log:       log.New(o.Log, "node "+o.Name+": ", log.Ltime),
		pods:      make(map[types.UID]*pod),
	}
	n.ctx, n.cancel = context.WithCancel(ctx)
	if err := n.start(); err != nil {
		n.Close()
		return nil, fmt.Errorf("starting node %s: %w", o.Name, err)
	}
	return n, nil
}

func (n *Node) start() error {
	if err := n.register(n.ctx); err != nil {
		return err
	}
	n.wg.Go(n.stayAlive)
	return n.watchPods()
}

// Close ends the processes of the Pods and returns once they are gone. The
// objects of the Pods and of the Node stay, as if the machine had crashed.
func (n *Node) Close() {
	n.cancel()
	n.wg.Wait()
}

// observe has a Pod run, or tells it what is new about it.
func (n *Node) observe(o *corev1.Pod) {
	n.mu.Lock()
	p := n.pods[o.UID]
	if p == nil {
		if finished(o) && o.DeletionTimestamp == nil {
			n.mu.Unlock()
			return
		}
		p = n.newPod(o)
		n.pods[o.UID] = p
		n.wg.Go(func() {
			p.run()
			n.mu.Lock()
			defer n.mu.Unlock()
			delete(n.pods, o.UID)
		})
	}
	n.mu.Unlock()
	p.observe(o)
}

// forget ends a Pod whose object is gone.
func (n *Node) forget(o *corev1.Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.pods[o.UID]; p != nil {
		p.end()
	}
}

// finished reports whether a Pod never runs again.
func finished(o *corev1.Pod) bool {
	return o.Status.Phase == corev1.PodSucceeded || o.Status.Phase == corev1.PodFailed
}
