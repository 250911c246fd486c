// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/dnsutil"
	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	oursName  = "clusterdns"
	stockName = "kubernetes"
)

// Options are what a Corefile says in one block of the plugin. Both plugins are given the same.
type Options struct {
	Zones           []string // fully qualified, in lower case
	Namespaces      []string // nil exposes all
	Labels          labels.Selector
	NamespaceLabels labels.Selector // nil if the option is not there
	Pods            string
	PodNames        bool
	NoEndpoints     bool
	IgnoreEmpty     bool
	Zonal           bool
	Strict          bool // strict_compat, which only ours has
	Fall            []string
	Sets            []string     // zones of the clusterset
	Bind            []netip.Addr // that the server listens on; nil if on all
}

// ParseCorefile returns the options of every block of our plugin in a Corefile.
func ParseCorefile(corefile string) ([]*Options, error) {
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), nil)
	if err != nil {
		return nil, err
	}
	var all []*Options
	for _, b := range blocks {
		tokens, ok := b.Tokens[oursName]
		if !ok {
			continue
		}
		o, err := parseBlock(lines(tokens), b.Keys)
		if err != nil {
			return nil, err
		}
		for _, t := range b.Tokens["bind"] {
			if a, ok := parseAddr(t.Text); ok {
				o.Bind = append(o.Bind, a)
			}
		}
		all = append(all, o)
	}
	return all, nil
}

// lines returns the words of each line, without braces.
func lines(tokens []caddyfile.Token) [][]string {
	var all [][]string
	last := -1
	for _, t := range tokens {
		switch {
		case t.Text == "{" || t.Text == "}":
			continue
		case t.Line != last:
			all = append(all, nil)
			last = t.Line
		}
		all[len(all)-1] = append(all[len(all)-1], t.Text)
	}
	return all
}

func parseBlock(lines [][]string, keys []string) (*Options, error) {
	o := &Options{Pods: "disabled", Labels: labels.Everything()}
	zones := lines[0][1:]
	if len(zones) == 0 {
		zones = keys
	}
	for _, z := range zones {
		o.Zones = append(o.Zones, plugin.Host(z).NormalizeExact()...)
	}
	for _, line := range lines[1:] {
		if err := o.set(line[0], line[1:]); err != nil {
			return nil, fmt.Errorf("%s: %w", line[0], err)
		}
	}
	return o, nil
}

// set sets one option. Those that change no answer, or only its TTL, are not kept.
func (o *Options) set(option string, args []string) (err error) {
	switch option {
	case "namespaces":
		o.Namespaces = append(o.Namespaces, args...)
	case "labels":
		o.Labels, err = labels.Parse(strings.Join(args, " "))
	case "namespace_labels":
		o.NamespaceLabels, err = labels.Parse(strings.Join(args, " "))
	case "pods":
		o.Pods = args[0]
	case "endpoint_pod_names":
		o.PodNames = true
	case "noendpoints":
		o.NoEndpoints = true
	case "zonal":
		o.Zonal = true
	case "strict_compat":
		o.Strict = true
	case "ignore":
		o.IgnoreEmpty = true
	case "multicluster":
		o.Sets = plugin.OriginsFromArgsOrServerBlock(args, nil)
	case "fallthrough":
		var f fall.F
		f.SetZonesFromArgs(args)
		o.Fall = f.Zones
	case "ttl", "kubeconfig", "endpoint", "tls", "startup_timeout", "apiserver_qps", "apiserver_burst", "apiserver_max_inflight":
	default:
		err = fmt.Errorf("the differential test does not know this option")
	}
	return err
}

// through reports whether a name error for qname is left to the next plugin.
func (o *Options) through(qname string) bool {
	return slices.ContainsFunc(o.Fall, func(z string) bool { return dns.IsSubDomain(z, qname) })
}

// primary returns the zone that PTR records of the cluster point into, or "".
func (o *Options) primary() string {
	i := slices.IndexFunc(o.Zones, func(z string) bool { return !isReverse(z) && !o.inSet(z) })
	if i < 0 {
		return ""
	}
	return o.Zones[i]
}

// inSet reports whether zone is one of the clusterset.
func (o *Options) inSet(zone string) bool { return slices.Contains(o.Sets, zone) && !isReverse(zone) }

// primarySet returns the zone that PTR records of the clusterset point into, or "".
func (o *Options) primarySet() string {
	i := slices.IndexFunc(o.Zones, o.inSet)
	if i < 0 {
		return ""
	}
	return o.Zones[i]
}

// stockPrimary returns the zone that stock takes for primary: to it, in-addr.arpa
// itself is no reverse zone, only what is below.
func (o *Options) stockPrimary() string {
	i := slices.IndexFunc(o.Zones, func(z string) bool { return dnsutil.IsReverse(z) == 0 })
	return o.Zones[i]
}

// Stock returns the Corefile with the kubernetes plugin in place of ours, and
// without the option to be as that one.
func Stock(corefile string) string {
	all := strings.Split(corefile, "\n")
	for i, line := range all {
		words := strings.Fields(line)
		if len(words) > 0 && (words[0] == oursName || words[0] == "autopath") {
			all[i] = strings.Replace(line, oursName, stockName, 1)
		} else if len(words) == 1 && words[0] == "strict_compat" {
			all[i] = ""
		}
	}
	return strings.Join(all, "\n")
}
