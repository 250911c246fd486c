// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// rendered is the output of render for programs.
type rendered struct {
	Corefile string `json:"corefile,omitempty"`
	// Custom is the data of the ConfigMap coredns-custom of an overlay.
	Custom   map[string]string `json:"custom,omitempty"`
	Problems []string          `json:"problems,omitempty"`
}

// people writes what people read.
func (r *rendered) people(w io.Writer) {
	fmt.Fprint(w, r.Corefile)
	for _, key := range slices.Sorted(maps.Keys(r.Custom)) {
		fmt.Fprintf(w, "# %s\n%s", key, r.Custom[key])
	}
}

func newRender() *cobra.Command {
	var from source
	var out format
	var domain string
	var services []string
	c := &cobra.Command{
		Use: "render -f FILE", Short: "Print the Corefile of a ClusterDNS", Args: noArgs,
		Long: `Print the Corefile that the operator would make of a ClusterDNS, without a cluster;
with managementState Overlay, the keys of the ConfigMap coredns-custom.

What cannot be said in a Corefile is left out and told on standard error, and
the exit status is 1.`,
		Example: `  clusterdns render -f clusterdns.yaml
  clusterdns render -f clusterdns.yaml --service dns/resolver=10.96.7.7`,
		RunE: func(c *cobra.Command, _ []string) error {
			text, name, err := from.read(c)
			if err != nil {
				return err
			}
			dns, err := clusterDNS(text, name)
			if err != nil {
				return err
			}
			facts := render.Facts{ClusterDomain: domain}
			if facts.Services, err = parseServices(services); err != nil {
				return err
			}
			file, problems := render.Corefile(&dns.Spec, facts)
			var r rendered
			if dns.Spec.ManagementState == v1alpha1.Overlay {
				r.Custom = render.Custom(file)
			} else {
				r.Corefile = corefile.Format(file)
			}
			for _, p := range problems {
				r.Problems = append(r.Problems, p.String())
				fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", name, p)
			}
			if err := out.write(c.OutOrStdout(), r, func() { r.people(c.OutOrStdout()) }); err != nil {
				return err
			}
			if len(problems) > 0 {
				return exitStatus(exitFailed)
			}
			return nil
		},
	}
	from.flag(c, "manifest with a ClusterDNS")
	out.flag(c)
	c.Flags().StringVar(&domain, "cluster-domain", "", "cluster domain, if the ClusterDNS has none (default cluster.local)")
	c.Flags().StringArrayVar(&services, "service", nil, "cluster IP of a Service that is an upstream, as NAMESPACE/NAME=IP; may be repeated")
	return c
}

func parseServices(list []string) (map[v1alpha1.ServiceReference]netip.Addr, error) {
	out := make(map[v1alpha1.ServiceReference]netip.Addr)
	for _, s := range list {
		name, ip, _ := strings.Cut(s, "=")
		namespace, name, found := strings.Cut(name, "/")
		a, err := netip.ParseAddr(ip)
		if !found || err != nil {
			return nil, fmt.Errorf("%w: --service %q; write NAMESPACE/NAME=IP", errUsage, s)
		}
		out[v1alpha1.ServiceReference{Namespace: namespace, Name: name}] = a
	}
	return out, nil
}
