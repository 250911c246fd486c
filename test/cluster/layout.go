// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import "path/filepath"

// layout is a state directory and knows what lies where in it.
type layout string

func (l layout) path(parts ...string) string {
	return filepath.Join(append([]string{string(l)}, parts...)...)
}

func (l layout) kubeconfig() string        { return l.path("kubeconfig") }
func (l layout) issued() string            { return l.path("kubeconfigs") }
func (l layout) state() string             { return l.path("state.json") }
func (l layout) lock() string              { return l.path("lock") }
func (l layout) pki() string               { return l.path("pki") }
func (l layout) pkiFile(n string) string   { return l.path("pki", n) }
func (l layout) logs() string              { return l.path("logs") }
func (l layout) log(program string) string { return l.path("logs", program+".log") }
func (l layout) data() string              { return l.path("etcd") }
func (l layout) node(name string) string   { return l.path("nodes", name) }
