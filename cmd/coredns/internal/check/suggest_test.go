// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import "testing"

func TestUnknown(t *testing.T) {
	directives := []string{"errors", "forward", "log", "cache", "any"}
	inTree := append([]string{"etcd", "route53"}, directives...)
	tests := map[string]string{
		"forwrad":      `unknown directive "forwrad"; did you mean "forward"?`,
		"Errors":       `unknown directive "Errors"; did you mean "errors"?`,
		"lo":           `unknown directive "lo"; did you mean "log"?`,
		"etcd":         `unknown directive "etcd": plugin etcd of CoreDNS is not compiled into this binary; see coredns -plugins`,
		"proxy":        `unknown directive "proxy": proxy left CoreDNS with release 1.5.0; use forward`,
		"example.org":  `unknown directive "example.org"; if a server block begins here, the one before it lacks its closing brace`,
		"unrecognised": `unknown directive "unrecognised"; see coredns -plugins for the valid ones`,
	}
	for word, want := range tests {
		t.Run(word, func(t *testing.T) {
			if got := unknown(word, directives, inTree); got != want {
				t.Errorf("want %q, got %q", want, got)
			}
		})
	}
}
