// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package base holds the files that every image has, whatever it is for.
package base

import (
	"bytes"
	"encoding/pem"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/clusterdns/clusterdns/cmd/image/oci"
)

// User that the programs run as, and its group: not root, and the number that
// others use for this as well, so that a runAsUser is easily right.
const User = "65532:65532"

// Files are the user, and the roots of the public certificate authorities.
func Files() []oci.File {
	return []oci.File{
		{Name: "etc/passwd", Mode: 0o644, Data: []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n")},
		{Name: "etc/group", Mode: 0o644, Data: []byte("root:x:0:\nnonroot:x:65532:\n")},
		{Name: "etc/ssl/certs/ca-certificates.crt", Mode: 0o644, Data: roots()},
	}
}

// roots is what an upstream with DNS over TLS is checked against unless the
// Corefile says otherwise. It comes from a module, and so is pinned by go.sum:
// the file of the machine that builds would make images differ.
//
// PEM cannot say that a root counts only for certificates from before a day.
// Such roots are on their way out of Mozilla's list, and are left out: better
// too few than more than Mozilla trusts.
func roots() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a Buffer takes all
		}
	}
	return text.Bytes()
}
