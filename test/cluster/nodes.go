// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster/internal/netns"
	"github.com/clusterdns/clusterdns/test/cluster/internal/network"
	"github.com/clusterdns/clusterdns/test/cluster/internal/node"
)

// Domain is the domain of the clusters.
const Domain = "cluster.local"

// planNetwork decides on the addresses of a cluster with nodes, and makes the
// switch. What a crash left of it is gone already.
func (c *Cluster) planNetwork(ctx context.Context) error {
	if c.opts.Nodes == nil {
		return nil
	}
	taken, err := network.Taken(ctx)
	if err != nil {
		return err
	}
	ranges, _ := serviceRanges(c.opts.ServiceCIDRs) // complete has checked it
	taken = append(taken, ranges...)
	if c.state.Network != nil {
		if err := c.state.Network.Check(taken); err != nil {
			return err
		}
	} else {
		plan, err := network.NewPlan(c.opts.Dir, taken, network.HasIPv6())
		if err != nil {
			return err
		}
		c.state.Network = &plan
	}
	if err := c.files.save(c.state); err != nil { // before there is something to clean up
		return err
	}
	return c.state.Network.Up(ctx)
}

// startNodes starts those that were asked for, and forgets others that an
// earlier run had.
func (c *Cluster) startNodes(ctx context.Context) error {
	if c.opts.Nodes == nil {
		return nil
	}
	wanted := func(n nodeState) bool { return n.Number <= c.opts.Nodes.Count && n.Name == defaultNodeName(n.Number) }
	for _, n := range c.state.Nodes {
		if !wanted(n) {
			if err := c.deleteNode(ctx, n.Name); err != nil {
				return err
			}
		}
	}
	c.state.Nodes = nil
	for number := range c.opts.Nodes.Count {
		c.state.Nodes = append(c.state.Nodes, nodeState{defaultNodeName(number + 1), number + 1})
	}
	begin := time.Now()
	for _, n := range c.state.Nodes {
		if err := c.startNode(ctx, n); err != nil {
			return err
		}
	}
	for _, n := range c.state.Nodes {
		if err := c.awaitNode(ctx, n, begin); err != nil {
			return err
		}
	}
	return nil
}

func defaultNodeName(number int) string { return fmt.Sprintf("node%d", number) }

// stopNodes ends all nodes and removes their network.
func (c *Cluster) stopNodes() {
	if c.opts.Nodes == nil || c.state.Network == nil {
		return
	}
	ctx := context.Background() // to be done whatever happens
	var all sync.WaitGroup
	for _, n := range c.state.Nodes {
		all.Go(func() {
			if err := c.endNode(ctx, n); err != nil {
				c.logf("%v", err)
			}
		})
	}
	all.Wait()
	if err := c.state.removeNetwork(ctx); err != nil {
		c.logf("%v", err)
	}
}

// cleanNodes removes what a crash has left of nodes. It reports whether pods
// were still running.
func cleanNodes(ctx context.Context, files layout, s state, log io.Writer) (bool, error) {
	if s.Network == nil || os.Geteuid() != 0 {
		return false, nil
	}
	any := false
	for _, n := range s.Nodes {
		ended, err := s.cleanable(files, n).Clean(ctx)
		if err != nil {
			return any, err
		}
		if ended > 0 {
			any = true
			fmt.Fprintf(log, "ended %d processes of pods on %s, left over from a run that crashed\n", ended, n.Name)
		}
		if err := s.Network.Unplug(ctx, n.Name); err != nil {
			return any, err
		}
	}
	return any, s.removeNetwork(ctx)
}

// removeNetwork removes what nodes had in common.
func (s state) removeNetwork(ctx context.Context) error {
	err := os.Remove(s.runDir())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, s.Network.Down(ctx))
}

// runDir is the folder of what nodes need while they run.
func (s state) runDir() string { return "/run/" + s.clusterID() }

// clusterID is in the names of all that the nodes have on this machine.
func (s state) clusterID() string { return "clusterdns-" + s.Network.ID }

// AddNode starts one more node and returns once it is ready. An empty name
// means the next free one of node1, node2 and so on.
func (c *Cluster) AddNode(ctx context.Context, name string) (Node, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.canHaveNodes(); err != nil {
		return Node{}, err
	}
	number := c.state.freeNumber()
	if number > network.MaxNodes {
		return Node{}, fmt.Errorf("there is room for %d nodes", network.MaxNodes)
	}
	if name == "" {
		name = defaultNodeName(number)
	}
	if err := node.CheckName(name); err != nil {
		return Node{}, err
	}
	if _, err := c.state.node(name); err == nil {
		return Node{}, fmt.Errorf("there is a node %s already", name)
	}
	n := nodeState{name, number}
	c.state.Nodes = append(c.state.Nodes, n)
	if err := c.bringUp(ctx, n); err != nil {
		c.state.Nodes = c.state.Nodes[:len(c.state.Nodes)-1]
		return Node{}, errors.Join(err, c.deleteNode(context.WithoutCancel(ctx), name), c.files.save(c.state))
	}
	return c.describe(n), nil
}

// StopNode takes a node away as a power failure would: its programs, its pods
// and its network are gone at once, and nobody is told.
func (c *Cluster) StopNode(ctx context.Context, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.runningNode(name)
	if err != nil {
		return err
	}
	return c.takeAway(ctx, n)
}

// takeAway ends a node, which may come back.
func (c *Cluster) takeAway(ctx context.Context, n nodeState) error {
	err := c.endNode(ctx, n)
	for _, program := range nodePrograms[:3] {
		err = errors.Join(err, c.forget(nodeProgram(n.Name, program)))
	}
	return err
}

// StartNode starts a node again that StopNode stopped, and returns once it is
// ready. Its images are still there.
func (c *Cluster) StartNode(ctx context.Context, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.canHaveNodes(); err != nil {
		return err
	}
	n, err := c.state.node(name)
	if err != nil {
		return err
	}
	if c.nodeRuns(name) {
		return fmt.Errorf("the node %s is running already", name)
	}
	return c.bringUp(ctx, n)
}

// RestartProgram ends a program of a node, kubelet, kube-proxy or containerd,
// and starts it again. Pods keep running.
func (c *Cluster) RestartProgram(ctx context.Context, name, program string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.runningNode(name)
	if err != nil {
		return err
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	return c.restartProgram(ctx, n, program)
}

func (c *Cluster) canHaveNodes() error {
	switch {
	case c.closed:
		return errors.New("the cluster was stopped")
	case c.opts.Nodes == nil:
		return errors.New("this cluster has no network for nodes: start it with --nodes")
	}
	return nil
}

func (c *Cluster) runningNode(name string) (nodeState, error) {
	if err := c.canHaveNodes(); err != nil {
		return nodeState{}, err
	}
	n, err := c.state.node(name)
	if err == nil && !c.nodeRuns(name) {
		err = fmt.Errorf("the node %s is not running", name)
	}
	return n, err
}

func (c *Cluster) nodeRuns(name string) bool { return c.running[nodeProgram(name, containerd)] != nil }

// bringUp starts a node of a cluster that runs, or leaves nothing of it.
func (c *Cluster) bringUp(ctx context.Context, n nodeState) error {
	timed, cancel := c.limited(ctx)
	defer cancel()
	begin := time.Now()
	err := c.startNode(timed, n)
	if err == nil {
		err = c.awaitNode(timed, n, begin)
	}
	if err != nil {
		return errors.Join(err, c.takeAway(context.WithoutCancel(ctx), n))
	}
	return nil
}

func (c *Cluster) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.opts.Timeout, fmt.Errorf("gave up after %s", c.opts.Timeout))
}

// Node describes a node of a cluster.
type Node struct {
	Name       string         `json:"name"`
	Addresses  []netip.Addr   `json:"addresses"`  // IPv4 first
	PodCIDRs   []netip.Prefix `json:"podCIDRs"`   // IPv4 first
	Netns      string         `json:"netns"`      // the file of its network namespace
	ResolvConf string         `json:"resolvConf"` // its resolv.conf; may be written to at any time, new pods see it
	Containerd string         `json:"containerd"` // the socket
	Running    bool           `json:"running"`
}

// Nodes are all nodes, in the order of their numbers.
func (c *Cluster) Nodes() []Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	nodes := []Node{}
	for _, n := range c.state.Nodes {
		nodes = append(nodes, c.describe(n))
	}
	return nodes
}

// Node is the node with a name.
func (c *Cluster) Node(name string) (Node, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.state.node(name)
	if err != nil {
		return Node{}, err
	}
	return c.describe(n), nil
}

// HostAddresses are those of the host towards nodes and pods; there are none
// without nodes.
func (c *Cluster) HostAddresses() []netip.Addr {
	if c.opts.Nodes == nil {
		return nil
	}
	return c.state.Network.Host()
}

func (c *Cluster) describe(n nodeState) Node {
	d := c.state.describe(c.files, n)
	d.Running = c.nodeRuns(n.Name)
	return d
}

func (s state) describe(files layout, n nodeState) Node {
	full := s.cleanable(files, n)
	return Node{
		Name:       n.Name,
		Addresses:  s.Network.Addresses(n.Number),
		PodCIDRs:   s.Network.Pods(n.Number),
		Netns:      netns.Path(s.Network.Namespace(n.Name)),
		ResolvConf: full.ResolvConf(),
		Containerd: full.Socket(),
	}
}

// cleanable knows enough of a node to clean up after it.
func (s state) cleanable(files layout, n nodeState) node.Node {
	return node.Node{
		Name: n.Name,
		ID:   s.clusterID() + "-" + n.Name,
		Dir:  files.node(n.Name),
		Run:  filepath.Join(s.runDir(), n.Name),
	}
}

func (s state) node(name string) (nodeState, error) {
	i := slices.IndexFunc(s.Nodes, func(n nodeState) bool { return n.Name == name })
	if i < 0 {
		return nodeState{}, fmt.Errorf("there is no node %q", name)
	}
	return s.Nodes[i], nil
}

func (s state) freeNumber() int {
	for number := 1; ; number++ {
		if !slices.ContainsFunc(s.Nodes, func(n nodeState) bool { return n.Number == number || n.Name == defaultNodeName(number) }) {
			return number
		}
	}
}

// startOrder are the programs in the order of their start.
func (s state) startOrder() []string {
	names := slices.Clone(programNames)
	for _, n := range s.Nodes {
		for _, program := range nodePrograms[:3] {
			names = append(names, nodeProgram(n.Name, program))
		}
	}
	return names
}

// stopOrder is the opposite.
func (s state) stopOrder() []string {
	names := s.startOrder()
	slices.Reverse(names)
	return names
}
