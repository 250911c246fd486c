// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"fmt"
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// TestNotSynced (B6, B14): for every question, and every set of kinds that are
// synced, the answer is the final one, or none. It is none exactly if one of the
// kinds in needs is not synced, and says that it needed these.
func TestNotSynced(t *testing.T) {
	const n, s, e, p = object.Namespaces, object.Services, object.EndpointSlices, object.Pods
	tests := map[string]struct {
		in    string
		needs []object.Kind
	}{
		"apex":                   {"@ A", nil},
		"apex NS":                {"@ NS", []object.Kind{n, s, e}},
		"apex SOA":               {"@ SOA", []object.Kind{n, s, e, p}},
		"reverse apex NS":        {"in-addr.arpa. NS", []object.Kind{n, s, e}},
		"version":                {"dns-version TXT", nil},
		"dns":                    {"dns A", nil},
		"ns.dns":                 {"ns.dns A", []object.Kind{n, s, e}},
		"services":               {"svc A", nil},
		"pods":                   {"pod A", nil},
		"unknown":                {"www A", nil},
		"too many labels":        {"a.b.c.d.e.f A", nil},
		"namespace":              {"demo.svc A", []object.Kind{n}},
		"no namespace":           {"none.svc A", []object.Kind{n}},
		"pod namespace":          {"demo.pod A", []object.Kind{n}},
		"cluster IP":             {"web.demo.svc A", []object.Kind{n, s}},
		"cluster IP AAAA":        {"web.demo.svc AAAA", []object.Kind{n, s}},
		"cluster IP SRV":         {"_http._tcp.web.demo.svc SRV", []object.Kind{n, s}},
		"cluster IP protocol":    {"_tcp.web.demo.svc SRV", []object.Kind{n, s}},
		"cluster IP endpoint":    {"10-0-0-1.web.demo.svc A", []object.Kind{n, s, e}},
		"no service":             {"none.demo.svc A", []object.Kind{n, s}},
		"no namespace's service": {"web.none.svc A", []object.Kind{n, s}},
		"external":               {"ext.demo.svc A", []object.Kind{n, s}},
		"below external":         {"x.ext.demo.svc A", []object.Kind{n, s}},
		"headless":               {"db.demo.svc A", []object.Kind{n, s, e}},
		"headless AAAA":          {"db.demo.svc AAAA", []object.Kind{n, s, e}},
		"headless, empty":        {"quiet.demo.svc A", []object.Kind{n, s, e}},
		"headless SRV":           {"_pg._tcp.db.demo.svc SRV", []object.Kind{n, s, e}},
		"headless protocol":      {"_tcp.db.demo.svc SRV", []object.Kind{n, s, e}},
		"headless endpoint":      {"db-0.db.demo.svc A", []object.Kind{n, s, e}},
		"pod":                    {"10-0-0-1.demo.pod A", []object.Kind{n, p}},
		"no pod":                 {"10-0-0-9.demo.pod A", []object.Kind{n, p}},
		"PTR of cluster IP":      {"1.0.96.10.in-addr.arpa. PTR", []object.Kind{n, s}},
		"PTR of endpoint":        {"1.1.0.10.in-addr.arpa. PTR", []object.Kind{n, s, e}},
		"PTR of nobody":          {"9.9.9.9.in-addr.arpa. PTR", []object.Kind{n, s, e}},
		"network":                {"10.in-addr.arpa. A", []object.Kind{s, e}},
		"no network":             {"9.in-addr.arpa. A", []object.Kind{s, e}},
		"no address":             {"x.in-addr.arpa. PTR", nil},
	}
	x := demo()
	o := with(func(o *answer.Options) { o.Kinds, o.Pods, o.Local = everything, answer.PodsVerified, addrs("10.0.0.1") })
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			q := question(t, tc.in)
			a := answer.Lookup(x, everything, &o, q)
			if want := object.Set(tc.needs...); a.Needed != want {
				t.Errorf("%s needed the kinds %04b, want %04b", tc.in, a.Needed, want)
			}
			final := fmt.Sprint(inWords(a))
			for synced := range everything + 1 {
				want := final
				if !synced.Has(object.Set(tc.needs...)) {
					want = fmt.Sprint(notSynced)
				}
				if got := fmt.Sprint(inWords(answer.Lookup(x, synced, &o, q))); got != want {
					t.Errorf("%s with kinds %04b synced = %s, want %s", tc.in, synced, got, want)
				}
			}
		})
	}
}

// TestKindsThatAreNotFed need not be synced.
func TestKindsThatAreNotFed(t *testing.T) {
	o := with(func(o *answer.Options) { o.Kinds = object.Set(object.Namespaces, object.Services) })
	x := demo()
	for in, want := range map[string]string{
		"db.demo.svc A": "NXDOMAIN", "1.0.96.10.in-addr.arpa. PTR": "SUCCESS", "@ SOA": "SUCCESS", "10.in-addr.arpa. A": "NODATA",
		"9.9.9.9.in-addr.arpa. PTR": "NXDOMAIN", "10-0-0-1.web.demo.svc A": "NXDOMAIN", "@ NS": "NODATA",
	} {
		if got := inWords(answer.Lookup(x, o.Kinds, &o, question(t, in))).Result; got != want {
			t.Errorf("%s = %s, want %s", in, got, want)
		}
	}
}

// TestIgnoreEmptyServiceNeedsEndpoints: until they are synced, none can be told to have none.
func TestIgnoreEmptyServiceNeedsEndpoints(t *testing.T) {
	o := with(func(o *answer.Options) { o.IgnoreEmptyService = true })
	synced := object.Set(object.Namespaces, object.Services)
	for _, in := range []string{"web.demo.svc A", "empty.demo.svc A", "_http._tcp.web.demo.svc SRV", "_tcp.web.demo.svc A"} {
		if got := inWords(answer.Lookup(demo(), synced, &o, question(t, in))); got.Result != notSynced.Result {
			t.Errorf("%s = %v, want %v", in, got, notSynced)
		}
	}
}

// TestInsecurePodsNeedNoPods: nobody looks at them.
func TestInsecurePodsNeedNoPods(t *testing.T) {
	o := with(func(o *answer.Options) { o.Pods, o.Kinds = answer.PodsInsecure, everything })
	got := inWords(answer.Lookup(demo(), object.Set(object.Namespaces), &o, question(t, "10-0-0-1.demo.pod A")))
	if got.Result != "SUCCESS" {
		t.Errorf("insecure pod = %v", got)
	}
}
