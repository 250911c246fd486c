// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/corefile"
)

// aloud are the options that render writes where they are the default, or
// better than it, and why.
var aloud = map[string]string{
	"clusterdns pods disabled": "it was the default",
	"clusterdns ttl 5":         "it was the default",
	"cache disable success":    "names of the cluster are in memory anyway, and never stale there",
	"cache disable denial":     "names of the cluster are in memory anyway, and never stale there",
}

// compare returns what is different in the directive that render writes, if that
// says what d does.
func (a *adoption) compare(d, rendered *corefile.Directive) (said notices, ok bool) {
	if environment(d) || d.Block != nil && d.Block.Rest != nil {
		return nil, false
	}
	name := d.Name.Value()
	if !a.words(&said, name, a.at(d), d, rendered) {
		return nil, false
	}
	olds, news := options(d), options(rendered)
	if name == "hosts" && !sameHosts(olds, news) {
		return nil, false
	}
	for _, o := range olds {
		i := slices.IndexFunc(news, named(o.Name.Value()))
		if i < 0 || o.Block != nil || !a.words(&said, name+" "+o.Name.Value(), a.at(o), o, news[i]) {
			return nil, false
		}
		news = slices.Delete(news, i, i+1)
	}
	for _, o := range news {
		why, ok := whyAloud(name, o)
		if !ok {
			return nil, false
		}
		said.add(Added, a.at(d), fmt.Sprintf("`%s` is written in `%s`: %s", line(o), name, why), "")
	}
	return said, true
}

func options(d *corefile.Directive) []*corefile.Directive {
	if d.Block == nil {
		return nil
	}
	return slices.Clone(d.Block.Directives)
}

func whyAloud(directive string, o *corefile.Directive) (string, bool) {
	for what, why := range aloud {
		if strings.HasPrefix(directive+" "+line(o)+" ", what+" ") {
			return why, true
		}
	}
	return "", false
}

// words compares the arguments of a directive or an option, and says if they
// are written in another way.
func (a *adoption) words(said *notices, what string, at place, d, rendered *corefile.Directive) bool {
	if slices.Equal(d.Values(), rendered.Values()) {
		return true
	}
	if !sameWords(what, d.Values(), rendered.Values()) {
		return false
	}
	said.add(Changed, at, fmt.Sprintf("`%s` is written `%s`", line(d), line(rendered)), "")
	return true
}

func sameWords(what string, olds, news []string) bool {
	switch directive, option, _ := strings.Cut(what, " "); {
	case directive == "rewrite":
		return false
	case what == "clusterdns":
		olds = unique(olds) // some write the cluster domain twice
	case option == "labels" || option == "namespace_labels":
		return selector(olds) != "" && selector(olds) == selector(news)
	}
	return slices.EqualFunc(olds, news, sameWord)
}

// unique returns the zones without those that are there already.
func unique(zones []string) []string {
	var list []string
	for _, z := range zones {
		if !slices.ContainsFunc(list, func(other string) bool { return sameWord(other, z) }) {
			list = append(list, z)
		}
	}
	return list
}

// sameWord reports whether two words are the same duration, server or name.
func sameWord(a, b string) bool {
	if a == b || strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, ".")) {
		return true
	}
	if d, err := time.ParseDuration(a); err == nil {
		other, err := time.ParseDuration(b)
		return err == nil && d == other
	}
	s, ok := parseServer(a)
	other, also := parseServer(b)
	return ok && also && s == other
}

func selector(args []string) string {
	s, err := metav1.ParseToLabelSelector(strings.Join(args, " "))
	if err != nil {
		return ""
	}
	labels, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return ""
	}
	return labels.String()
}

// sameHosts reports whether the lines with addresses are in the same order.
func sameHosts(olds, news []*corefile.Directive) bool {
	line := func(d *corefile.Directive) bool { _, ok := address(d.Name.Value()); return ok }
	return slices.EqualFunc(filter(olds, line), filter(news, line), func(a, b *corefile.Directive) bool {
		return a.Name.Value() == b.Name.Value() && slices.Equal(a.Values(), b.Values())
	})
}

func filter[E any](list []E, keep func(E) bool) []E {
	var kept []E
	for _, e := range list {
		if keep(e) {
			kept = append(kept, e)
		}
	}
	return kept
}
