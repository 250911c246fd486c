// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/labels"
)

// textAtApex is a difference of rule B2.
func textAtApex(t *testing.T) *Difference {
	t.Helper()
	return difference(t, Question{Name: "cluster.local.", Type: dns.TypeTXT, Class: dns.ClassINET}, "NOERROR qr aa", "NXDOMAIN qr aa")
}

// difference returns one in an empty cluster.
func difference(t *testing.T, q Question, mine, theirs string) *Difference {
	t.Helper()
	a, err1 := ParseDig(mine)
	b, err2 := ParseDig(theirs)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	v := &View{Options: &Options{Zones: []string{"cluster.local.", "in-addr.arpa."}, Pods: "disabled", Labels: labels.Everything()}, world: &World{}}
	return &Difference{Question: q, Facts: NewFacts(v, q.Name), Ours: a, Stock: b}
}

func newLedger(t *testing.T, list string) *Ledger {
	t.Helper()
	l, err := NewLedger(strings.NewReader(list), map[string]Rule{"B2": Rules["B2"], "B3": Rules["B3"]})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct{ name, list, want string }{
		{"listed", "B2 name=apex qtype=TXT # why", ""},
		{"listed by a negation", "B2 name!=service qtype!=A,AAAA # why", ""},
		{"another name", "B2 name=svc # why", "not listed"},
		{"another outcome", "B2 name=apex ours=NODATA stock=NODATA # why", "not listed"},
		{"a good line of another rule does not help", "B3 name=dns # why", "not listed"},
		{"wider than its rule", "B2 name=apex # why\nB3 # why", "line 2: the pattern is wider than its rule B3"},
		{"for malformed objects", "B2 objects=name # why", "not listed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := newLedger(t, tt.list).Judge(textAtApex(t)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A rule holds of a defect only, not of every difference where the defect may show.
func TestRuleDenies(t *testing.T) {
	l := newLedger(t, "B2 name=apex # why")
	q := Question{Name: "cluster.local.", Type: dns.TypeTXT, Class: dns.ClassINET}
	d := difference(t, q, "NXDOMAIN qr aa", "NOERROR qr aa")
	if got, want := l.Judge(d), "line 1: the pattern is wider than its rule B2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStale(t *testing.T) {
	l := newLedger(t, "B2 name=apex # why\nB2 name=svc # whether")
	l.Judge(textAtApex(t))
	want := []string{"line 2: no difference of this sort was seen (B2: whether)", "rule B3: no line names it"}
	if got := l.Stale(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStaleOnlyWherePossible(t *testing.T) {
	never := Rule{Holds: txtDenied, Possible: func(*Divergence) bool { return false }}
	l, err := NewLedger(strings.NewReader("B2 name=apex # why"), map[string]Rule{"B2": never})
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Stale(); len(got) > 0 {
		t.Errorf("got %q on a machine that cannot show it", got)
	}
}

func TestParseDivergencesErrors(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"B2 name=apex", "no reason"},
		{"B2 color=blue # why", "no condition on one of"},
		{"B2 name # why", "no condition on one of"},
		{"B2 name= # why", "no condition on one of"},
		{"B99 name=apex # why", "no rule B99"},
	} {
		t.Run(tt.line, func(t *testing.T) {
			_, err := NewLedger(strings.NewReader(tt.line), Rules)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
