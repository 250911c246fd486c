// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	_ "github.com/coredns/coredns/plugin/bind"
	"github.com/coredns/coredns/plugin/transfer"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// A secondary has a zone, as it was transferred.
type secondary struct {
	origin string
	serial uint32
	rrs    map[string]bool
	steps  int // transfers that were differences
}

func (s *secondary) clone() *secondary {
	c := *s
	c.rrs = maps.Clone(s.rrs)
	return &c
}

// pull asks the server at addr for what is new, or for the whole zone if the
// secondary has none.
func (s *secondary) pull(t *testing.T, addr string) {
	t.Helper()
	m := new(dns.Msg)
	if s.rrs == nil {
		m.SetAxfr(s.origin)
	} else {
		m.SetIxfr(s.origin, s.serial, "ns."+s.origin, "root."+s.origin)
	}
	envelopes, err := (&dns.Transfer{DialTimeout: patience, ReadTimeout: patience}).In(m, addr)
	if err != nil {
		t.Fatal(err)
	}
	var rrs []dns.RR
	for e := range envelopes {
		if e.Error != nil {
			t.Fatalf("%s from %d: %v", s.origin, s.serial, e.Error)
		}
		rrs = append(rrs, e.RR...)
	}
	s.apply(t, rrs)
}

// apply makes of the zone what rrs say (RFC 5936 section 2.2, RFC 1995 section 4).
func (s *secondary) apply(t *testing.T, rrs []dns.RR) {
	t.Helper()
	serial := serialOf(t, rrs[0])
	switch {
	case len(rrs) == 1:
		if serial != s.serial {
			t.Errorf("%s: a SOA record alone says %d, the secondary has %d", s.origin, serial, s.serial)
		}
		return
	case serialOf(t, rrs[len(rrs)-1]) != serial:
		t.Errorf("%s: it begins with %v and ends with %v", s.origin, rrs[0], rrs[len(rrs)-1])
	}
	rrs = rrs[1 : len(rrs)-1]
	if len(rrs) == 0 || !isSOA(rrs[0]) {
		s.rrs = make(map[string]bool)
		s.change(t, rrs, true)
		s.serial = serial
		return
	}
	s.steps++
	for len(rrs) > 0 {
		if from := serialOf(t, rrs[0]); from != s.serial {
			t.Fatalf("%s: a difference from %d, the secondary has %d", s.origin, from, s.serial)
		}
		n := 1 + slices.IndexFunc(rrs[1:], isSOA)
		s.change(t, rrs[1:n], false)
		s.serial, rrs = serialOf(t, rrs[n]), rrs[n+1:]
		n = len(rrs)
		if i := slices.IndexFunc(rrs, isSOA); i >= 0 {
			n = i
		}
		s.change(t, rrs[:n], true)
		rrs = rrs[n:]
	}
	if s.serial != serial {
		t.Errorf("%s: the differences end at %d, want %d", s.origin, s.serial, serial)
	}
}

func (s *secondary) change(t *testing.T, rrs []dns.RR, add bool) {
	t.Helper()
	for _, rr := range rrs {
		if s.rrs[rr.String()] == add {
			t.Errorf("%s: at %d to be added (%v), but it is so already: %s", s.origin, s.serial, add, rr)
		}
		if s.rrs[rr.String()] = add; !add {
			delete(s.rrs, rr.String())
		}
	}
}

func isSOA(rr dns.RR) bool { _, ok := rr.(*dns.SOA); return ok }

func serialOf(t *testing.T, rr dns.RR) uint32 {
	t.Helper()
	soa, ok := rr.(*dns.SOA)
	if !ok {
		t.Fatalf("got %v, want a SOA record", rr)
	}
	return soa.Serial
}

// transferring is a Corefile with transfers of two zones.
func transferring(api *apiserver.Server, to string) string {
	return "cluster.local 10.in-addr.arpa {\nbind 127.0.0.1\ntransfer {\nto " + to + "\n}\nclusterdns {\nendpoint " + api.URL() + "\npods verified\n}\n}\n"
}

// randomObject returns an object of which there may be another version.
func randomObject(r *rand.Rand) runtime.Object {
	name := fmt.Sprintf("s%d", r.IntN(4))
	switch r.IntN(8) {
	case 0:
		return namespace([]string{"default", "other"}[r.IntN(2)])
	case 1, 2, 3:
		edit := []func(*corev1.Service){headless, externalName("example.org"), clusterIP(fmt.Sprintf("10.96.0.%d", r.IntN(3)))}[r.IntN(3)]
		return service(name, edit)
	case 4, 5, 6:
		s := endpointSlices(name, 1)[0].(*discoveryv1.EndpointSlice)
		s.Name = fmt.Sprintf("%s-%d", name, r.IntN(2))
		s.Endpoints = nil
		for range r.IntN(4) {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.1.0.%d", r.IntN(5))}})
		}
		return s
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("p%d", r.IntN(3))},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIPs: []corev1.PodIP{{IP: fmt.Sprintf("10.2.0.%d", r.IntN(3))}}},
	}
}

// change does something random to the cluster.
func change(r *rand.Rand, api *apiserver.Server) {
	if o := randomObject(r); r.IntN(4) == 0 {
		api.Delete(o)
	} else {
		api.Apply(o)
	}
}

// TestTransfersFollow: over random changes, relists, reloads and restarts, a
// secondary that has the zone of any serial gets what makes it the zone of
// today; and the serial never falls.
func TestTransfersFollow(t *testing.T) {
	api := newAPI(t, namespace("default"), service("s0"))
	api.BookmarkEvery(5 * time.Millisecond) // else nobody is told that nothing was deleted
	r := rand.New(rand.NewPCG(4, 2))
	i, s := startInstance(t, transferring(api, "*"))
	defer func() { stop(t, i) }()
	origins := []string{"cluster.local.", "10.in-addr.arpa."}
	known := make(map[string]map[uint32]*secondary)
	for _, origin := range origins {
		known[origin] = make(map[uint32]*secondary)
	}
	var last uint32
	differences := 0
	for round := range 80 {
		change(r, api)
		switch round % 20 {
		case 7: // the API server is away, and its history lost
			api.Stop()
			change(r, api)
			api.Compact()
			api.Start()
		case 13:
			i = reload(t, i, transferring(api, "*"))
		case 19:
			stop(t, i)
			change(r, api)
			i, s = startInstance(t, transferring(api, "*"))
			change(r, api)
		}
		for k := range object.Kind(object.NumKinds) {
			told(t, k, api.ResourceVersion())
		}
		for _, origin := range origins {
			now := &secondary{origin: origin}
			now.pull(t, s.tcp)
			if int32(now.serial-last) < 0 {
				t.Fatalf("round %d: the serial fell from %d to %d", round, last, now.serial)
			}
			last = now.serial
			if before, ok := known[origin][now.serial]; ok && !maps.Equal(before.rrs, now.rrs) {
				t.Fatalf("round %d: %s changed, its serial did not", round, origin)
			}
			known[origin][now.serial] = now
			for serial, then := range known[origin] {
				behind := then.clone()
				behind.pull(t, s.tcp)
				differences += behind.steps - then.steps
				if behind.serial != now.serial || !maps.Equal(behind.rrs, now.rrs) {
					t.Fatalf("round %d: %s from %d, to %d and not %d (-want +got):\n%s", round, origin, serial, behind.serial, now.serial, gocmp.Diff(now.rrs, behind.rrs))
				}
			}
		}
	}
	if differences < 500 {
		t.Errorf("only %d transfers were differences", differences)
	}
}

// startInstance runs CoreDNS with a Corefile, until stop.
func startInstance(t *testing.T, corefile string) (*caddy.Instance, server) {
	t.Helper()
	i, err := caddy.Start(caddyfile(corefile))
	if err != nil {
		t.Fatal(err)
	}
	l := i.Servers()[0]
	return i, server{udp: onLoopback(t, l.LocalAddr()), tcp: onLoopback(t, l.Addr())}
}

func reload(t *testing.T, i *caddy.Instance, corefile string) *caddy.Instance {
	t.Helper()
	i, err := i.Restart(caddyfile(corefile))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func stop(t *testing.T, i *caddy.Instance) {
	t.Helper()
	if err := errors.Join(append(i.ShutdownCallbacks(), i.Stop())...); err != nil {
		t.Fatal(err)
	}
}

// drain returns all that comes.
func drain(t *testing.T, ch <-chan []dns.RR, err error) (rrs []dns.RR) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for some := range ch {
		rrs = append(rrs, some...)
	}
	return rrs
}

// withHistory is newSynced with what the transfer plugin brings.
func withHistory(t *testing.T, text string, objects ...runtime.Object) (*apiserver.Server, *ClusterDNS) {
	t.Helper()
	api := newAPI(t, objects...)
	c := newHandler(t, api, text)
	c.lease.KeepHistory()
	eventually(t, "it is ready", c.Ready)
	return api, c
}

func TestTransferBySerial(t *testing.T) {
	api, c := withHistory(t, "clusterdns cluster.local {\n}", namespace("default"), service("web"))
	first := c.lease.Index().Serial()
	told(t, object.Services, api.Apply(service("db")))
	for name, tc := range map[string]struct {
		serial uint32
		want   string
	}{
		"none":               {0, "whole"},
		"the current one":    {first + 1, "SOA alone"},
		"an older one":       {first, "difference"},
		"one before it knew": {first - 1, "whole"},
		"a newer one":        {first + 2, "SOA alone"},
		"half around":        {first + 1 + 1<<31, "whole"},
		"a little newer":     {first + 1<<31, "SOA alone"},
		"a little older":     {first + 2 + 1<<31, "whole"},
	} {
		t.Run(name, func(t *testing.T) {
			ch, err := c.Transfer("cluster.local.", tc.serial)
			rrs := drain(t, ch, err)
			got := "whole"
			switch {
			case len(rrs) == 1:
				got = "SOA alone"
			case isSOA(rrs[1]):
				got = "difference"
			}
			if got != tc.want {
				t.Errorf("got %s, want %s: %v", got, tc.want, rrs)
			}
			for _, end := range []dns.RR{rrs[0], rrs[len(rrs)-1]} {
				if got := serialOf(t, end); got != first+1 {
					t.Errorf("serial: got %d, want %d", got, first+1)
				}
			}
		})
	}
}

func TestTransferOfOthers(t *testing.T) {
	_, c := withHistory(t, "clusterdns cluster.local 10.96.0.0/16 {\n}", namespace("default"))
	for _, origin := range []string{"svc.cluster.local.", "local.", "example.org.", ".", "10.in-addr.arpa."} {
		if _, err := c.Transfer(origin, 0); !errors.Is(err, transfer.ErrNotAuthoritative) {
			t.Errorf("%s: got %v, want %v", origin, err, transfer.ErrNotAuthoritative)
		}
	}
	api := newAPI(t, namespace("default"))
	api.Deny("services", 403)
	unsynced := newHandler(t, api, "clusterdns {\nstartup_timeout 0\n}")
	if _, err := unsynced.Transfer("cluster.local.", 0); !errors.Is(err, errNotSynced) {
		t.Errorf("not synced: got %v, want %v", err, errNotSynced)
	}
}

// What changes while a transfer is read slowly is not in it.
func TestTransferIsOfOneMoment(t *testing.T) {
	api, c := withHistory(t, "clusterdns cluster.local {\n}", append(population(), service("zzz", clusterIP("10.0.0.9")))...)
	api.BookmarkEvery(5 * time.Millisecond)
	first := c.lease.Index().Serial()
	for name, serial := range map[string]uint32{"whole": 0, "difference": first} {
		t.Run(name, func(t *testing.T) {
			told(t, object.Services, api.Apply(service("yyy", clusterIP("10.0.0.8")))) // the difference has something
			before := c.lease.Index().Serial()
			ch, err := c.Transfer("cluster.local.", 0)
			want := drain(t, ch, err)
			if serial != 0 {
				ch, err = c.Transfer("cluster.local.", serial)
				want = drain(t, ch, err)
			}
			ch, err = c.Transfer("cluster.local.", serial)
			if err != nil {
				t.Fatal(err)
			}
			got := <-ch
			told(t, object.Services, api.Apply(service("zzz", clusterIP("10.0.0.10")), service("xxx")))
			told(t, object.Services, api.Delete(service("yyy")))
			got = append(got, drain(t, ch, nil)...)
			if c.lease.Index().Serial() == before {
				t.Fatal("nothing changed")
			}
			if diff := gocmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
				t.Errorf("(-at the beginning +what was sent):\n%s", diff)
			}
		})
	}
}

// A large zone takes many messages, and comes whole.
func TestLargeTransfer(t *testing.T) {
	api := newAPI(t, population()...)
	s := startServer(t, transferring(api, "*"))
	zone := &secondary{origin: "cluster.local."}
	zone.pull(t, s.tcp)
	if got := len(zone.rrs); got < 20_000 {
		t.Errorf("records: got %d", got)
	}
}

// listener is a secondary that takes note of NOTIFY messages.
func listener(t *testing.T) (addr string, heard <-chan string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ch := make(chan string, 100)
	srv := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(r)
		_ = w.WriteMsg(m)
		if r.Opcode == dns.OpcodeNotify {
			ch <- r.Question[0].Name
		}
	}), MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	go func() { _ = srv.ActivateAndServe() }()
	t.Cleanup(func() { _ = srv.Shutdown() })
	return conn.LocalAddr().String(), ch
}

func await(t *testing.T, heard <-chan string) string {
	t.Helper()
	select {
	case zone := <-heard:
		return zone
	case <-time.After(patience):
		t.Fatalf("no NOTIFY in %s", patience)
		return ""
	}
}

// Secondaries are notified once everything is known, and of the zones that changed.
func TestNotify(t *testing.T) {
	to, heard := listener(t)
	api := newAPI(t, namespace("default"), service("web", clusterIP("192.0.2.1")))
	api.Deny("endpointslices", 403)
	startServer(t, strings.Replace(transferring(api, to), "pods verified", "startup_timeout 10ms", 1))
	eventually(t, "it is refused", func() bool { return api.Count(apiserver.VerbWatchList, "endpointslices") > 0 })
	if len(heard) > 0 {
		t.Errorf("notified of %s before the zone was known", <-heard)
	}
	api.Deny("endpointslices", 0)
	got := []string{await(t, heard), await(t, heard)}
	slices.Sort(got)
	if want := []string{"10.in-addr.arpa.", "cluster.local."}; !slices.Equal(got, want) {
		t.Errorf("at the start: got %v, want %v", got, want)
	}
	api.Apply(service("web", clusterIP("192.0.2.2"))) // has no name in 10.in-addr.arpa
	if got, want := await(t, heard), "cluster.local."; got != want {
		t.Errorf("after a change: got %s, want %s", got, want)
	}
}

// When a notifier has to send something.
func TestNotifier(t *testing.T) {
	api, c := withHistory(t, "clusterdns cluster.local 10.in-addr.arpa {\nnamespaces default\n}", namespace("default"), namespace("hidden"))
	x := c.lease.Index()
	sent := 0
	zone, _ := c.zone("cluster.local.")
	n := &notifier{zone: zone, index: x, send: func(string) error { sent++; return errors.New("nobody") }}
	now := time.Unix(0, 0)
	check := func(what string, after time.Duration, want bool) {
		t.Helper()
		now = now.Add(after)
		got := n.due(now)
		if got != want {
			t.Errorf("%s: got due %v, want %v", what, got, want)
		}
		if got {
			n.notify(now)
		}
	}
	check("at the start", 0, true)
	check("nothing changed", time.Hour, false)
	told(t, object.Services, api.Apply(service("web")))
	check("a change", 0, true)
	told(t, object.Services, api.Apply(service("db")))
	check("a change soon after", notifyInterval-1, false)
	check("the same a little later", 1, true)
	hidden := service("web")
	hidden.Namespace = "hidden"
	told(t, object.Services, api.Apply(hidden))
	check("a change that the zone does not show", time.Hour, false)
	if got, want := n.serial, x.Serial(); got != want {
		t.Errorf("serial that was looked at: got %d, want %d", got, want)
	}
	x.Raise(uint64(x.Serial()) + 100)
	check("a change that is not known", time.Hour, true)
	if sent != 4 {
		t.Errorf("sent: got %d, want 4", sent)
	}
}

// The history is kept while someone needs it, over a reload too, and no longer.
func TestHistoryIsHandedOn(t *testing.T) {
	api := newAPI(t, namespace("default"), service("web"))
	keeps := func() bool {
		for _, s := range watch.All() {
			x := s.Index()
			_, ok := x.Since(x.Serial(), nil, nil)
			return ok
		}
		return false
	}
	const none = "cluster.local 10.in-addr.arpa {\nclusterdns {\nendpoint %s\npods verified\n}\n}\n"
	i, _ := startInstance(t, fmt.Sprintf(none, api.URL()))
	if keeps() {
		t.Error("it is kept without transfers")
	}
	i = reload(t, i, transferring(api, "*"))
	if !keeps() {
		t.Error("it is not kept with transfers")
	}
	first := watch.All()[0].Index().Serial()
	told(t, object.Services, api.Apply(service("db")))
	i = reload(t, i, transferring(api, "*"))
	if _, ok := watch.All()[0].Index().Since(first, func(netip.Addr) bool { return false }, nil); !ok {
		t.Error("a reload forgets it")
	}
	i = reload(t, i, fmt.Sprintf(none, api.URL()))
	if keeps() {
		t.Error("it is kept after the transfers have gone")
	}
	stop(t, i)
}

// TestBugReloadRaisesSerial: an option that changes how queries are answered, but
// no record of a zone, is no other zone.
func TestBugReloadRaisesSerial(t *testing.T) {
	api := newAPI(t, namespace("default"), service("web"))
	with := func(option string) string {
		return strings.Replace(transferring(api, "*"), "pods verified\n", "pods verified\n"+option+"\n", 1)
	}
	i, _ := startInstance(t, with(""))
	serial := func() uint32 { return watch.All()[0].Index().Serial() }
	for _, option := range []string{"max_answers 3", "explain", "strict_compat"} {
		before := serial()
		if i = reload(t, i, with(option)); serial() != before {
			t.Errorf("%s: the serial rose from %d to %d", option, before, serial())
		}
	}
	before := serial()
	if i = reload(t, i, with("ttl 30")); serial() == before {
		t.Errorf("ttl 30: the serial is still %d, and every record another one", before)
	}
	stop(t, i)
}
