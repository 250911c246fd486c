// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/test/specs"
)

var update = flag.Bool("update", false, "write what is rendered into the scenarios")

// TestScenarios renders the spec of each scenario: its Corefile and problems are those that it has.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { scenario(t, file) })
	}
}

func scenario(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var spec v1alpha1.ClusterDNSSpec
	if err := yaml.UnmarshalStrict(archive.Files[0].Data, &spec); err != nil {
		t.Fatal(err)
	}
	file, problems := Corefile(&spec, Facts{Services: specs.Services})
	var said strings.Builder
	for _, p := range problems {
		said.WriteString(p.String() + "\n")
	}
	got := &txtar.Archive{Comment: archive.Comment, Files: []txtar.File{archive.Files[0], {Name: "Corefile", Data: []byte(corefile.Format(file))}}}
	if said.Len() > 0 {
		got.Files = append(got.Files, txtar.File{Name: "problems", Data: []byte(said.String())})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
		t.Errorf("want -, got +; go test ./corefile/render -update writes it:\n%s", diff)
	}
}

// TestRandom renders random settings: they parse as they were made, say the same
// each time, and send names where the spec says.
func TestRandom(t *testing.T) {
	for seed := range uint64(500) {
		spec := specs.Random(rand.New(rand.NewPCG(seed, 1)))
		facts := Facts{Services: specs.Services}
		file, problems := Corefile(spec, facts)
		text := corefile.Format(file)
		if len(problems) > 0 {
			t.Fatalf("seed %d: %v", seed, problems)
		}
		parsed, err := corefile.Parse(text)
		if err != nil || !corefile.Equal(file, parsed) {
			t.Fatalf("seed %d: read as something else (%v):\n%s", seed, err, text)
		}
		if again, _ := Corefile(spec, facts); corefile.Format(again) != text {
			t.Fatalf("seed %d: rendered in two ways", seed)
		}
		for _, qname := range []string{"www.corp.example", "a.lab.corp.example", "corp.example", "other.example", "xcorp.example", "1.2.3.10.in-addr.arpa", "1.2.16.172.in-addr.arpa", "7.64.100.in-addr.arpa", "x._udp.example"} {
			if got, want := routed(parsed, qname), expected(spec, facts, qname); got != want {
				t.Errorf("seed %d: %s goes to %q, want %q in\n%s", seed, qname, got, want, text)
			}
		}
	}
}

// expected returns the servers that the spec names for a qname.
func expected(spec *v1alpha1.ClusterDNSSpec, facts Facts, qname string) string {
	best, upstreams := -1, spec.Upstreams
	for i, s := range spec.StubZones {
		for _, z := range s.Zones {
			for _, zone := range origins[z] {
				if len(zone) > best && (qname == zone || strings.HasSuffix(qname, "."+zone)) {
					best, upstreams = len(zone), &spec.StubZones[i].Upstreams
				}
			}
		}
	}
	if upstreams == nil {
		return "/etc/resolv.conf"
	}
	var to []string
	for _, e := range upstreams.Endpoints {
		if e.ResolvConf != "" {
			to = append(to, e.ResolvConf)
			continue
		}
		a := facts.Services
		switch address := string(e.Address); {
		case e.Service != nil:
			to = append(to, a[*e.Service].String())
		default:
			to = append(to, address)
		}
	}
	return strings.Join(to, " ")
}

// origins are the zones that those of random settings stand for.
var origins = map[v1alpha1.Zone][]string{
	"corp.example": {"corp.example"}, "lab.corp.example": {"lab.corp.example"}, "partner.test": {"partner.test"},
	"_udp.example": {"_udp.example"}, "64.100.in-addr.arpa": {"64.100.in-addr.arpa"},
	"10.0.0.0/9": lowerHalf(), "172.16.0.0/12": sixteen(), "2001:db8::/32": {"8.b.d.0.1.0.0.2.ip6.arpa"},
}

func lowerHalf() (zones []string) {
	for i := range 128 {
		zones = append(zones, number(i)+".10.in-addr.arpa")
	}
	return zones
}

func sixteen() (zones []string) {
	for i := range 16 {
		zones = append(zones, number(16+i)+".172.in-addr.arpa")
	}
	return zones
}

// routed returns the addresses of the servers that a Corefile sends a qname to:
// of the server block with the longest zone.
func routed(f *corefile.File, qname string) string {
	best, to := -1, ""
	for _, b := range f.ServerBlocks() {
		for _, key := range b.Zones() {
			zone, _, _ := strings.Cut(key, ":53")
			zone = strings.TrimSuffix(strings.TrimSuffix(zone, ":1053"), ":5353")
			for _, z := range append(origins[v1alpha1.Zone(zone)], zone) {
				if z == "." {
					z = ""
				}
				if len(z) > best && (z == "" || qname == z || strings.HasSuffix(qname, "."+z)) && !strings.HasSuffix(key, ":5300") {
					best, to = len(z), targets(b)
				}
			}
		}
	}
	return to
}

func targets(b *corefile.ServerBlock) string {
	var to []string
	for _, d := range b.Find("forward") {
		for _, s := range d.Values()[1:] {
			s = s[strings.Index(s, "://")+1:]
			s = strings.TrimPrefix(s, "//")
			if inner, _, bracket := strings.Cut(strings.TrimPrefix(s, "["), "]"); bracket {
				s, _, _ = strings.Cut(inner, "%")
			} else if !strings.HasPrefix(s, "/") {
				s = s[:slices.Index([]byte(s+":"), ':')]
				s, _, _ = strings.Cut(s, "%")
			}
			to = append(to, s)
		}
	}
	return strings.Join(to, " ")
}
