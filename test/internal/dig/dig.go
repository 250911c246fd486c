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
func Run(ctx context.Context, udp, tcp string, args ...string) (string, error) {
	addr := udp
	if slices.Contains(args, "+tcp") || slices.Contains(args, "AXFR") {
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
	return Canonical(string(out))
}

var (
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
