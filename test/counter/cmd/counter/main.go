// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command counter asks a DNS server numbered questions and reports what is lost.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/operator/counter"
)

const about = `Usage: counter [flags] SERVER NAME [DATA...]

Asks the server, an address with or without a port, for the name at a steady
rate: over UDP from a fresh port each, over UDP from one port, and over TCP. An
answer is right if it has exactly this data, or any if none is given.

  counter --qps=100 --duration=60s 10.96.0.10 web.demo.svc.cluster.local 10.96.7.7

On standard output is a report in JSON, a line every --every, and the last one,
with "final":true, at the end: when --count or --duration is reached, or after
SIGTERM. The status is 0 if all were answered rightly, 1 if not, 2 for wrong
usage.

Flags:
`

var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	os.Exit(program(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// program returns the exit status.
func program(ctx context.Context, args []string, out, errs io.Writer) int {
	c, every, err := parse(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(errs, "error: %v; see counter --help\n", err)
		return 2
	}
	r, err := counter.Start(ctx, c)
	if err != nil {
		fmt.Fprintf(errs, "error: %v\n", err)
		return 2
	}
	report, err := follow(r, every, out)
	switch {
	case err != nil:
		fmt.Fprintf(errs, "error: writing the report: %v\n", err)
		return 1
	case !report.Good():
		return 1
	}
	return 0
}

// follow writes reports until the run is over, and returns the last.
func follow(r *counter.Run, every time.Duration, out io.Writer) (counter.Report, error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	lines := json.NewEncoder(out)
	for {
		select {
		case <-r.Done():
			report := r.Wait()
			return report, lines.Encode(report)
		case <-ticker.C:
			if err := lines.Encode(r.Report()); err != nil {
				r.Stop()
				return r.Wait(), err
			}
		}
	}
}

func parse(args []string, errs io.Writer) (c counter.Config, every time.Duration, err error) {
	set := flag.NewFlagSet("counter", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.IntVar(&c.QPS, "qps", 100, "`questions` in a second over each transport")
	set.IntVar(&c.Count, "count", 0, "`number` of questions over each transport; 0: until the time is over")
	set.DurationVar(&c.Duration, "duration", 0, "how `long` to ask; 0: until the count is reached, or SIGTERM")
	set.DurationVar(&c.Timeout, "timeout", 2*time.Second, "how `long` to wait for an answer before it is lost")
	set.DurationVar(&every, "every", 5*time.Second, "how `often` to report")
	qtype := set.String("type", "A", "`type` of the records")
	transports := set.String("transports", "udp,udp-sticky,tcp", "`transports`, with commas between")
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		set.SetOutput(errs)
		fmt.Fprint(errs, about)
		set.PrintDefaults()
		return c, every, err
	case err != nil:
		return c, every, err
	case set.NArg() < 2:
		return c, every, fmt.Errorf("%w: a server and a name are expected", errUsage)
	case every <= 0:
		return c, every, fmt.Errorf("%w: --every wants a time", errUsage)
	}
	var known bool
	if c.Type, known = dns.StringToType[strings.ToUpper(*qtype)]; !known {
		return c, every, fmt.Errorf("%w: there is no type %q", errUsage, *qtype)
	}
	for t := range strings.SplitSeq(*transports, ",") {
		c.Transports = append(c.Transports, counter.Transport(t))
	}
	c.Name, c.Want = set.Arg(1), set.Args()[2:]
	c.Server, err = server(set.Arg(0))
	return c, every, err
}

// server returns the address, with the port of DNS if there is none.
func server(text string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a, 53), nil
	}
	s, err := netip.ParseAddrPort(text)
	if err != nil {
		return s, fmt.Errorf("%w: the server %q: want an address, as 10.96.0.10 or 127.0.0.1:1053", errUsage, text)
	}
	return s, nil
}
