// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package network

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"github.com/clusterdns/clusterdns/test/cluster/internal/netns"
)

// HasIPv6 reports whether the kernel has IPv6.
func HasIPv6() bool {
	_, err := os.Stat("/proc/net/if_inet6")
	return err == nil
}

// Taken are the ranges that this machine has routes to, in any table.
func Taken(ctx context.Context) ([]netip.Prefix, error) {
	var taken []netip.Prefix
	for _, family := range []string{"-4", "-6"} {
		text, err := ip(ctx, "-j", family, "route", "show", "table", "all")
		if err != nil {
			return nil, err
		}
		var routes []struct{ Dst string }
		if err := json.Unmarshal(text, &routes); err != nil && len(bytes.TrimSpace(text)) > 0 {
			return nil, fmt.Errorf("reading the routes of this machine: %w", err)
		}
		for _, route := range routes {
			if prefix, ok := destination(route.Dst); ok {
				taken = append(taken, prefix)
			}
		}
	}
	return taken, nil
}

// destination is what `ip route` calls dst: a range, an address or a word.
func destination(text string) (netip.Prefix, bool) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix, true
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(address, address.BitLen()), true
}

// Up makes the switch and plugs the host in.
func (p Plan) Up(ctx context.Context) error {
	host, sw := p.HostInterface(), p.Switch()
	commands := [][]string{
		{"netns", "add", sw},
		{"-n", sw, "link", "set", "lo", "up"},
		{"-n", sw, "link", "add", "switch", "type", "bridge"},
		{"-n", sw, "link", "set", "switch", "up"},
		{"link", "add", host, "type", "veth", "peer", "name", "host", "netns", sw},
		{"-n", sw, "link", "set", "host", "master", "switch", "up"},
	}
	for i, address := range p.Host() {
		commands = append(commands, assign(nil, host, netip.PrefixFrom(address, p.subnet(0)[i].Bits())))
	}
	return all(ctx, append(commands, []string{"link", "set", host, "up"}))
}

// Plug makes the namespace of a node and plugs it into the switch.
func (p Plan) Plug(ctx context.Context, name string, number int) error {
	ns, sw, port := p.Namespace(name), p.Switch(), fmt.Sprintf("node%d", number)
	in := []string{"-n", ns}
	commands := [][]string{
		{"netns", "add", ns},
		{"-n", ns, "link", "set", "lo", "up"},
		{"-n", ns, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", sw},
		{"-n", sw, "link", "set", port, "master", "switch", "up"},
	}
	for i, address := range p.Addresses(number) {
		commands = append(commands, assign(in, "eth0", netip.PrefixFrom(address, p.subnet(0)[i].Bits())))
	}
	commands = append(commands, []string{"-n", ns, "link", "set", "eth0", "up"})
	for _, host := range p.Host() {
		// Service addresses need a route, too: they are rewritten after it
		// was looked up.
		commands = append(commands, []string{"-n", ns, "route", "add", "default", "via", host.String()})
	}
	if err := all(ctx, commands); err != nil {
		return err
	}
	return netns.Do(netns.Path(ns), forward)
}

// Route leads from a namespace, or from the host if that is empty, to the pods
// of a node.
func (p Plan) Route(ctx context.Context, from string, to int) error {
	var commands [][]string
	for i, pods := range p.Pods(to) {
		var in []string
		if from != "" {
			in = []string{"-n", p.Namespace(from)}
		}
		commands = append(commands, append(in, "route", "replace", pods.String(), "via", p.Addresses(to)[i].String()))
	}
	return all(ctx, commands)
}

// Unplug removes the namespace of a node, if there is one.
func (p Plan) Unplug(ctx context.Context, name string) error { return remove(ctx, p.Namespace(name)) }

// Down removes all that Up made, and what is left of it after a crash. The
// routes of the host go with its interface.
func (p Plan) Down(ctx context.Context) error {
	if _, err := os.Stat("/sys/class/net/" + p.HostInterface()); err == nil {
		if _, err := ip(ctx, "link", "delete", p.HostInterface()); err != nil {
			return err
		}
	}
	return remove(ctx, p.Switch())
}

func remove(ctx context.Context, namespace string) error {
	if _, err := os.Lstat(netns.Path(namespace)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	_, err := ip(ctx, "netns", "delete", namespace)
	return err
}

func assign(in []string, device string, address netip.Prefix) []string {
	command := append(in[:len(in):len(in)], "address", "add", address.String(), "dev", device)
	if address.Addr().Is6() {
		command = append(command, "nodad") // nobody else is there, and it takes a second
	}
	return command
}

// forward makes the namespace of the caller a router, and bridged packets
// visible to the rules of kube-proxy.
func forward() error {
	settings := []struct {
		path     string
		optional bool
	}{
		{"net/ipv4/ip_forward", false},
		{"net/ipv6/conf/all/forwarding", true}, // no IPv6
		{"net/bridge/bridge-nf-call-iptables", true},
		{"net/bridge/bridge-nf-call-ip6tables", true},
	}
	for _, s := range settings {
		err := os.WriteFile("/proc/sys/"+s.path, []byte("1\n"), 0)
		if err != nil && !(s.optional && errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("setting up the network of a node: %w", err)
		}
	}
	return nil
}

func all(ctx context.Context, commands [][]string) error {
	for _, args := range commands {
		if _, err := ip(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func ip(ctx context.Context, args ...string) ([]byte, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, "ip", args...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return out.Bytes(), nil
}
