// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

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

// pauseImage is the name of the image in pauseFile.
const pauseImage = "clusterdns.test/pause:1"

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
	full.Pause = pauseImage
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

// awaitHealthy returns once a program of a node says that it works: the kubelet
// has reached containerd, kube-proxy has made its rules.
func (c *Cluster) awaitHealthy(ctx context.Context, n nodeState, program string) error {
	address := c.state.Network.Addresses(n.Number)[0].String()
	url := "https://" + net.JoinHostPort(address, "10250") + "/healthz"
	if program == kubeProxy {
		url = "http://" + net.JoinHostPort(address, "10256") + "/healthz"
	}
	err := c.poll(ctx, nodeProgram(n.Name, program), func() error { return get(ctx, c.client, url) })
	if err != nil {
		return fmt.Errorf("starting %s of %s: %w", program, n.Name, err)
	}
	return nil
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

// createNode makes the object before the kubelet does, which cannot say which
// ranges its pods have.
func (c *Cluster) createNode(ctx context.Context, n nodeState) error {
	pods := c.state.Network.Pods(n.Number)
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{"name": n.Name},
		"spec":     map[string]any{"podCIDR": pods[0], "podCIDRs": pods},
	})
	if err != nil {
		return err
	}
	status, _, err := c.request(ctx, http.MethodPost, "/api/v1/nodes", body)
	if status == http.StatusConflict { // from an earlier run
		return nil
	}
	return err
}

func (c *Cluster) deleteNode(ctx context.Context, name string) error {
	status, _, err := c.request(ctx, http.MethodDelete, "/api/v1/nodes/"+name, nil)
	if status == http.StatusNotFound {
		return nil
	}
	return err
}

// awaitNode returns once a node was ready since its kubelet started, and
// services can be reached from it.
func (c *Cluster) awaitNode(ctx context.Context, n nodeState, since time.Time) error {
	err := c.poll(ctx, nodeProgram(n.Name, kubelet), func() error {
		_, text, err := c.request(ctx, http.MethodGet, "/api/v1/nodes/"+n.Name, nil)
		if err != nil {
			return err
		}
		return nodeReady(text, since)
	})
	if err != nil {
		return fmt.Errorf("starting %s: %w", n.Name, err)
	}
	return c.awaitHealthy(ctx, n, kubeProxy)
}

// nodeReady says why pods cannot run on a node yet. What its kubelet said before
// a time does not count.
func nodeReady(text []byte, since time.Time) error {
	var object struct {
		Spec struct {
			Taints []struct{ Key, Effect string }
		}
		Status struct {
			Conditions []struct {
				Type, Status, Message string
				LastHeartbeatTime     time.Time // in seconds
			}
		}
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	for _, condition := range object.Status.Conditions {
		switch {
		case condition.Type != "Ready" || condition.LastHeartbeatTime.Before(since.Truncate(time.Second)):
		case condition.Status != "True":
			return fmt.Errorf("it is not ready: %s", condition.Message)
		case len(object.Spec.Taints) > 0: // a controller removes it in a moment
			return fmt.Errorf("it has the taint %s:%s", object.Spec.Taints[0].Key, object.Spec.Taints[0].Effect)
		default:
			return nil
		}
	}
	return errors.New("its kubelet has not reported yet")
}

// request is one to the API server. An answer other than a success is an error.
func (c *Cluster) request(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.state.APIServer()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("the API server says %s: %.300s", response.Status, text)
	}
	return response.StatusCode, text, err
}

// importImage gives containerd the images of an archive.
func (c *Cluster) importImage(ctx context.Context, socket, archive string) error {
	return importImage(ctx, c.opts.program(ctr), socket, archive)
}

func importImage(ctx context.Context, ctr, socket, archive string) error {
	if _, err := os.Stat(archive); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("loading an image: there is no %s", archive)
	}
	said, err := exec.CommandContext(ctx, ctr, "--address", socket, "--namespace", "k8s.io", "images", "import", archive).CombinedOutput()
	if err != nil {
		return fmt.Errorf("loading the image %s: %w: %s", archive, err, bytes.TrimSpace(said))
	}
	return nil
}

// LoadImage gives an archive, of Docker or OCI, to one node, or to all that run
// if name is empty. Images for other architectures in it are left out.
func (c *Cluster) LoadImage(ctx context.Context, name, archive string) error {
	sockets, err := c.sockets(name)
	if err != nil {
		return err
	}
	for _, socket := range sockets {
		if err := c.importImage(ctx, socket, archive); err != nil {
			return err
		}
	}
	return nil
}

// sockets are those of the containerd of one node or of all.
func (c *Cluster) sockets(name string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name != "" {
		n, err := c.runningNode(name)
		if err != nil {
			return nil, err
		}
		return []string{c.node(n).Socket()}, nil
	}
	var sockets []string
	for _, n := range c.state.Nodes {
		if c.nodeRuns(n.Name) {
			sockets = append(sockets, c.node(n).Socket())
		}
	}
	if sockets == nil {
		return nil, errors.New("no node runs")
	}
	return sockets, nil
}

// LoadImage is [Cluster.LoadImage] for a cluster of another program. bin is the
// folder of the programs.
func LoadImage(ctx context.Context, dir, bin, name, archive string) error {
	files, err := existing(dir)
	if err != nil {
		return err
	}
	s, err := files.load()
	if err != nil {
		return err
	}
	loaded := false
	for _, n := range s.Nodes {
		if !s.Processes[nodeProgram(n.Name, containerd)].Alive() || name != "" && n.Name != name {
			continue
		}
		if err := importImage(ctx, filepath.Join(bin, ctr), s.cleanable(files, n).Socket(), archive); err != nil {
			return err
		}
		loaded = true
	}
	switch {
	case loaded:
		return nil
	case name != "":
		return fmt.Errorf("no node %s runs in %s", name, dir)
	}
	return fmt.Errorf("no node runs in %s: start the cluster with --nodes", dir)
}
