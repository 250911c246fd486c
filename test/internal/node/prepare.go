// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// An unready error says why a container cannot start yet, in the words of
// kubelet. It is tried again.
type unready struct {
	reason string
	error
}

const (
	containerCreating = "ContainerCreating"
	badConfig         = "CreateContainerConfigError"
)

// listenVariable is the name of a variable with the address of this machine that
// is the Pod's.
const listenVariable = "LISTEN_ADDRESS"

// prepare writes the files of a Pod and returns the command of its container.
func (p *pod) prepare(ctx context.Context) (command, error) {
	o := p.object()
	container := o.Spec.Containers[0]
	kubeconfig, err := p.credentials(ctx, container)
	if err != nil {
		return command{}, unready{containerCreating, err}
	}
	values, err := environment(o, container, p.node.options.Name, p.ip)
	if err != nil {
		return command{}, unready{badConfig, err}
	}
	program, others := p.node.options.Programs[container.Image]
	c := command{program: cmp.Or(program, p.node.options.Program), folder: p.folder, log: filepath.Join(p.folder, "log")}
	for _, arg := range arguments(container) {
		c.args = append(c.args, expand(arg, values))
	}
	conf, ok := confOf(c.args)
	if !others && !ok {
		// It would listen on port 53 of all addresses.
		return command{}, unready{badConfig, errors.New("this stand-in for kubelet runs CoreDNS with -conf only")}
	}
	m := mountsOf(o, container, p.volumes(), p.node.options.ResolvConf)
	a := adapter{
		address: local(p.ip), kubeconfig: kubeconfig, mounts: m, values: values, folder: path.Dir(m.outside(conf)),
	}
	p.again = func(ctx context.Context) error { return p.refresh(ctx, m.outside(conf), a) }
	if err := p.again(ctx); err != nil {
		return command{}, err
	}
	c.args = m.words(c.args)
	c.env = append(m.variables(values), "PATH="+os.Getenv("PATH"), "HOSTNAME="+o.Name, "HOME="+p.folder, listenVariable+"="+a.address.String())
	if kubeconfig != "" {
		c.env = append(c.env, "KUBECONFIG="+kubeconfig)
	}
	return c, nil
}

// refresh writes the files of the volumes as they are now. The Corefile is
// adapted by a, which gets the files.
func (p *pod) refresh(ctx context.Context, conf string, a adapter) error {
	o := p.object()
	all, err := p.node.gather(ctx, o, p.volumes())
	if err != nil {
		return unready{containerCreating, err}
	}
	a.files, a.done = all, make(map[string]bool)
	a.adapt(conf)
	for _, v := range o.Spec.Volumes {
		if !filled(o, v.Name) {
			continue
		}
		folder := filepath.Join(p.volumes(), v.Name)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return unready{containerCreating, err}
		}
		if v.EmptyDir != nil {
			continue
		}
		if err := all.write(folder); err != nil {
			return unready{containerCreating, err}
		}
	}
	return nil
}

func (p *pod) volumes() string { return filepath.Join(p.folder, "volumes") }

func (p *pod) credentials(ctx context.Context, c corev1.Container) (string, error) {
	if !trusted(c) {
		return "", nil
	}
	o := p.object()
	return p.node.accounts.kubeconfig(ctx, o.Namespace, cmp.Or(o.Spec.ServiceAccountName, "default"))
}

// arguments returns those of a container. The first word of its command is a
// program in its image, in the place of which another runs.
func arguments(c corev1.Container) []string {
	if len(c.Command) == 0 {
		return c.Args
	}
	return append(slices.Clone(c.Command[1:]), c.Args...)
}

// confOf returns the file that the flag -conf of CoreDNS names.
func confOf(args []string) (string, bool) {
	for i, arg := range args {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		switch {
		case name != "conf" || !strings.HasPrefix(arg, "-"):
		case ok:
			return value, true
		case i+1 < len(args):
			return args[i+1], true
		}
	}
	return "", false
}

// local is where the process listens for its Pod.
func (p *pod) local(port uint16) netip.AddrPort { return Reach(netip.AddrPortFrom(p.ip, port)) }
