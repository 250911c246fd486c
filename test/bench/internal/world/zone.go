// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// WriteZone writes the world as a zone file, so that servers that know nothing
// of Kubernetes can serve it.
func (w World) WriteZone(out io.Writer) error {
	b := bufio.NewWriter(out)
	writeHead(b, Zone)
	fmt.Fprintf(b, "ns.dns.%s A 127.0.0.1\n", Zone)
	for _, s := range w.Services {
		fmt.Fprintf(b, "%s A %s\n", s.FQDN(), s.ClusterIP)
		for _, p := range Ports {
			fmt.Fprintf(b, "_%s._tcp.%s SRV 0 100 %d %s\n", p.Name, s.FQDN(), p.Port, s.FQDN())
		}
		s.writeEndpoints(b)
	}
	for _, s := range w.Headless {
		for _, addr := range s.Endpoints {
			fmt.Fprintf(b, "%s A %s\n", s.FQDN(), addr)
		}
		s.writeEndpoints(b)
	}
	return b.Flush()
}

// WriteReverseZone writes the zone of the addresses.
func (w World) WriteReverseZone(out io.Writer) error {
	b := bufio.NewWriter(out)
	writeHead(b, ReverseZone)
	for _, s := range w.Services {
		fmt.Fprintf(b, "%s PTR %s\n", Reverse(s.ClusterIP), s.FQDN())
	}
	for _, s := range append(w.Services[:len(w.Services):len(w.Services)], w.Headless...) {
		for _, addr := range s.Endpoints {
			fmt.Fprintf(b, "%s PTR %s\n", Reverse(addr), s.endpoint(addr))
		}
	}
	return b.Flush()
}

// writeHead has the SOA record of the plugins, so that denials have the same size.
func writeHead(b io.Writer, zone string) {
	fmt.Fprintf(b, "$ORIGIN .\n$TTL %d\n%s SOA ns.dns.%s hostmaster.%s 1 7200 1800 86400 %d\n%s NS ns.dns.%s\n",
		TTL, zone, zone, zone, TTL, zone, zone)
}

func (s Service) writeEndpoints(b io.Writer) {
	for _, addr := range s.Endpoints {
		fmt.Fprintf(b, "%s A %s\n", s.endpoint(addr), addr)
	}
}

// endpoint is the name of an endpoint without a hostname.
func (s Service) endpoint(addr netip.Addr) string {
	return strings.ReplaceAll(addr.String(), ".", "-") + "." + s.FQDN()
}

// Reverse is the name of the PTR record of an IPv4 address.
func Reverse(addr netip.Addr) string {
	a := addr.As4()
	return fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa.", a[3], a[2], a[1], a[0])
}
