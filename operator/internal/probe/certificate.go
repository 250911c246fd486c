// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// explainCertificate says what is wrong with the certificate of the target, and
// which field helps where one does.
func (t Target) explainCertificate(failed *tls.CertificateVerificationError, now time.Time) string {
	var (
		invalid  x509.CertificateInvalidError
		hostname x509.HostnameError
		unknown  x509.UnknownAuthorityError
		system   x509.SystemRootsError
	)
	switch {
	case errors.As(failed, &invalid) && invalid.Reason == x509.Expired:
		return explainDates(invalid.Cert, presented(failed), now)
	case errors.As(failed, &hostname):
		return fmt.Sprintf("certificate is for %s, not %s", names(hostname.Certificate), hostname.Host)
	case errors.As(failed, &unknown) && t.Roots == nil:
		return "certificate is signed by an authority that is not trusted: set tls.caConfigMap"
	case errors.As(failed, &unknown):
		return "certificate is signed by an authority that is not trusted: add it to tls.caConfigMap"
	case errors.As(failed, &system):
		return "the authorities that the system trusts cannot be read: set tls.caConfigMap"
	}
	return "certificate is not trusted: " + failed.Err.Error()
}

// explainDates says how c, the certificate of the server or of an authority
// above it, misses the present. To crypto/x509 both sides are "expired".
func explainDates(c, server *x509.Certificate, now time.Time) string {
	what := "certificate"
	if !c.Equal(server) {
		what = fmt.Sprintf("certificate of the authority %q", c.Subject)
	}
	if now.Before(c.NotBefore) {
		return fmt.Sprintf("%s is not valid before %s", what, c.NotBefore.UTC().Format(time.DateTime))
	}
	return fmt.Sprintf("%s expired on %s", what, c.NotAfter.UTC().Format(time.DateOnly))
}

// maxNames keeps a message readable: some certificates are for a hundred hosts.
const maxNames = 5

// names are the hosts that a certificate is for.
func names(c *x509.Certificate) string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no host at all"
	}
	if more := len(all) - maxNames; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:maxNames], ", "), more)
	}
	return strings.Join(all, ", ")
}
