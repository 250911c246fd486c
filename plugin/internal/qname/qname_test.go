// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package qname_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/plugin/internal/qname"
)

const zone = "cluster.example.org."

// samePrefix lets cmp look at a [netip.Prefix], whose fields are not exported.
var samePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// A question is what [qname.Parse] is asked.
type question struct{ name, zone string }

func TestParse(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	tests := map[string]struct {
		in   question
		want qname.Name
	}{
		"apex":                     {question{zone, zone}, qname.Name{Kind: qname.Apex}},
		"apex in upper case":       {question{"CLUSTER.Example.ORG.", zone}, qname.Name{Kind: qname.Apex}},
		"version":                  {question{"dns-version." + zone, zone}, qname.Name{Kind: qname.Version}},
		"version in mixed case":    {question{"DNS-Version." + zone, zone}, qname.Name{Kind: qname.Version}},
		"below version":            {question{"x.dns-version." + zone, zone}, qname.Name{}},
		"parent of name server":    {question{"dns." + zone, zone}, qname.Name{Kind: qname.NameServerParent}},
		"name server":              {question{"Ns.dNs." + zone, zone}, qname.Name{Kind: qname.NameServer}},
		"another below dns":        {question{"ns1.dns." + zone, zone}, qname.Name{}},
		"below name server":        {question{"x.ns.dns." + zone, zone}, qname.Name{}},
		"services":                 {question{"svc." + zone, zone}, qname.Name{Kind: qname.Services}},
		"services in upper case":   {question{"SVC." + zone, zone}, qname.Name{Kind: qname.Services}},
		"services, escaped letter": {question{`s\118c.` + zone, zone}, qname.Name{}},
		"pods":                     {question{"pOd." + zone, zone}, qname.Name{Kind: qname.Pods}},
		"neither svc nor pod":      {question{"web.demo.srv." + zone, zone}, qname.Name{}},
		"bare label":               {question{"web." + zone, zone}, qname.Name{}},
		"hostmaster is a mailbox":  {question{"hostmaster." + zone, zone}, qname.Name{}},
		"arpa in a forward zone":   {question{"arpa." + zone, zone}, qname.Name{}},

		"service namespace":            {question{"demo.svc." + zone, zone}, qname.Name{Kind: qname.ServiceNamespace, Namespace: "demo"}},
		"service namespace keeps case": {question{"DeMo.SvC." + zone, zone}, qname.Name{Kind: qname.ServiceNamespace, Namespace: "DeMo"}},
		"namespace called svc":         {question{"svc.svc." + zone, zone}, qname.Name{Kind: qname.ServiceNamespace, Namespace: "svc"}},
		"pod namespace":                {question{"demo.pod." + zone, zone}, qname.Name{Kind: qname.PodNamespace, Namespace: "demo"}},

		"service":                  {question{"web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: "web"}},
		"service keeps case":       {question{"WEB.Demo.Svc.CLUSTER.example.org.", zone}, qname.Name{Kind: qname.Service, Namespace: "Demo", Service: "WEB"}},
		"service of a digit":       {question{"1.demo.svc." + zone, zone}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: "1"}},
		"service, escaped dot":     {question{`a\.b.demo.svc.` + zone, zone}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: `a\.b`}},
		"escaped backslash":        {question{`a\\.b.demo.svc.` + zone, zone}, qname.Name{Kind: qname.Endpoint, Namespace: "demo", Service: "b", Endpoint: `a\\`}},
		"backslash and dot":        {question{`a\\\.b.demo.svc.` + zone, zone}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: `a\\\.b`}},
		"decimal escape":           {question{`\065.demo.svc.` + zone, zone}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: `\065`}},
		"decimal escape of a dot":  {question{`a\046b.demo.svc.` + zone, zone}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: `a\046b`}},
		"service called dns":       {question{"dns.dns.svc." + zone, zone}, qname.Name{Kind: qname.Service, Namespace: "dns", Service: "dns"}},
		"a star is no wildcard":    {question{"*.demo.svc." + zone, zone}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: "*"}},
		"an underscore is a name":  {question{"_web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: "_web"}},
		"labels of 63 octets":      {question{label63 + "." + label63 + ".svc." + zone, zone}, qname.Name{Kind: qname.Service, Namespace: label63, Service: label63}},
		"zone's name inside":       {question{"cluster.example.org.svc." + zone, zone}, qname.Name{Kind: qname.Endpoint, Namespace: "org", Service: "example", Endpoint: "cluster"}},
		"svc as service and zones": {question{"svc.svc.svc." + zone, zone}, qname.Name{Kind: qname.Service, Namespace: "svc", Service: "svc"}},

		"protocol":                 {question{"_tcp.web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Protocol, Namespace: "demo", Service: "web", Protocol: "tcp"}},
		"protocol keeps case":      {question{"_TcP.web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Protocol, Namespace: "demo", Service: "web", Protocol: "TcP"}},
		"lone underscore":          {question{"_.web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Protocol, Namespace: "demo", Service: "web"}},
		"port":                     {question{"_http._tcp.web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Port, Namespace: "demo", Service: "web", Port: "http", Protocol: "tcp"}},
		"port keeps case":          {question{"_HTTP._TCP.Web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Port, Namespace: "demo", Service: "Web", Port: "HTTP", Protocol: "TCP"}},
		"port with two hyphens":    {question{"_a--b._udp.web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Port, Namespace: "demo", Service: "web", Port: "a--b", Protocol: "udp"}},
		"port, two underscores":    {question{"__http._tcp.web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Port, Namespace: "demo", Service: "web", Port: "_http", Protocol: "tcp"}},
		"port without a name":      {question{"_._tcp.web.demo.svc." + zone, zone}, qname.Name{}},
		"bare port and protocol":   {question{"http.tcp.web.demo.svc." + zone, zone}, qname.Name{}},
		"bare port":                {question{"http._tcp.web.demo.svc." + zone, zone}, qname.Name{}},
		"bare protocol":            {question{"_http.tcp.web.demo.svc." + zone, zone}, qname.Name{}},
		"below a port":             {question{"x._http._tcp.web.demo.svc." + zone, zone}, qname.Name{}},
		"far below a port":         {question{"a.b.c.d.e.f._http._tcp.web.demo.svc." + zone, zone}, qname.Name{}},
		"underscore, escaped":      {question{`\095tcp.web.demo.svc.` + zone, zone}, qname.Name{Kind: qname.Endpoint, Namespace: "demo", Service: "web", Endpoint: `\095tcp`}},
		"endpoint":                 {question{"web-0.web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Endpoint, Namespace: "demo", Service: "web", Endpoint: "web-0"}},
		"endpoint, dashed address": {question{"10-0-0-1.web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Endpoint, Namespace: "demo", Service: "web", Endpoint: "10-0-0-1"}},
		"endpoint, dashed IPv6":    {question{"FD00--1.web.demo.svc." + zone, zone}, qname.Name{Kind: qname.Endpoint, Namespace: "demo", Service: "web", Endpoint: "FD00--1"}},
		"endpoint, escaped dots":   {question{`10\.0\.0\.1.web.demo.svc.` + zone, zone}, qname.Name{Kind: qname.Endpoint, Namespace: "demo", Service: "web", Endpoint: `10\.0\.0\.1`}},
		"below an endpoint":        {question{"x.web-0.web.demo.svc." + zone, zone}, qname.Name{}},

		"pod":                     {question{"10-0-0-1.demo.pod." + zone, zone}, qname.Name{Kind: qname.Pod, Namespace: "demo", Pod: "10-0-0-1"}},
		"pod keeps case":          {question{"FD00--A.DEMO.POD." + zone, zone}, qname.Name{Kind: qname.Pod, Namespace: "DEMO", Pod: "FD00--A"}},
		"below a pod":             {question{"x.10-0-0-1.demo.pod." + zone, zone}, qname.Name{}},
		"pod with dots":           {question{"10.0.0.1.demo.pod." + zone, zone}, qname.Name{}},
		"many labels":             {question{strings.Repeat("a.", 100) + zone, zone}, qname.Name{}},
		"six labels below svc":    {question{"_x._http._tcp.web.demo.svc." + zone, zone}, qname.Name{}},
		"five labels, none known": {question{"a.b.c.d.e." + zone, zone}, qname.Name{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if _, ok := dns.IsDomainName(tc.in.name); !ok || !dns.IsFqdn(tc.in.name) {
				t.Fatalf("%q is no fully qualified domain name", tc.in.name)
			}
			if diff := cmp.Diff(tc.want, qname.Parse(tc.in.name, tc.in.zone), samePrefix); diff != "" {
				t.Errorf("Parse(%q, %q) (-want +got):\n%s", tc.in.name, tc.in.zone, diff)
			}
		})
	}
}

func TestParseInOtherZones(t *testing.T) {
	network := func(s string) qname.Name {
		return qname.Name{Kind: qname.Network, Prefix: netip.MustParsePrefix(s)}
	}
	tests := map[string]struct {
		in   question
		want qname.Name
	}{
		"root apex":              {question{".", "."}, qname.Name{Kind: qname.Apex}},
		"root services":          {question{"svc.", "."}, qname.Name{Kind: qname.Services}},
		"root service":           {question{"web.demo.svc.", "."}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: "web"}},
		"root port":              {question{"_http._tcp.web.demo.svc.", "."}, qname.Name{Kind: qname.Port, Namespace: "demo", Service: "web", Port: "http", Protocol: "tcp"}},
		"root pod":               {question{"10-0-0-1.demo.pod.", "."}, qname.Name{Kind: qname.Pod, Namespace: "demo", Pod: "10-0-0-1"}},
		"root version":           {question{"dns-version.", "."}, qname.Name{Kind: qname.Version}},
		"root name server":       {question{"ns.dns.", "."}, qname.Name{Kind: qname.NameServer}},
		"root escaped dot":       {question{`a\..`, "."}, qname.Name{}},
		"root escaped dot, deep": {question{`demo\..svc.`, "."}, qname.Name{Kind: qname.ServiceNamespace, Namespace: `demo\.`}},
		"root address":           {question{"1.0.0.10.in-addr.arpa.", "."}, qname.Name{Kind: qname.Address, Prefix: netip.MustParsePrefix("10.0.0.1/32")}},
		"root in-addr":           {question{"in-addr.arpa.", "."}, network("0.0.0.0/0")},
		"root ip6":               {question{"ip6.arpa.", "."}, network("::/0")},
		"root arpa":              {question{"Arpa.", "."}, qname.Name{Kind: qname.Arpa}},
		"root other in arpa":     {question{"e164.arpa.", "."}, qname.Name{}},
		"root arpa look-alike":   {question{"xin-addr.arpa.", "."}, qname.Name{}},
		"root arpa, escaped":     {question{`x\.in-addr.arpa.`, "."}, qname.Name{}},

		"arpa apex":            {question{"arpa.", "arpa."}, qname.Name{Kind: qname.Apex}},
		"arpa in-addr":         {question{"in-addr.arpa.", "arpa."}, network("0.0.0.0/0")},
		"single label zone":    {question{"web.demo.svc.local.", "local."}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: "web"}},
		"zone called svc":      {question{"web.demo.svc.svc.", "svc."}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: "web"}},
		"zone below svc.":      {question{"demo.svc.svc.example.org.", "svc.example.org."}, qname.Name{Kind: qname.ServiceNamespace, Namespace: "demo"}},
		"zone with escaped":    {question{`web.demo.svc.a\.b.example.org.`, `a\.b.example.org.`}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: "web"}},
		"zone in another case": {question{"web.demo.svc.LOCAL.", "LOCAL."}, qname.Name{Kind: qname.Service, Namespace: "demo", Service: "web"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, qname.Parse(tc.in.name, tc.in.zone), samePrefix); diff != "" {
				t.Errorf("Parse(%q, %q) (-want +got):\n%s", tc.in.name, tc.in.zone, diff)
			}
		})
	}
}

func TestParseReverse(t *testing.T) {
	const (
		v4     = "in-addr.arpa."
		v6     = "ip6.arpa."
		mapped = "f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		nibble = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	)
	address := func(s string) qname.Name {
		a := netip.MustParseAddr(s)
		return qname.Name{Kind: qname.Address, Prefix: netip.PrefixFrom(a, a.BitLen())}
	}
	network := func(s string) qname.Name {
		return qname.Name{Kind: qname.Network, Prefix: netip.MustParsePrefix(s)}
	}
	apexOf := func(s string) qname.Name {
		return qname.Name{Kind: qname.Apex, Prefix: netip.MustParsePrefix(s)}
	}
	apex, unknown := qname.Name{Kind: qname.Apex}, qname.Name{}
	server, parent := qname.Name{Kind: qname.NameServer}, qname.Name{Kind: qname.NameServerParent}
	tests := map[string]struct {
		in   question
		want qname.Name
	}{
		"IPv4":                     {question{"1.2.0.192." + v4, v4}, address("192.0.2.1")},
		"IPv4 in upper case":       {question{"1.2.0.192.IN-ADDR.ARPA.", v4}, address("192.0.2.1")},
		"IPv4 zeros":               {question{"0.0.0.0." + v4, v4}, address("0.0.0.0")},
		"IPv4 ones":                {question{"255.255.255.255." + v4, v4}, address("255.255.255.255")},
		"IPv4 in its network":      {question{"1.2.0.192." + v4, "2.0.192." + v4}, address("192.0.2.1")},
		"IPv4 /24":                 {question{"2.0.192." + v4, v4}, network("192.0.2.0/24")},
		"IPv4 /16":                 {question{"0.192." + v4, v4}, network("192.0.0.0/16")},
		"IPv4 /8":                  {question{"192." + v4, v4}, network("192.0.0.0/8")},
		"IPv4 /8 of zero":          {question{"0." + v4, v4}, network("0.0.0.0/8")},
		"IPv4 apex":                {question{v4, v4}, apexOf("0.0.0.0/0")},
		"IPv4 apex of a network":   {question{"0.10." + v4, "0.10." + v4}, apexOf("10.0.0.0/16")},
		"IPv4 above an apex":       {question{"10." + v4, v4}, network("10.0.0.0/8")},
		"IPv4 fifth label":         {question{"9.1.2.0.192." + v4, v4}, unknown},
		"IPv4 many labels":         {question{strings.Repeat("1.", 60) + v4, v4}, unknown},
		"IPv4 256":                 {question{"256.2.0.192." + v4, v4}, unknown},
		"IPv4 999":                 {question{"999." + v4, v4}, unknown},
		"IPv4 1000":                {question{"1000." + v4, v4}, unknown},
		"IPv4 overflow":            {question{"4294967297." + v4, v4}, unknown},
		"IPv4 leading zero":        {question{"01.2.0.192." + v4, v4}, unknown},
		"IPv4 leading zeros":       {question{"001.2.0.192." + v4, v4}, unknown},
		"IPv4 double zero":         {question{"00." + v4, v4}, unknown},
		"IPv4 letters":             {question{"a.2.0.192." + v4, v4}, unknown},
		"IPv4 hexadecimal":         {question{"0x1.2.0.192." + v4, v4}, unknown},
		"IPv4 negative":            {question{"-1.2.0.192." + v4, v4}, unknown},
		"IPv4 sign":                {question{"+1.2.0.192." + v4, v4}, unknown},
		"IPv4 escaped digit":       {question{`\049.2.0.192.` + v4, v4}, unknown},
		"IPv4 escaped dot":         {question{`1\.2.0.192.` + v4, v4}, unknown},
		"IPv4 only an escaped dot": {question{`\..` + v4, v4}, unknown},
		"IPv4 escaped backslash":   {question{`1\\.2.0.192.` + v4, v4}, unknown},
		"IPv4 star":                {question{"*.2.0.192." + v4, v4}, unknown},
		"IPv4 service":             {question{"web.demo.svc.10." + v4, "10." + v4}, unknown},
		"IPv4 version":             {question{"dns-version.10." + v4, "10." + v4}, unknown},

		"IPv4 apex of an address": {question{"1.0.0.10." + v4, "1.0.0.10." + v4}, apexOf("10.0.0.1/32")},
		"name server":             {question{"NS.Dns." + v4, v4}, server},
		"name server of a net":    {question{"ns.dns.10." + v4, "10." + v4}, server},
		"parent of name server":   {question{"dns.10." + v4, "10." + v4}, parent},
		"name server of 2317":     {question{"ns.dns.0/25.2.0.192." + v4, "0/25.2.0.192." + v4}, server},
		"name server below":       {question{"ns.dns.10." + v4, v4}, unknown},
		"below name server":       {question{"x.ns.dns." + v4, v4}, unknown},
		"escaped name server":     {question{`ns\.dns.` + v4, v4}, unknown},

		"RFC 2317 apex":         {question{"0/25.2.0.192." + v4, "0/25.2.0.192." + v4}, apex},
		"RFC 2317 address":      {question{"1.0/25.2.0.192." + v4, "0/25.2.0.192." + v4}, unknown},
		"RFC 2317 from outside": {question{"0/25.2.0.192." + v4, v4}, unknown},
		"RFC 2317 with hyphen":  {question{"0-127.2.0.192." + v4, v4}, unknown},
		"zone that is no net":   {question{"x.lan." + v4, "lan." + v4}, unknown},
		"apex that is no net":   {question{"lan." + v4, "lan." + v4}, apex},
		"zone of one fourth":    {question{"1.2.0.192." + v4, "0.192." + v4}, address("192.0.2.1")},

		"IPv6":                    {question{nibble + v6, v6}, address("2001:db8::1")},
		"IPv6 in upper case":      {question{strings.ToUpper(nibble + v6), v6}, address("2001:db8::1")},
		"IPv6 hex upper":          {question{"F.E." + v6, v6}, network("ef00::/8")},
		"IPv6 zeros":              {question{strings.Repeat("0.", 32) + v6, v6}, address("::")},
		"IPv6 ones":               {question{strings.Repeat("f.", 32) + v6, v6}, address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")},
		"IPv6 /4":                 {question{"2." + v6, v6}, network("2000::/4")},
		"IPv6 /12":                {question{"0.0.2." + v6, v6}, network("2000::/12")},
		"IPv6 /64":                {question{"0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2." + v6, v6}, network("2001:db8::/64")},
		"IPv6 /124":               {question{nibble[2:] + v6, v6}, network("2001:db8::/124")},
		"IPv6 apex":               {question{v6, v6}, apexOf("::/0")},
		"IPv6 apex of a net":      {question{"8.b.d.0.1.0.0.2." + v6, "8.b.d.0.1.0.0.2." + v6}, apexOf("2001:db8::/32")},
		"IPv6 apex of an address": {question{nibble + v6, nibble + v6}, apexOf("2001:db8::1/128")},
		"IPv6 name server":        {question{"ns.dns." + v6, v6}, server},
		"IPv4-mapped address":     {question{"1.0.0.0.0.6.a.0." + mapped + v6, v6}, unknown},
		"IPv4-mapped /124":        {question{"0.0.0.0.6.a.0." + mapped + v6, v6}, unknown},
		"IPv4-mapped /96":         {question{mapped + v6, v6}, unknown},
		"IPv4-mapped, above":      {question{mapped[2:] + v6, v6}, network("::fff0:0:0/92")},
		"beside IPv4-mapped":      {question{"e" + mapped[1:] + v6, v6}, network("::fffe:0:0/96")},
		"IPv6 33 labels":          {question{"0." + nibble + v6, v6}, unknown},
		"IPv6 g":                  {question{"g." + v6, v6}, unknown},
		"IPv6 slash":              {question{"/." + v6, v6}, unknown},
		"IPv6 colon":              {question{":." + v6, v6}, unknown},
		"IPv6 at":                 {question{`\@.` + v6, v6}, unknown},
		"IPv6 back quote":         {question{"`." + v6, v6}, unknown},
		"IPv6 two digits":         {question{"10." + v6, v6}, unknown},
		"IPv6 two digits below":   {question{"10.2." + v6, v6}, unknown},
		"IPv6 two digits above":   {question{"2.10." + v6, v6}, unknown},
		"IPv6 escaped dot":        {question{`1\.2.` + v6, v6}, unknown},
		"IPv6 lone escape":        {question{`\..2.` + v6, v6}, unknown},
		"IPv6 service":            {question{"web.demo.svc." + v6, v6}, unknown},
		"IPv6 bit string":         {question{"a.b.1.2.3.xyz." + v6, v6}, unknown},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if _, ok := dns.IsDomainName(tc.in.name); !ok {
				t.Fatalf("%q is no domain name", tc.in.name)
			}
			if diff := cmp.Diff(tc.want, qname.Parse(tc.in.name, tc.in.zone), samePrefix); diff != "" {
				t.Errorf("Parse(%q, %q) (-want +got):\n%s", tc.in.name, tc.in.zone, diff)
			}
		})
	}
}

func TestInZone(t *testing.T) {
	tests := map[string]struct {
		in   question
		want bool
	}{
		"itself":                   {question{"example.org.", "example.org."}, true},
		"itself in upper case":     {question{"EXAMPLE.ORG.", "example.org."}, true},
		"below":                    {question{"a.example.org.", "example.org."}, true},
		"below in mixed case":      {question{"A.eXample.oRg.", "example.org."}, true},
		"far below":                {question{"a.b.c.d.example.org.", "example.org."}, true},
		"end of a label":           {question{"myexample.org.", "example.org."}, false},
		"above":                    {question{"org.", "example.org."}, false},
		"beside":                   {question{"example.com.", "example.org."}, false},
		"root in root":             {question{".", "."}, true},
		"all in root":              {question{"example.org.", "."}, true},
		"root not below":           {question{".", "example.org."}, false},
		"escaped dot":              {question{`a\.example.org.`, "example.org."}, false},
		"escaped backslash":        {question{`a\\.example.org.`, "example.org."}, true},
		"backslash and dot":        {question{`a\\\.example.org.`, "example.org."}, false},
		"two escaped backslashes":  {question{`a\\\\.example.org.`, "example.org."}, true},
		"only an escaped dot":      {question{`\.example.org.`, "example.org."}, false},
		"decimal escape":           {question{`a\046.example.org.`, "example.org."}, true},
		"decimal escape in place":  {question{`a\046example.org.`, "example.org."}, false},
		"zone with an escaped dot": {question{`x.a\.b.example.org.`, `a\.b.example.org.`}, true},
		"part of an escaped label": {question{`x.a\.b.example.org.`, `b.example.org.`}, false},
		"no folding but of ASCII":  {question{"\xc9.example.org.", "\xe9.example.org."}, false},
		"at sign is no back quote": {question{"@.example.org.", "`.example.org."}, false},
		"bracket is no brace":      {question{"[.example.org.", "{.example.org."}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := qname.InZone(tc.in.name, tc.in.zone); got != tc.want {
				t.Errorf("InZone(%q, %q) = %t, want %t", tc.in.name, tc.in.zone, got, tc.want)
			}
		})
	}
}

func TestJoin(t *testing.T) {
	tests := map[string]struct {
		in   [2]string
		want string
	}{
		"one label":          {[2]string{"a", "example.org."}, "a.example.org."},
		"several labels":     {[2]string{"a.b", "example.org."}, "a.b.example.org."},
		"below the root":     {[2]string{"a", "."}, "a."},
		"several below root": {[2]string{"web.demo.svc", "."}, "web.demo.svc."},
		"case is kept":       {[2]string{"A", "Example.ORG."}, "A.Example.ORG."},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := qname.Join(tc.in[0], tc.in[1]); got != tc.want {
				t.Errorf("Join(%q, %q) = %q, want %q", tc.in[0], tc.in[1], got, tc.want)
			}
		})
	}
}

func TestIsReverse(t *testing.T) {
	tests := map[string]struct {
		in   string
		want bool
	}{
		"in-addr":         {"in-addr.arpa.", true},
		"ip6":             {"ip6.arpa.", true},
		"network":         {"0.10.in-addr.arpa.", true},
		"classless":       {"0/25.2.0.192.in-addr.arpa.", true},
		"arpa":            {"arpa.", false},
		"root":            {".", false},
		"forward":         {"example.org.", false},
		"look-alike":      {"xin-addr.arpa.", false},
		"in-addr, beside": {"in-addr.arpa.example.org.", false},
		"escaped":         {`x\.ip6.arpa.`, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := qname.IsReverse(tc.in); got != tc.want {
				t.Errorf("IsReverse(%q) = %t, want %t", tc.in, got, tc.want)
			}
		})
	}
}

// allocating are names whose parsing might tempt one to allocate.
var allocating = []question{
	{zone, zone},
	{"_http._tcp.web.demo.svc.CLUSTER.example.org.", zone},
	{"2001-db8-aaaa-bbbb-cccc-dddd-eeee-ffff.web.demo.svc." + zone, zone},
	{"10-0-0-1.demo.pod." + zone, zone},
	{`a\.b.demo.svc.` + zone, zone},
	{strings.Repeat("a.", 100) + zone, zone},
	{"1.2.0.192.in-addr.arpa.", "in-addr.arpa."},
	{strings.Repeat("F.", 32) + "IP6.ARPA.", "ip6.arpa."},
	{"web.demo.svc.", "."},
}

func TestParseAllocatesNothing(t *testing.T) {
	for _, q := range allocating {
		t.Run(q.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, func() { sinkName = qname.Parse(q.name, q.zone) }); got != 0 {
				t.Errorf("Parse(%q) allocates %v times, want 0", q.name, got)
			}
			if got := testing.AllocsPerRun(100, func() { sinkBool = qname.InZone(q.name, q.zone) }); got != 0 {
				t.Errorf("InZone(%q) allocates %v times, want 0", q.name, got)
			}
		})
	}
}

var (
	sinkName qname.Name
	sinkBool bool
)

func BenchmarkParse(b *testing.B) {
	for _, q := range allocating {
		b.Run(q.name[:min(len(q.name), 40)], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sinkName = qname.Parse(q.name, q.zone)
			}
		})
	}
}
