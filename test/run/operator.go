// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"

	"github.com/clusterdns/clusterdns/test/internal/node"
)

const operatorLog = "operator.log"

// logFile is the log that says why there is no DNS.
func (s *session) logFile() string {
	if s.existing {
		return s.file(coreDNSLog)
	}
	return s.file(operatorLog)
}

// startOperator starts a node and the operator. The Service that clients ask is
// on our port. It returns the log of the operator, which is not shown yet.
func (s *session) startOperator(ctx context.Context, k kubectl, kubeconfig string) (*tee, error) {
	if _, err := k.run(ctx, "apply", "--server-side", "--filename="+s.manifests("crd")); err != nil {
		return nil, err
	}
	if _, err := k.run(ctx, "wait", "--for=condition=Established", "--timeout=60s", "--filename="+s.manifests("crd")); err != nil {
		return nil, err
	}
	if err := s.startNode(ctx, kubeconfig); err != nil {
		return nil, err
	}
	log, err := os.Create(s.file(operatorLog))
	if err != nil {
		return nil, err
	}
	output := &tee{log: log, screen: s.err}
	cmd := exec.Command(s.program("clusterdns"), "operator", "--kubeconfig="+kubeconfig, "--local-image", "--resolv-conf=", "--leader-elect=false",
		"--log-format=text", "--metrics-address="+address(s.metrics), "--health-address="+address(s.health), "--coredns="+s.program("coredns"),
		"--reach="+podNetwork+"="+loopback+"+1000")
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, output, output
	cmd.SysProcAttr = tied()
	c, err := startChild("the operator", cmd, log, terminate, s.fail)
	if err != nil {
		return nil, err
	}
	s.children = append(s.children, c)
	return output, nil
}

// podNetwork has the addresses of Pods, and loopback those where they are.
const podNetwork, loopback = "10.244.0.0/24", "127.244.0.0/24"

func (s *session) startNode(ctx context.Context, kubeconfig string) error {
	s.ports.release()
	n, err := node.Start(context.WithoutCancel(ctx), node.Options{
		Kubeconfig: kubeconfig, Program: s.program("coredns"), Dir: s.file("node"), PodCIDR: netip.MustParsePrefix(podNetwork),
		Credentials: func(namespace, account string) (string, error) { return s.serviceAccount(ctx, namespace, account) },
	})
	if err != nil {
		return err
	}
	s.node = n
	listen := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(s.port)) //nolint:gosec // a port
	_, err = n.Expose(context.WithoutCancel(ctx), "kube-system", "kube-dns", listen)
	return err
}

// serviceAccount returns a kubeconfig with the rights of a service account.
func (s *session) serviceAccount(ctx context.Context, namespace, account string) (string, error) {
	cmd := exec.CommandContext(ctx, s.program("cluster"), "kubeconfig", "--dir="+s.controlPlane(), "--user=system:serviceaccount:"+namespace+":"+account)
	cmd.Env = s.env
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("making a kubeconfig for the service account %s/%s: %w", namespace, account, err)
	}
	return string(bytes.TrimSpace(out)), nil
}
