// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// FromService returns what DNS needs of s. ok is false if nothing of it can be served.
func FromService(s *corev1.Service) (svc Service, skipped []Skip, ok bool) {
	if !isLabel(s.Namespace) || !isLabel(s.Name) {
		return Service{}, []Skip{SkipName}, false
	}
	svc = Service{Namespace: intern(s.Namespace), Name: strings.Clone(s.Name), Traffic: traffic(s)}
	skip := func(reason Skip) { skipped = append(skipped, reason) }
	svc.TTL = ttl(s.Annotations, skip)

	switch {
	case s.Spec.Type == corev1.ServiceTypeExternalName:
		svc.Type = ExternalName
		if target, ok := target(s.Spec.ExternalName); ok {
			svc.ExternalName = target
		} else {
			skip(SkipExternal)
		}
		return svc, skipped, true // its ports and addresses are not answered
	case s.Spec.ClusterIP == corev1.ClusterIPNone || slices.Contains(s.Spec.ClusterIPs, corev1.ClusterIPNone):
		svc.Type = Headless
	default:
		svc.ClusterIPs = clusterIPs(s, skip)
	}
	svc.Ports = servicePorts(s.Spec.Ports, skip)
	return svc, skipped, true
}

func servicePorts(ports []corev1.ServicePort, skip func(Skip)) []Port {
	var out []Port
	for _, p := range ports {
		if port, ok := newPort(p.Name, string(p.Protocol), p.Port); ok {
			out = append(out, port)
		} else {
			skip(SkipPort)
		}
	}
	return slices.Clip(out)
}

// ttl returns what the annotation says.
func ttl(annotations map[string]string, skip func(Skip)) TTL {
	text, ok := annotations[TTLAnnotation]
	if !ok {
		return TTL{}
	}
	seconds, err := strconv.ParseUint(text, 10, 32)
	if err != nil || seconds > MaxTTL {
		skip(SkipTTL)
		return TTL{}
	}
	return TTL{Seconds: uint32(seconds), Own: true}
}

func traffic(s *corev1.Service) Traffic {
	switch deref(s.Spec.TrafficDistribution) {
	case corev1.ServiceTrafficDistributionPreferClose, corev1.ServiceTrafficDistributionPreferSameZone:
		return SameZone
	case corev1.ServiceTrafficDistributionPreferSameNode:
		return SameNode
	}
	return Anywhere
}

// clusterIPs returns the distinct cluster IPs of s. API servers before 1.20 know only one.
func clusterIPs(s *corev1.Service, skip func(Skip)) []netip.Addr {
	texts := s.Spec.ClusterIPs
	if len(texts) == 0 && s.Spec.ClusterIP != "" {
		texts = []string{s.Spec.ClusterIP}
	}
	return distinct(texts, skip)
}

// distinct returns the addresses that texts are, each once.
func distinct(texts []string, skip func(Skip)) []netip.Addr {
	ips := make([]netip.Addr, 0, len(texts))
	for _, text := range texts {
		ip, ok := addr(text)
		switch {
		case !ok:
			skip(SkipAddress)
		case !slices.Contains(ips, ip):
			ips = append(ips, ip)
		}
	}
	return ips
}

// newPort returns a port. Its name may be empty.
func newPort(name, protocol string, number int32) (Port, bool) {
	if number < 1 || number > 65535 {
		return Port{}, false
	}
	if protocol == "" {
		protocol = string(corev1.ProtocolTCP) // the API's default
	}
	return Port{
		Name:     intern(lower(name)),
		Protocol: intern(lower(protocol)),
		Number:   uint16(number),
	}, true
}

// target returns name as a fully qualified domain name. A name that looks like
// an IP address is refused: the Service API says that it is not resolved.
func target(name string) (string, bool) {
	name = strings.TrimSuffix(name, ".")
	if _, isAddr := addr(name); isAddr || name == "" || len(name) > 253 {
		return "", false
	}
	for part := range strings.SplitSeq(name, ".") {
		if lowerLabel(part) == "" {
			return "", false
		}
	}
	return name + ".", true
}
