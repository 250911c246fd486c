// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
)

// key is equal for configurations that can share a store. Secrets are hashed:
// a key lives as long as the store does.
func (c Config) key() string {
	r := c.REST
	h := sha256.New()
	for _, field := range []any{
		r.Host, r.APIPath, r.Username, r.Password, r.BearerToken, r.BearerTokenFile,
		r.Impersonate.UserName, r.Impersonate.UID, r.Impersonate.Groups, r.Impersonate.Extra,
		r.Insecure, r.ServerName, r.CertFile, r.KeyFile, r.CAFile, r.CertData, r.KeyData, r.CAData,
		r.AuthProvider, execKey(c),
		c.Limits, c.Labels, c.NamespaceLabels, c.Keep, c.StaleAfter, c.Audit,
	} {
		fmt.Fprintf(h, "%#v\x00", field)
	}
	return string(h.Sum(nil))
}

func execKey(c Config) string {
	e := c.REST.ExecProvider
	if e == nil {
		return ""
	}
	return fmt.Sprintf("%q %q %q", e.Command, e.Args, e.Env)
}

// uniqueName returns a name for a store of cfg that no other store has. The
// caller holds stores.
func uniqueName(cfg Config) string {
	name := cfg.REST.Host
	if u, err := url.Parse(name); err == nil && u.Host != "" {
		name = u.Host
	}
	for _, part := range []string{cfg.Labels, cfg.NamespaceLabels} {
		if part != "" {
			name += "," + part
		}
	}
	taken := func(name string) bool {
		for _, h := range stores.byKey {
			if h.name == name {
				return true
			}
		}
		return false
	}
	unique := name
	for i := 2; taken(unique); i++ {
		unique = fmt.Sprintf("%s#%d", name, i)
	}
	return strings.ToValidUTF8(unique, "?")
}
