// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"
)

// A reservation keeps ports of 127.0.0.1 from others until CoreDNS takes them.
type reservation struct{ sockets []io.Closer }

// reserveDNS takes a port for UDP and TCP. It waits for one that is taken as
// long as patience lasts.
func (r *reservation) reserveDNS(port int, patience time.Duration) error {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		protocol, err := r.listenDNS(port)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(end) {
			return explain(protocol, port, err)
		}
	}
}

// listenDNS takes a port for UDP and TCP; if it fails, it says for which.
func (r *reservation) listenDNS(port int) (protocol string, err error) {
	udp, err := net.ListenPacket("udp4", address(port))
	if err != nil {
		return "UDP", err
	}
	tcp, err := net.Listen("tcp4", address(port))
	if err != nil {
		_ = udp.Close()
		return "TCP", err
	}
	r.sockets = append(r.sockets, udp, tcp)
	return "", nil
}

// reserveTCP takes the first TCP port that is free, starting with port.
func (r *reservation) reserveTCP(port int) (int, error) {
	for p := port; p < port+100; p++ {
		tcp, err := net.Listen("tcp4", address(p))
		if err == nil {
			r.sockets = append(r.sockets, tcp)
			return p, nil
		}
	}
	return 0, fmt.Errorf("the TCP ports %d to %d of 127.0.0.1 are all taken", port, port+99)
}

// release frees the ports. It can be called again.
func (r *reservation) release() {
	for _, s := range r.sockets {
		_ = s.Close()
	}
	r.sockets = nil
}

// explain says why a port cannot be had, and what to do.
func explain(protocol string, port int, err error) error {
	remedy := fmt.Sprintf("choose another port, as in `make run PORT=%d`", freePort(max(port+1, 1053)))
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s port %d of 127.0.0.1 cannot be used: %w; %s", protocol, port, err, remedy)
	}
	option := map[string]string{"UDP": "u", "TCP": "t"}[protocol]
	return fmt.Errorf("port %d is taken: another program has it for %s (`ss -ln%sp sport = :%d` may show which); end that one, or %s",
		port, protocol, option, port, remedy)
}

// freePort returns the first port from port on that is free for UDP and TCP;
// without one, port.
func freePort(port int) int {
	for p := port; p < port+100 && p <= 65535; p++ {
		var r reservation
		_, err := r.listenDNS(p)
		r.release()
		if err == nil {
			return p
		}
	}
	return port
}

// address returns the address of a port of this machine.
func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
