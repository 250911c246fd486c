// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package answer_test

import (
	"testing"

	"github.com/clusterdns/clusterdns/plugin/internal/answer"
	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

func TestPodsDisabled(t *testing.T) {
	run(t, demo(), defaults(), map[string]test{
		"pod":       {"10-0-0-1.demo.pod A", nameError},
		"namespace": {"demo.pod A", nameError},
		"TXT":       {"10-0-0-1.demo.pod TXT", nameError},
		"parent":    {"pod A", noData},
	})
}

func TestPodsInsecure(t *testing.T) {
	o := with(func(o *answer.Options) { o.Pods = answer.PodsInsecure })
	run(t, demo(), o, map[string]test{
		"IPv4":                {"10-0-0-1.demo.pod A", ok("10-0-0-1.demo.pod A 10.0.0.1")},
		"no such pod":         {"192-0-2-9.demo.pod A", ok("192-0-2-9.demo.pod A 192.0.2.9")},
		"AAAA of IPv4":        {"10-0-0-1.demo.pod AAAA", noData},
		"TXT":                 {"10-0-0-1.demo.pod TXT", noData},
		"ANY":                 {"10-0-0-1.demo.pod ANY", ok(`10-0-0-1.demo.pod HINFO "RFC8482" ""`)},
		"IPv6":                {"fd00--a.demo.pod AAAA", ok("fd00--a.demo.pod AAAA fd00::a")},
		"IPv6 in upper case":  {"FD00--A.Demo.POD AAAA", ok("FD00--A.Demo.POD AAAA fd00::a")},
		"IPv6, all zeros":     {"--.demo.pod AAAA", ok("--.demo.pod AAAA ::")},
		"IPv6 in full":        {"fd00-0-0-0-0-0-0-a.demo.pod AAAA", ok("fd00-0-0-0-0-0-0-a.demo.pod AAAA fd00::a")},
		"IPv6 A":              {"fd00--a.demo.pod A", noData},
		"no address":          {"web.demo.pod A", nameError},
		"no address, AAAA":    {"web.demo.pod AAAA", nameError},
		"no address, HINFO":   {"web.demo.pod HINFO", nameError},
		"octet 256":           {"10-0-0-256.demo.pod A", nameError},
		"escaped dots":        {`10\.0\.0\.1.demo.pod A`, nameError},
		"with dots":           {"10.0.0.1.demo.pod A", nameError},
		"extra labels":        {"x.10-0-0-1.demo.pod A", nameError},
		"namespace":           {"demo.pod A", noData},
		"namespace TXT":       {"demo.pod TXT", noData}, // B2
		"no namespace":        {"10-0-0-1.none.pod A", nameError},
		"no namespace itself": {"none.pod A", nameError},
		"hidden namespace":    {"10-0-9-1.ghost.pod A", nameError},
	})
	o.Namespaces = map[string]struct{}{"prod": {}}
	run(t, demo(), o, map[string]test{
		"not listed":           {"10-0-0-1.demo.pod A", nameError},
		"not listed namespace": {"demo.pod A", nameError},
		"listed":               {"10-0-0-1.prod.pod A", ok("10-0-0-1.prod.pod A 10.0.0.1")},
	})
}

func TestPodsVerified(t *testing.T) {
	o := with(func(o *answer.Options) { o.Pods, o.Kinds = answer.PodsVerified, everything })
	x := demo()
	run(t, x, o, map[string]test{
		"IPv4":               {"10-0-0-1.demo.pod A", ok("10-0-0-1.demo.pod A 10.0.0.1")},
		"second address":     {"fd00--a.demo.pod AAAA", ok("fd00--a.demo.pod AAAA fd00::a")},
		"IPv6 in full":       {"fd00-0-0-0-0-0-0-A.demo.pod AAAA", ok("fd00-0-0-0-0-0-0-A.demo.pod AAAA fd00::a")},
		"ends in zero":       {"fd00--0.demo.pod AAAA", ok("fd00--0.demo.pod AAAA fd00::")},
		"other family":       {"10-0-0-1.demo.pod AAAA", noData},
		"TXT":                {"10-0-0-1.demo.pod TXT", noData},
		"other namespace":    {"10-0-0-1.prod.pod A", nameError},
		"no such pod":        {"10-0-0-2.demo.pod A", nameError},
		"no address":         {"web.demo.pod A", nameError},
		"namespace":          {"demo.pod A", noData},
		"no namespace":       {"none.pod A", nameError},
		"hidden namespace":   {"10-0-9-1.ghost.pod A", nameError},
		"extra labels":       {"x.10-0-0-1.demo.pod A", nameError},
		"not PTR (facts 2)":  {arpa(t, "fd00::a") + " PTR", nameError},
		"services stay":      {"web.demo.svc A", ok("web.demo.svc A 10.96.0.1")},
		"namespace in upper": {"10-0-0-1.DEMO.pod A", ok("10-0-0-1.DEMO.pod A 10.0.0.1")},
	})

	// B20: an address that another Pod has now.
	x.SetPod(object.Pod{Namespace: "prod", Name: "new", IPs: addrs("10.0.0.1")}, 1)
	x.DeletePod("demo", "p")
	run(t, x, o, map[string]test{
		"recycled, old": {"10-0-0-1.demo.pod A", nameError},
		"recycled, new": {"10-0-0-1.prod.pod A", ok("10-0-0-1.prod.pod A 10.0.0.1")},
	})
}
