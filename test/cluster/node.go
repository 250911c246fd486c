// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/clusterdns/clusterdns/test/cluster/internal/build"
	"github.com/clusterdns/clusterdns/test/cluster/internal/netns"
	"github.com/clusterdns/clusterdns/test/cluster/internal/node"
	"github.com/clusterdns/clusterdns/test/cluster/internal/process"
)

// The programs of a node by the names of their files.
const (
	containerd = "containerd"
	kubelet    = "kubelet"
	kubeProxy  = "kube-proxy"
	shim       = "containerd-shim-runc-v2"
	ctr        = "ctr"
	pauseFile  = "pause.tar"
)

// nodePrograms are what a node needs; the first three are what it runs, in the
// order of their start.
var nodePrograms = []string{containerd, kubelet, kubeProxy, shim, ctr}

// nodeProgram is what a program of a node is called among all programs.
func nodeProgram(name, program string) string { return name + "-" + program }

func (c *Cluster) node(n nodeState) node.Node {
	full := c.state.cleanable(c.files, n)
	full.Addresses = c.state.Network.Addresses(n.Number)
	full.Pods = c.state.Network.Pods(n.Number)
	full.AllPods = c.state.Network.AllPods()
	full.Domain = Domain
	full.DNS = c.dnsAddresses()
	full.CNI, full.ProxyMode = node.CNI(c.opts.Nodes.CNI), node.ProxyMode(c.opts.Nodes.ProxyMode)
	full.CAFile = c.files.pkiFile("ca.crt")
	full.Shim = c.opts.program(shim)
	full.Pause = build.PauseImage
	return full
}

// dnsAddresses is the tenth address of the first service range, as everywhere.
func (c *Cluster) dnsAddresses() []netip.Addr {
	ranges, _ := serviceRanges(c.opts.ServiceCIDRs) // complete has checked it
	address := ranges[0].Addr()
	for range 10 {
		address = address.Next()
	}
	return []netip.Addr{address}
}

// startNode starts a node; it is ready later.
func (c *Cluster) startNode(ctx context.Context, n nodeState) error {
	c.logf("starting %s: %s", n.Name, c.state.Network.Addresses(n.Number)[0])
	if err := c.files.save(c.state); err != nil { // before there is something to clean up
		return err
	}
	if err := c.plug(ctx, n); err != nil {
		return fmt.Errorf("making the network of %s: %w", n.Name, err)
	}
	if err := c.node(n).Write(); err != nil {
		return err
	}
	if err := c.writeResolvConf(n); err != nil {
		return err
	}
	if err := c.nodeCredentials(n); err != nil {
		return fmt.Errorf("making the credentials of %s: %w", n.Name, err)
	}
	if err := c.createNode(ctx, n); err != nil {
		return fmt.Errorf("making the Node %s: %w", n.Name, err)
	}
	if err := c.startContainerd(ctx, n); err != nil {
		return err
	}
	if err := c.run(c.kubelet(n)); err != nil {
		return err
	}
	return c.run(c.kubeProxy(n))
}

// plug joins a node to the others, and to the host.
func (c *Cluster) plug(ctx context.Context, n nodeState) error {
	plan := c.state.Network
	if err := plan.Plug(ctx, n.Name, n.Number); err != nil {
		return err
	}
	if err := plan.Route(ctx, "", n.Number); err != nil {
		return err
	}
	for _, other := range c.state.Nodes {
		if other == n || !c.nodeRuns(other.Name) {
			continue
		}
		if err := errors.Join(plan.Route(ctx, other.Name, n.Number), plan.Route(ctx, n.Name, other.Number)); err != nil {
			return err
		}
	}
	return nil
}

// writeResolvConf leaves what is there from an earlier run, unless the user
// says what is to be there. A new one names the host, where a test may answer.
func (c *Cluster) writeResolvConf(n nodeState) error {
	path, text := c.node(n).ResolvConf(), c.opts.Nodes.ResolvConf
	if text == "" {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		text = fmt.Sprintf("nameserver %s\n", c.state.Network.Host()[0])
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// nodeCredentials are what the programs of a node show the API server, and the
// kubelet shows its clients.
func (c *Cluster) nodeCredentials(n nodeState) error {
	full := c.node(n)
	inside := access{c.files, c.ca, fmt.Sprintf("https://%s", netip.AddrPortFrom(c.state.Network.Host()[0], uint16(c.state.APIPort)))}
	if err := inside.writeCertificate(full.Kubeconfig(kubelet), "system:node:"+n.Name, "system:nodes"); err != nil {
		return err
	}
	if err := inside.writeCertificate(full.Kubeconfig(kubeProxy), "system:kube-proxy"); err != nil {
		return err
	}
	serving, err := c.ca.Server(n.Name, []string{n.Name}, full.Addresses)
	if err != nil {
		return err
	}
	return serving.Write(full.CertFile(), full.KeyFile())
}

func (c *Cluster) nodeCommand(n nodeState, program string, args ...string) process.Command {
	command := c.command(program, args...)
	command.Name = nodeProgram(n.Name, program)
	command.Log = c.files.log(command.Name)
	command.Netns = netns.Path(c.state.Network.Namespace(n.Name))
	return command
}

func (c *Cluster) kubelet(n nodeState) process.Command {
	full := c.node(n)
	var addresses []string
	for _, address := range full.Addresses {
		addresses = append(addresses, address.String())
	}
	return c.nodeCommand(n, kubelet,
		"--config="+full.KubeletConfig(),
		"--kubeconfig="+full.Kubeconfig(kubelet),
		"--root-dir="+full.KubeletRoot(),
		"--cert-dir="+full.KubeletRoot(),
		"--hostname-override="+n.Name,
		"--node-ip="+strings.Join(addresses, ","),
	)
}

func (c *Cluster) kubeProxy(n nodeState) process.Command {
	return c.nodeCommand(n, kubeProxy, "--config="+c.node(n).ProxyConfig())
}

// startContainerd starts containerd and gives it the pause image.
func (c *Cluster) startContainerd(ctx context.Context, n nodeState) error {
	if err := c.run(c.nodeCommand(n, containerd, "--config="+c.node(n).ContainerdConfig())); err != nil {
		return err
	}
	if err := c.awaitSocket(ctx, n); err != nil {
		return fmt.Errorf("starting containerd of %s: %w", n.Name, err)
	}
	return c.importImage(ctx, c.node(n).Socket(), c.opts.file(pauseFile))
}

// awaitSocket returns once containerd can be asked.
func (c *Cluster) awaitSocket(ctx context.Context, n nodeState) error {
	return c.poll(ctx, nodeProgram(n.Name, containerd), func() error {
		connection, err := net.Dial("unix", c.node(n).Socket())
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

// restartProgram leaves pods alone.
func (c *Cluster) restartProgram(ctx context.Context, n nodeState, program string) error {
	name := nodeProgram(n.Name, program)
	p := c.running[name]
	if p == nil {
		return fmt.Errorf("a node has no %q: there are %s, %s, %s", program, containerd, kubelet, kubeProxy)
	}
	p.Stop(stopGrace)
	if err := c.forget(name); err != nil {
		return err
	}
	switch program {
	case containerd:
		return c.startContainerd(ctx, n)
	case kubelet:
		if err := c.run(c.kubelet(n)); err != nil {
			return err
		}
	default:
		if err := c.run(c.kubeProxy(n)); err != nil {
			return err
		}
	}
	return c.awaitHealthy(ctx, n, program)
}

// endNode ends a node at once. It does as much as it can, and forgets nothing.
func (c *Cluster) endNode(ctx context.Context, n nodeState) error {
	for _, program := range []string{kubelet, kubeProxy, containerd} {
		if p := c.running[nodeProgram(n.Name, program)]; p != nil {
			p.Stop(0)
		}
	}
	_, err := c.state.cleanable(c.files, n).Clean(ctx)
	return errors.Join(err, c.state.Network.Unplug(ctx, n.Name))
}
