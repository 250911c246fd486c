// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

func TestCounter(t *testing.T) {
	c := counter{probe: &corev1.Probe{SuccessThreshold: 2, FailureThreshold: 3}}
	verdicts := ""
	for _, up := range []bool{false, true, false, true, true, true, false, false, true, false, false, false, false, true, true} {
		if c.add(up) {
			verdicts += fmt.Sprintf("%t ", c.good)
		} else {
			verdicts += "- "
		}
	}
	if want := "- - - - true - - - - - - false - - true "; verdicts != want {
		t.Errorf("verdicts: got %q, want %q", verdicts, want)
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	var got []time.Duration
	for _, ran := range []time.Duration{0, 0, 0, 0, 0, 0, 0, time.Hour, 0} {
		got = append(got, b.next(ran)/time.Second)
	}
	if want := []time.Duration{1, 2, 4, 8, 16, 30, 30, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("seconds: got %d, want %d", got, want)
	}
}

func TestOver(t *testing.T) {
	for _, c := range []struct {
		policy corev1.RestartPolicy
		code   int32
		want   corev1.PodPhase
	}{
		{corev1.RestartPolicyAlways, 0, ""},
		{corev1.RestartPolicyAlways, 1, ""},
		{corev1.RestartPolicyOnFailure, 1, ""},
		{corev1.RestartPolicyOnFailure, 0, corev1.PodSucceeded},
		{corev1.RestartPolicyNever, 0, corev1.PodSucceeded},
		{corev1.RestartPolicyNever, 1, corev1.PodFailed},
	} {
		if got := over(c.policy, c.code); got != c.want {
			t.Errorf("%s, exit code %d: got %q, want %q", c.policy, c.code, got, c.want)
		}
	}
}

func TestArguments(t *testing.T) {
	m := mounts{{resolvConf, "/upstreams"}, {"/etc/coredns", "/v/config"}, {"/etc/coredns/keys", "/v/keys"}}
	got := m.words([]string{"-conf", "/etc/coredns/Corefile", "--key=/etc/coredns/keys/k", "/etc/coredns2", resolvConf})
	want := []string{"-conf", "/v/config/Corefile", "--key=/v/keys/k", "/etc/coredns2", "/upstreams"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, args := range [][]string{{"-conf", "f"}, {"-quiet", "-conf=f"}, {"--conf", "f", "x"}} {
		if got, ok := confOf(args); got != "f" || !ok {
			t.Errorf("%q: got %q, %t", args, got, ok)
		}
	}
	if got, ok := confOf([]string{"conf", "f"}); ok {
		t.Errorf("there is no -conf, got %q", got)
	}
	if got, want := expand("$(A) $(B) $$(A)", map[string]string{"A": "1"}), "1 $(B) $(A)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBackends(t *testing.T) {
	for _, c := range []struct{ name, endpoints, udp, tcp string }{
		{"ready ones only", "2 ready, 3 ready, 4 ending, 5 none", "[127.244.0.2:1053 127.244.0.3:1053]", "[127.244.0.2:1054 127.244.0.3:1054]"},
		{"those that end, if there are no others", "4 ending, 5 none", "[127.244.0.4:1053]", "[127.244.0.4:1054]"},
		{"none", "5 none", "[]", "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := []*discoveryv1.EndpointSlice{endpointSlice(c.endpoints)}
			if got := fmt.Sprint(backends(s, corev1.ProtocolUDP)); got != c.udp {
				t.Errorf("over UDP: got %s, want %s", got, c.udp)
			}
			if got := fmt.Sprint(backends(s, corev1.ProtocolTCP)); got != c.tcp {
				t.Errorf("over TCP: got %s, want %s", got, c.tcp)
			}
		})
	}
}

// endpointSlice reads a list of endpoints: their last octets, and what they are.
func endpointSlice(text string) *discoveryv1.EndpointSlice {
	port := func(name string, p corev1.Protocol, n int32) discoveryv1.EndpointPort {
		return discoveryv1.EndpointPort{Name: &name, Protocol: &p, Port: &n}
	}
	s := &discoveryv1.EndpointSlice{Ports: []discoveryv1.EndpointPort{
		port("metrics", corev1.ProtocolTCP, 9153), port("dns-tcp", corev1.ProtocolTCP, 54), port("dns", corev1.ProtocolUDP, 53),
	}}
	for _, part := range strings.Split(text, ",") {
		var octet byte
		var is string
		_, _ = fmt.Sscan(part, &octet, &is)
		ready, serving, terminating := is == "ready", is != "none", is == "ending"
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{netip.AddrFrom4([4]byte{10, 244, 0, octet}).String()},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
		})
	}
	return s
}
