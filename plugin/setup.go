// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/transfer"
	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc" // kubeconfigs may use it, as with the kubernetes plugin
)

func init() { plugin.Register(Name, setup) }

// setup makes the handler of one server block. It talks to nobody: that begins when the server starts.
func setup(c *caddy.Controller) error {
	d, err := parse(c)
	if err != nil {
		return plugin.Error(Name, err)
	}
	config := dnsserver.GetConfig(c)
	at := fmt.Sprintf("%s:%d", c.File(), c.Line())
	d.block = fmt.Sprint(c.ServerBlockKeys, config.ListenHosts)

	c.OnStartup(func() error {
		d.neighbours(config, at)
		d.opts.Local = localAddrs(config.ListenHosts)
		if t, ok := config.Handler("transfer").(*transfer.Transfer); ok {
			d.notify = t.Notify
		}
		if err := d.start(); err != nil {
			return plugin.Error(Name, fmt.Errorf("%s - %w", at, err))
		}
		return nil
	})
	// A server that is to end goes on answering for the lameduck of the plugin
	// health, which begins after OnShutdown. With a new configuration there is
	// no such time.
	restart := false
	c.OnRestart(func() error { restart = true; return nil })
	c.OnShutdown(func() error {
		if !restart {
			return nil
		}
		return d.stop()
	})
	c.OnFinalShutdown(d.stop)
	c.OnRestartFailed(func() error { restart = false; stores.prune(); return nil })

	config.AddPlugin(func(next plugin.Handler) plugin.Handler {
		d.Next = next
		return d
	})
	return nil
}

// errNoForwardZone is a configuration that could not answer for any name of a Service.
var errNoForwardZone = errors.New("all zones are reverse zones: name the cluster domain too, as in \"clusterdns cluster.local in-addr.arpa\"")

// localAddrs returns the addresses that the server listens on and others can
// reach: hosts, or, if it listens on all, those of the interfaces.
func localAddrs(hosts []string) []netip.Addr {
	if len(hosts) == 0 || hosts[0] == "" {
		hosts = interfaceAddrs()
	}
	var addrs []netip.Addr
	for _, host := range hosts {
		a, err := netip.ParseAddr(host)
		if err != nil {
			p, err := netip.ParsePrefix(host)
			if err != nil {
				continue
			}
			a = p.Addr()
		}
		if a = a.Unmap().WithZone(""); !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			addrs = append(addrs, a)
		}
	}
	return addrs
}
