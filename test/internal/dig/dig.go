// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package dig runs dig and brings what it prints into one form.
package dig

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Run has dig ask the server at the address udp, or tcp if args say +tcp, and
// returns the response in this form:
//
//	NOERROR qr aa rd
//	name ttl class type data
//	AUTHORITY
//	...
//	ADDITIONAL
//	...
//
// Records are sorted, empty sections are left out, and the serial of a SOA
// record reads SERIAL, and "5s ago" reads AGE ago. An Extended DNS Error stands after the flags.
//
// A zone transfer has no header and keeps its order, which means something:
//
//	TRANSFER 5 records
//	name ttl class type data
//	...
//
// Its first serial reads SERIAL, and others SERIAL-3, after the difference.
func Run(ctx context.Context, udp, tcp string, args ...string) (string, error) {
	addr := udp
	if slices.Contains(args, "+tcp") || Transfer(args) {
		addr = tcp
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	all := append([]string{"@" + host, "-p", port, "+noall", "+comments", "+answer", "+authority", "+additional",
		"+nocookie", "+tries=1", "+time=5", "+ignore"}, args...)
	out, err := exec.CommandContext(ctx, "dig", all...).Output()
	if err != nil {
		return "", fmt.Errorf("dig %s: %w: %s", strings.Join(args, " "), err, out)
	}
	if Transfer(args) {
		return transferred(string(out))
	}
	return Canonical(string(out))
}

// Transfer reports whether args ask for a zone transfer.
func Transfer(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool { return arg == "AXFR" || strings.HasPrefix(arg, "IXFR=") })
}

// transferred brings what dig prints of a transfer into the form that [Run] describes.
func transferred(out string) (string, error) {
	var rrs []string
	first, started := uint64(0), false
	for line := range strings.Lines(out) {
		line = spaces.ReplaceAllString(strings.TrimSpace(line), " ")
		if line == "; Transfer failed." {
			return line[2:] + "\n", nil
		}
		if line == "" || strings.HasPrefix(line, ";") {
			continue
		}
		if m := serial.FindStringSubmatch(line); m != nil {
			n, err := strconv.ParseUint(m[2], 10, 32)
			if err != nil {
				return "", err
			}
			if !started {
				first, started = n, true
			}
			word := "SERIAL"
			if n != first {
				word = fmt.Sprintf("SERIAL%+d", int32(uint32(n-first)))
			}
			line = serial.ReplaceAllString(line, "${1} "+word+" ")
		}
		rrs = append(rrs, line)
	}
	return fmt.Sprintf("TRANSFER %d records\n%s\n", len(rrs), strings.Join(rrs, "\n")), nil
}

var (
	serial = regexp.MustCompile(`( IN SOA \S+ \S+) (\d+) `)
	header = regexp.MustCompile(`status: (\w+)`)
	flags  = regexp.MustCompile(`^;; flags: ?([a-z ]*);`)
	ede    = regexp.MustCompile(`^; EDE: (.*)$`)
	soa    = regexp.MustCompile(`( IN SOA \S+ \S+) \d+ `)
	age    = regexp.MustCompile(`\b[0-9hms]+ ago\b`)
	spaces = regexp.MustCompile(`[ \t]+`)
)

// Canonical brings the output of dig into the form that [Run] describes.
func Canonical(out string) (string, error) {
	var status, bits, note string
	sections := map[string][]string{}
	section := ""
	for line := range strings.Lines(out) {
		line = age.ReplaceAllString(strings.TrimSpace(line), "AGE ago")
		switch {
		case strings.HasPrefix(line, ";; ->>HEADER<<-"):
			if m := header.FindStringSubmatch(line); m != nil {
				status = m[1]
			}
		case flags.MatchString(line):
			bits = flags.FindStringSubmatch(line)[1]
		case ede.MatchString(line):
			note = " EDE " + ede.FindStringSubmatch(line)[1]
		case strings.HasPrefix(line, ";; ") && strings.HasSuffix(line, " SECTION:"):
			section = strings.TrimSuffix(strings.TrimPrefix(line, ";; "), " SECTION:")
		case line != "" && !strings.HasPrefix(line, ";"):
			rr := soa.ReplaceAllString(spaces.ReplaceAllString(line, " "), "$1 SERIAL ")
			sections[section] = append(sections[section], rr)
		}
	}
	if status == "" {
		return "", fmt.Errorf("no response in what dig printed:\n%s", out)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s%s\n", status, strings.TrimSpace(bits), note)
	for _, name := range []string{"ANSWER", "AUTHORITY", "ADDITIONAL"} {
		rrs := sections[name]
		if len(rrs) > 0 && name != "ANSWER" {
			fmt.Fprintln(&b, name)
		}
		slices.Sort(rrs)
		for _, rr := range rrs {
			fmt.Fprintln(&b, rr)
		}
	}
	return b.String(), nil
}
