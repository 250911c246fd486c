// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator"
)

// A cluster is how commands reach one.
type cluster struct{ kubeconfig, context string }

func (k *cluster) flags(c *cobra.Command) {
	c.Flags().StringVar(&k.kubeconfig, "kubeconfig", "", "file that says how to reach the cluster (default: as kubectl)")
	c.Flags().StringVar(&k.context, "context", "", "context of the kubeconfig")
}

func (k *cluster) config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = k.kubeconfig
	c, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: k.context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the cluster: %w; name a file with --kubeconfig", err)
	}
	return c, nil
}

func newPlan() *cobra.Command {
	var from source
	var out format
	var k cluster
	var o operatorFlags
	var offline, exitCode bool
	c := &cobra.Command{
		Use: "plan -f FILE", Short: "Show what a ClusterDNS would change", Args: noArgs,
		Long: `Show what the operator would change in the cluster for a ClusterDNS: the Corefile,
the objects, and where the names of which zones would go. Nothing is changed.

With --offline nothing is known of a cluster: all is new.`,
		Example: `  clusterdns plan -f clusterdns.yaml
  kubectl get clusterdns default -o yaml | clusterdns plan -f - --exit-code`,
		RunE: func(c *cobra.Command, _ []string) error {
			text, name, err := from.read(c)
			if err != nil {
				return err
			}
			dns, err := clusterDNS(text, name)
			if err != nil {
				return err
			}
			p, err := preview(c, dns, offline, &k, &o)
			if err != nil {
				return err
			}
			if err := out.write(c.OutOrStdout(), p, func() { show(c.OutOrStdout(), p) }); err != nil {
				return err
			}
			switch {
			case len(p.Refused) > 0:
				return exitStatus(exitFailed)
			case exitCode && p.Changes():
				return exitStatus(exitChanges)
			}
			return nil
		},
	}
	from.flag(c, "manifest with a ClusterDNS")
	out.flag(c)
	k.flags(c)
	o.flags(c)
	c.Flags().BoolVar(&offline, "offline", false, "do not ask a cluster")
	c.Flags().BoolVar(&exitCode, "exit-code", false, "exit with status 3 if something would change")
	return c
}

func preview(c *cobra.Command, dns *v1alpha1.ClusterDNS, offline bool, k *cluster, o *operatorFlags) (operator.Preview, error) {
	if offline {
		return operator.PreviewOffline(dns), nil
	}
	config, err := k.config()
	if err != nil {
		return operator.Preview{}, fmt.Errorf("%w, or use --offline", err)
	}
	opts, err := o.options(config)
	if err != nil {
		return operator.Preview{}, err
	}
	return operator.PreviewCluster(c.Context(), opts, dns)
}

// show prints a preview for people.
func show(w io.Writer, p operator.Preview) {
	for _, r := range p.Refused {
		fmt.Fprintf(w, "refused: %s\n", r)
	}
	if !p.Changes() {
		fmt.Fprintln(w, "nothing would change")
		return
	}
	if p.Before != p.After {
		fmt.Fprint(w, "Corefile\n")
		_, _ = w.Write(diff.Diff("running", []byte(p.Before), "planned", []byte(p.After)))
		fmt.Fprintln(w)
	}
	if len(p.Routes) > 0 {
		fmt.Fprint(w, "names\n")
		for _, r := range p.Routes {
			fmt.Fprintf(w, "  %s\n    now:  %s\n    then: %s\n", r.Zone, r.Before, r.After)
		}
		fmt.Fprintln(w)
	}
	if len(p.Objects) > 0 {
		fmt.Fprint(w, "objects\n")
		for _, o := range p.Objects {
			fmt.Fprintf(w, "  %s %s\n", o.Action, o.Object)
		}
	}
	for _, o := range p.Objects {
		if o.Action == "change" {
			fmt.Fprintln(w)
			_, _ = w.Write(diff.Diff(o.Object+" now", []byte(o.Before), o.Object+" planned", []byte(o.After)))
		}
	}
}

// isTerminal says whether people look.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
