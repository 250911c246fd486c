// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	"k8s.io/apimachinery/pkg/api/meta"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/clusterdns/clusterdns/plugin/internal/object"
)

// everything is all that may be kept of an EndpointSlice.
var everything = object.Keep{PodNames: true, Zones: true, Nodes: true}

// Of Pods, what is kept by any server, and what by those that need full ones.
var (
	anyServer = object.KeepPods{Records: true, Names: true}
	fullPods  = object.KeepPods{Records: true, Names: true, Labels: true, Places: true}
)

// A message is an object, or a list, that decodes itself.
type message interface {
	runtime.Object
	unmarshaler
}

// decoders make an empty message of the API, and ours.
var decoders = []struct{ theirs, ours func() message }{
	{func() message { return new(corev1.Namespace) }, func() message { return new(namespace) }},
	{func() message { return new(corev1.NamespaceList) }, func() message { return new(namespaceList) }},
	{func() message { return new(corev1.Service) }, func() message { return new(service) }},
	{func() message { return new(corev1.ServiceList) }, func() message { return new(serviceList) }},
	{func() message { return new(corev1.Pod) }, func() message { return new(pod) }},
	{func() message { return new(corev1.PodList) }, func() message { return new(podList) }},
	{func() message { return new(discoveryv1.EndpointSlice) }, func() message { return new(endpointSlice) }},
	{func() message { return new(discoveryv1.EndpointSliceList) }, func() message { return new(endpointSliceList) }},
	{func() message { return new(corev1.Pod) }, func() message { return new(fullPod) }},
	{func() message { return new(corev1.PodList) }, func() message { return new(fullPodList) }},
	{func() message { return new(corev1.Node) }, func() message { return new(node) }},
	{func() message { return new(corev1.NodeList) }, func() message { return new(nodeList) }},
}

// A sight is how the watcher looks at objects.
type sight struct {
	pods   object.KeepPods
	labels func(key []byte) bool
}

// sightOf returns how the watcher looks at objects that are decoded as m is.
func sightOf(m message) sight {
	switch m.(type) {
	case *fullPod, *fullPodList:
		return sight{fullPods, anyLabel}
	}
	return sight{anyServer, neededLabel}
}

// A seen is what the watcher sees of an object, or of a list.
type seen struct {
	Namespace, Name, Version, Continue string
	Deleted                            *metav1.Time
	Labels, Annotations                map[string]string
	Trigger, Initial                   string
	Object                             any
	Skipped                            []object.Skip
	OK                                 bool
	Items                              []seen
}

// see returns what the watcher sees of o.
func (v sight) see(t testing.TB, o runtime.Object) seen {
	t.Helper()
	if l, err := meta.ListAccessor(o); err == nil {
		s := seen{Version: l.GetResourceVersion(), Continue: l.GetContinue()}
		err := meta.EachListItem(o, func(o runtime.Object) error { s.Items = append(s.Items, v.see(t, o)); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	m, err := meta.Accessor(o)
	if err != nil {
		t.Fatal(err)
	}
	s := seen{
		Namespace: m.GetNamespace(), Name: m.GetName(), Version: m.GetResourceVersion(),
		Deleted: m.GetDeletionTimestamp(),
		Labels:  only(m.GetLabels(), v.labels), Annotations: only(m.GetAnnotations(), neededAnnotation),
		Trigger: m.GetAnnotations()[corev1.EndpointsLastChangeTriggerTime],
		Initial: m.GetAnnotations()[metav1.InitialEventsAnnotationKey],
	}
	s.Object, s.Skipped, s.OK = v.from(o)
	return s
}

func only(m map[string]string, needed func([]byte) bool) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		if needed([]byte(k)) {
			out[k] = v
		}
	}
	return out
}

// from is the From function of the kind of o.
func (v sight) from(o runtime.Object) (any, []object.Skip, bool) {
	switch o := o.(type) {
	case *corev1.Namespace:
		return any3(object.FromNamespace(o))
	case *namespace:
		return any3(object.FromNamespace((*corev1.Namespace)(o)))
	case *corev1.Service:
		return any3(object.FromService(o))
	case *service:
		return any3(object.FromService((*corev1.Service)(o)))
	case *corev1.Pod:
		return any3(object.FromPod(o, v.pods))
	case *pod, *fullPod:
		return any3(object.FromPod(complete(o), v.pods))
	case *corev1.Node:
		return any3(object.FromNode(o))
	case *node:
		return any3(object.FromNode((*corev1.Node)(o)))
	case *discoveryv1.EndpointSlice:
		return any3(object.FromEndpointSlice(o, everything))
	case *endpointSlice:
		return any3(object.FromEndpointSlice((*discoveryv1.EndpointSlice)(o), everything))
	}
	panic(fmt.Sprintf("no From function for %T", o))
}

func any3[T any](o T, skipped []object.Skip, ok bool) (any, []object.Skip, bool) {
	return o, skipped, ok
}

// compare fails the test if DNS would see something else in data than a client
// that decodes everything.
func compare(t testing.TB, data []byte, theirs, ours message) {
	t.Helper()
	if err := theirs.Unmarshal(data); err != nil {
		return // we need not know what nobody can read
	}
	err := ours.Unmarshal(data)
	if errors.Is(err, errMapEntry) {
		return // the generated decoders look neither at the wire types in a map entry, nor at its length
	}
	if err != nil {
		t.Fatalf("%T: got %v, but the generated decoder accepts %x", ours, err, data)
	}
	want, got := sightOf(ours).see(t, theirs), sightOf(ours).see(t, ours)
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Fatalf("%T (-want +got):\n%s", ours, diff)
	}
}

// DNS sees the same in what is decoded in part as in what is complete.
func TestDecode(t *testing.T) {
	for _, d := range decoders {
		t.Run(fmt.Sprintf("%T", d.theirs()), func(t *testing.T) {
			served := 0
			for seed := range int64(500) {
				first, second := random(t, seed, d.theirs()), random(t, -seed-1, d.theirs())
				compare(t, first, d.theirs(), d.ours())
				// Two messages in a row are one that has the fields of both.
				compare(t, append(first, second...), d.theirs(), d.ours())
				served += servable(t, first, d.ours())
			}
			if served < 50 {
				t.Errorf("%d objects could be served: this tests nothing", served)
			}
		})
	}
}

// servable returns how many objects in data can be served.
func servable(t *testing.T, data []byte, m message) int {
	if err := m.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	s, n := sightOf(m).see(t, m), 0
	for _, s := range append(s.Items, s) {
		if s.OK {
			n++
		}
	}
	return n
}

// random returns an encoded message with all sorts of fields set, in which most
// of what DNS needs is plausible.
func random(t testing.TB, seed int64, m message) []byte {
	t.Helper()
	f := fuzzer.FuzzerFor(fuzzer.MergeFuzzerFuncs(metafuzzer.Funcs), rand.NewSource(seed), codecs).NumElements(0, 4)
	f.Fill(m)
	p := plausible{rand.New(rand.NewSource(seed))}
	if l, err := meta.ListAccessor(m); err == nil {
		l.SetContinue(p.name())
		err := meta.EachListItem(m, func(o runtime.Object) error { p.object(o); return nil })
		if err != nil {
			t.Fatal(err)
		}
	} else {
		p.object(m)
	}
	return marshal(t, m)
}

func marshal(t testing.TB, o runtime.Object) []byte {
	t.Helper()
	data, err := o.(interface{ Marshal() ([]byte, error) }).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plausible overwrites random values by such as are in clusters.
type plausible struct{ *rand.Rand }

func (p plausible) object(o runtime.Object) {
	m := o.(metav1.Object)
	m.SetName(p.name())
	m.SetNamespace(p.name())
	if p.Intn(4) == 0 {
		m.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(p.Int63n(1<<32), 0)})
	}
	p.metadata(m)
	switch o := o.(type) {
	case *corev1.Service:
		p.service(&o.Spec)
	case *corev1.Pod:
		o.Status.Phase = corev1.PodPhase(p.one("", "Running", "Pending", "Failed", "Succeeded"))
		o.Status.PodIP = p.ip()
		for i := range o.Status.PodIPs {
			o.Status.PodIPs[i].IP = p.ip()
		}
	case *corev1.Node:
		o.Spec.PodCIDR = p.cidr()
		for i := range o.Spec.PodCIDRs {
			o.Spec.PodCIDRs[i] = p.cidr()
		}
		for i := range o.Status.Addresses {
			o.Status.Addresses[i].Type = corev1.NodeAddressType(p.one("InternalIP", "ExternalIP", "Hostname"))
			o.Status.Addresses[i].Address = p.ip()
		}
	case *discoveryv1.EndpointSlice:
		p.slice(o)
	}
}

func (p plausible) metadata(m metav1.Object) {
	if p.Intn(8) == 0 {
		return
	}
	labels, annotations := m.GetLabels(), m.GetAnnotations()
	if labels == nil {
		labels = map[string]string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	labels[discoveryv1.LabelServiceName] = p.name()
	labels["multicluster.kubernetes.io/source-cluster"] = p.name()
	labels[corev1.LabelTopologyZone] = p.one("zone-a", "Zone-B", "")
	annotations[p.one(corev1.EndpointsLastChangeTriggerTime, "clusterdns.io/x", "x")] = "2026-01-02T03:04:05Z"
	annotations[metav1.InitialEventsAnnotationKey] = p.one("true", "false")
	m.SetLabels(labels)
	m.SetAnnotations(annotations)
}

func (p plausible) service(s *corev1.ServiceSpec) {
	s.Type = corev1.ServiceType(p.one("", "ClusterIP", "NodePort", "ExternalName"))
	s.ClusterIP = p.one("", "None", p.ip())
	s.ExternalName = p.one("", "example.org", "Example.org.", "192.0.2.1")
	for i := range s.ClusterIPs {
		s.ClusterIPs[i] = p.ip()
	}
	for i := range s.Ports {
		s.Ports[i].Name, s.Ports[i].Protocol, s.Ports[i].Port = p.name(), p.protocol(), p.port()
	}
}

func (p plausible) slice(s *discoveryv1.EndpointSlice) {
	s.AddressType = discoveryv1.AddressType(p.one("IPv4", "IPv6", "FQDN"))
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		for j := range e.Addresses {
			e.Addresses[j] = p.ip()
		}
		if e.Hostname != nil {
			*e.Hostname = p.name()
		}
		if e.TargetRef != nil {
			e.TargetRef.Name = p.name()
		}
	}
	for _, port := range s.Ports {
		if port.Protocol != nil {
			*port.Protocol = p.protocol()
		}
		if port.Port != nil {
			*port.Port = p.port()
		}
	}
}

func (p plausible) one(of ...string) string { return of[p.Intn(len(of))] }

func (p plausible) name() string { return p.one("web", "web-1", "a", "a", "Upper", "_x", "a.b", "") }

func (p plausible) ip() string {
	return p.one("10.0.0.1", "10.0.0.2", "fd00::1", "::ffff:10.0.0.3", "fe80::1%eth0", "None", "")
}

func (p plausible) cidr() string {
	return p.one("10.1.0.0/24", "10.1.1.7/24", "fd00:1::/64", "::ffff:10.0.0.0/120", "10.1.0.0", "")
}

func (p plausible) protocol() corev1.Protocol {
	return corev1.Protocol(p.one("", "TCP", "UDP", "SCTP"))
}

func (p plausible) port() int32 { return int32(p.Intn(70000) - 10) }

// FuzzUnmarshal decodes what no API server sends.
func FuzzUnmarshal(f *testing.F) {
	for i, d := range decoders {
		f.Add(i, random(f, 1, d.theirs()))
	}
	f.Add(2, marshal(f, realService()))
	f.Add(4, marshal(f, realPod()))
	f.Add(6, marshal(f, realSlice(2)))
	f.Fuzz(func(t *testing.T, kind int, data []byte) {
		d := decoders[uint(kind)%uint(len(decoders))]
		_ = d.ours().Unmarshal(data) // also when theirs refuses it
		compare(t, data, d.theirs(), d.ours())
	})
}

// What is cut off is refused, wherever the cut is.
func TestDecodeTruncated(t *testing.T) {
	whole := marshal(t, realService())
	for n := range whole {
		want, got := new(corev1.Service).Unmarshal(whole[:n]), new(service).Unmarshal(whole[:n])
		if (want == nil) != (got == nil) {
			t.Errorf("%d of %d bytes: got %v, want %v", n, len(whole), got, want)
		}
	}
}

// Messages that are hard to read are read, or refused, as the generated decoder does.
func TestDecodeOdd(t *testing.T) {
	const long = "\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	for _, tc := range []struct {
		name, spec string
		refused    bool
	}{
		{"unknown field", "\xfa\x07\x01x", false},
		{"unknown number", "\xf8\x07\x01", false},
		{"unknown fixed numbers", "\xf9\x0712345678\xfd\x071234", false},
		{"unknown groups", "\xfb\x07\xfb\x07\x08\x01\xfc\x07\xfc\x07", false},
		{"last of two wins", "\x1a\x01a\x1a\x04None", false},
		{"number of 64 bits", "\xf8\x07" + long + "\x01", false},
		{"number of more bits", "\xf8\x07" + long + "\xff\x01", true},
		{"length of 64 bits", "\x1a" + long + "\x01", true},
		{"string as a number", "\x18\x01", true},
		{"message as a number", "\x08\x01", true},
		{"number as a string", "\x0a\x03\x1a\x01x", true},
		{"field number 0", "\x02\x01x", true},
		{"wire type 7", "\xff\x07", true},
		{"end of no group", "\xfc\x07", true},
		{"group without end", "\xfb\x07\x08\x01", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data := marshal(t, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}})
			data = append(data, "\x12"+string(rune(len(tc.spec)))+tc.spec...)
			theirs, ours := new(corev1.Service).Unmarshal(data), new(service).Unmarshal(data)
			if (ours != nil) != tc.refused || (theirs != nil) != tc.refused {
				t.Errorf("got %v, generated decoder %v, want refused %v", ours, theirs, tc.refused)
			}
			compare(t, data, new(corev1.Service), new(service))
		})
	}
}

// A map entry that is broken must not look like one without a key.
func TestDecodeMapEntry(t *testing.T) {
	for _, entry := range []string{"\x0a\x05x", "\x08\x01", "\x0a"} {
		labels := "\x5a" + string(rune(len(entry))) + entry
		err := new(namespace).Unmarshal([]byte("\x0a" + string(rune(len(labels))) + labels))
		if !errors.Is(err, errMapEntry) {
			t.Errorf("%x: got %v, want %v", entry, err, errMapEntry)
		}
	}
}

// Nothing is kept but what is needed.
func TestDecodeOnly(t *testing.T) {
	svc := realService()
	svc.Spec.TrafficDistribution = new(corev1.ServiceTrafficDistributionPreferSameZone)
	for _, tc := range []struct {
		sent      runtime.Object
		got, want message
	}{
		{svc, new(service), &service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", ResourceVersion: "184467"},
			Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.12.34", ClusterIPs: []string{"10.96.12.34"},
				Ports: []corev1.ServicePort{
					{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80}, {Name: "metrics", Protocol: corev1.ProtocolTCP, Port: 9090},
				},
				TrafficDistribution: svc.Spec.TrafficDistribution,
			},
		}},
		{realSlice(1), new(endpointSlice), &endpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: "checkout-x7k2p", ResourceVersion: "184467",
				Labels:      map[string]string{discoveryv1.LabelServiceName: "checkout"},
				Annotations: map[string]string{corev1.EndpointsLastChangeTriggerTime: "2026-01-02T03:04:05.678901Z"},
			},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(8080)), Protocol: new(corev1.ProtocolTCP)}},
			Endpoints: []discoveryv1.Endpoint{{
				Addresses:  []string{"10.1.0.1"},
				Conditions: discoveryv1.EndpointConditions{Ready: new(true), Serving: new(true), Terminating: new(false)},
				TargetRef:  &corev1.ObjectReference{Name: "checkout-6d4cf56db6-00000"},
				NodeName:   new("node-17.example.org"),
				Zone:       new("eu-1a"),
			}},
		}},
		{realPod(), new(pod), &pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout-6d4cf56db6-x7k2p", ResourceVersion: "184467"},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.1.0.1", PodIPs: []corev1.PodIP{{IP: "10.1.0.1"}}},
		}},
		{realPod(), new(fullPod), &fullPod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: "checkout-6d4cf56db6-x7k2p", ResourceVersion: "184467",
				Labels: realPod().Labels,
			},
			Spec:   corev1.PodSpec{NodeName: "node-17.example.org"},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.1.0.1", PodIPs: []corev1.PodIP{{IP: "10.1.0.1"}}},
		}},
	} {
		if err := tc.got.Unmarshal(marshal(t, tc.sent)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%T (-want +got):\n%s", tc.sent, diff)
		}
	}
}

// The types are complete objects for client-go: it copies and empties them.
func TestDecodedObject(t *testing.T) {
	for _, d := range decoders {
		m := d.ours()
		if err := m.Unmarshal(random(t, 3, d.theirs())); err != nil {
			t.Fatal(err)
		}
		c, ok := m.DeepCopyObject().(interface {
			message
			Reset()
		})
		if !ok {
			t.Fatalf("%T: the copy is a %T", m, m.DeepCopyObject())
		}
		if diff := cmp.Diff(m, message(c)); diff != "" {
			t.Errorf("copy of %T (-want +got):\n%s", m, diff)
		}
		c.Reset()
		if diff := cmp.Diff(d.ours(), message(c)); diff != "" {
			t.Errorf("%T after Reset (-want +got):\n%s", m, diff)
		}
	}
}

// An API server that answers in JSON is understood as well: what is read is then complete.
func TestDecodeJSON(t *testing.T) {
	for _, d := range decoders {
		t.Run(fmt.Sprintf("%T", d.theirs()), func(t *testing.T) {
			ours := d.ours()
			kinds, _, err := schemeOf(ours).ObjectKinds(ours)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range int64(100) {
				theirs := d.theirs()
				if err := theirs.Unmarshal(random(t, seed, d.theirs())); err != nil {
					t.Fatal(err)
				}
				data, err := json.Marshal(theirs)
				if err != nil {
					t.Fatal(err)
				}
				got, _, err := serializer.NewCodecFactory(schemeOf(ours)).UniversalDeserializer().Decode(data, &kinds[0], nil)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(sightOf(ours).see(t, theirs), sightOf(ours).see(t, got), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
					t.Fatalf("%T (-want +got):\n%s", got, diff)
				}
			}
		})
	}
}

// Of the metadata that an audit asks for, what it needs is read as the generated decoder does.
func TestDecodeMetadata(t *testing.T) {
	type named struct{ namespace, name, version string }
	items := 0
	for seed := range int64(500) {
		data := random(t, seed, new(metav1.PartialObjectMetadataList))
		var theirs metav1.PartialObjectMetadataList
		var ours metadataList
		if err := errors.Join(theirs.Unmarshal(data), ours.Unmarshal(data)); err != nil {
			t.Fatal(err)
		}
		var want, got []named
		for _, o := range theirs.Items {
			want = append(want, named{o.Namespace, o.Name, o.ResourceVersion})
		}
		for _, o := range ours.Items {
			got = append(got, named{o.Namespace, o.Name, o.ResourceVersion})
		}
		if !slices.Equal(got, want) || ours.ResourceVersion != theirs.ResourceVersion || ours.Continue != theirs.Continue {
			t.Fatalf("got %v of %+v, want %v of %+v", got, ours.ListMeta, want, theirs.ListMeta)
		}
		items += len(got)
	}
	if items < 100 {
		t.Errorf("%d objects: this tests nothing", items)
	}
}

// schemeOf returns the scheme that m is of.
func schemeOf(m message) *runtime.Scheme {
	if sightOf(m).pods == fullPods {
		return newScheme(new(fullPod), new(fullPodList))
	}
	return newScheme(new(pod), new(podList))
}

func BenchmarkDecode(b *testing.B) {
	for _, bm := range []struct {
		name         string
		data         []byte
		theirs, ours func() message
	}{
		{"service", marshal(b, realService()), func() message { return new(corev1.Service) }, func() message { return new(service) }},
		{"slice of 100", marshal(b, realSlice(100)), func() message { return new(discoveryv1.EndpointSlice) }, func() message { return new(endpointSlice) }},
		{"pod", marshal(b, realPod()), func() message { return new(corev1.Pod) }, func() message { return new(pod) }},
		{"page of pods", marshal(b, realPods(pageSize)), func() message { return new(corev1.PodList) }, func() message { return new(podList) }},
	} {
		for _, d := range []struct {
			name  string
			empty func() message
		}{{"generated", bm.theirs}, {"ours", bm.ours}} {
			b.Run(bm.name+"/"+d.name, func(b *testing.B) {
				b.SetBytes(int64(len(bm.data)))
				b.ReportAllocs()
				for b.Loop() {
					if err := d.empty().Unmarshal(bm.data); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// realMeta returns metadata as objects of clusters have it: who wrote what is
// the longest part.
func realMeta(name string, labels map[string]string) metav1.ObjectMeta {
	owned := []byte(`{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:ports":{` + strings.Repeat(`"k:{}":{".":{}},`, 40) + `}}}`)
	entry := metav1.ManagedFieldsEntry{
		Manager: "kubectl-client-side-apply", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1",
		FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: owned},
	}
	return metav1.ObjectMeta{
		Namespace: "shop", Name: name, UID: "0b7c5f0e-8d2a-4e4b-9a55-1f0a3f8f6c11", ResourceVersion: "184467",
		CreationTimestamp: metav1.Time{Time: time.Unix(1767225600, 0)},
		Labels:            labels,
		Annotations:       map[string]string{corev1.LastAppliedConfigAnnotation: strings.Repeat(`{"key":"value"}`, 40)},
		ManagedFields:     []metav1.ManagedFieldsEntry{entry, entry},
	}
}

func realService() *corev1.Service {
	app := map[string]string{"app.kubernetes.io/name": "checkout", "app.kubernetes.io/instance": "shop"}
	single, cluster := corev1.IPFamilyPolicySingleStack, corev1.ServiceInternalTrafficPolicyCluster
	return &corev1.Service{
		ObjectMeta: realMeta("checkout", app),
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.12.34", ClusterIPs: []string{"10.96.12.34"},
			Selector: app, SessionAffinity: corev1.ServiceAffinityNone,
			IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol}, IPFamilyPolicy: &single, InternalTrafficPolicy: &cluster,
			Ports: []corev1.ServicePort{
				{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, TargetPort: intstr.FromInt32(8080)},
				{Name: "metrics", Protocol: corev1.ProtocolTCP, Port: 9090, TargetPort: intstr.FromString("metrics")},
			},
		},
	}
}

func realSlice(endpoints int) *discoveryv1.EndpointSlice {
	name, port, protocol, node, zone := "http", int32(8080), corev1.ProtocolTCP, "node-17.example.org", "eu-1a"
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: realMeta("checkout-x7k2p", map[string]string{
			discoveryv1.LabelServiceName: "checkout",
			discoveryv1.LabelManagedBy:   "endpointslice-controller.k8s.io",
		}),
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port, Protocol: &protocol}},
	}
	s.Annotations = map[string]string{corev1.EndpointsLastChangeTriggerTime: "2026-01-02T03:04:05.678901Z"}
	for i := range endpoints {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{fmt.Sprintf("10.1.%d.%d", i/250, i%250+1)},
			Conditions: discoveryv1.EndpointConditions{Ready: &yes, Serving: &yes, Terminating: &no},
			NodeName:   &node, Zone: &zone,
			Hints:     &discoveryv1.EndpointHints{ForZones: []discoveryv1.ForZone{{Name: zone}}},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: fmt.Sprintf("checkout-6d4cf56db6-%05d", i), UID: "0b7c5f0e-8d2a-4e4b-9a55-1f0a3f8f6c11"},
		})
	}
	return s
}

func realPod() *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: realMeta("checkout-6d4cf56db6-x7k2p", map[string]string{"app.kubernetes.io/name": "checkout"}),
		Spec: corev1.PodSpec{
			NodeName: "node-17.example.org", ServiceAccountName: "default", SchedulerName: "default-scheduler",
			Volumes:     []corev1.Volume{{Name: "config"}, {Name: "kube-api-access-x7k2p"}},
			Tolerations: []corev1.Toleration{{Key: "node.kubernetes.io/not-ready", Operator: corev1.TolerationOpExists}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, HostIP: "192.0.2.17", PodIP: "10.1.0.1", PodIPs: []corev1.PodIP{{IP: "10.1.0.1"}},
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionTrue},
			},
		},
	}
	for _, name := range []string{"checkout", "proxy"} {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{
			Name: name, Image: "registry.example.org/shop/" + name + ":1.2.3", Command: []string{"/" + name, "-v"},
			Env:          []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}, {Name: "C", Value: "3"}},
			VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/etc/config"}, {Name: "kube-api-access-x7k2p", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"}},
		})
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: name, Ready: true, ImageID: "registry.example.org/shop/" + name + "@sha256:" + strings.Repeat("0", 64),
			ContainerID: "containerd://" + strings.Repeat("0", 64), State: corev1.ContainerState{Running: new(corev1.ContainerStateRunning)},
		})
	}
	return p
}

func realPods(n int) *corev1.PodList {
	l := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "184467", Continue: "more"}}
	for range n {
		l.Items = append(l.Items, *realPod())
	}
	return l
}
