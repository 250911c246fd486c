// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A Question is one query.
type Question struct {
	Name  string // fully qualified, in the letter case of the query
	Type  uint16
	Class uint16
	TCP   bool
	Size  uint16 // of the client's UDP buffer; 0 is a query without EDNS
	DO    bool
	From  netip.Addr // that is asked from; any if it is not valid
}

// String returns the question as arguments of dig.
func (q Question) String() string {
	s := fmt.Sprintf("dig %s %s", q.Name, typeName(q.Type))
	if q.Class != dns.ClassINET {
		s += " -c " + dns.Class(q.Class).String()
	}
	if q.From.IsValid() {
		s += " -b " + q.From.String()
	}
	if q.TCP {
		s += " +tcp"
	}
	switch {
	case q.Size == 0:
		s += " +noedns"
	case q.DO:
		s += fmt.Sprintf(" +bufsize=%d +dnssec", q.Size)
	default:
		s += fmt.Sprintf(" +bufsize=%d", q.Size)
	}
	return s
}

func typeName(t uint16) string { return dns.Type(t).String() }

// Which of the two servers to ask.
const (
	ours = iota
	stock
)

// A Difference is one question that the two plugins answer differently.
type Difference struct {
	Question
	*Facts
	Ours, Stock *Response
	// Malformed says which malformed objects Stock is about, if it differs from
	// what stock answers without them; that is Clean then.
	Malformed string
	Clean     *Response
	// Ask asks one of the servers for another name and type in the same way.
	Ask func(server int, name string, qtype uint16) (*Response, error)
}

// QType returns the type asked for, as text.
func (d *Difference) QType() string { return typeName(d.Type) }

// fields are what patterns of divergences.txt may name: how to work out the value for a difference.
var fields = map[string]func(d *Difference) string{
	"name":    func(d *Difference) string { return d.Kind },
	"qtype":   (*Difference).QType,
	"class":   (*Difference).class,
	"ours":    func(d *Difference) string { return d.Ours.Outcome(d.Type) },
	"stock":   func(d *Difference) string { return d.Stock.Outcome(d.Type) },
	"zone":    (*Difference).zoneField,
	"seen":    func(d *Difference) string { return either(d.unseen(), "forward", "clusterset") },
	"case":    func(d *Difference) string { return either(d.mixedZone(), "mixed", "lower") },
	"service": func(d *Difference) string { return d.ServiceKind() },
	"alias":   func(d *Difference) string { return d.AliasKind() },
	"owners":  (*Difference).ownersField,
	"pods":    func(d *Difference) string { return d.View.Pods },
	"servers": func(d *Difference) string { return d.View.servers() },
	"primary": (*Difference).primaryField,
	"api":     (*Difference).apiField,
	"import":  func(d *Difference) string { return either(d.untold(), "untold", "told") },
	"objects": func(d *Difference) string { return either(d.Malformed == "", "good", d.Malformed) },
}

// Fields returns the value of every field.
func (d *Difference) Fields() map[string]string {
	values := make(map[string]string, len(fields))
	for name, of := range fields {
		values[name] = of(d)
	}
	return values
}

func either(is bool, this, that string) string {
	if is {
		return this
	}
	return that
}

// primaryField says in which sort of zone stock answers with names of the
// cluster: "reverse" or "clusterset" if it takes such a zone for the primary one.
func (d *Difference) primaryField() string {
	primary := d.View.stockPrimary()
	switch {
	case d.class() != "IN" || d.Malformed != "" || d.Type != dns.TypePTR || !d.kindIs(kindAddress, kindApex):
		return "forward"
	case isReverse(primary):
		return "reverse"
	case d.View.inSet(primary) && d.stockIs(outData):
		return "clusterset"
	}
	return "forward"
}

// zoneField says which sort of zone the name is in.
func (d *Difference) zoneField() string {
	switch {
	case isReverse(d.Zone):
		return "reverse"
	case d.View.inSet(d.Zone):
		return "clusterset"
	}
	return "forward"
}

// apiField says what the API server shows.
func (d *Difference) apiField() string {
	switch {
	case d.View.denied:
		return "denied"
	case len(d.View.Sets) > 0 && d.View.world.unserved:
		return "unserved"
	}
	return "complete"
}

// unseen reports whether the zone of the clusterset is written with capital
// letters: stock takes it for a zone of the cluster then.
func (d *Difference) unseen() bool { return d.class() == "IN" && d.View.inSet(d.Zone) && d.mixedZone() }

// class returns the class asked for; ANY includes IN.
func (d *Difference) class() string {
	if d.Class == dns.ClassANY {
		return "IN"
	}
	return dns.Class(d.Class).String()
}

// mixedZone reports whether the zone has capital letters in the question.
func (d *Difference) mixedZone() bool {
	end := d.Question.Name[len(d.Question.Name)-len(d.Zone):]
	return end != strings.ToLower(end)
}

// ownersField says which names an address has: "shown", "hidden", "orphan", joined by slashes; or "none".
func (d *Difference) ownersField() string {
	var all []string
	for _, o := range d.Owners {
		word := "shown"
		switch {
		case o.Imported:
			word = "imported"
		case o.Orphan:
			word = "orphan"
		case o.Hidden:
			word = "hidden"
		}
		if !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	if len(all) == 0 {
		return "none"
	}
	slices.Sort(all)
	return strings.Join(all, "/")
}

// Signature is equal for differences that the list cannot tell apart.
func (d *Difference) Signature() string {
	fields := d.Fields()
	var all []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		all = append(all, name+"="+fields[name])
	}
	return strings.Join(all, " ")
}

// String shows both answers.
func (d *Difference) String() string {
	if d.Clean != nil {
		return fmt.Sprintf("%s\n--- ours\n%s--- stock\n%s--- stock without malformed objects\n%s--- %s\n", d.Question, d.Ours, d.Stock, d.Clean, d.Signature())
	}
	return fmt.Sprintf("%s\n--- ours\n%s--- stock\n%s--- %s\n", d.Question, d.Ours, d.Stock, d.Signature())
}
