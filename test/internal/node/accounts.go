// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// accounts are the kubeconfigs of service accounts. One that is deleted and made
// anew is another account, whose name alone is the same.
type accounts struct {
	client kubernetes.Interface
	issue  func(namespace, serviceAccount string) (string, error)

	mu    sync.Mutex
	paths map[types.UID]string
}

// kubeconfig returns the path of one for a service account, or nothing if none
// are issued.
func (a *accounts) kubeconfig(ctx context.Context, namespace, serviceAccount string) (string, error) {
	if a.issue == nil {
		return "", nil
	}
	account, err := a.client.CoreV1().ServiceAccounts(namespace).Get(ctx, serviceAccount, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if path, ok := a.paths[account.UID]; ok {
		return path, nil
	}
	path, err := a.issue(namespace, serviceAccount)
	if err != nil {
		return "", err
	}
	if a.paths == nil {
		a.paths = make(map[types.UID]string)
	}
	a.paths[account.UID] = path
	return path, nil
}
