// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// ParseDigArgs returns the question that arguments of dig ask.
func ParseDigArgs(args []string) (Question, error) {
	q := Question{Type: dns.TypeA, Class: dns.ClassINET, Size: 1232}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		class, isClass := dns.StringToClass[arg]
		qtype, isType := parseType(arg)
		switch {
		case arg == "-x" && i+1 < len(args):
			i++
			name, err := dns.ReverseAddr(args[i])
			if err != nil {
				return q, err
			}
			q.Name, q.Type = name, dns.TypePTR
		case arg == "-b" && i+1 < len(args):
			i++
			from, err := netip.ParseAddr(args[i])
			if err != nil {
				return q, err
			}
			q.From = from
		case (arg == "-t" || arg == "-c") && i+1 < len(args): // what follows says the same without
		case q.option(arg):
		case isType && q.Name != "":
			q.Type = qtype
		case isClass && q.Name != "":
			q.Class = class
		case strings.HasPrefix(arg, "-"), strings.HasPrefix(arg, "+"), q.Name != "":
			return q, fmt.Errorf("the differential test does not know what %q asks dig", arg)
		default:
			q.Name = dns.Fqdn(arg)
		}
	}
	return q, nil
}

// option reports whether arg is an option that is known, and sets it.
func (q *Question) option(arg string) bool {
	word, value, _ := strings.Cut(arg, "=")
	switch word {
	case "+tcp":
		q.TCP = true
	case "+notcp", "+ignore":
	case "+noedns":
		q.Size = 0
	case "+dnssec":
		q.DO = true
	case "+bufsize":
		size, err := strconv.ParseUint(value, 10, 16)
		q.Size = uint16(size)
		return err == nil
	default:
		return false
	}
	return true
}

func parseType(arg string) (uint16, bool) {
	if t, ok := dns.StringToType[strings.ToUpper(arg)]; ok {
		return t, true
	}
	number, ok := strings.CutPrefix(strings.ToUpper(arg), "TYPE")
	t, err := strconv.ParseUint(number, 10, 16)
	return uint16(t), ok && err == nil
}
