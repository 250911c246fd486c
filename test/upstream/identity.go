// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"crypto/tls"
	"net/netip"
	"time"
)

// ExpiredAt is when the certificate of [Expired] expired.
var ExpiredAt = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

// OtherName is the name in the certificate of [WrongName].
const OtherName = "other.example.org"

// identity is who a server says it is.
type identity struct {
	good, expired, misnamed tls.Certificate
}

func newIdentity(ca *CA, name string, address netip.Addr) (*identity, error) {
	late := serverTemplate(name, address.String())
	late.NotBefore, late.NotAfter = ExpiredAt.AddDate(0, 0, -1), ExpiredAt
	var i identity
	var errs [3]error
	i.good, errs[0] = ca.Server(name, address.String())
	i.expired, errs[1] = ca.issue(late)
	i.misnamed, errs[2] = ca.Server(OtherName)
	return &i, firstError(errs[:]...)
}

// Expires is when the certificate of the server expires, in the modes that do
// not say otherwise.
func (s *Server) Expires() time.Time { return s.identity.good.Leaf.NotAfter }

// tls is the configuration for a protocol. A session is not resumed: the mode
// can be another.
func (s *Server) tls(protocols ...string) *tls.Config {
	c := &tls.Config{
		MinVersion:             tls.VersionTLS12,
		NextProtos:             protocols,
		SessionTicketsDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.certificate(), nil
		},
	}
	if s.config.DemandCertificate {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, s.config.CA.Pool()
	}
	return c
}

func (s *Server) certificate() *tls.Certificate {
	switch s.mode.get().kind {
	case expired:
		return &s.identity.expired
	case misnamed:
		return &s.identity.misnamed
	default:
		return &s.identity.good
	}
}
