// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
)

// Write stores the pair. The key comes first, so that where the certificate
// exists its key does too.
func (p Pair) Write(certFile, keyFile string) error {
	if err := os.WriteFile(keyFile, p.Key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, p.Cert, 0o600)
}

// EnsureKey makes a key pair in two files unless it is there. Service account
// tokens are signed with it, and those must outlive a restart.
func EnsureKey(publicFile, privateFile string) error {
	if _, err := os.Stat(publicFile); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	private, err := encodeKey(key)
	if err != nil {
		return err
	}
	pair := Pair{Cert: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), Key: private}
	return pair.Write(publicFile, privateFile)
}
