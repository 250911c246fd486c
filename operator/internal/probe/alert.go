// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"

	"github.com/quic-go/quic-go"
)

// Alerts of RFC 8446 section 6.
const (
	handshakeFailure    tls.AlertError = 40
	badCertificate      tls.AlertError = 42
	certificateUnknown  tls.AlertError = 46
	unknownCA           tls.AlertError = 48
	accessDenied        tls.AlertError = 49
	protocolVersion     tls.AlertError = 70
	unrecognizedName    tls.AlertError = 112
	certificateRequired tls.AlertError = 116
	noProtocol          tls.AlertError = 120
)

// remoteAlert returns the alert with which the server ended the connection.
func remoteAlert(err error) (tls.AlertError, bool) {
	var transport *quic.TransportError
	if errors.As(err, &transport) && transport.Remote && transport.ErrorCode.IsCryptoError() {
		return tls.AlertError(transport.ErrorCode & math.MaxUint8), true // RFC 9001 section 4.8
	}
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return 0, false
	}
	// crypto/tls does not export the type of op.Err, but its text is that of
	// the one that it does.
	for code := range math.MaxUint8 + 1 {
		if alert := tls.AlertError(code); alert.Error() == op.Err.Error() {
			return alert, true
		}
	}
	return 0, false
}

func text(alert tls.AlertError) string { return strings.TrimPrefix(alert.Error(), "tls: ") }

// explainAlert says what the server wants of us.
func (t Target) explainAlert(alert tls.AlertError) string {
	switch {
	case alert == noProtocol:
		return fmt.Sprintf("the server does not speak DNS over %s: check transport and port", t.Transport)
	case alert == protocolVersion:
		return "the server does not speak TLS 1.2 or later"
	case alert == unrecognizedName:
		return fmt.Sprintf("the server has no certificate for %s: check tls.serverName", t.name())
	case len(t.Certificates) == 0 && (alert == certificateRequired || alert == badCertificate):
		return "the server demands a certificate of ours: set tls.clientCertificateSecret"
	case len(t.Certificates) == 0 && alert == handshakeFailure: // of TLS 1.2, for many reasons
		return "the server ended the TLS handshake: if it demands a certificate of ours set tls.clientCertificateSecret"
	case alert == certificateRequired:
		return "the server demands a certificate of an authority that did not sign ours: change it in tls.clientCertificateSecret"
	case alert >= badCertificate && alert <= certificateUnknown, alert == unknownCA, alert == accessDenied:
		return fmt.Sprintf("the server does not accept our certificate, %q: change it in tls.clientCertificateSecret", text(alert))
	}
	return fmt.Sprintf("the server ended the TLS connection: %s", text(alert))
}
