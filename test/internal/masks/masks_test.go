// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package masks

import (
	"slices"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		name, page, said string
		want             bool
	}{
		{"same", "a b", "a b", true},
		{"other text", "a b", "a c", false},
		{"address", "ip 10.96.0.1", "ip 10.97.4.5", true},
		{"no address", "ip 10.96.0.1", "ip none", false},
		{"one for two", "10.96.0.1 10.96.0.1", "10.1.1.1 10.1.1.2", false},
		{"two for one", "10.96.0.1 10.96.0.2", "10.1.1.1 10.1.1.1", false},
		{"dashes", "10.244.0.7 is 10-244-0-7.pod", "10.1.2.3 is 10-1-2-3.pod", true},
		{"other dashes", "10.244.0.7 is 10-244-0-7.pod", "10.1.2.3 is 10-1-2-4.pod", false},
		{"dots are no dashes", "10.244.0.7", "10-1-2-3", false},
		{"dashes are no port", "10-244-0-7", "30080", false},
		{"order", "db-0 10.0.0.1\ndb-1 10.0.0.2\n10.0.0.1\n10.0.0.2", "db-0 10.0.0.9\ndb-1 10.0.0.8\n10.0.0.8\n10.0.0.9", true},
		{"other of two", "db-0 10.0.0.1\ndb-1 10.0.0.2\n10.0.0.2", "db-0 10.0.0.9\ndb-1 10.0.0.8\n10.0.0.9", false},
		{"what files say", "192.0.2.1\n192.0.2.2", "192.0.2.2\n192.0.2.1", true},
		{"not what files say", "192.0.2.1", "192.0.2.2", false},
		{"more lines", "a", "a\nb", false},
		{"age and columns", "NAME  AGE\nweb   5s", "NAME    AGE\nweb     3m4s", true},
		{"port", "80:30080/TCP 30080", "80:31234/TCP 31234", true},
		{"other port", "80:30080/TCP 30080", "80:31234/TCP 31235", false},
		{"name of a Pod", "web-65f4cc6575-w6lnn x", "web-7b9d8c6f5-xk2lp x", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := New(nil)
			if got := m.Match(strings.Split(test.page, "\n"), strings.Split(test.said, "\n")); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestDocument(t *testing.T) {
	m := New([]string{"10.237.0.11", "10.237.0.12"})
	if !m.Match([]string{"db 10.244.1.7"}, []string{"db 10.237.3.4"}) {
		t.Fatal("it does not match")
	}
	got := m.Document([]string{
		"NAME    IP            AGE",
		"node2   10.237.0.12   5s",
		"db      10.237.3.4    5s",
		"other   10.237.2.9    5s",
		"ours    192.0.2.1     5s",
		"web     10.96.1.2     5s",
	})
	want := []string{
		"NAME    IP             AGE",
		"node2   192.168.0.12   5s",
		"db      10.244.1.7     5s",
		"other   10.244.2.9     5s",
		"ours    192.0.2.1      5s",
		"web     10.96.1.2      5s",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := m.Actual("dig -x 10.244.2.9 10-244-1-7.x 10.244.9.9"), "dig -x 10.237.2.9 10-237-3-4.x 10.244.9.9"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
