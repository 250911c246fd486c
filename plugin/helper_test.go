// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
	"github.com/clusterdns/clusterdns/plugin/internal/watch"
	"github.com/clusterdns/clusterdns/test/apiserver"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still not so after %s: %s", patience, what)
		}
	}
}

// newAPI starts an API server that has objects.
func newAPI(t testing.TB, objects ...runtime.Object) *apiserver.Server {
	t.Helper()
	s := apiserver.New()
	t.Cleanup(s.Close)
	s.Apply(objects...)
	return s
}

// parseText parses text as the directive of a server block for cluster.local.
func parseText(text string) (*ClusterDNS, error) {
	c := caddy.NewTestController("dns", text)
	c.ServerBlockKeys = []string{"cluster.local."}
	return parse(c)
}

// newHandler starts a handler of the directive in text, fed by api.
func newHandler(t testing.TB, api *apiserver.Server, text string) *ClusterDNS {
	t.Helper()
	c, err := parseText(strings.Replace(text, "{", "{\nendpoint "+api.URL(), 1))
	if err != nil {
		t.Fatal(err)
	}
	c.Next = next
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.stop() })
	return c
}

// newSynced starts a handler and waits until it has everything.
func newSynced(t testing.TB, text string, objects ...runtime.Object) *ClusterDNS {
	t.Helper()
	c := newHandler(t, newAPI(t, objects...), text)
	eventually(t, "it is ready", c.Ready)
	return c
}

// next answers what it is handed with a TXT record.
var next = plugin.HandlerFunc(func(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	m := new(dns.Msg)
	m.SetReply(r)
	m.Answer = []dns.RR{rr(r.Question[0].Name + ` 60 IN TXT "the next plugin"`)}
	_ = w.WriteMsg(m)
	return dns.RcodeSuccess, nil
})

// fromNext reports whether m is from [next].
func fromNext(m *dns.Msg) bool {
	if m == nil || len(m.Answer) != 1 {
		return false
	}
	txt, ok := m.Answer[0].(*dns.TXT)
	return ok && txt.Txt[0] == "the next plugin"
}

func rr(text string) dns.RR {
	r, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return r
}

// A recorder keeps the last message that was written to it.
type recorder struct {
	dns.ResponseWriter // nil: the plugin uses no other method
	remote             net.Addr
	msg                *dns.Msg
}

func (r *recorder) WriteMsg(m *dns.Msg) error { r.msg = m; return nil }
func (r *recorder) RemoteAddr() net.Addr      { return r.remote }

var (
	udpClient = &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 40212}
	tcpClient = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 40212}
)

// query returns a query. size is the UDP size of its OPT record, 0 is none.
func query(name string, qtype, size uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), qtype)
	if size > 0 {
		m.SetEdns0(size, false)
	}
	return m
}

// ask has h answer one query over UDP.
func ask(t testing.TB, h plugin.Handler, r *dns.Msg) *dns.Msg {
	t.Helper()
	w := &recorder{remote: udpClient}
	code, err := h.ServeDNS(t.Context(), w, r)
	if err != nil {
		t.Fatalf("%s: %v", r.Question[0].String(), err)
	}
	if w.msg == nil { // as the server does
		m := new(dns.Msg)
		m.SetRcode(r, code)
		return m
	}
	return w.msg
}

// summary is a response in one line: rcode, flags and the data of the answers.
func summary(m *dns.Msg) string {
	if m == nil {
		return "no response"
	}
	words := []string{dns.RcodeToString[m.Rcode]}
	if m.Truncated {
		words = append(words, "tc")
	}
	for _, rr := range m.Answer {
		words = append(words, strings.Join(strings.Fields(rr.String())[3:], " "))
	}
	return strings.Join(words, ", ")
}

// ede returns the Extended DNS Error of m, or nil.
func ede(m *dns.Msg) *dns.EDNS0_EDE {
	opt := m.IsEdns0()
	if opt == nil {
		return nil
	}
	for _, o := range opt.Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok {
			return e
		}
	}
	return nil
}

// told waits until every store was told of everything up to rv about k.
func told(t testing.TB, k object.Kind, rv uint64) {
	t.Helper()
	eventually(t, fmt.Sprintf("told of %s at %d", k, rv), func() bool {
		for _, s := range watch.All() {
			for _, st := range s.Stats() {
				if st.Kind == k && st.Version < rv {
					return false
				}
			}
		}
		return true
	})
}

// A server is a CoreDNS in this process, on real sockets.
type server struct{ udp, tcp string }

func init() {
	caddy.Quiet, dnsserver.Quiet = true, true
	dnsserver.Port = "0" // for server blocks that name none: any free port
	at := slices.Index(dnsserver.Directives, "k8s_external")
	dnsserver.Directives = slices.Insert(slices.Clone(dnsserver.Directives), at, Name)
}

// caddyfile returns the input that starts CoreDNS with a Corefile.
func caddyfile(corefile string) caddy.Input {
	return caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"}
}

// startServer runs CoreDNS with a Corefile that is stopped with the test.
func startServer(t testing.TB, corefile string) server {
	t.Helper()
	i, err := caddy.Start(caddyfile(corefile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(i.ShutdownCallbacks()...); err != nil {
			t.Errorf("shutting down: %v", err)
		}
		if err := i.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	l := i.Servers()[0]
	return server{udp: onLoopback(t, l.LocalAddr()), tcp: onLoopback(t, l.Addr())}
}

// onLoopback returns how this machine reaches a socket that listens at a.
func onLoopback(t testing.TB, a net.Addr) string {
	t.Helper()
	_, port, err := net.SplitHostPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// exchange sends one query to s over udp or tcp.
func exchange(t testing.TB, s server, proto string, r *dns.Msg) *dns.Msg {
	t.Helper()
	addr := s.udp
	if proto == "tcp" {
		addr = s.tcp
	}
	client := dns.Client{Net: proto, Timeout: patience, UDPSize: dns.MaxMsgSize}
	m, _, err := client.Exchange(r, addr)
	if err != nil {
		t.Fatalf("%s over %s: %v", r.Question[0].String(), proto, err)
	}
	return m
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func service(name string, edits ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: corev1.ServiceSpec{
			ClusterIP:  "10.0.0.1",
			ClusterIPs: []string{"10.0.0.1"},
			Ports:      []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80}},
		},
	}
	for _, edit := range edits {
		edit(s)
	}
	return s
}

func clusterIP(ips ...string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = ips[0], ips }
}

func headless(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "None", []string{"None"} }

func externalName(target string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		s.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: target}
	}
}

// endpointSlices returns EndpointSlices of n endpoints of the Service name, 100 apiece
// as the controller makes them.
func endpointSlices(name string, n int) []runtime.Object {
	var objects []runtime.Object
	port, portName, yes := int32(80), "http", true
	for first := 0; first < n; first += 100 {
		s := &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "default", Name: name + "-" + strconv.Itoa(first),
				Labels: map[string]string{discoveryv1.LabelServiceName: name},
			},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: &portName, Port: &port}},
		}
		for i := first; i < min(n, first+100); i++ {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
				Addresses:  []string{endpointAddr(i)},
				Conditions: discoveryv1.EndpointConditions{Ready: &yes},
			})
		}
		objects = append(objects, s)
	}
	return objects
}

// endpointAddr is the address of endpoint i.
func endpointAddr(i int) string { return fmt.Sprintf("10.%d.%d.%d", 1+i>>16, i>>8&255, i&255) }

// headlessSizes are the numbers of endpoints of the headless Services of [population].
var headlessSizes = []int{1, 10, 100, 1000, 5000}

// population is a cluster that has one of everything, and headless Services of many sizes.
func population() []runtime.Object {
	objects := []runtime.Object{
		namespace("default"), namespace("kube-system"),
		service("web", clusterIP("10.0.0.1", "fd00::1")),
		service("v4", clusterIP("10.0.0.2")),
		service("external", externalName("example.org")),
		&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web-1"},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIPs: []corev1.PodIP{{IP: "10.1.0.0"}}},
		},
	}
	for _, n := range headlessSizes {
		name := "headless-" + strconv.Itoa(n)
		objects = append(append(objects, service(name, headless)), endpointSlices(name, n)...)
	}
	return objects
}
