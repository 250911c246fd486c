// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/upstream"
)

// TestRollOut goes through the life of a ClusterDNS, in one cluster.
func TestRollOut(t *testing.T) {
	operate(t)
	settle(t, v1alpha1.ClusterDNSSpec{})
	first := programmed(t)
	if rcode, records := ask("kubernetes.default.svc.cluster.local", dns.TypeA); rcode != "NOERROR" || len(records) != 1 {
		t.Fatalf("the cluster is answered %s %v", rcode, records)
	}
	if got := first.Status.ClusterIPs; !slices.Equal(got, []string{"10.96.0.10"}) && len(got) == 0 {
		t.Errorf("cluster IPs %v", got)
	}
	corp, err := upstream.Start(upstream.Config{Zones: []string{"corp.example"}, Records: []string{"www.corp.example. 60 IN A 192.0.2.80"}})
	if err != nil {
		t.Fatal(err)
	}
	defer corp.Stop()
	a := corp.Address(upstream.UDP)
	settle(t, v1alpha1.ClusterDNSSpec{StubZones: []v1alpha1.StubZone{{Name: "corp", Zones: []v1alpha1.Zone{"corp.example"}, Upstreams: v1alpha1.Upstreams{
		Endpoints: []v1alpha1.Endpoint{{Address: v1alpha1.Address(a.Addr().String()), Port: v1alpha1.Port(a.Port())}},
	}}}})
	second := programmed(t)
	if rcode, records := ask("www.corp.example", dns.TypeA); rcode != "NOERROR" || !slices.Equal(records, []string{"192.0.2.80"}) {
		t.Errorf("the stub zone is answered %s %v", rcode, records)
	}
	if len(second.Status.Upstreams) != 1 || !second.Status.Upstreams[0].Healthy {
		t.Errorf("upstreams %+v", second.Status.Upstreams)
	}

	// An upstream that refuses never reaches a server.
	corp.Set(upstream.Refusing)
	spec := second.Spec.DeepCopy()
	spec.StubZones[0].Zones = append(spec.StubZones[0].Zones, "lab.example")
	settle(t, *spec)
	bad := await(t, "the canary fails", func(d *v1alpha1.ClusterDNS) bool {
		return condition(d, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, "CanaryFailed")
	})
	if d := deployment(t); loads(d.Spec.Template.Spec) != second.Status.Revision.Name || bad.Status.LastGoodRevision != second.Status.Revision.Name {
		t.Errorf("the servers load %s, the last good is %s, want %s", loads(d.Spec.Template.Spec), bad.Status.LastGoodRevision, second.Status.Revision.Name)
	}
	t.Log(summary(bad))
	if !strings.Contains(summary(bad), "REFUSED") {
		t.Errorf("the status does not say why:\n%s", summary(bad))
	}
}

// TestManifests: the API server takes what kubectl apply -k manifests installs,
// and every sample.
func TestManifests(t *testing.T) {
	// A sample is what there is then, not what is added to what there was.
	if out, err := kubectl("delete", "clusterdns", "default", "--ignore-not-found"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := kubectl("apply", "--dry-run=server", "-k", filepath.Join(kube.Root(), "manifests")); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	for _, samples := range []string{"clusterdns", "dnsmigration"} {
		if out, err := kubectl("apply", "--dry-run=server", "-f", filepath.Join(kube.Root(), "manifests", "samples", samples)); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}
