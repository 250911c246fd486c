// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"fmt"

	"github.com/miekg/dns"
)

// ttl of the records that a server makes itself, in seconds.
const ttl = 60

// zones are what an honest server answers from. They do not change.
type zones struct {
	origins []string // the root among them
	records map[string][]dns.RR
}

func parseZones(origins, records []string) (*zones, error) {
	z := &zones{records: map[string][]dns.RR{}}
	for _, origin := range append([]string{"."}, origins...) {
		if err := z.addZone(dns.CanonicalName(origin)); err != nil {
			return nil, err
		}
	}
	for _, text := range records {
		if err := z.addRecord(text); err != nil {
			return nil, err
		}
	}
	return z, nil
}

func (z *zones) addZone(origin string) error {
	z.origins = append(z.origins, origin)
	return firstError(
		z.addRecord(fmt.Sprintf("%s %d IN SOA ns.example.org. hostmaster.example.org. 1 7200 1800 86400 %d", origin, ttl, ttl)),
		z.addRecord(fmt.Sprintf("%s %d IN NS ns.example.org.", origin, ttl)),
	)
}

func (z *zones) addRecord(text string) error {
	rr, err := dns.NewRR(text)
	if err != nil {
		return fmt.Errorf("parsing record %q: %w", text, err)
	}
	if rr == nil {
		return fmt.Errorf("parsing record %q: there is none", text)
	}
	owner := dns.CanonicalName(rr.Header().Name)
	z.records[owner] = append(z.records[owner], rr)
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// rrset returns the records of a name and type.
func (z *zones) rrset(q dns.Question) []dns.RR {
	var rrs []dns.RR
	for _, rr := range z.records[dns.CanonicalName(q.Name)] {
		if rr.Header().Rrtype == q.Qtype {
			rrs = append(rrs, rr)
		}
	}
	return rrs
}

// exists reports whether there is a record at or below the name (RFC 8020).
func (z *zones) exists(name string) bool {
	for owner := range z.records {
		if dns.IsSubDomain(name, owner) {
			return true
		}
	}
	return false
}

// soa returns the SOA record of the closest zone above the name.
func (z *zones) soa(name string) []dns.RR {
	closest := "."
	for _, origin := range z.origins {
		if dns.IsSubDomain(origin, name) && dns.CountLabel(origin) > dns.CountLabel(closest) {
			closest = origin
		}
	}
	return z.rrset(dns.Question{Name: closest, Qtype: dns.TypeSOA})
}
