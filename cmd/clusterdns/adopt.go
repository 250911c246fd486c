// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile/adopt"
)

// adopted is the output of adopt for programs.
type adopted struct {
	Spec    v1alpha1.ClusterDNSSpec `json:"spec"`
	Notices []string                `json:"notices,omitempty"`
}

func newAdopt() *cobra.Command {
	var from source
	var out format
	var custom, domain string
	var dnsmasq []string
	c := &cobra.Command{
		Use: "adopt -f FILE", Short: "Print the ClusterDNS of a Corefile or a kube-dns", Args: noArgs,
		Long: `Print the ClusterDNS that says what a DNS server says that is there already.

FILE is a Corefile, a ConfigMap with the key Corefile, or the ConfigMap kube-dns
(with the keys stubDomains, upstreamNameservers, federations). What has no field
stays verbatim in extra. On standard error are notices: what was kept so, said in
other words, added, or lost. If something was lost the exit status is 1.`,
		Example: `  kubectl -n kube-system get configmap coredns -o yaml | clusterdns adopt -f - > clusterdns.yaml
  clusterdns adopt -f Corefile --custom coredns-custom.yaml
  clusterdns adopt -f kube-dns.yaml --dnsmasq=--server=/corp.example/192.0.2.53#5353`,
		RunE: func(c *cobra.Command, _ []string) error {
			text, name, err := from.read(c)
			if err != nil {
				return err
			}
			var result adopt.Result
			data, isMap := configMap(text)
			_, isCorefile := data["Corefile"]
			switch {
			case isMap && !isCorefile || len(dnsmasq) > 0:
				result, err = adopt.KubeDNS(data, dnsmasq, domain)
			default:
				if isMap {
					text = data["Corefile"]
				}
				result, err = adoptCorefile(text, custom)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return printAdopted(c, &out, result)
		},
	}
	from.flag(c, "Corefile, or manifest of a ConfigMap")
	out.flag(c)
	c.Flags().StringVar(&custom, "custom", "", "manifest of the ConfigMap coredns-custom that the Corefile imports")
	c.Flags().StringArrayVar(&dnsmasq, "dnsmasq", nil, "argument of the dnsmasq of a kube-dns; may be repeated")
	c.Flags().StringVar(&domain, "cluster-domain", "cluster.local", "cluster domain of a kube-dns")
	return c
}

func adoptCorefile(text, custom string) (adopt.Result, error) {
	if custom == "" {
		return adopt.Corefile(text, nil)
	}
	manifest, err := os.ReadFile(custom)
	if err != nil {
		return adopt.Result{}, err
	}
	data, ok := configMap(string(manifest))
	if !ok {
		return adopt.Result{}, fmt.Errorf("%s: this is not a ConfigMap", custom)
	}
	return adopt.Corefile(text, data)
}

// configMap returns the data of a ConfigMap, if text is one.
func configMap(text string) (map[string]string, bool) {
	var cm corev1.ConfigMap
	if sigsyaml.Unmarshal([]byte(text), &cm) != nil || cm.Kind != "ConfigMap" {
		return nil, false
	}
	return cm.Data, true
}

func printAdopted(c *cobra.Command, out *format, result adopt.Result) error {
	a := adopted{Spec: result.Spec}
	lost := false
	for _, n := range result.Notices {
		a.Notices = append(a.Notices, n.String())
		lost = lost || n.Severity == adopt.Lost
	}
	var failed error
	err := out.write(c.OutOrStdout(), a, func() {
		for _, n := range a.Notices {
			fmt.Fprintln(c.ErrOrStderr(), n)
		}
		dns := &v1alpha1.ClusterDNS{Spec: a.Spec}
		dns.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ClusterDNS"}
		dns.Name = "default"
		var text string
		if text, failed = manifest(dns); failed == nil {
			fmt.Fprint(c.OutOrStdout(), strings.TrimLeft(text, "\n"))
		}
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case lost:
		return exitStatus(exitFailed)
	}
	return nil
}
