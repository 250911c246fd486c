// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

func TestAuthorityStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	first, err := OpenOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := OpenOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.CertPEM, second.CertPEM) {
		t.Error("a second call made another authority")
	}
	info, err := os.Stat(KeyFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v", info.Mode())
	}
}

func TestCertificatesAreValidForTheirUse(t *testing.T) {
	a, err := OpenOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	client, err := a.Client("bob", "dev", "ops")
	if err != nil {
		t.Fatal(err)
	}
	server, err := a.Server("api", []string{"kubernetes"}, []netip.Addr{netip.MustParseAddr("10.96.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		pair  Pair
		usage x509.ExtKeyUsage
		host  string
	}{
		{"client", client, x509.ExtKeyUsageClientAuth, ""},
		{"server by name", server, x509.ExtKeyUsageServerAuth, "kubernetes"},
		{"server by address", server, x509.ExtKeyUsageServerAuth, "10.96.0.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			block, _ := pem.Decode(tc.pair.Cert)
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			_, err = cert.Verify(x509.VerifyOptions{Roots: a.Pool(), KeyUsages: []x509.ExtKeyUsage{tc.usage}, DNSName: tc.host})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestKeyPairStaysTheSame(t *testing.T) {
	public, private := filepath.Join(t.TempDir(), "pub"), filepath.Join(t.TempDir(), "key")
	var texts [2][]byte
	for i := range texts {
		if err := EnsureKey(public, private); err != nil {
			t.Fatal(err)
		}
		texts[i], _ = os.ReadFile(private)
	}
	if len(texts[0]) == 0 || !bytes.Equal(texts[0], texts[1]) {
		t.Error("a second call made another key")
	}
}
