// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package node knows the files of a node and cleans up after one.
package node

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Node is one node of a cluster. It is a value; whoever makes it fills in all.
type Node struct {
	Name      string
	ID        string         // that no other node on this machine has
	Addresses []netip.Addr   // IPv4 first
	Pods      []netip.Prefix // the ranges of its pods
	Domain    string         // of the cluster, for the search list of pods
	DNS       []netip.Addr   // what pods ask

	Dir string // what outlives the node: images, logs, volumes
	Run string // what does not: sockets, mounts. Short: a socket's path has 107 bytes at most

	CNI       CNI
	ProxyMode ProxyMode
	AllPods   []netip.Prefix // of all nodes
	CAFile    string         // who signs the certificates of clients of the kubelet
	Shim      string         // the file containerd-shim-runc-v2
	Pause     string         // the image that holds a pod's namespaces
}

// CNI is how pods are joined to their node.
type CNI string

// The kinds of CNI.
const (
	Bridge CNI = "bridge"
	PTP    CNI = "ptp"
)

// ProxyMode is how kube-proxy works.
type ProxyMode string

// The modes of kube-proxy.
const (
	NFTables ProxyMode = "nftables"
	IPTables ProxyMode = "iptables"
)

// CNIPrograms is the folder of the CNI plugins.
const CNIPrograms = "/usr/lib/cni"

// name is what a node may be called: names of network interfaces and paths of
// sockets are made of it.
var name = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$`)

// CheckName says what is wrong with the name of a node.
func CheckName(text string) error {
	if !name.MatchString(text) || text == "switch" || text == "all" {
		return fmt.Errorf("a node cannot be called %q: take up to 12 small letters, digits and hyphens, a letter first, and neither switch nor all", text)
	}
	return nil
}

// CheckDir says what is wrong with the state directory of a cluster with nodes.
func CheckDir(dir string) error {
	// A socket of the kubelet lies deepest.
	deepest := filepath.Join(dir, "nodes", "123456789012", "kubelet", "pod-resources", "kubelet.sock")
	switch {
	case len(deepest) > 107:
		return fmt.Errorf("the path %s is %d characters too long for the sockets of nodes: use another directory", dir, len(deepest)-107)
	case strings.ContainsAny(dir, " \t\n\\:,\""):
		return fmt.Errorf("the path %q has a character that mounts of nodes cannot have: use another directory", dir)
	}
	return nil
}

func (n Node) path(parts ...string) string {
	return filepath.Join(append([]string{n.Dir}, parts...)...)
}

// Socket is that of containerd.
func (n Node) Socket() string { return filepath.Join(n.Run, "containerd.sock") }

// ResolvConf is the resolv.conf of the node: what its pods with the DNS policy
// Default get.
func (n Node) ResolvConf() string { return n.path("resolv.conf") }

// ContainerdConfig is the configuration of containerd.
func (n Node) ContainerdConfig() string { return n.path("containerd.toml") }

// KubeletConfig is the configuration of the kubelet.
func (n Node) KubeletConfig() string { return n.path("kubelet.json") }

// ProxyConfig is the configuration of kube-proxy.
func (n Node) ProxyConfig() string { return n.path("kube-proxy.json") }

// Kubeconfig is the file with the credentials of a program of the node.
func (n Node) Kubeconfig(program string) string { return n.path(program + ".kubeconfig") }

// CertFile is the certificate of the kubelet as a server.
func (n Node) CertFile() string { return n.path("kubelet.crt") }

// KeyFile is the key of CertFile.
func (n Node) KeyFile() string { return n.path("kubelet.key") }

// KubeletRoot is the folder of the kubelet.
func (n Node) KubeletRoot() string { return n.path("kubelet") }

// state is the folder of what containerd needs while it runs.
func (n Node) state() string { return filepath.Join(n.Run, "containerd") }

func (n Node) cniConfig() string { return n.path("cni") }

// Write makes the folders and configurations of the node.
func (n Node) Write() error {
	for _, dir := range []string{n.Dir, n.Run, n.cniConfig(), n.KubeletRoot(), n.path("pods")} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("making the folders of %s: %w", n.Name, err)
		}
	}
	files := map[string]string{
		n.ContainerdConfig(): n.containerd(),
		n.KubeletConfig():    n.kubelet(),
		n.ProxyConfig():      n.proxy(),
		filepath.Join(n.cniConfig(), "10-clusterdns.conflist"): n.cni(),
	}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("writing the configuration of %s: %w", n.Name, err)
		}
	}
	return nil
}
