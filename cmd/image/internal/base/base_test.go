// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package base

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// TestRoots reads the file as crypto/x509 does. It has each root of Mozilla but
// those that count only for old certificates.
func TestRoots(t *testing.T) {
	want := 0
	for r := range bundle.Roots() {
		if r.Constraint == nil {
			want++
		}
	}
	var names []string
	got := 0
	for block, rest := pem.Decode(roots()); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, cert.Subject.CommonName)
		got++
	}
	if got != want || want < 100 {
		t.Errorf("%d roots, want %d, and not fewer than 100", got, want)
	}
	for _, name := range []string{"ISRG Root X1", "GTS Root R1", "DigiCert Global Root G2"} {
		if !slices.Contains(names, name) {
			t.Errorf("%q, which public resolvers have certificates of, is not there", name)
		}
	}
	if !x509.NewCertPool().AppendCertsFromPEM(roots()) {
		t.Error("crypto/x509 does not take the file")
	}
}
