// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A Response is what a server answered, such that two of them can be compared:
// records sorted, with the letter case of names, without SOA serials.
type Response struct {
	Rcode string
	Flags string // qr aa tc rd ra ad cd, as far as set
	// EDNS is the OPT record, or the Extended DNS Error that dig shows of it.
	EDNS                          string
	Answer, Authority, Additional []dns.RR
}

// NewResponse returns m in comparable form. m is not changed.
func NewResponse(m *dns.Msg) *Response {
	m = m.Copy()
	r := &Response{Rcode: dns.RcodeToString[m.Rcode], Flags: flags(m)}
	if opt := m.IsEdns0(); opt != nil {
		r.EDNS = strings.Join(strings.Fields(opt.String()), " ")
		m.Extra = slices.DeleteFunc(m.Extra, func(rr dns.RR) bool { return rr == opt })
	}
	r.Answer, r.Authority, r.Additional = normal(m.Answer), normal(m.Ns), normal(m.Extra)
	return r
}

func flags(m *dns.Msg) string {
	var set []string
	for _, f := range []struct {
		name string
		on   bool
	}{
		{"qr", m.Response}, {"aa", m.Authoritative}, {"tc", m.Truncated}, {"rd", m.RecursionDesired},
		{"ra", m.RecursionAvailable}, {"ad", m.AuthenticatedData}, {"cd", m.CheckingDisabled},
	} {
		if f.on {
			set = append(set, f.name)
		}
	}
	return strings.Join(set, " ")
}

// normal sorts rrs and removes what must be allowed to differ.
func normal(rrs []dns.RR) []dns.RR {
	for _, rr := range rrs {
		if soa, ok := rr.(*dns.SOA); ok {
			soa.Serial = 0
		}
	}
	slices.SortFunc(rrs, func(a, b dns.RR) int { return strings.Compare(text(a), text(b)) })
	return rrs
}

// text returns rr with single spaces.
func text(rr dns.RR) string { return strings.ReplaceAll(rr.String(), "\t", " ") }

func texts(rrs []dns.RR) []string {
	all := make([]string, len(rrs))
	for i, rr := range rrs {
		all[i] = text(rr)
	}
	return all
}

// ParseDig reads the form in which package dig returns a response.
func ParseDig(printed string) (*Response, error) {
	lines := bufio.NewScanner(strings.NewReader(printed))
	if !lines.Scan() {
		return nil, fmt.Errorf("no response in %q", printed)
	}
	r := &Response{}
	head, ede, _ := strings.Cut(lines.Text(), " EDE ")
	r.Rcode, r.Flags, _ = strings.Cut(head, " ")
	r.EDNS = ede
	section := &r.Answer
	for lines.Scan() {
		switch line := lines.Text(); line {
		case "":
		case "AUTHORITY":
			section = &r.Authority
		case "ADDITIONAL":
			section = &r.Additional
		default:
			rr, err := dns.NewRR(strings.Replace(line, " SERIAL ", " 0 ", 1))
			if err != nil {
				return nil, fmt.Errorf("reading %q: %w", line, err)
			}
			*section = append(*section, rr)
		}
	}
	r.Answer, r.Authority, r.Additional = normal(r.Answer), normal(r.Authority), normal(r.Additional)
	return r, lines.Err()
}

// String returns r in the form of the scenarios' transcripts.
func (r *Response) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\n", r.Rcode, r.Flags, r.EDNS)
	for _, section := range []struct {
		name string
		rrs  []dns.RR
	}{{"", r.Answer}, {"AUTHORITY\n", r.Authority}, {"ADDITIONAL\n", r.Additional}} {
		if len(section.rrs) > 0 {
			fmt.Fprintf(&b, "%s%s\n", section.name, strings.Join(texts(section.rrs), "\n"))
		}
	}
	return b.String()
}

// Equal reports whether two responses say the same.
func (r *Response) Equal(o *Response) bool { return r.String() == o.String() }

// Has reports whether a flag is set.
func (r *Response) Has(flag string) bool { return slices.Contains(strings.Fields(r.Flags), flag) }

// Truncated reports whether the response was cut.
func (r *Response) Truncated() bool { return r.Has("tc") }

// within reports whether r may be what is left of full after it was cut.
func (r *Response) within(full *Response) bool {
	return r.Rcode == full.Rcode && subset(r.Answer, full.Answer) && subset(r.Authority, full.Authority) && subset(r.Additional, full.Additional)
}

// subset reports whether every record of a is in b, as often.
func subset(a, b []dns.RR) bool {
	have := texts(b)
	for _, t := range texts(a) {
		i := slices.Index(have, t)
		if i < 0 {
			return false
		}
		have = slices.Delete(have, i, i+1)
	}
	return true
}

// The outcomes that divergences.txt tells apart. ALIAS before one says that
// the answer begins with a CNAME record that was not asked for.
const (
	outData   = "DATA"
	outNoData = "NODATA"
	outNext   = "NEXT" // another plugin's, after fallthrough
	outHINFO  = "HINFO"
)

// Outcome says in one word what r answers to a question of that type.
func (r *Response) Outcome(qtype uint16) string {
	alias, data := "", false
	for _, rr := range r.Answer {
		if rr.Header().Rrtype == dns.TypeCNAME && qtype != dns.TypeCNAME {
			alias = "ALIAS-"
		} else {
			data = true
		}
	}
	switch {
	case r.Rcode != "NOERROR" && r.Rcode != "NXDOMAIN":
		return alias + r.Rcode
	case !r.Has("aa"):
		return outNext
	case r.Rcode == "NXDOMAIN":
		return alias + r.Rcode
	case synthetic(r.Answer):
		return outHINFO
	case data:
		return alias + outData
	}
	return alias + outNoData
}

// synthetic reports whether rrs are the one record that answers a query for all types (RFC 8482 section 4.2).
func synthetic(rrs []dns.RR) bool {
	if len(rrs) != 1 {
		return false
	}
	h, ok := rrs[0].(*dns.HINFO)
	return ok && h.Cpu == "RFC8482" && h.Os == ""
}
