// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/test/upstream"
)

// TestCertificates asks servers whose certificate is not as it must be.
func TestCertificates(t *testing.T) {
	s := start(t, upstream.Config{})
	stranger := newCA(t)
	asName := func(name string) func(*Target) { return func(t *Target) { t.ServerName = name } }
	trust := func(pool *x509.CertPool) func(*Target) { return func(t *Target) { t.Roots = pool } }
	for _, c := range []struct {
		name    string
		mode    upstream.Mode
		edit    func(*Target)
		want    string
		expires time.Time
	}{
		{"expired", upstream.Expired, nil,
			"certificate expired on 2020-01-02", upstream.ExpiredAt},
		{"of another server", upstream.WrongName, nil,
			"certificate is for other.example.org, not dns.example.org", s.Expires()},
		{"of another server, asked by address", upstream.WrongName, asName(""),
			"certificate is for other.example.org, not 127.0.0.1", s.Expires()},
		{"asked by another name", upstream.Honest, asName("example.net"),
			"certificate is for dns.example.org, 127.0.0.1, not example.net", s.Expires()},
		{"asked by another address", upstream.Honest, asName("192.0.2.1"),
			"certificate is for dns.example.org, 127.0.0.1, not 192.0.2.1", s.Expires()},
		{"unknown to the system", upstream.Honest, trust(nil),
			"certificate is signed by an authority that is not trusted: set tls.caConfigMap", s.Expires()},
		{"of another authority", upstream.Honest, trust(stranger.Pool()),
			"certificate is signed by an authority that is not trusted: add it to tls.caConfigMap", s.Expires()},
		{"no authority at all", upstream.Honest, trust(x509.NewCertPool()),
			"certificate is signed by an authority that is not trusted: add it to tls.caConfigMap", s.Expires()},
	} {
		for _, over := range secure {
			t.Run(c.name+" "+string(over), func(t *testing.T) {
				s.Set(c.mode)
				s.Forget()
				to := target(s, over)
				if c.edit != nil {
					c.edit(&to)
				}
				r := Ask(t.Context(), to, question)
				wantErr(t, r, c.want)
				if !r.CertificateExpires.Equal(c.expires) {
					t.Errorf("certificate expires %v, want %v", r.CertificateExpires, c.expires)
				}
				var failed *tls.CertificateVerificationError
				if !errors.As(r.Err, &failed) {
					t.Errorf("%v is not of the verification", r.Err)
				}
				if n := len(s.Queries()); n != 0 {
					t.Errorf("a server that is not trusted was asked %d times", n)
				}
			})
		}
	}
}

// TestNames asks by names that a good certificate has.
func TestNames(t *testing.T) {
	s := start(t, upstream.Config{})
	for _, name := range []string{"", "127.0.0.1", "dns.example.org", "DNS.example.ORG", "dns.example.org."} {
		for _, over := range secure {
			to := target(s, over)
			to.ServerName = name
			if r := Ask(t.Context(), to, question); r.Err != nil {
				t.Error(r.Err)
			}
		}
	}
}

// TestClientCertificate asks a server that demands a certificate.
func TestClientCertificate(t *testing.T) {
	s := start(t, upstream.Config{DemandCertificate: true})
	client, err := s.CA().Client()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := newCA(t).Client()
	if err != nil {
		t.Fatal(err)
	}
	for _, over := range secure {
		t.Run(string(over), func(t *testing.T) {
			to := target(s, over)
			missing := Ask(t.Context(), to, question)
			wantErr(t, missing, "the server demands a certificate of ours: set tls.clientCertificateSecret")
			if !missing.CertificateExpires.Equal(s.Expires()) {
				t.Errorf("certificate expires %v, want %v", missing.CertificateExpires, s.Expires())
			}

			to.Certificates = []tls.Certificate{foreign}
			wantErr(t, Ask(t.Context(), to, question),
				`the server does not accept our certificate, "unknown certificate authority": change it in tls.clientCertificateSecret`)

			to.Certificates = []tls.Certificate{client}
			if r := Ask(t.Context(), to, question); r.Err != nil || addresses(r) != "192.0.2.1" {
				t.Errorf("with a certificate got %v", r)
			}
		})
	}
}

// TestAlerts has crypto/tls refuse us, as servers of other versions and
// protocols do.
func TestAlerts(t *testing.T) {
	ca := newCA(t)
	identity := serverOf(t, ca)
	for _, c := range []struct {
		name   string
		server *tls.Config
		over   Transport
		want   string
	}{
		{"TLS 1.2 with a certificate", &tls.Config{MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert}, TLS,
			"the server ended the TLS handshake: if it demands a certificate of ours set tls.clientCertificateSecret"},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, TLS,
			"the server does not speak TLS 1.2 or later"},
		{"no HTTP", &tls.Config{NextProtos: []string{"dot"}}, HTTPS,
			"the server does not speak DNS over HTTPS: check transport and port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, address := listen(t)
			c.server.Certificates = []tls.Certificate{identity}
			done := make(chan error)
			go func() { done <- shakeHands(l, c.server) }()
			r := Ask(t.Context(), Target{Address: address, Transport: c.over, ServerName: upstream.ServerName, Roots: ca.Pool()}, question)
			wantErr(t, r, c.want)
			if err := <-done; err == nil {
				t.Error("the server is content")
			}
		})
	}
}

func TestExplainAlert(t *testing.T) {
	anonymous := Target{Transport: QUIC, ServerName: "dns.example.org"}
	known := anonymous
	known.Certificates = make([]tls.Certificate, 1)
	for _, c := range []struct {
		target Target
		alert  tls.AlertError
		want   string
	}{
		{anonymous, certificateRequired, "the server demands a certificate of ours: set tls.clientCertificateSecret"},
		{anonymous, badCertificate, "the server demands a certificate of ours: set tls.clientCertificateSecret"},
		{known, certificateRequired, "the server demands a certificate of an authority that did not sign ours: change it in tls.clientCertificateSecret"},
		{known, badCertificate, `the server does not accept our certificate, "bad certificate": change it in tls.clientCertificateSecret`},
		{known, handshakeFailure, "the server ended the TLS connection: handshake failure"},
		{known, unrecognizedName, "the server has no certificate for dns.example.org: check tls.serverName"},
		{known, noProtocol, "the server does not speak DNS over QUIC: check transport and port"},
	} {
		if got := c.target.explainAlert(c.alert); got != c.want {
			t.Errorf("%s with %d certificates: got %s, want %s", c.alert, len(c.target.Certificates), got, c.want)
		}
	}
}

func shakeHands(l net.Listener, c *tls.Config) error {
	conn, err := l.Accept()
	if err != nil {
		return nil
	}
	defer func() { _ = conn.Close() }()
	return tls.Server(conn, c).Handshake()
}

func TestExplainDates(t *testing.T) {
	day := time.Date(2026, 1, 2, 23, 0, 0, 0, time.FixedZone("", -7200))
	leaf := &x509.Certificate{Raw: []byte("leaf"), NotBefore: day, NotAfter: day.AddDate(0, 1, 0)}
	root := &x509.Certificate{Raw: []byte("root"), NotBefore: day, NotAfter: day.AddDate(0, 1, 0), Subject: pkix.Name{CommonName: "Example"}}
	for _, c := range []struct {
		certificate *x509.Certificate
		now         time.Time
		want        string
	}{
		{leaf, day.AddDate(1, 0, 0), "certificate expired on 2026-02-03"},
		{leaf, day.AddDate(-1, 0, 0), "certificate is not valid before 2026-01-03 01:00:00"},
		{root, day.AddDate(1, 0, 0), `certificate of the authority "CN=Example" expired on 2026-02-03`},
	} {
		if got := explainDates(c.certificate, leaf, c.now); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestCertificateNames(t *testing.T) {
	many := []string{"a", "b", "c", "d", "e", "f", "g"}
	for _, c := range []struct {
		certificate x509.Certificate
		want        string
	}{
		{x509.Certificate{}, "no host at all"},
		{x509.Certificate{DNSNames: many[:5]}, "a, b, c, d, e"},
		{x509.Certificate{DNSNames: many}, "a, b, c, d, e and 2 more"},
		{x509.Certificate{DNSNames: many[:1], IPAddresses: []net.IP{{192, 0, 2, 1}}}, "a, 192.0.2.1"},
	} {
		if got := names(&c.certificate); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

var (
	loopback6 = netip.IPv6Loopback()
	dead      = netip.MustParseAddrPort("127.0.0.1:1") // nobody is asked there
)

func newCA(t *testing.T) *upstream.CA {
	t.Helper()
	ca, err := upstream.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func serverOf(t *testing.T, ca *upstream.CA) tls.Certificate {
	t.Helper()
	c, err := ca.Server(upstream.ServerName)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
