// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/test/internal/clients"
	"github.com/clusterdns/clusterdns/test/upstream"
)

// bundle writes certificates into the ConfigMap ca, until the test ends.
func bundle(t *testing.T, pem ...[]byte) {
	t.Helper()
	putForTest(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "ca"}, Data: map[string]string{"ca-bundle.crt": string(slices.Concat(pem...))},
	})
}

// identity returns the Secret dns-client, with a certificate of ca.
func identity(t *testing.T, ca *upstream.CA) *corev1.Secret {
	t.Helper()
	pair, err := ca.Client()
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, err := upstream.EncodePEM(pair)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "dns-client"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: certificate, corev1.TLSPrivateKeyKey: key},
	}
}

// over returns how an upstream is asked over a transport.
func over(u *upstream.Server, transport upstream.Transport) v1alpha1.Upstreams {
	out := v1alpha1.Upstreams{Endpoints: []v1alpha1.Endpoint{endpoint(u, transport)}, Transport: v1alpha1.Transport(transport)}
	switch transport {
	case upstream.UDP:
		out.Transport = v1alpha1.TransportDNS
	case upstream.TLS, upstream.HTTPS, upstream.QUIC:
		out.TLS = &v1alpha1.UpstreamTLS{ServerName: upstream.ServerName, CAConfigMap: "ca"}
	}
	return out
}

// TestEncryptedUpstreams forwards zones over all transports: over TLS to a
// server that wants to know who asks.
func TestEncryptedUpstreams(t *testing.T) {
	ca := authority(t)
	bundle(t, ca.PEM())
	putForTest(t, identity(t, ca))
	spec := base(t)
	zones := make(map[upstream.Transport]string)
	expires := make(map[string]time.Time)
	for i, transport := range upstream.Transports {
		zone := fmt.Sprintf("t%d.example", i)
		u := upstreamOf(t, upstream.Config{
			CA: ca, DemandCertificate: transport == upstream.TLS,
			Zones: []string{zone}, Records: []string{fmt.Sprintf("www.%s. 60 IN A 192.0.2.8%d", zone, i)},
		})
		upstreams := over(u, transport)
		if upstreams.TLS != nil {
			expires[zone] = u.Expires()
		}
		if transport == upstream.TLS {
			upstreams.TLS.ClientCertificateSecret = "dns-client"
		}
		spec.StubZones = append(spec.StubZones, v1alpha1.StubZone{Name: fmt.Sprintf("t%d", i), Zones: []v1alpha1.Zone{v1alpha1.Zone(zone)}, Upstreams: upstreams})
		zones[transport] = zone
	}
	begin(t, spec)
	for i, transport := range upstream.Transports {
		answered(t, "www."+zones[transport], fmt.Sprintf("192.0.2.8%d", i))
	}
	d := current(t)
	if got, want := len(d.Status.Upstreams), len(zones)+1; got != want {
		t.Fatalf("%d upstreams in the status, want %d: %+v", got, want, d.Status.Upstreams)
	}
	for _, s := range d.Status.Upstreams {
		if !s.Healthy || s.RTT == nil || s.LastRcode != "NOERROR" {
			t.Errorf("%s for %v: healthy %v, RTT %v, %s %s", s.Endpoint, s.Zones, s.Healthy, s.RTT, s.LastRcode, s.Message)
		}
		want, encrypted := expires[s.Zones[0]]
		switch {
		case encrypted != (s.CertificateExpires != nil):
			t.Errorf("%s for %v: certificate expires %v, want %v", s.Endpoint, s.Zones, s.CertificateExpires, want)
		case encrypted && !s.CertificateExpires.Time.Equal(want.Truncate(time.Second)):
			t.Errorf("%s for %v: certificate expires %v, want %v", s.Endpoint, s.Zones, s.CertificateExpires, want)
		}
	}
	if !condition(d, v1alpha1.ConditionUpstreamsHealthy, metav1.ConditionTrue, "") {
		t.Error(summary(d))
	}

	// Renewed certificates are another revision of the same generation.
	bundle(t, ca.PEM(), authority(t).PEM())
	renewed := await(t, "the new certificates are rolled out", func(now *v1alpha1.ClusterDNS) bool {
		return now.Status.Revision.Name != d.Status.Revision.Name && condition(now, v1alpha1.ConditionProgrammed, metav1.ConditionTrue, "")
	})
	if renewed.Generation != d.Generation {
		t.Errorf("generation %d, want %d", renewed.Generation, d.Generation)
	}
	answered(t, "www."+zones[upstream.TLS], "192.0.2.82")
}

// TestBadUpstreamIsNotRolledOut adds stub zones whose upstream does not do what it should.
func TestBadUpstreamIsNotRolledOut(t *testing.T) {
	ca := authority(t)
	bundle(t, ca.PEM())
	begin(t, base(t))
	c := clients.Ask(service)
	defer c.None(t)
	good := current(t).Status.Revision.Name
	for _, b := range []struct {
		name      string
		mode      upstream.Mode
		transport upstream.Transport
		zone      v1alpha1.Zone
		probes    []v1alpha1.Probe
		words     string
	}{
		{"expired certificate", upstream.Expired, upstream.TLS, "a.example", nil, "expired on 2020-01-02"},
		{"certificate for another name", upstream.WrongName, upstream.HTTPS, "b.example", nil, upstream.OtherName},
		{"refusing", upstream.Refusing, upstream.UDP, "c.example", nil, "REFUSED"},
		{"silent", upstream.Silent, upstream.TCP, "d.example", nil, "no answer"},
		{
			"lying", upstream.Lying, upstream.UDP, "corp.example",
			[]v1alpha1.Probe{{Name: "www", Domain: host, Answers: []v1alpha1.Address{"192.0.2.80"}}}, "192.0.2.80",
		},
	} {
		t.Run(b.name, func(t *testing.T) {
			u := upstreamOf(t, upstream.Config{CA: ca, Zones: []string{string(b.zone)}})
			u.Set(b.mode)
			spec := withStub(t, b.zone, over(u, b.transport))
			spec.Rollout.Probes = b.probes
			give(t, spec)
			d := unprogrammed(t, "CanaryFailed")
			says(t, d, v1alpha1.ConditionProgrammed, b.words, good)
			says(t, d, v1alpha1.ConditionDegraded, b.words)
			told(t, "CanaryFailed", b.words)
			if !condition(d, v1alpha1.ConditionDegraded, metav1.ConditionTrue, "CanaryFailed") {
				t.Error(summary(d))
			}
			if got := loads(deployment(t).Spec.Template.Spec); got != good || d.Status.LastGoodRevision != good {
				t.Errorf("the servers load %s, the last good revision is %s, want %s", got, d.Status.LastGoodRevision, good)
			}
		})
	}
	t.Run("slow", func(t *testing.T) {
		u := upstreamOf(t, upstream.Config{Zones: []string{"slow.example"}, Records: []string{"www.slow.example. 60 IN A 192.0.2.81"}})
		u.Set(upstream.Slow(time.Second))
		give(t, withStub(t, "slow.example", over(u, upstream.UDP)))
		programmed(t)
		answered(t, "www.slow.example", "192.0.2.81")
	})
}
