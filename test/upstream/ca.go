// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"time"
)

// A CA is a certificate authority in memory. Its methods are safe for concurrent use.
type CA struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewCA makes an authority that is valid for a day.
func NewCA() (*CA, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := newTemplate("The authority of a test")
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign
	c, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	return &CA{certificate: c, key: key}, nil
}

// PEM is the certificate of the authority, as in ca-bundle.crt.
func (a *CA) PEM() []byte { return encode("CERTIFICATE", a.certificate.Raw) }

// Pool has the certificate of the authority alone.
func (a *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// Client issues a certificate that a server with DemandCertificate accepts.
func (a *CA) Client() (tls.Certificate, error) {
	template := newTemplate("The client of a test")
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(template)
}

// Server issues a certificate for names and addresses.
func (a *CA) Server(names ...string) (tls.Certificate, error) {
	return a.issue(serverTemplate(names...))
}

func serverTemplate(names ...string) *x509.Certificate {
	template := newTemplate("The server of a test")
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return template
}

// issue makes a key and signs the certificate for it.
func (a *CA) issue(template *x509.Certificate) (tls.Certificate, error) {
	key, err := newKey()
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := sign(template, a.certificate, key, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// EncodePEM returns a certificate and its key as a Secret of type
// kubernetes.io/tls has them.
func EncodePEM(c tls.Certificate) (certificate, key []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding a key: %w", err)
	}
	for _, one := range c.Certificate {
		certificate = append(certificate, encode("CERTIFICATE", one)...)
	}
	return certificate, encode("PRIVATE KEY", der), nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return key, nil
}

// newTemplate is valid from an hour ago for a day. Crypto/x509 chooses the serial.
func newTemplate(subject string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: subject},
		NotBefore: now.Add(-time.Hour),
		NotAfter:  now.Add(24 * time.Hour),
		KeyUsage:  x509.KeyUsageDigitalSignature,
	}
}

func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}
