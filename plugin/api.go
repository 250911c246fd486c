// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"fmt"
	"runtime"

	"github.com/coredns/caddy"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// An api says how to reach the API server: by a kubeconfig file, else by an
// endpoint, else as a Pod does.
type api struct {
	kubeconfig, context string
	endpoint            string
	cert, key, ca       string
}

func parseKubeconfig(s *stanza, c *caddy.Controller, args []string) error {
	switch len(args) {
	case 1:
		s.api.kubeconfig, s.api.context = args[0], ""
	case 2:
		s.api.kubeconfig, s.api.context = args[0], args[1]
	default:
		return c.ArgErr()
	}
	return nil
}

func parseEndpoint(s *stanza, c *caddy.Controller, args []string) error {
	if len(args) == 0 {
		return c.ArgErr()
	}
	if len(args) > 1 {
		log.Warningf("Multiple endpoints have been deprecated, only the first specified endpoint '%s' is used", args[0])
	}
	s.api.endpoint = args[0]
	return nil
}

func parseTLS(s *stanza, c *caddy.Controller, args []string) error {
	if len(args) != 3 {
		return c.ArgErr()
	}
	s.api.cert, s.api.key, s.api.ca = args[0], args[1], args[2]
	return nil
}

// rest returns the connection. It reads files but talks to nobody.
func (a api) rest() (*rest.Config, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	cfg.UserAgent = fmt.Sprintf("%s (%s/%s)", Name, runtime.GOOS, runtime.GOARCH)
	return cfg, nil
}

func (a api) config() (*rest.Config, error) {
	rules := &clientcmd.ClientConfigLoadingRules{}
	overrides := &clientcmd.ConfigOverrides{}
	switch {
	case a.kubeconfig != "":
		rules.ExplicitPath = a.kubeconfig
		overrides.CurrentContext = a.context
	case a.endpoint != "":
		overrides.ClusterInfo = clientcmdapi.Cluster{Server: a.endpoint, CertificateAuthority: a.ca}
		overrides.AuthInfo = clientcmdapi.AuthInfo{ClientCertificate: a.cert, ClientKey: a.key}
	default:
		cfg, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("%w; outside of a cluster say \"kubeconfig FILE\" or \"endpoint URL\"", err)
		}
		return cfg, nil
	}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
}
