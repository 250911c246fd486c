// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/internal/server"
)

// zones with transfers. The reverse zone has the addresses of this file's
// tests. It binds to no address: a zone without name servers is none for
// secondaries, and a loopback address is no name server.
func transferring(to string, options ...string) string {
	const zones = "cluster.local 26.1.10.in-addr.arpa 26.96.10.in-addr.arpa"
	return fmt.Sprintf("%s {\n\terrors\n\ttransfer {\n\t\tto %s\n\t}\n\tclusterdns {\n\t\tpods verified\n\t\t%s\n\t}\n}\n",
		zones, to, strings.Join(append(options, real()), "\n\t\t"))
}

// zoneAt transfers a zone from a server.
func zoneAt(addr, origin string) (serial uint32, rrs []string, err error) {
	m := new(dns.Msg)
	m.SetAxfr(origin)
	envelopes, err := new(dns.Transfer).In(m, addr)
	if err != nil {
		return 0, nil, err
	}
	for e := range envelopes {
		if e.Error != nil {
			err = errors.Join(err, e.Error)
		}
		for _, rr := range e.RR {
			if soa, ok := rr.(*dns.SOA); ok {
				serial = soa.Serial
			}
			rrs = append(rrs, rr.String())
		}
	}
	slices.Sort(rrs)
	return serial, rrs, err
}

// soaSerial returns the SOA serial of cluster.local.
func soaSerial(t *testing.T, s *server.Server) uint32 {
	t.Helper()
	m, err := ask(s, "udp", "cluster.local", dns.TypeSOA)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Answer) != 1 {
		t.Fatalf("got no SOA record: %v", m)
	}
	return m.Answer[0].(*dns.SOA).Serial
}

// The serial rises with changes, and does not fall over a reload, over the end
// of CoreDNS with changes meanwhile and without, and over one of the API server.
func TestSerialOverRestart(t *testing.T) {
	noStore(t)
	logs(t)
	var last uint32
	check := func(s *server.Server, what string, least uint32) {
		t.Helper()
		got := soaSerial(t, s)
		if int32(got-last) < int32(least) {
			t.Errorf("%s: the serial is %d after %d, want at least %d more", what, got, last, least)
		}
		last = got
	}
	apply(t, namespace("serial")+service("serial", "web", "clusterIP: 10.96.26.1, "+http))
	const name = "web.serial.svc.cluster.local"
	for round := range 3 {
		s, err := server.Start(transferring("*"))
		if err != nil {
			t.Fatal(err)
		}
		check(s, "started", 0)
		for port := range 3 {
			apply(t, service("serial", "web", fmt.Sprintf("clusterIP: 10.96.26.1, ports: [{name: http, port: %d}]", 100*round+port+1)))
			become(t, s, fact{name, dns.TypeSRV, fmt.Sprintf("NOERROR 0 100 %d %s.", 100*round+port+1, name)})
			check(s, "changed", 1)
		}
		if err := s.Reload(transferring("*")); err != nil {
			t.Fatal(err)
		}
		check(s, "reloaded", 0)
		if err := s.Reload(transferring("*", "ttl 30")); err != nil {
			t.Fatal(err)
		}
		check(s, "reloaded with another TTL", 1)
		if round == 1 {
			control(t, "stop-apiserver")
			control(t, "start-apiserver")
			become(t, s, fact{name, dns.TypeA, "NOERROR 10.96.26.1"})
			check(s, "with another API server", 0)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		// A cluster renews leases all the time. This one has none.
		apply(t, fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: serial, labels: {round: r%d}}}", round))
		if round > 0 { // meanwhile
			remove(t, service("serial", "web", ""))
			apply(t, service("serial", "web", "clusterIP: 10.96.26.1, "+http))
		}
	}
}

// programs that can be secondaries, and what they need to know.
var programs = map[string]func(t *testing.T, dir string, port int, primary string, zones []string) (conf string, args []string){
	"knotd": func(_ *testing.T, dir string, port int, primary string, zones []string) (string, []string) {
		host, at, _ := strings.Cut(primary, ":")
		conf := fmt.Sprintf(`server:
    listen: 127.0.0.1@%d
    rundir: %q
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: %q
remote:
  - id: primary
    address: %s@%s
acl:
  - id: all
    address: 127.0.0.1
    action: [notify, transfer]
template:
  - id: default
    storage: %q
    zonefile-sync: -1
    zonefile-load: none
    journal-content: all
    master: primary
    acl: all
zone:
`, port, dir, dir, host, at, dir)
		for _, zone := range zones {
			conf += "  - domain: " + zone + "\n"
		}
		return conf, []string{"-c"}
	},
	"nsd": func(_ *testing.T, dir string, port int, primary string, zones []string) (string, []string) {
		conf := fmt.Sprintf(`server:
    server-count: 1
    ip-address: 127.0.0.1@%d
    username: ""
    chroot: ""
    zonesdir: %q
    database: ""
    zonelistfile: "%s/zone.list"
    xfrdfile: "%s/xfrd.state"
    xfrdir: %q
    pidfile: ""
    verbosity: 2
remote-control:
    control-enable: no
`, port, dir, dir, dir, dir)
		for _, zone := range zones {
			conf += fmt.Sprintf("zone:\n    name: %s\n    zonefile: %s.zone\n    request-xfr: %s NOKEY\n    allow-notify: 127.0.0.1 NOKEY\n    provide-xfr: 127.0.0.1 NOKEY\n",
				zone, zone, strings.Replace(primary, ":", "@", 1))
		}
		return conf, []string{"-d", "-c"}
	},
}

// find returns a program and the environment that it needs: where it is
// installed, or where "make bench" unpacks the packages of Debian.
func find(name string) (path string, env []string) {
	root := filepath.Join(kube.Root(), ".cache", "bench", "debian", "root", "usr")
	if path := filepath.Join(root, "sbin", name); isFile(path) {
		libraries, _ := filepath.Glob(filepath.Join(root, "lib", "*-linux-gnu*")) // the pattern is good
		return path, []string{"LD_LIBRARY_PATH=" + strings.Join(libraries, ":")}
	}
	if path := filepath.Join("/usr/sbin", name); isFile(path) {
		return path, nil
	}
	path, _ = exec.LookPath(name)
	return path, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// A secondary that is told of changes follows them, by differences: Knot and
// NSD, if they are on this machine.
func TestSecondary(t *testing.T) {
	zones := []string{"cluster.local.", "26.1.10.in-addr.arpa.", "26.96.10.in-addr.arpa."}
	for name, configure := range programs {
		t.Run(name, func(t *testing.T) {
			program, env := find(name)
			if program == "" {
				t.Skipf("no %s on this machine, nor what \"make bench\" unpacks of it", name)
			}
			noStore(t)
			logged := logs(t)
			apply(t, namespace("second")+
				service("second", "web", "clusterIP: 10.96.26.11, "+http)+
				service("second", "db", "clusterIP: None, "+http)+slice("second", "db", "IPv4", "{addresses: [10.1.26.1]}, {addresses: [10.1.26.2], hostname: db-1}")+
				service("second", "out", "type: ExternalName, externalName: example.org"))
			port := freePort(t)
			s := start(t, transferring(fmt.Sprintf("127.0.0.1:%d", port)))
			if m, err := ask(s, "tcp", "cluster.local", dns.TypeNS); err != nil || len(m.Answer) == 0 {
				t.Skip("this machine has no address but loopback ones: a zone without name servers is none for secondaries")
			}
			conf, args := configure(t, t.TempDir(), port, s.TCP, zones)
			run(t, program, env, conf, args...)
			second := fmt.Sprintf("127.0.0.1:%d", port)
			follow(t, s.TCP, second, zones)

			for i, step := range []func(){
				func() {
					apply(t, service("second", "web2", "clusterIP: 10.96.26.12, "+http)+
						slice("second", "db", "IPv4", "{addresses: [10.1.26.3]}, {addresses: [10.1.26.2], hostname: db-1}"))
				},
				func() {
					remove(t, service("second", "web2", ""))
					apply(t, pod("second", "p", "10.1.26.9"))
				},
			} {
				before := soaSerial(t, s)
				step()
				eventually(t, fmt.Sprintf("the changes of step %d are known", i), func() bool { return soaSerial(t, s) == before+2 })
				follow(t, s.TCP, second, zones)
			}
			_, whole, err := zoneAt(s.TCP, zones[0])
			if err != nil {
				t.Fatal(err)
			}
			if least := smallest(logged(), zones[0]); least < 4 || least >= len(whole) {
				t.Errorf("the smallest transfer of %s had %d records, the zone has %d: where are the differences?", zones[0], least, len(whole))
			}
		})
	}
}

// follow waits until the secondary has what the primary has.
func follow(t *testing.T, primary, secondary string, zones []string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for _, zone := range zones {
		for {
			_, want, err := zoneAt(primary, zone)
			if err != nil {
				t.Fatal(err)
			}
			_, got, err := zoneAt(secondary, zone)
			if err == nil && slices.Equal(without(got, "\tSOA\t"), without(want, "\tSOA\t")) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s of the secondary after %s: %v\n%s\nwant\n%s", zone, patience, err, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// without returns the lines that do not have the text: a zone is not
// transferred for nothing but a new serial.
func without(lines []string, text string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.Contains(line, text) })
}

var outgoing = regexp.MustCompile(`Outgoing transfer of (\d+) records of zone "([^"]*)"`)

// smallest returns the number of records of the smallest transfer of zone.
func smallest(log, zone string) int {
	least := 0
	for _, m := range outgoing.FindAllStringSubmatch(log, -1) {
		if n, _ := strconv.Atoi(m[1]); m[2] == zone && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

// run runs a program with a configuration until the test ends, and shows what
// it says if the test fails.
func run(t *testing.T, program string, env []string, conf string, args ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append(args, file)...)
	cmd.Env = append(os.Environ(), env...)
	var said logbook
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
		}
		if text, _ := said.since(0); t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(program), text)
		}
	}))
}

// freePort returns a port that nobody has now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
