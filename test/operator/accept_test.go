// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"math/rand/v2"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/test/specs"
)

// TestRandomSpecsAreAccepted asks the API server about specs that other tests render.
func TestRandomSpecsAreAccepted(t *testing.T) {
	for seed := range uint64(100) {
		d := &v1alpha1.ClusterDNS{Spec: *specs.Random(rand.New(rand.NewPCG(seed, 0)))}
		d.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ClusterDNS"))
		d.Name = "default"
		text, err := yaml.Marshal(d.Spec)
		if err != nil {
			t.Fatal(err)
		}
		// A spec is looked at before whether there is a ClusterDNS already.
		if err := api.Create(t.Context(), d, client.DryRunAll); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Errorf("seed %d: %v\n%s", seed, err, text)
		}
	}
}
