// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/index"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// TestPTR (coredns#7177, coredns#8408): an endpoint of many Services.
func TestPTR(t *testing.T) {
	x := newIndex("demo", "prod",
		headless("demo/all"), slice("demo/all", "all-1", nil, "10.0.0.1", "10.0.0.2", "10.0.0.3"),
		headless("demo/db"), slice("demo/db", "db-1", nil, "10.0.0.1 db-0", "10.0.0.3 z", "10.0.0.3 a"),
		headless("demo/other"), slice("demo/other", "other-1", nil, "10.0.0.1 o-0"),
		clusterIP("prod/web", addrs("10.96.0.1")), slice("prod/web", "web-1", nil, "10.0.0.1 w-0", "10.0.0.2"),
	)
	first, second, third := "1.0.0.10.in-addr.arpa. PTR", "2.0.0.10.in-addr.arpa. PTR", "3.0.0.10.in-addr.arpa. PTR"
	rrs := func(question string, targets ...string) reply {
		var rrs []string
		for _, target := range targets {
			rrs = append(rrs, question+" "+target)
		}
		return ok(rrs...)
	}
	for mode, tests := range map[answer.PTRMode]map[string]test{
		answer.PTRAll: {
			"of four Services":     {first, rrs(first, "10-0-0-1.all.demo.svc", "db-0.db.demo.svc", "o-0.other.demo.svc", "w-0.web.prod.svc")},
			"without a hostname":   {second, rrs(second, "10-0-0-2.all.demo.svc", "10-0-0-2.web.prod.svc")},
			"with two hostnames":   {third, rrs(third, "10-0-0-3.all.demo.svc", "a.db.demo.svc", "z.db.demo.svc")},
			"cluster IP":           {"1.0.96.10.in-addr.arpa. PTR", ok("1.0.96.10.in-addr.arpa. PTR web.prod.svc")},
			"A":                    {"1.0.0.10.in-addr.arpa. A", noData},
			"nobody's":             {"9.0.0.10.in-addr.arpa. PTR", nameError},
			"forward names remain": {"10-0-0-1.all.demo.svc A", ok("10-0-0-1.all.demo.svc A 10.0.0.1")},
		},
		answer.PTRHostname: {
			"of four Services":     {first, rrs(first, "db-0.db.demo.svc", "o-0.other.demo.svc", "w-0.web.prod.svc")},
			"without a hostname":   {second, rrs(second, "10-0-0-2.all.demo.svc", "10-0-0-2.web.prod.svc")},
			"with two hostnames":   {third, rrs(third, "a.db.demo.svc", "z.db.demo.svc")},
			"A":                    {"1.0.0.10.in-addr.arpa. A", noData},
			"forward names remain": {"10-0-0-1.all.demo.svc A", ok("10-0-0-1.all.demo.svc A 10.0.0.1")},
		},
		answer.PTRSingle: {
			"of four Services":     {first, rrs(first, "db-0.db.demo.svc")},
			"without a hostname":   {second, rrs(second, "10-0-0-2.all.demo.svc")},
			"with two hostnames":   {third, rrs(third, "a.db.demo.svc")},
			"nobody's":             {"9.0.0.10.in-addr.arpa. PTR", nameError},
			"A":                    {"1.0.0.10.in-addr.arpa. A", noData},
			"forward names remain": {"10-0-0-1.all.demo.svc A", ok("10-0-0-1.all.demo.svc A 10.0.0.1")},
		},
	} {
		run(t, x, with(func(o *answer.Options) { o.PTR = mode }), tests)
	}
	// Of a Service that is not exposed no name is told, and none is preferred to one that is.
	o := with(func(o *answer.Options) { o.PTR, o.Namespaces = answer.PTRSingle, map[string]struct{}{"prod": {}} })
	run(t, x, o, map[string]test{"only prod": {first, rrs(first, "w-0.web.prod.svc")}})
}

// namedPod is a Pod whose name is a record.
func namedPod(name string, ips ...string) object.Pod {
	namespace, name, _ := strings.Cut(name, "/")
	return object.Pod{Namespace: namespace, Name: name, IPs: addrs(ips...), Named: true, Record: !strings.Contains(name, ".")}
}

func podNames() answer.Options {
	return with(func(o *answer.Options) { o.Kinds, o.Pods, o.PodNames = everything, answer.PodsVerified, true })
}

func podNamesIndex() *index.Index {
	host := namedPod("demo/agent", "192.0.2.1")
	host.HostNetwork = true
	return newIndex("demo", "prod",
		clusterIP("demo/vip", addrs("10.1.0.9")),
		headless("demo/db"), slice("demo/db", "db-1", nil, "10.1.0.2 db-0"),
		namedPod("demo/web", "10.1.0.1", "fd00:1::1"), namedPod("demo/db-0", "10.1.0.2"), namedPod("demo/vip", "10.1.0.9"),
		namedPod("demo/web.with.dots", "10.1.0.3"), host,
		namedPod("demo/10-1-0-1", "10.1.0.4"), namedPod("demo/10-9-9-9", "10.1.0.5"), namedPod("demo/fd00--9", "10.1.0.6"),
		namedPod("prod/old", "10.1.0.7"), namedPod("demo/new", "10.1.0.7"),
		namedPod("ghost/hidden", "10.2.0.1"), namedPod("demo/second", "10.1.0.8", "10.1.0.18"),
	)
}

func TestPodNames(t *testing.T) {
	ptr := func(a string) string { return arpa(t, a) + " PTR" }
	x, o := podNamesIndex(), podNames()
	run(t, x, o, map[string]test{
		"A":                           {"web.demo.pod A", ok("web.demo.pod A 10.1.0.1")},
		"AAAA":                        {"web.demo.pod AAAA", ok("web.demo.pod AAAA fd00:1::1")},
		"upper case":                  {"WEB.Demo.POD A", ok("WEB.Demo.POD A 10.1.0.1")},
		"AAAA of IPv4":                {"db-0.demo.pod AAAA", noData},
		"two of a family":             {"second.demo.pod A", ok("second.demo.pod A 10.1.0.8", "second.demo.pod A 10.1.0.18")},
		"TXT":                         {"web.demo.pod TXT", noData},
		"SRV":                         {"web.demo.pod SRV", noData},
		"ANY":                         {"web.demo.pod ANY", ok(`web.demo.pod HINFO "RFC8482" ""`)},
		"no such Pod":                 {"none.demo.pod A", nameError},
		"other namespace":             {"web.prod.pod A", nameError},
		"no namespace":                {"web.none.pod A", nameError},
		"hidden namespace":            {"hidden.ghost.pod A", nameError},
		"below":                       {"x.web.demo.pod A", nameError},
		"name with dots":              {"web.with.dots.demo.pod A", nameError},
		"name with escaped dots":      {`web\.with\.dots.demo.pod A`, nameError},
		"dashed address stays":        {"10-1-0-2.demo.pod A", ok("10-1-0-2.demo.pod A 10.1.0.2")},
		"address goes before name":    {"10-1-0-1.demo.pod A", ok("10-1-0-1.demo.pod A 10.1.0.1")},
		"name like nobody's address":  {"10-9-9-9.demo.pod A", ok("10-9-9-9.demo.pod A 10.1.0.5")},
		"name like an IPv6 address":   {"fd00--9.demo.pod A", ok("fd00--9.demo.pod A 10.1.0.6")},
		"host network":                {"agent.demo.pod A", ok("agent.demo.pod A 192.0.2.1")},
		"PTR":                         {ptr("10.1.0.1"), ok(ptr("10.1.0.1") + " web.demo.pod")},
		"PTR, IPv6":                   {ptr("fd00:1::1"), ok(ptr("fd00:1::1") + " web.demo.pod")},
		"PTR of second address":       {ptr("10.1.0.18"), ok(ptr("10.1.0.18") + " second.demo.pod")},
		"PTR of an endpoint":          {ptr("10.1.0.2"), ok(ptr("10.1.0.2") + " db-0.db.demo.svc")},
		"PTR of a cluster IP":         {ptr("10.1.0.9"), ok(ptr("10.1.0.9") + " vip.demo.svc")},
		"PTR of name with dots":       {ptr("10.1.0.3"), nameError},
		"PTR of host network":         {ptr("192.0.2.1"), nameError},
		"PTR of recycled address":     {ptr("10.1.0.7"), nameError}, // B20: nobody's until the old one is gone
		"PTR in hidden namespace":     {ptr("10.2.0.1"), nameError},
		"A at PTR":                    {arpa(t, "10.1.0.1") + " A", noData},
		"ANY at PTR":                  {arpa(t, "10.1.0.1") + " ANY", ok(arpa(t, "10.1.0.1") + ` HINFO "RFC8482" ""`)},
		"network":                     {"1.10.in-addr.arpa. PTR", noData},
		"IPv6 network":                {above(arpa(t, "fd00:1::1"), 2) + " PTR", noData},
		"network of the host network": {"2.0.192.in-addr.arpa. PTR", nameError},
	})
	x.DeletePod("prod", "old")
	run(t, x, o, map[string]test{
		"PTR when the old Pod is gone": {ptr("10.1.0.7"), ok(ptr("10.1.0.7") + " new.demo.pod")},
	})
	o.PodNames = false
	run(t, x, o, map[string]test{
		"off":                  {"web.demo.pod A", nameError},
		"off, PTR":             {ptr("10.1.0.1"), nameError},
		"off, like an address": {"10-9-9-9.demo.pod A", nameError},
	})
}

// TestPodNamesWithoutEndpoints: with noendpoints every Pod has its own name only.
func TestPodNamesWithoutEndpoints(t *testing.T) {
	o := podNames()
	o.Kinds &^= object.Set(object.EndpointSlices)
	run(t, podNamesIndex(), o, map[string]test{
		"PTR": {"2.0.1.10.in-addr.arpa. PTR", ok("2.0.1.10.in-addr.arpa. PTR db-0.demo.pod")},
	})
}

// TestPodNamesInLongZones: a name that would not be one is not told.
func TestPodNamesInLongZones(t *testing.T) {
	long := strings.Repeat("a", 62)
	zone := strings.Repeat(strings.Repeat("z", 62)+".", 3) // 189
	for pod, want := range map[string]answer.Result{long: answer.NameError, "web": answer.Success} {
		x := newIndex("demo", namedPod("demo/"+pod, "10.1.0.1"))
		o := podNames()
		o.PrimaryZone = zone
		q := answer.Question{Name: "1.0.1.10.in-addr.arpa.", Zone: "in-addr.arpa.", Type: dns.TypePTR}
		if got := answer.Lookup(x, o.Kinds, &o, q).Result; got != want {
			t.Errorf("PTR to a Pod whose name has %d octets: got %d, want %d", len(pod), got, want)
		}
	}
}

// TestPodNamesNeedPods: before Pods are synced nothing is said that they could change.
func TestPodNamesNeedPods(t *testing.T) {
	x, o := podNamesIndex(), podNames()
	for in, want := range map[string]string{
		"web.demo.pod A": notSynced.Result, "10-1-0-1.demo.pod A": notSynced.Result,
		"1.0.1.10.in-addr.arpa. PTR": notSynced.Result, "9.in-addr.arpa. PTR": notSynced.Result,
		"2.0.1.10.in-addr.arpa. PTR": "SUCCESS", "9.0.1.10.in-addr.arpa. PTR": "SUCCESS",
	} {
		if got := inWords(answer.Lookup(x, everything&^object.Set(object.Pods), &o, question(t, in))); got.Result != want {
			t.Errorf("%s = %v, want %s", in, got, want)
		}
	}
}

// TestNodesAreNotNeeded: without them all that is answered is right.
func TestNodesAreNotNeeded(t *testing.T) {
	o := podNames()
	o.Kinds |= object.Set(object.Nodes)
	for _, in := range []string{"@ SOA", "web.demo.pod A", "10.in-addr.arpa. A", "2.0.1.10.in-addr.arpa. PTR"} {
		if got := inWords(answer.Lookup(podNamesIndex(), everything, &o, question(t, in))); got.Result == notSynced.Result {
			t.Errorf("%s needs Nodes", in)
		}
	}
}

func TestAllocationsOfPodsAndPTR(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	x := podNamesIndex()
	for _, mode := range []answer.PTRMode{answer.PTRAll, answer.PTRHostname, answer.PTRSingle} {
		o := podNames()
		o.PTR = mode
		for _, in := range []string{
			"web.demo.pod A", "second.demo.pod A", "none.demo.pod A", "10-1-0-1.demo.pod A",
			"1.0.1.10.in-addr.arpa. PTR", "2.0.1.10.in-addr.arpa. PTR", "7.0.1.10.in-addr.arpa. PTR",
		} {
			q := question(t, in)
			if got := testing.AllocsPerRun(10, func() { sink = answer.Lookup(x, o.Kinds, &o, q) }); got > maxAllocs {
				t.Errorf("ptr %d: %s allocates %v times, want at most %d", mode, in, got, maxAllocs)
			}
		}
	}
}
