// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// outsideNames are names that [Outside] answers for, each in its way.
var outsideNames = []string{
	"www.example.net", "nodata.example.net", "nxdomain.example.net", "servfail.example.net", "refused.example.net",
	"chain.example.net", "chain-nxdomain.example.net", "noise.example.net", "back.example.net",
}

// Outside is the DNS server of the rest of the world, which answers the same
// to the same question.
type Outside struct {
	Addr string
	udp  *dns.Server
	tcp  *dns.Server
}

// StartOutside starts one on a port that is free for UDP and TCP.
func StartOutside() (*Outside, error) {
	p, l, err := listen()
	for range 20 {
		if err == nil {
			break
		}
		p, l, err = listen()
	}
	if err != nil {
		return nil, err
	}
	h := dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) { _ = w.WriteMsg(outside(r)) })
	o := &Outside{Addr: p.LocalAddr().String(), udp: &dns.Server{PacketConn: p, Handler: h}, tcp: &dns.Server{Listener: l, Handler: h}}
	go func() { _ = o.udp.ActivateAndServe() }()
	go func() { _ = o.tcp.ActivateAndServe() }()
	return o, nil
}

func listen() (net.PacketConn, net.Listener, error) {
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	l, err := net.Listen("tcp", p.LocalAddr().String())
	if err != nil {
		_ = p.Close()
		return nil, nil, err
	}
	return p, l, nil
}

// Stop ends the server.
func (o *Outside) Stop() {
	_ = o.udp.Shutdown()
	_ = o.tcp.Shutdown()
}

// outside answers as a resolver does: not authoritative.
func outside(r *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(r)
	q := r.Question[0]
	first, _, _ := strings.Cut(strings.ToLower(q.Name), ".")
	switch first {
	case "servfail":
		m.Rcode = dns.RcodeServerFailure
	case "refused":
		m.Rcode = dns.RcodeRefused
	case "chain":
		add(m, "%s 77 IN CNAME www.example.net.", q.Name)
		records(m, "www.example.net.", q.Qtype)
	case "chain-nxdomain":
		add(m, "%s 77 IN CNAME nxdomain.example.net.", q.Name)
		m.Rcode = dns.RcodeNameError
	case "back":
		add(m, "%s 77 IN CNAME web.demo.svc.cluster.local.", q.Name)
	case "noise":
		records(m, q.Name, q.Qtype)
		add(m, "unrelated.example.net. 77 IN A 192.0.2.66")
	case "www":
		records(m, q.Name, q.Qtype)
	case "nodata":
	default:
		m.Rcode = dns.RcodeNameError
	}
	if len(m.Answer) == 0 && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError) || first == "chain-nxdomain" {
		rr, _ := dns.NewRR("example.net. 77 IN SOA ns.example.net. hostmaster.example.net. 1 2 3 4 77")
		m.Ns = append(m.Ns, rr)
	}
	return m
}

// records adds what name has of that type.
func records(m *dns.Msg, name string, qtype uint16) {
	switch qtype {
	case dns.TypeA:
		add(m, "%s 77 IN A 192.0.2.77", name)
		add(m, "%s 77 IN A 192.0.2.78", name)
	case dns.TypeAAAA:
		add(m, "%s 77 IN AAAA 2001:db8::77", name)
	case dns.TypeTXT:
		add(m, "%s 77 IN TXT outside", name)
	case dns.TypeSRV:
		add(m, "%s 77 IN SRV 1 2 3 www.example.net.", name)
	}
}

func add(m *dns.Msg, format string, args ...any) {
	rr, err := dns.NewRR(fmt.Sprintf(format, args...))
	if err != nil {
		panic(err)
	}
	m.Answer = append(m.Answer, rr)
}
