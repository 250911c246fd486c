// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A Divergence is one line of divergences.txt:
//
//	RULE field=value,value field!=value # reason
//
// It lists the differences whose fields are as it says. Fields that it does
// not name may have any value, but those of [usual] have the usual one.
type Divergence struct {
	Line    int
	Rule    string
	Pattern []clause
	Reason  string
	hits    int
}

// A clause is one condition on a field.
type clause struct {
	field  string
	not    bool
	values []string
}

// usual are fields that only lines which name them list with another value.
var usual = map[string]string{"class": "IN", "objects": "good", "primary": "forward", "api": "complete", "seen": "clusterset", "import": "told"}

// holds reports whether one of the words of value, which plus signs join, is as the clause says.
func (c clause) holds(value string) bool {
	return slices.ContainsFunc(strings.Split(value, "+"), func(word string) bool { return slices.Contains(c.values, word) }) != c.not
}

// matches reports whether the pattern covers a difference with these fields.
func (v *Divergence) matches(values map[string]string) bool {
	for _, c := range v.Pattern {
		if !c.holds(values[c.field]) {
			return false
		}
	}
	return true
}

// names reports whether the line demands that value of a field.
func (v *Divergence) names(field, value string) bool {
	return slices.ContainsFunc(v.Pattern, func(c clause) bool { return c.field == field && !c.not && slices.Contains(c.values, value) })
}

// ParseDivergences reads a list.
func ParseDivergences(r io.Reader) ([]*Divergence, error) {
	var all []*Divergence
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, reason, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		v := &Divergence{Line: n, Rule: words[0], Reason: strings.TrimSpace(reason)}
		if v.Reason == "" {
			return nil, fmt.Errorf("line %d: no reason after #", n)
		}
		for _, word := range words[1:] {
			c, ok := parseClause(word)
			if _, is := fields[c.field]; !ok || !is {
				return nil, fmt.Errorf("line %d: %q is no condition on one of %s", n, word, strings.Join(slices.Sorted(maps.Keys(fields)), " "))
			}
			v.Pattern = append(v.Pattern, c)
		}
		for _, field := range slices.Sorted(maps.Keys(usual)) {
			if !slices.ContainsFunc(v.Pattern, func(c clause) bool { return c.field == field }) {
				v.Pattern = append(v.Pattern, clause{field: field, values: []string{usual[field]}})
			}
		}
		all = append(all, v)
	}
	return all, lines.Err()
}

func parseClause(word string) (clause, bool) {
	field, values, ok := strings.Cut(word, "=")
	field, not := strings.CutSuffix(field, "!")
	return clause{field, not, strings.Split(values, ",")}, ok && values != ""
}

// A Ledger judges differences by a list and remembers which lines had one.
type Ledger struct {
	rules map[string]Rule
	lines []*Divergence
}

// NewLedger reads a list whose lines name some of rules.
func NewLedger(r io.Reader, rules map[string]Rule) (*Ledger, error) {
	lines, err := ParseDivergences(r)
	if err != nil {
		return nil, err
	}
	for _, v := range lines {
		if _, ok := rules[v.Rule]; !ok {
			return nil, fmt.Errorf("line %d: no rule %s", v.Line, v.Rule)
		}
	}
	return &Ledger{rules, lines}, nil
}

// Judge returns what is wrong with d, or "" if it is listed.
func (l *Ledger) Judge(d *Difference) string {
	values := d.Fields()
	listed := false
	for _, v := range l.lines {
		if !v.matches(values) {
			continue
		}
		if !l.rules[v.Rule].Holds(d) {
			return fmt.Sprintf("line %d: the pattern is wider than its rule %s", v.Line, v.Rule)
		}
		listed = true
		v.hits++
	}
	if !listed {
		return "not listed"
	}
	return ""
}

// Stale returns what of the list and the rules had no difference: lines that
// can be deleted, unless this machine cannot show what they are about.
func (l *Ledger) Stale() []string {
	var stale []string
	used := make(map[string]bool)
	for _, v := range l.lines {
		used[v.Rule] = true
		rule := l.rules[v.Rule]
		if v.hits == 0 && (rule.Possible == nil || rule.Possible(v)) {
			stale = append(stale, fmt.Sprintf("line %d: no difference of this sort was seen (%s: %s)", v.Line, v.Rule, v.Reason))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.rules)) {
		if !used[name] {
			stale = append(stale, fmt.Sprintf("rule %s: no line names it", name))
		}
	}
	return stale
}

// Rare returns the lines that had fewer differences than least.
func (l *Ledger) Rare(least int) []string {
	var rare []string
	for _, v := range l.lines {
		if v.hits < least {
			rare = append(rare, fmt.Sprintf("line %d (%s): %d", v.Line, v.Rule, v.hits))
		}
	}
	return rare
}

// Tally returns how many differences each rule had.
func (l *Ledger) Tally() string {
	hits := make(map[string]int)
	for _, v := range l.lines {
		hits[v.Rule] += v.hits
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(hits)) {
		all = append(all, fmt.Sprintf("%s %d", name, hits[name]))
	}
	return strings.Join(all, ", ")
}
