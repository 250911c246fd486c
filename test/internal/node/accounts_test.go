// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
)

// TestAccountMadeAnew: the token of a deleted account is worth nothing to the
// one that got its name.
func TestAccountMadeAnew(t *testing.T) {
	client := fake.NewClientset()
	live := client.CoreV1().ServiceAccounts("dns")
	issued := 0
	a := accounts{client: client, issue: func(namespace, account string) (string, error) {
		issued++
		return fmt.Sprintf("%s/%s %d", namespace, account, issued), nil
	}}
	if path, err := a.kubeconfig(t.Context(), "dns", "coredns"); err == nil {
		t.Errorf("an account that is not there has %q", path)
	}
	for i, uid := range []types.UID{"one", "two"} {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "dns", Name: "coredns", UID: uid}}
		if _, err := live.Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			want := fmt.Sprintf("dns/coredns %d", i+1)
			if got, err := a.kubeconfig(t.Context(), "dns", "coredns"); got != want || err != nil {
				t.Errorf("%s: %q, %v, want %q", uid, got, err, want)
			}
		}
		if err := live.Delete(t.Context(), "coredns", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
