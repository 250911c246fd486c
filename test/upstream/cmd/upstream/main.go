// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command upstream is the DNS server of package upstream as a program: an
// upstream or the server of a stub zone that runs in a pod, well or badly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/clusterdns/clusterdns/test/upstream"
)

const about = `Usage: upstream [flags]

Serves DNS over UDP, TCP, TLS, HTTPS and QUIC until SIGTERM: the root and each
--zone, with the records that are given. Its manners can be changed over HTTP:

  wget -qO- 'http://ADDRESS:8080/mode?set=silent'   slow=200ms, losing=3, ...
  wget -qO- http://ADDRESS:8080/queries             how many came, and the last hundred
  wget -qO- http://ADDRESS:8080/forget              count anew
  wget -qO- http://ADDRESS:8080/ca                  who signed its certificates

Flags:
`

// list is a flag that can be given more than once.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(text string) error {
	*l = append(*l, text)
	return nil
}

type options struct {
	config  upstream.Config
	mode    upstream.Mode
	control string
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v; see upstream --help\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	set := flag.NewFlagSet("upstream", flag.ContinueOnError)
	address := set.String("address", "0.0.0.0", "`address` to listen on")
	dns := set.Uint("port", 53, "`port` of UDP and TCP; 0 is a free one")
	tls := set.Uint("tls-port", 853, "`port` of DNS over TLS")
	https := set.Uint("https-port", 443, "`port` of DNS over HTTPS")
	quic := set.Uint("quic-port", 853, "`port` of DNS over QUIC")
	name := set.String("server-name", upstream.ServerName, "`name` in the certificate")
	control := set.String("control", ":8080", "`address` and port of HTTP")
	mode := set.String("mode", "honest", "`mode`: honest, lying, silent, refusing, servfail, truncating, confused, expired, wrongname, slow=DURATION, losing=COUNT")
	file := set.String("records", "", "`file` of records, one a line")
	var zones, records list
	set.Var(&zones, "zone", "`zone` with a SOA and NS records; may be given more than once")
	set.Var(&records, "record", "`record`, as 'a.example.org. 60 IN A 192.0.2.1'; may be given more than once")
	set.Usage = func() {
		fmt.Fprint(os.Stderr, about)
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return options{}, err
	}
	if set.NArg() > 0 {
		return options{}, fmt.Errorf("%q is not expected", set.Arg(0))
	}
	at, err := netip.ParseAddr(*address)
	if err != nil {
		return options{}, fmt.Errorf("--address: %w", err)
	}
	m, err := upstream.ParseMode(*mode)
	if err != nil {
		return options{}, err
	}
	more, err := readRecords(*file)
	if err != nil {
		return options{}, err
	}
	for _, port := range []uint{*dns, *tls, *https, *quic} {
		if port > 65535 {
			return options{}, fmt.Errorf("%d is not a port", port)
		}
	}
	return options{mode: m, control: *control, config: upstream.Config{
		Address: at, Open: true, ServerName: *name, Zones: zones, Records: append(records, more...),
		Ports: upstream.Ports{DNS: uint16(*dns), TLS: uint16(*tls), HTTPS: uint16(*https), QUIC: uint16(*quic)},
	}}, nil
}

// readRecords returns the lines of a file that are not empty and no comments.
func readRecords(file string) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the records: %w", err)
	}
	var records []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, ";") {
			records = append(records, line)
		}
	}
	return records, nil
}

func run(ctx context.Context, o options) error {
	s, err := upstream.Start(o.config)
	if err != nil {
		return err
	}
	s.Set(o.mode)
	l, err := net.Listen("tcp", o.control)
	if err != nil {
		return errors.Join(fmt.Errorf("listening for HTTP: %w", err), s.Stop())
	}
	server := &http.Server{Handler: handler(s), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	fmt.Printf("dns on %s, control on %s\n", s.Address(upstream.UDP), l.Addr())
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	return errors.Join(err, server.Close(), s.Stop())
}
