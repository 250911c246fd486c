// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator"
)

func newStatus() *cobra.Command {
	var k cluster
	var out format
	var again bool
	c := &cobra.Command{
		Use: "status", Short: "Show how the DNS of the cluster is", Args: noArgs,
		Long: `Show how the DNS of the cluster is: its conditions, the roll-out, the upstreams,
the zones, and what others changed. With --watch, it is shown again when it changes,
until Ctrl-C; with -o, each as one more document. The exit status is 1 if the DNS is not available or degraded.`,
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := k.config()
			if err != nil {
				return err
			}
			api, err := k8s(operator.Options{Config: config})
			if err != nil {
				return err
			}
			if again {
				return watch(c.Context(), c.OutOrStdout(), &out, func(ctx context.Context) (view, error) {
					dns, err := getClusterDNS(ctx, api)
					if err != nil {
						return view{}, err
					}
					return view{value: dns.Status, text: describe(dns)}, nil
				})
			}
			dns, err := getClusterDNS(c.Context(), api)
			if err != nil {
				return err
			}
			if err := out.write(c.OutOrStdout(), dns.Status, func() { fmt.Fprint(c.OutOrStdout(), describe(dns)) }); err != nil {
				return err
			}
			if !healthy(dns) {
				return exitStatus(exitFailed)
			}
			return nil
		},
	}
	k.flags(c)
	out.flag(c)
	c.Flags().BoolVarP(&again, "watch", "w", false, "show it again when it changes")
	return c
}

func getClusterDNS(ctx context.Context, api client.Client) (*v1alpha1.ClusterDNS, error) {
	var dns v1alpha1.ClusterDNS
	err := api.Get(ctx, client.ObjectKey{Name: "default"}, &dns)
	switch {
	case meta.IsNoMatchError(err):
		return nil, errors.New("the API server does not know ClusterDNS: install the CRDs (kubectl apply -k manifests)")
	case apierrors.IsNotFound(err):
		return nil, errors.New("there is no ClusterDNS: create one with the name default")
	case err != nil:
		return nil, fmt.Errorf("reading ClusterDNS default: %w", err)
	}
	return &dns, nil
}

func healthy(dns *v1alpha1.ClusterDNS) bool {
	return meta.IsStatusConditionTrue(dns.Status.Conditions, v1alpha1.ConditionAvailable) &&
		!meta.IsStatusConditionTrue(dns.Status.Conditions, v1alpha1.ConditionDegraded)
}

// describe writes a status for people.
func describe(dns *v1alpha1.ClusterDNS) string {
	var b strings.Builder
	s := dns.Status
	fmt.Fprintf(&b, "ClusterDNS default, %s: %s at %s\n", dns.Spec.ManagementState, s.ClusterDomain, strings.Join(s.ClusterIPs, ", "))
	if s.ObservedGeneration != dns.Generation {
		fmt.Fprintf(&b, "the operator has not seen the last change (generation %d, it saw %d): is it running?\n", dns.Generation, s.ObservedGeneration)
	}
	if r := s.Revision; r != nil {
		fmt.Fprintf(&b, "%s  %s %s servers\n", r.Name, bar(r.LoadedPods, r.Loaded), r.Loaded)
	}
	if s.LastGoodRevision != "" {
		fmt.Fprintf(&b, "last good: %s\n", s.LastGoodRevision)
	}
	b.WriteString("\n")
	for _, c := range s.Conditions {
		fmt.Fprintf(&b, "%-17s %-8s %-18s %s\n", c.Type, c.Status, c.Reason, strings.ReplaceAll(c.Message, "\n", "\n"+strings.Repeat(" ", 46)))
	}
	describeUpstreams(&b, s.Upstreams)
	if len(s.Zones) > 0 {
		b.WriteString("\nzones\n")
		for _, z := range s.Zones {
			fmt.Fprintf(&b, "  %-32s %s\n", z.Zone, z.Origin)
		}
	}
	if len(s.Drift) > 0 {
		b.WriteString("\nchanged by others\n")
		for _, d := range s.Drift {
			what := fmt.Sprintf("put right %d times", d.Corrected)
			if d.Left {
				what = "left as it is"
			}
			fmt.Fprintf(&b, "  %s %s by %s: %s\n", d.Object, d.Field, d.Manager, what)
		}
	}
	return b.String()
}

func describeUpstreams(b *strings.Builder, all []v1alpha1.UpstreamStatus) {
	if len(all) == 0 {
		return
	}
	b.WriteString("\nupstreams\n")
	for _, u := range all {
		how := "answers"
		if !u.Healthy {
			how = u.Message
		} else if u.RTT != nil {
			how += " after " + u.RTT.Duration.Round(100*time.Microsecond).String()
		}
		if u.CertificateExpires != nil {
			how += "; certificate until " + u.CertificateExpires.Format(time.DateOnly)
		}
		fmt.Fprintf(b, "  %-32s %-24s %s\n", u.Endpoint, strings.Join(u.Zones, " "), how)
	}
}

// bar draws how many servers have loaded the revision.
func bar(loaded int32, text string) string {
	const width = 20
	_, of, _ := strings.Cut(text, "/")
	var all int32
	if _, err := fmt.Sscan(of, &all); err != nil || all == 0 {
		return "[" + strings.Repeat(" ", width) + "]"
	}
	full := int(loaded) * width / int(all)
	full = max(0, min(full, width))
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "]"
}
