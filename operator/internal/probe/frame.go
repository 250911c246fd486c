// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/miekg/dns"
)

// frame returns the query as TCP, TLS and QUIC carry it: after its length in
// two octets (RFC 1035 section 4.2.2). Both are one slice so that they leave in
// one segment (RFC 7766 section 8).
func frame(query *dns.Msg) ([]byte, error) {
	message, err := query.Pack()
	if err != nil {
		return nil, fmt.Errorf("packing the question: %w", err)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...), nil
}

// readFrame reads a message of at most 65535 octets after its length.
func readFrame(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(r, message); err != nil {
		return nil, err
	}
	return message, nil
}
