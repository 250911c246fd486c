// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster/internal/process"
)

// The programs by the names of their files.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
)

// programNames are all of them, in the order of their start.
var programNames = []string{etcd, apiServer, controllerManager, scheduler}

// stopGrace is how long a program may take to end by itself.
const stopGrace = 5 * time.Second

func (c *Cluster) command(name string, args ...string) process.Command {
	return process.Command{
		Name:   name,
		Path:   c.opts.program(name),
		Args:   args,
		Log:    c.files.log(name),
		Orphan: c.opts.orphan,
	}
}

// etcd is plain HTTP: only this machine can reach it, and what it holds is of
// no value. Without fsync a crash of the machine may ruin the data, a crash of
// the program does not.
func (c *Cluster) etcd() process.Command {
	client, peer := c.state.etcdClient(), c.state.etcdPeer()
	return c.command(etcd,
		"--name=clusterdns-test",
		"--data-dir="+c.files.data(),
		"--unsafe-no-fsync",
		"--listen-client-urls="+client,
		"--advertise-client-urls="+client,
		"--listen-peer-urls="+peer,
		"--initial-advertise-peer-urls="+peer,
		"--initial-cluster=clusterdns-test="+peer,
		"--log-level=warn",
	)
}

func (c *Cluster) apiServer() process.Command {
	return c.command(apiServer,
		"--etcd-servers="+c.state.etcdClient(),
		"--bind-address="+c.bound(),
		"--secure-port="+strconv.Itoa(c.state.APIPort),
		"--advertise-address="+c.advertised(),
		"--cert-dir="+c.files.pki(),
		"--tls-cert-file="+c.files.pkiFile("apiserver.crt"),
		"--tls-private-key-file="+c.files.pkiFile("apiserver.key"),
		"--client-ca-file="+c.files.pkiFile("ca.crt"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+c.files.pkiFile("sa.pub"),
		"--service-account-signing-key-file="+c.files.pkiFile("sa.key"),
		"--service-cluster-ip-range="+c.opts.ServiceCIDRs,
		"--kubelet-preferred-address-types=InternalIP", // node names are in no DNS
		"--allow-privileged=true",
		"--shutdown-watch-termination-grace-period=200ms",
		"--kubelet-certificate-authority="+c.files.pkiFile("ca.crt"),
		"--kubelet-client-certificate="+c.files.pkiFile("kubelet-client.crt"),
		"--kubelet-client-key="+c.files.pkiFile("kubelet-client.key"),
	)
}

// bound is where the API server listens. Pods have to reach it, and tests on
// this machine use 127.0.0.1; it takes one address or all.
func (c *Cluster) bound() string {
	if c.opts.Nodes != nil {
		return "0.0.0.0"
	}
	return "127.0.0.1"
}

// advertised is the address in the endpoints of the Service kubernetes. A
// loopback address is not allowed there, and one of the host would make
// answers differ from machine to machine; so it is one from the ranges of
// RFC 5737 and RFC 3849 that lead nowhere. No one uses it: there are no pods.
// With nodes it is the address that the host has towards them.
func (c *Cluster) advertised() string {
	if c.opts.Nodes != nil {
		return c.state.Network.Host()[0].String()
	}
	ranges, _ := serviceRanges(c.opts.ServiceCIDRs) // complete has checked it
	if ranges[0].Addr().Is6() {
		return "2001:db8::1"
	}
	return "203.0.113.1"
}

func (c *Cluster) controllerManager() process.Command {
	return c.command(controllerManager,
		"--kubeconfig="+c.files.pkiFile(controllerManager+".kubeconfig"),
		"--leader-elect=false", // else it ends when the API server is away for long
		"--secure-port=0",
		"--controllers=*",
		"--use-service-account-credentials",
		"--service-account-private-key-file="+c.files.pkiFile("sa.key"),
		"--root-ca-file="+c.files.pkiFile("ca.crt"),
		"--cluster-signing-cert-file="+c.files.pkiFile("ca.crt"),
		"--cluster-signing-key-file="+c.files.pkiFile("ca.key"),
		"--service-cluster-ip-range="+c.opts.ServiceCIDRs,
		"--kube-api-qps=200", "--kube-api-burst=400", // tests make many objects at once
		"--node-monitor-period=2s", "--node-monitor-grace-period=20s", // a lost node is noticed in seconds
	)
}

func (c *Cluster) scheduler() process.Command {
	return c.command(scheduler,
		"--kubeconfig="+c.files.pkiFile(scheduler+".kubeconfig"),
		"--leader-elect=false",
		"--secure-port=0",
	)
}

func (c *Cluster) startAPIServer(ctx context.Context) error {
	if err := c.run(c.apiServer()); err != nil {
		return err
	}
	err := c.await(ctx, apiServer,
		"/readyz?verbose",
		"/api/v1/namespaces/default/services/kubernetes",
		"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
	)
	if err != nil {
		return fmt.Errorf("starting kube-apiserver: %w", err)
	}
	return nil
}

func (c *Cluster) startControllers(ctx context.Context) error {
	if err := c.run(c.controllerManager()); err != nil {
		return err
	}
	if c.opts.Scheduler {
		if err := c.run(c.scheduler()); err != nil {
			return err
		}
	}
	if c.running[controllerManager] == nil {
		return nil
	}
	if err := c.await(ctx, controllerManager, "/api/v1/namespaces/default/serviceaccounts/default"); err != nil {
		return fmt.Errorf("starting kube-controller-manager: %w", err)
	}
	return nil
}
