// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"

	"github.com/clusterdns/clusterdns/test/cluster/internal/pki"
)

// prepare makes everything that the programs need in order to start.
func (c *Cluster) prepare(ctx context.Context) error {
	var err error
	if c.state, err = c.files.load(); err != nil {
		return err
	}
	if _, err := endLeftovers(ctx, c.files, c.state, c.opts.Log); err != nil {
		return err
	}
	if had := c.state.ServiceCIDRs; had != "" && had != c.opts.ServiceCIDRs {
		return fmt.Errorf("the cluster in %s has the service CIDRs %s, not %s: delete the directory or use another one", c.opts.Dir, had, c.opts.ServiceCIDRs)
	}
	if err := c.clearData(); err != nil {
		return err
	}
	c.state = state{
		Dir:          c.opts.Dir,
		Established:  c.state.Established,
		ServiceCIDRs: c.opts.ServiceCIDRs,
		APIPort:      c.state.APIPort,
		EtcdPort:     c.state.EtcdPort,
		PeerPort:     c.state.PeerPort,
		Network:      c.state.Network,
		Nodes:        c.state.Nodes,
	}
	if err := c.planNetwork(ctx); err != nil {
		return err
	}
	if err := choosePorts(&c.state.APIPort, &c.state.EtcdPort, &c.state.PeerPort); err != nil {
		return err
	}
	if err := c.makeDirs(); err != nil {
		return err
	}
	if err := c.makeCredentials(); err != nil {
		return fmt.Errorf("making the cluster's credentials: %w", err)
	}
	return c.files.save(c.state)
}

// clearData removes the data of a first start that did not get to its end: a
// member that was killed while it bootstrapped never elects itself.
func (c *Cluster) clearData() error {
	_, err := os.Stat(c.files.data())
	switch {
	case c.state.Established || errors.Is(err, os.ErrNotExist):
		return nil
	case c.state.Dir == "": // no cluster was here
		return fmt.Errorf("%s is there already, and not from a cluster of ours: use another directory", c.files.data())
	}
	if err := os.RemoveAll(c.files.data()); err != nil {
		return fmt.Errorf("removing the data of a start that was broken off: %w", err)
	}
	return nil
}

func (c *Cluster) makeDirs() error {
	for _, dir := range []string{c.files.pki(), c.files.logs(), c.files.issued()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for _, name := range c.state.startOrder() {
		if err := os.Truncate(c.files.log(name), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (c *Cluster) makeCredentials() error {
	var err error
	if c.ca, err = pki.OpenOrCreate(c.files.pki()); err != nil {
		return err
	}
	if err := pki.EnsureKey(c.files.pkiFile("sa.pub"), c.files.pkiFile("sa.key")); err != nil {
		return err
	}
	serving, err := c.ca.Server(apiServer, apiServerNames, c.apiServerAddresses())
	if err != nil {
		return err
	}
	if err := serving.Write(c.files.pkiFile("apiserver.crt"), c.files.pkiFile("apiserver.key")); err != nil {
		return err
	}
	kubelets, err := c.ca.Client("kube-apiserver", adminGroup)
	if err != nil {
		return err
	}
	if err := kubelets.Write(c.files.pkiFile("kubelet-client.crt"), c.files.pkiFile("kubelet-client.key")); err != nil {
		return err
	}
	for user, path := range map[string]string{
		"system:" + controllerManager: c.files.pkiFile(controllerManager + ".kubeconfig"),
		"system:" + scheduler:         c.files.pkiFile(scheduler + ".kubeconfig"),
	} {
		if err := c.access().writeCertificate(path, user); err != nil {
			return err
		}
	}
	if err := c.access().writeCertificate(c.files.kubeconfig(), adminUser, adminGroup); err != nil {
		return err
	}
	c.client, err = c.access().client()
	return err
}

var apiServerNames = []string{
	"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
}

func (c *Cluster) apiServerAddresses() []netip.Addr {
	addresses := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}
	ranges, _ := serviceRanges(c.opts.ServiceCIDRs) // complete has checked it
	for _, r := range ranges {
		addresses = append(addresses, r.Addr().Next())
	}
	if c.opts.Nodes != nil {
		addresses = append(addresses, c.state.Network.Host()...)
	}
	return addresses
}

// Ports are chosen below the range from which Linux takes the local ports of
// outgoing connections, and below the node ports of Kubernetes. In that range
// a client that keeps dialling a stopped API server would at some time get the
// very port as its own, connect to itself and keep the port from us.
const firstPort, ports = 20000, 10000

// choosePorts keeps the ports that are free and replaces the others.
func choosePorts(wanted ...*int) error {
	taken := map[int]bool{}
	for _, port := range wanted {
		for try := 0; *port == 0 || taken[*port] || portFree(*port) != nil; try++ {
			if try == 1000 {
				return fmt.Errorf("no free TCP port found on 127.0.0.1 from %d to %d", firstPort, firstPort+ports-1)
			}
			*port = firstPort + rand.IntN(ports)
		}
		taken[*port] = true
	}
	return nil
}

func portFree(port int) error {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("%s is taken by another program; end that one first (`ss -ltnp` shows it): %w", address, err)
	}
	return listener.Close()
}
