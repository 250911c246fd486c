// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import "sync"

// accounts are the kubeconfigs of service accounts.
type accounts struct {
	issue func(namespace, serviceAccount string) (string, error)

	mu    sync.Mutex
	paths map[string]string
}

// kubeconfig returns the path of one for a service account, or nothing if none
// are issued.
func (a *accounts) kubeconfig(namespace, serviceAccount string) (string, error) {
	if a.issue == nil {
		return "", nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	key := namespace + "/" + serviceAccount
	if path, ok := a.paths[key]; ok {
		return path, nil
	}
	path, err := a.issue(namespace, serviceAccount)
	if err != nil {
		return "", err
	}
	if a.paths == nil {
		a.paths = make(map[string]string)
	}
	a.paths[key] = path
	return path, nil
}
