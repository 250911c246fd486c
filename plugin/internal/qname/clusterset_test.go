// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package qname_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

const setZone = "clusterset.example.org."

// What differs in a clusterset zone from what Parse returns, and what does not.
func TestParseClusterSet(t *testing.T) {
	tests := map[string]struct {
		in   question
		want qname.Name
	}{
		"endpoint":          {question{"web-0.east.web.demo.svc." + setZone, setZone}, qname.Name{Kind: qname.Endpoint, Namespace: "demo", Service: "web", Cluster: "east", Endpoint: "web-0"}},
		"keeps case":        {question{"Web-0.East.WEB.Demo.SVC.ClusterSet.example.org.", setZone}, qname.Name{Kind: qname.Endpoint, Namespace: "Demo", Service: "WEB", Cluster: "East", Endpoint: "Web-0"}},
		"below the root":    {question{"web-0.east.web.demo.svc.", "."}, qname.Name{Kind: qname.Endpoint, Namespace: "demo", Service: "web", Cluster: "east", Endpoint: "web-0"}},
		"escaped dot":       {question{`a\.b.east.web.demo.svc.` + setZone, setZone}, qname.Name{Kind: qname.Endpoint, Namespace: "demo", Service: "web", Cluster: "east", Endpoint: `a\.b`}},
		"cluster":           {question{"east.web.demo.svc." + setZone, setZone}, qname.Name{Kind: qname.Cluster, Namespace: "demo", Service: "web", Cluster: "east"}},
		"below an endpoint": {question{"x.web-0.east.web.demo.svc." + setZone, setZone}, qname.Name{}},
		"five labels":       {question{"web-0.east.web.demo.pod." + setZone, setZone}, qname.Name{}},
		"loose port":        {question{"_http.tcp.web.demo.svc." + setZone, setZone}, qname.Name{}},
		"loose protocol":    {question{"http._tcp.web.demo.svc." + setZone, setZone}, qname.Name{}},
		"port":              {question{"_http._tcp.web.demo.svc." + setZone, setZone}, qname.Name{Kind: qname.Port, Namespace: "demo", Service: "web", Protocol: "tcp", Port: "http"}},
		"protocol":          {question{"_tcp.web.demo.svc." + setZone, setZone}, qname.Name{Kind: qname.Protocol, Namespace: "demo", Service: "web", Protocol: "tcp"}},
		"service":           {question{"web.demo.svc." + setZone, setZone}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: "web"}},
		"namespace":         {question{"demo.svc." + setZone, setZone}, qname.Name{Kind: qname.ServiceNamespace, Namespace: "demo"}},
		"version":           {question{"dns-version." + setZone, setZone}, qname.Name{Kind: qname.Version}},
		"pod":               {question{"10-0-0-1.demo.pod." + setZone, setZone}, qname.Name{Kind: qname.Pod, Namespace: "demo", Pod: "10-0-0-1"}},
		"apex":              {question{setZone, setZone}, qname.Name{Kind: qname.Apex}},
		"nothing":           {question{"east." + setZone, setZone}, qname.Name{}},
		"arpa":              {question{"x.4.3.2.1.in-addr.arpa.", "."}, qname.Name{}},
		"many labels":       {question{strings.Repeat("a.", 100) + setZone, setZone}, qname.Name{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := qname.ParseClusterSet(tc.in.name, tc.in.zone)
			if diff := cmp.Diff(tc.want, got, samePrefix); diff != "" {
				t.Errorf("ParseClusterSet(%q, %q) (-want +got):\n%s", tc.in.name, tc.in.zone, diff)
			}
			if allocs := testing.AllocsPerRun(100, func() { sinkName = qname.ParseClusterSet(tc.in.name, tc.in.zone) }); allocs != 0 {
				t.Errorf("ParseClusterSet(%q) allocates %v times, want 0", tc.in.name, allocs)
			}
		})
	}
}

// clusterSetOracle is what ParseClusterSet should return where Parse returns parsed.
func clusterSetOracle(name, zone string, parsed qname.Name) qname.Name {
	switch parsed.Kind {
	case qname.Endpoint:
		return qname.Name{Kind: qname.Cluster, Namespace: parsed.Namespace, Service: parsed.Service, Cluster: parsed.Endpoint}
	case qname.Unknown:
		below := reversed(name, zone)
		if len(below) == 5 && strings.EqualFold(below[0], "svc") && len(below[0]) == 3 && below[3][0] != '_' && below[4][0] != '_' {
			return qname.Name{Kind: qname.Endpoint, Namespace: below[1], Service: below[2], Cluster: below[3], Endpoint: below[4]}
		}
	}
	return parsed
}
