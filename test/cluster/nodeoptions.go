// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/clusterdns/clusterdns/test/cluster/internal/network"
	"github.com/clusterdns/clusterdns/test/cluster/internal/node"
)

// NodeOptions says what nodes a cluster gets.
type NodeOptions struct {
	// Count is how many to start: node1, node2 and so on. AddNode makes more.
	Count int
	// CNI is how pods are joined to their node, bridge or ptp. Empty means
	// bridge.
	CNI string
	// ProxyMode is how kube-proxy works, nftables or iptables. Empty means
	// nftables.
	ProxyMode string
	// ResolvConf is the text of the nodes' resolv.conf. Empty leaves one of an
	// earlier run; a new one names the host.
	ResolvConf string
}

func (o *NodeOptions) complete(dir string) (*NodeOptions, error) {
	full := *o
	if full.CNI == "" {
		full.CNI = string(node.Bridge)
	}
	if full.ProxyMode == "" {
		full.ProxyMode = string(node.NFTables)
	}
	switch {
	case full.Count < 0 || full.Count > network.MaxNodes:
		return nil, fmt.Errorf("%d nodes: there can be 0 to %d", full.Count, network.MaxNodes)
	case full.CNI != string(node.Bridge) && full.CNI != string(node.PTP):
		return nil, fmt.Errorf("CNI %q: there are %s and %s", full.CNI, node.Bridge, node.PTP)
	case full.ProxyMode != string(node.NFTables) && full.ProxyMode != string(node.IPTables):
		return nil, fmt.Errorf("proxy mode %q: there are %s and %s", full.ProxyMode, node.NFTables, node.IPTables)
	}
	if err := node.CheckDir(dir); err != nil {
		return nil, err
	}
	return &full, CanRunNodes()
}

// CanRunNodes says why there can be no nodes on this machine, and what to do
// about it.
func CanRunNodes() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("nodes need Linux, and this is %s", runtime.GOOS)
	}
	if os.Geteuid() != 0 {
		return errors.New("nodes need root: containers, network namespaces and mounts are made")
	}
	var missing []string
	for _, program := range []string{"ip", "runc", "nft", "iptables", "conntrack", "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	for _, plugin := range []string{"bridge", "ptp", "host-local", "portmap", "loopback"} {
		if path := filepath.Join(node.CNIPrograms, plugin); !isFile(path) {
			missing = append(missing, path)
		}
	}
	if missing != nil {
		return fmt.Errorf("nodes need programs that are missing here: %s; `make node-programs` installs them on Debian", strings.Join(missing, ", "))
	}
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
