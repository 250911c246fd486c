// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// dial connects to a server.
func dial(ctx context.Context, network string, address netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address.String())
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return conn, nil
}

// closeOnDone closes conn when ctx ends. The caller calls what it returns, which
// closes conn at once. A connection that is closed, unlike a deadline that has
// passed, stays so.
func closeOnDone(ctx context.Context, conn net.Conn) (end func()) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return func() {
		stop()
		_ = conn.Close()
	}
}
