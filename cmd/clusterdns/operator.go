// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/clusterdns/clusterdns/operator"
)

// operatorFlags are those of the operator that plan needs, too.
type operatorFlags struct {
	namespace, service, coredns string
	image                       string
	localImage                  bool
	reach                       []string
}

func (o *operatorFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.namespace, "namespace", "kube-system", "namespace of the operator and of the DNS servers")
	f.StringVar(&o.service, "service-name", "kube-dns", "Service that clients ask")
	f.StringVar(&o.coredns, "coredns", "", "program of the DNS servers, which checks Corefiles (default: coredns beside this program, or in PATH)")
	f.StringVar(&o.image, "image", "clusterdns/coredns:"+operator.Version, "default image of the DNS servers, without a registry")
	f.BoolVar(&o.localImage, "local-image", false, "the nodes have the image: image.registry need not be set")
	f.StringArrayVar(&o.reach, "reach", nil, "where Pods of a network are reached from here, as CIDR=CIDR[+N]; ports below 1024 are N higher; for an operator outside of the cluster")
}

func (o *operatorFlags) options(config *rest.Config) (operator.Options, error) {
	program, err := findCoreDNS(o.coredns)
	if err != nil {
		return operator.Options{}, err
	}
	reach, err := parseReach(o.reach)
	if err != nil {
		return operator.Options{}, err
	}
	repository, tag, found := strings.Cut(o.image, ":")
	if !found {
		return operator.Options{}, fmt.Errorf("%w: --image %q; write NAME:TAG", errUsage, o.image)
	}
	return operator.Options{
		Config: config, Namespace: o.namespace, Service: o.service, Program: program,
		Repository: repository, Tag: tag, LocalImage: o.localImage, Reach: reach,
	}, nil
}

// parseReach returns the function that --reach stands for, nil if there is none.
func parseReach(list []string) (func(netip.AddrPort) netip.AddrPort, error) {
	type mapping struct {
		from, to netip.Prefix
		more     uint16
	}
	var all []mapping
	for _, s := range list {
		from, rest, _ := strings.Cut(s, "=")
		to, more, _ := strings.Cut(rest, "+")
		a, err1 := netip.ParsePrefix(from)
		b, err2 := netip.ParsePrefix(to)
		n, err3 := strconv.ParseUint("0"+more, 10, 15)
		if err1 != nil || err2 != nil || err3 != nil || a.Bits() != b.Bits() || !a.Addr().Is4() || !b.Addr().Is4() {
			return nil, fmt.Errorf("%w: --reach %q; write CIDR=CIDR[+N] with networks of IPv4 of one size", errUsage, s)
		}
		all = append(all, mapping{a, b, uint16(n)})
	}
	if len(all) == 0 {
		return nil, nil
	}
	return func(p netip.AddrPort) netip.AddrPort {
		for _, m := range all {
			if m.from.Contains(p.Addr()) {
				port := p.Port()
				if port < 1024 {
					port += m.more
				}
				return netip.AddrPortFrom(moved(p.Addr(), m.from, m.to), port)
			}
		}
		return p
	}, nil
}

// moved returns the address of the same host in another network.
func moved(a netip.Addr, from, to netip.Prefix) netip.Addr {
	host, network := a.As4(), to.Masked().Addr().As4()
	mask := ^uint32(0) >> from.Bits()
	for i := range host {
		m := byte(mask >> (24 - 8*i))
		host[i] = host[i]&m | network[i]&^m
	}
	return netip.AddrFrom4(host)
}

func newOperator() *cobra.Command {
	var k cluster
	var o operatorFlags
	var metrics, health, level, logFormat, resolvConf, image, pod string
	var election bool
	c := &cobra.Command{
		Use: "operator", Short: "Run the operator", Args: noArgs,
		Long: `Run the operator: it brings the DNS of the cluster to what the ClusterDNS default
says, and tells in its status how it is. It ends with SIGINT or SIGTERM; the DNS
servers go on.`,
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := k.config()
			if err != nil {
				return err
			}
			config.QPS, config.Burst = 50, 100
			opts, err := o.options(config)
			if err != nil {
				return err
			}
			if opts.Log, err = newLog(c.ErrOrStderr(), level, logFormat); err != nil {
				return err
			}
			ctrl.SetLogger(opts.Log)
			klog.SetLogger(opts.Log)
			opts.MetricsAddress, opts.HealthAddress, opts.LeaderElection, opts.ResolvConf = metrics, health, election, resolvConf
			opts.Image, opts.Pod = image, pod
			return operator.Run(c.Context(), opts)
		},
	}
	k.flags(c)
	o.flags(c)
	c.Flags().StringVar(&metrics, "metrics-address", ":8080", "host:port of metrics; empty has none")
	c.Flags().StringVar(&health, "health-address", ":8081", "host:port of /healthz and /readyz; empty has none")
	c.Flags().StringVar(&resolvConf, "resolv-conf", "/etc/resolv.conf", "file with the DNS servers of this node, to tell how they are; empty tells nothing of them")
	c.Flags().StringVar(&pod, "pod", "", "Pod of this operator, whose image the loss meter of a migration has, too")
	c.Flags().StringVar(&image, "operator-image", "", "image of the loss meter (default: that of --pod, or clusterdns/operator:"+operator.Version+" without one)")
	c.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	c.Flags().StringVar(&logFormat, "log-format", "json", "json, or text for people")
	c.Flags().BoolVar(&election, "leader-elect", true, "let one of several operators work")
	return c
}

// newLog returns a log that writes to w.
func newLog(w io.Writer, level, format string) (logr.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return logr.Logger{}, fmt.Errorf("%w: --log-level %q; write debug, info, warn or error", errUsage, level)
	}
	o := &slog.HandlerOptions{Level: l}
	switch format {
	case "json":
		return logr.FromSlogHandler(slog.NewJSONHandler(w, o)), nil
	case "text":
		return logr.FromSlogHandler(slog.NewTextHandler(w, o)), nil
	}
	return logr.Logger{}, fmt.Errorf("%w: --log-format %q; write json or text", errUsage, format)
}
