// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// The patterns of the API, see package v1alpha1.
var (
	domainPattern     = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)
	labelPattern      = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	objectPattern     = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	resolvConfPattern = regexp.MustCompile(`^/[A-Za-z0-9._/-]+$`)
	rewriteTo         = regexp.MustCompile(`^([A-Za-z0-9._-]|\{[0-9]\})+$`)
	rewriteNot        = regexp.MustCompile(`["#[:space:][:cntrl:]]|\{\$|\{%|\\$`)
)

// domain returns a domain name as the API wants it.
func domain(s string) (v1alpha1.Domain, bool) {
	s = origin(s)
	return v1alpha1.Domain(s), len(s) <= 253 && domainPattern.MatchString(s)
}

// zone returns a domain name, or a network, as the API wants it.
func zone(s string) (v1alpha1.Zone, bool) {
	if !strings.Contains(s, "/") {
		d, ok := domain(s)
		return v1alpha1.Zone(d), ok
	}
	p, err := netip.ParsePrefix(s)
	return v1alpha1.Zone(s), err == nil && p == p.Masked() && p.String() == s
}

// reverse reports whether a zone is one of addresses.
func reverse(zone string) bool {
	return strings.Contains(zone, "/") || within(zone, "in-addr.arpa") || within(zone, "ip6.arpa")
}

// seconds returns a TTL of at least lowest, or nil.
func seconds(s string, lowest int) *v1alpha1.Seconds {
	n, err := strconv.Atoi(s)
	if err != nil || n < lowest || n > 3600 {
		return nil
	}
	return new(v1alpha1.Seconds(n))
}

// count returns a number within bounds, or nil.
func count(s string, lowest, highest int) *int32 {
	n, err := strconv.Atoi(s)
	if err != nil || n < lowest || n > highest {
		return nil
	}
	return new(int32(n))
}

// duration returns a duration within bounds, or nil.
func duration(s string, shortest, longest time.Duration) *metav1.Duration {
	d, err := time.ParseDuration(s)
	if err != nil || d < shortest || d > longest {
		return nil
	}
	return &metav1.Duration{Duration: d}
}

// address returns an address in its usual form.
func address(s string) (v1alpha1.Address, bool) {
	a, err := netip.ParseAddr(s)
	return v1alpha1.Address(s), err == nil && a.Zone() == "" && !a.Is4In6() && a.String() == s
}
