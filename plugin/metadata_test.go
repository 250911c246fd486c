// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package clusterdns

import (
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"
	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// A bystander is a plugin in the server block of which only the name counts.
type bystander struct{ name string }

func (b bystander) Name() string { return b.name }

func (bystander) ServeDNS(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) { return 0, nil }

// newBeside starts a handler of the directive in text beside plugins.
func newBeside(t testing.TB, text string, neighbours []string, objects ...runtime.Object) *ClusterDNS {
	t.Helper()
	api := newAPI(t, objects...)
	d, err := parseText(strings.Replace(text, "{", "{\nendpoint "+api.URL(), 1))
	if err != nil {
		t.Fatal(err)
	}
	d.neighbours(beside(neighbours...), "Corefile:1")
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.stop() })
	eventually(t, "it is ready", d.Ready)
	return d
}

// beside returns the configuration of a server block with plugins of those names.
func beside(names ...string) *dnsserver.Config {
	c := caddy.NewTestController("dns", "")
	config := dnsserver.GetConfig(c)
	for _, name := range names {
		config.AddPlugin(func(plugin.Handler) plugin.Handler { return bystander{name} })
	}
	config.ListenHosts, config.Port = []string{""}, "0"
	if _, err := dnsserver.NewServer("dns://:0", []*dnsserver.Config{config}); err != nil {
		panic(err)
	}
	return config
}

// collect returns the context of a query from remote.
func collect(c *ClusterDNS, remote net.Addr, name string) context.Context {
	m := metadata.Metadata{Zones: []string{"."}, Providers: []metadata.Provider{c}}
	return m.Collect(context.Background(), request.Request{W: &recorder{remote: remote}, Req: query(name, dns.TypeA, 0)})
}

// labelsOf returns the labels of a query, those under prefix without it.
func labelsOf(ctx context.Context, prefix string) map[string]string {
	got := map[string]string{}
	for name, f := range metadata.ValueFuncs(ctx) {
		if name, ok := strings.CutPrefix(name, prefix); ok {
			got[name] = f()
		}
	}
	return got
}

func from(ip string) net.Addr { return &net.UDPAddr{IP: net.ParseIP(ip), Port: 40212} }

func aPod(namespace, name string, ips []string, edits ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	p.Status.Phase = corev1.PodRunning
	for _, ip := range ips {
		p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: ip})
	}
	for _, edit := range edits {
		edit(p)
	}
	return p
}

func withLabels(labels map[string]string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels = labels }
}

func onHostNetwork(p *corev1.Pod) { p.Spec.HostNetwork = true }

func clients() []runtime.Object {
	return []runtime.Object{
		namespace("default"), namespace("shop"),
		aPod("shop", "web-1", []string{"10.1.0.1", "fd00:1::1"}, withLabels(map[string]string{"app": "web", "example.org/tier": ""})),
		aPod("shop", "bare", []string{"10.1.0.2"}),
		aPod("shop", "agent", []string{"10.1.0.3"}, onHostNetwork),
		aPod("shop", "old", []string{"10.1.0.4"}), aPod("default", "new", []string{"10.1.0.4"}),
	}
}

func TestMetadata(t *testing.T) {
	verified := newBeside(t, "clusterdns cluster.local in-addr.arpa {\npods verified\n}", []string{"metadata"}, clients()...)
	insecure := newBeside(t, "clusterdns cluster.local {\npods insecure\n}", []string{"metadata"}, clients()...)
	name := func(endpoint, kind, namespace, port, protocol, service string) map[string]string {
		return map[string]string{
			"endpoint": endpoint, "kind": kind, "namespace": namespace,
			"port-name": port, "protocol": protocol, "service": service,
		}
	}
	with := func(m map[string]string, more ...string) map[string]string {
		m = maps.Clone(m)
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	set := newBeside(t, "clusterdns cluster.local clusterset.local {\nmulticluster clusterset.local\nzonal\n}", []string{"metadata"}, clients()...)
	web := name("", "svc", "shop", "", "", "web")
	bad := map[string]string{"parse-error": "invalid query name"}
	for what, tc := range map[string]struct {
		c          *ClusterDNS
		from, name string
		want       map[string]string
	}{
		"service":       {verified, "192.0.2.1", "web.shop.svc.cluster.local.", web},
		"in lower case": {verified, "192.0.2.1", "Web.SHOP.svc.Cluster.local.", web},
		"port":          {verified, "192.0.2.1", "_http._tcp.web.shop.svc.cluster.local.", name("", "svc", "shop", "http", "tcp", "web")},
		"endpoint":      {verified, "192.0.2.1", "db-0.db.shop.svc.cluster.local.", name("db-0", "svc", "shop", "", "", "db")},
		"clusterset":    {set, "192.0.2.1", "web.shop.svc.clusterset.local.", with(web, "cluster", "", "zone", "")},
		"clusterset, endpoint": {set, "192.0.2.1", "db-0.East.db.shop.svc.clusterset.local.",
			with(name("db-0", "svc", "shop", "", "", "db"), "cluster", "east", "zone", "")},
		"clusterset, port": {set, "192.0.2.1", "_http._tcp.web.shop.svc.clusterset.local.",
			with(name("", "svc", "shop", "http", "tcp", "web"), "cluster", "", "zone", "")},
		"clusterset, topology zone": {set, "192.0.2.1", "eu-1a.pin._zone.web.shop.svc.clusterset.local.", bad},
		"topology zone":             {set, "192.0.2.1", "EU-1a.pin._zone.web.shop.svc.cluster.local.", with(web, "zone", "eu-1a")},
		"pod":                       {verified, "192.0.2.1", "10-1-0-1.shop.pod.cluster.local.", name("", "pod", "shop", "", "", "10-1-0-1")},
		"namespace":                 {verified, "192.0.2.1", "shop.svc.cluster.local.", name("", "svc", "shop", "", "", "")},
		"apex":                      {verified, "192.0.2.1", "cluster.local.", name("", "", "", "", "", "")},
		"svc":                       {verified, "192.0.2.1", "svc.cluster.local.", name("", "", "", "", "", "")},
		"no kind":                   {verified, "192.0.2.1", "foo.bar.nokind.cluster.local.", bad},
		"too long":                  {verified, "192.0.2.1", "a.b.c.d.e.svc.cluster.local.", bad},
		"reverse":                   {verified, "192.0.2.1", "1.0.1.10.in-addr.arpa.", bad},
		"outside":                   {verified, "192.0.2.1", "example.org.", map[string]string{}},
		"outside, insecure":         {insecure, "10.1.0.1", "example.org.", map[string]string{}},
		"insecure knows no Pods":    {insecure, "10.1.0.1", "web.shop.svc.cluster.local.", web},
		"client": {verified, "10.1.0.1", "web.shop.svc.cluster.local.", with(web,
			"client-namespace", "shop", "client-pod-name", "web-1", "client-label/app", "web", "client-label/example.org/tier", "")},
		"client's other address": {verified, "fd00:1::1", "example.org.", map[string]string{
			"client-namespace": "shop", "client-pod-name": "web-1", "client-label/app": "web", "client-label/example.org/tier": ""}},
		"client, mapped address": {verified, "::ffff:10.1.0.2", "example.org.", map[string]string{
			"client-namespace": "shop", "client-pod-name": "bare"}},
		"host network":     {verified, "10.1.0.3", "web.shop.svc.cluster.local.", web},
		"recycled address": {verified, "10.1.0.4", "web.shop.svc.cluster.local.", web}, // B20
	} {
		t.Run(what, func(t *testing.T) {
			ctx := collect(tc.c, from(tc.from), tc.name)
			for _, prefix := range []string{"kubernetes/", "clusterdns/"} {
				if diff := cmp.Diff(tc.want, labelsOf(ctx, prefix)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", prefix, diff)
				}
			}
		})
	}
}

// Beside the kubernetes plugin its labels are its own.
func TestMetadataBesideKubernetes(t *testing.T) {
	c := newBeside(t, "clusterdns cluster.local {\npods verified\n}", []string{"metadata", "kubernetes"}, clients()...)
	ctx := collect(c, from("10.1.0.2"), "web.shop.svc.cluster.local.")
	if got := labelsOf(ctx, "kubernetes/"); len(got) != 0 {
		t.Errorf("under kubernetes/: got %v, want none", got)
	}
	if got := labelsOf(ctx, "clusterdns/")["client-pod-name"]; got != "bare" {
		t.Errorf("under clusterdns/: got client-pod-name %q, want bare", got)
	}
}

// The labels are those of the query as it came, whoever looks, and when.
func TestMetadataStays(t *testing.T) {
	c := newBeside(t, "clusterdns cluster.local {\npods verified\n}", []string{"metadata"}, clients()...)
	m := metadata.Metadata{Zones: []string{"."}, Providers: []metadata.Provider{c}}
	r := query("web.shop.svc.cluster.local.", dns.TypeA, 0)
	ctx := m.Collect(t.Context(), request.Request{W: &recorder{remote: from("10.1.0.1")}, Req: r})
	metadata.SetValueFunc(ctx, "other/label", func() string { return "kept" }) // of a provider that comes later
	r.Question[0].Name = "rewritten.example.org."
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if got := metadata.ValueFunc(ctx, "kubernetes/service")(); got != "web" {
				t.Errorf("service: got %q, want web", got)
			}
		})
	}
	all.Wait()
	if got := metadata.ValueFunc(ctx, "other/label")(); got != "kept" {
		t.Errorf("another provider's label: got %q", got)
	}
	if f := metadata.ValueFunc(ctx, "kubernetes/client-zone"); f != nil {
		t.Error("there is a label that nobody set")
	}
	// Without the plugin there is nothing to fill, and nothing breaks.
	bare := c.Metadata(t.Context(), request.Request{W: &recorder{remote: from("10.1.0.1")}, Req: r})
	if got := metadata.Labels(bare); len(got) != 0 {
		t.Errorf("without metadata: got %v", got)
	}
}

// What metadata alone needs is kept only beside it.
func TestMetadataKeeps(t *testing.T) {
	for _, tc := range []struct {
		text       string
		neighbours []string
		want       object.KeepPods
	}{
		{"clusterdns {\npods verified\n}", nil, object.KeepPods{}},
		{"clusterdns {\npods verified\n}", []string{"autopath"}, object.KeepPods{}},
		{"clusterdns {\npods verified\n}", []string{"metadata"}, object.KeepPods{Names: true, Labels: true}},
		{"clusterdns {\npods insecure\n}", []string{"metadata"}, object.KeepPods{}},
		{"clusterdns {\npods verified\npod_names\n}", []string{"metadata"}, object.KeepPods{Records: true, Names: true, Labels: true}},
		{"clusterdns {\npods verified\npod_names\n}", nil, object.KeepPods{Records: true}},
	} {
		d, err := parseText(strings.Replace(tc.text, "{", "{\nendpoint http://127.0.0.1:1", 1))
		if err != nil {
			t.Fatal(err)
		}
		d.neighbours(beside(tc.neighbours...), "Corefile:1")
		if d.cfg.Keep.Pods != tc.want {
			t.Errorf("%q beside %q keeps %+v, want %+v", tc.text, tc.neighbours, d.cfg.Keep.Pods, tc.want)
		}
	}
}

// What a query costs that nobody looks at, and one that somebody does. Metadata
// of the plugin itself, which every provider has to pay for, is not counted.
func BenchmarkMetadata(b *testing.B) {
	c := newBeside(b, "clusterdns cluster.local {\npods verified\n}", []string{"metadata"}, clients()...)
	state := request.Request{W: &recorder{remote: from("10.1.0.1")}, Req: query("_http._tcp.web.shop.svc.cluster.local.", dns.TypeSRV, 0)}
	for name, look := range map[string]func(context.Context){
		"nobody looks": func(context.Context) {},
		"one label":    func(ctx context.Context) { _ = metadata.ValueFunc(ctx, "kubernetes/client-namespace")() },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				look(c.Metadata(metadata.ContextWithMetadata(context.Background()), state))
			}
		})
	}
}

func TestMetadataAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	c := newBeside(t, "clusterdns cluster.local {\npods verified\n}", []string{"metadata"}, clients()...)
	state := request.Request{W: &recorder{remote: from("10.1.0.1")}, Req: query("web.shop.svc.cluster.local.", dns.TypeA, 0)}
	ctx := metadata.ContextWithMetadata(context.Background())
	if got := testing.AllocsPerRun(20, func() { sinkContext = c.Metadata(ctx, state) }); got > 1 {
		t.Errorf("allocations when nobody looks: got %v, want 1", got)
	}
}

var sinkContext context.Context

func TestAutoPath(t *testing.T) {
	useResolvConf(t, "search svc.example Example.net\n")
	both := []string{"autopath"}
	verified := newBeside(t, "clusterdns cluster.local b.cluster.local 10.0.0.0/8 {\npods verified\n}", both, clients()...)
	root := newBeside(t, "clusterdns . {\npods verified\n}", both, clients()...)
	insecure := newBeside(t, "clusterdns cluster.local {\npods insecure\n}", both, clients()...)
	for what, tc := range map[string]struct {
		c          *ClusterDNS
		from, name string
		want       []string
	}{
		"Pod": {verified, "10.1.0.1", "example.org.shop.svc.cluster.local.",
			[]string{"shop.svc.cluster.local.", "svc.cluster.local.", "cluster.local.", "svc.example.", "example.net.", ""}},
		"upper case": {verified, "10.1.0.1", "example.org.shop.svc.CLUSTER.local.",
			[]string{"shop.svc.cluster.local.", "svc.cluster.local.", "cluster.local.", "svc.example.", "example.net.", ""}},
		"other address": {verified, "fd00:1::1", "x.b.cluster.local.",
			[]string{"shop.svc.b.cluster.local.", "svc.b.cluster.local.", "b.cluster.local.", "svc.example.", "example.net.", ""}},
		"root zone":        {root, "10.1.0.2", "x.", []string{"shop.svc.", "svc.", ".", "svc.example.", "example.net.", ""}},
		"other zone":       {verified, "10.1.0.1", "example.org.", nil},
		"reverse zone":     {verified, "10.1.0.1", "1.0.1.10.in-addr.arpa.", nil},
		"nobody":           {verified, "10.1.0.9", "example.org.shop.svc.cluster.local.", nil},
		"host network":     {verified, "10.1.0.3", "example.org.shop.svc.cluster.local.", nil},
		"recycled address": {verified, "10.1.0.4", "example.org.shop.svc.cluster.local.", nil}, // B20
		"not verified":     {insecure, "10.1.0.1", "example.org.shop.svc.cluster.local.", nil},
	} {
		t.Run(what, func(t *testing.T) {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} { // the same path, or a client joins two answers that do not match
				got := tc.c.AutoPath(request.Request{W: &recorder{remote: from(tc.from)}, Req: query(tc.name, qtype, 0)})
				if !slices.Equal(got, tc.want) {
					t.Errorf("%s: got %q, want %q", dns.TypeToString[qtype], got, tc.want)
				}
			}
		})
	}
}

// autopath starts beside this plugin, and what it needs is told where it is missing.
func TestAutoPathNeedsPods(t *testing.T) {
	for mode, warned := range map[string]bool{"disabled": true, "insecure": true, "verified": false} {
		t.Run(mode, func(t *testing.T) {
			said := listen(t)
			startServer(t, "cluster.local {\nautopath @clusterdns\nclusterdns {\nendpoint http://127.0.0.1:1\nstartup_timeout 0\npods "+mode+"\n}\n}\n")
			for _, word := range []string{"[WARNING] plugin/clusterdns: Corefile:7 - ", "autopath @clusterdns", `say "pods verified"`} {
				if got := strings.Contains(said(), word); got != warned {
					t.Errorf("the log says %q: %t, want %t:\n%s", word, got, warned, said())
				}
			}
		})
	}
}

func TestRemedy(t *testing.T) {
	denied := apierrors.NewForbidden(schema.GroupResource{}, "", nil)
	for kind, want := range map[object.Kind]string{
		object.Pods:  "; grant list and watch on pods to this service account. Until then names that need them are answered SERVFAIL",
		object.Nodes: "; grant list and watch on nodes to this service account. Until then the nodes and zones of clients are not known, and nothing else is different",
	} {
		if got := remedy(kind, denied); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
		if got := remedy(kind, os.ErrNotExist); got != "" {
			t.Errorf("%s, of another error: got %q", kind, got)
		}
	}
}

// useResolvConf makes text the search path of this machine.
func useResolvConf(t *testing.T, text string) {
	t.Helper()
	before := resolvConf
	t.Cleanup(func() { resolvConf = before })
	resolvConf = filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolvConf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Without a search path the one of Pods ends with the zone.
func TestAutoPathWithoutResolvConf(t *testing.T) {
	useResolvConf(t, "")
	if err := os.Remove(resolvConf); err != nil {
		t.Fatal(err)
	}
	c := newBeside(t, "clusterdns cluster.local {\npods verified\n}", []string{"autopath"}, clients()...)
	got := c.AutoPath(request.Request{W: &recorder{remote: from("10.1.0.1")}, Req: query("x.shop.svc.cluster.local.", dns.TypeA, 0)})
	if want := []string{"shop.svc.cluster.local.", "svc.cluster.local.", "cluster.local.", ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// otherAddr is an address of a type that the plugin does not know.
type otherAddr string

func (otherAddr) Network() string  { return "quic" }
func (a otherAddr) String() string { return string(a) }

func TestRemoteAddr(t *testing.T) {
	for _, tc := range []struct {
		remote net.Addr
		want   string
	}{
		{udpClient, "192.0.2.1"}, {tcpClient, "192.0.2.1"}, {from("::ffff:192.0.2.1"), "192.0.2.1"},
		{&net.UDPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::1"},
		{otherAddr("[2001:db8::1]:853"), "2001:db8::1"}, {otherAddr("pipe"), "invalid IP"}, {nil, "invalid IP"}, {&net.UDPAddr{}, "invalid IP"},
	} {
		if got := remoteAddr(&recorder{remote: tc.remote}).String(); got != tc.want {
			t.Errorf("%v: got %s, want %s", tc.remote, got, tc.want)
		}
	}
	c := newSynced(t, "clusterdns {\npods verified\n}", clients()...)
	if got := c.client(&recorder{remote: otherAddr("pipe")}); got.Namespace != "" {
		t.Errorf("no address: got %+v", got)
	}
}

// TestNodesAreOptional: an option that needs Nodes, on an API server that does
// not let us, costs what the option tells, and nothing else.
func TestNodesAreOptional(t *testing.T) {
	api := newAPI(t, clients()...)
	api.Deny("nodes", 403)
	c, err := parseText("clusterdns cluster.local {\nendpoint " + api.URL() + "\npods verified\nstartup_timeout 30s\n}")
	if err != nil {
		t.Fatal(err)
	}
	c.opts.Kinds |= object.Set(object.Nodes)
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.stop() })
	eventually(t, "it is ready", c.Ready)
	if got := summary(ask(t, c, query("cluster.local", dns.TypeSOA, 0))); !strings.HasPrefix(got, "NOERROR, SOA") {
		t.Errorf("SOA: got %s", got)
	}
	if got := c.client(&recorder{remote: from("10.1.0.1")}); got.Namespace != "shop" || got.Node != "" {
		t.Errorf("client: got %+v, want that of the Pod without a node", got)
	}
	api.Deny("nodes", 0)
	rv := api.Apply(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Spec: corev1.NodeSpec{PodCIDR: "10.1.0.0/24"}})
	told(t, object.Nodes, rv)
	if got := c.client(&recorder{remote: from("10.1.0.1")}); got.Node != "n" {
		t.Errorf("client when Nodes may be read: got %+v, want its node", got)
	}
}
