// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// encoding is one of the four forms in which objects are sent.
type encoding struct {
	protobuf bool
	metadata bool // PartialObjectMetadata instead of the object
}

// encodings is the number of different encodings.
const encodings = 4

func (enc encoding) index() int {
	i := 0
	if enc.protobuf {
		i++
	}
	if enc.metadata {
		i += 2
	}
	return i
}

// contentType is the one of lists, objects and errors.
func (enc encoding) contentType() string {
	if enc.protobuf {
		return runtime.ContentTypeProtobuf
	}
	return runtime.ContentTypeJSON
}

// streamType is the content type of a watch.
func (enc encoding) streamType() string {
	if enc.protobuf {
		return runtime.ContentTypeProtobuf + ";stream=watch"
	}
	return runtime.ContentTypeJSON
}

// wire returns the code for the frames around encoded objects.
func (enc encoding) wire() wire {
	if enc.protobuf {
		return protobufWire{}
	}
	return jsonWire{}
}

// cached is an encoding made at most once, but for a race of two readers that wastes the work of one.
type cached struct{ data atomic.Pointer[[]byte] }

// body is an encoded object for the frames of a wire.
type body struct {
	data []byte
	// is the kind and apiVersion that data does not hold and a frame around a single object has to add.
	is metav1.TypeMeta
}

// body returns the object encoded. It is encoded when first asked for and then kept, so thousands of lists and
// watches of the same objects cost no more than copying.
func (e *entry) body(enc encoding) (body, error) {
	b := body{is: e.kind.typeMeta()}
	if enc.metadata {
		b.is = partialTypeMeta("PartialObjectMetadata")
	}
	if !enc.protobuf && (enc.metadata || e.kind.unstructured()) {
		b.is = metav1.TypeMeta{} // such JSON describes itself
	}
	slot := &e.enc[enc.index()].data
	if data := slot.Load(); data != nil {
		b.data = *data
		return b, nil
	}
	obj := e.obj
	if enc.metadata {
		partial := meta.AsPartialObjectMetadata(e.meta)
		partial.TypeMeta = partialTypeMeta("PartialObjectMetadata")
		obj = partial
	}
	data, err := enc.wire().marshal(obj)
	if err != nil {
		return body{}, fmt.Errorf("encoding %s %s: %w", e.kind.Kind, e.path, err)
	}
	slot.Store(&data)
	b.data = data
	return b, nil
}

// listTypeMeta is the kind and apiVersion of a list.
func (k *Kind) listTypeMeta(enc encoding) metav1.TypeMeta {
	if enc.metadata {
		return partialTypeMeta("PartialObjectMetadataList")
	}
	is := k.typeMeta()
	is.Kind += "List"
	return is
}

func partialTypeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{Kind: kind, APIVersion: metav1.SchemeGroupVersion.String()}
}

// statusBody encodes the answer to a failed request, or the object of an ERROR event.
func statusBody(enc encoding, status metav1.Status) (body, error) {
	is := metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	status.TypeMeta = metav1.TypeMeta{}
	data, err := enc.wire().marshal(&status)
	return body{data, is}, err
}

// wire puts encoded objects together. What it writes is what the serializers of apimachinery write; only
// they would encode every object again for every list.
type wire interface {
	marshal(runtime.Object) ([]byte, error)
	object(io.Writer, body) error
	list(w io.Writer, is metav1.TypeMeta, m *metav1.ListMeta, items []body) error
	event(io.Writer, watch.EventType, body) error
}

// jsonWire is plain JSON; a watch is one event per line.
type jsonWire struct{}

func (jsonWire) marshal(obj runtime.Object) ([]byte, error) { return json.Marshal(obj) }

// typed returns the object with its kind and apiVersion in front.
func (jsonWire) typed(b body) []byte {
	if b.is.Kind == "" {
		return b.data
	}
	head := fmt.Appendf(nil, `{"kind":%q,"apiVersion":%q`, b.is.Kind, b.is.APIVersion)
	if len(b.data) > len("{}") {
		head = append(head, ',')
	}
	return append(head, b.data[1:]...)
}

func (j jsonWire) object(w io.Writer, b body) error {
	return writeAll(w, j.typed(b), []byte("\n"))
}

func (jsonWire) list(w io.Writer, is metav1.TypeMeta, m *metav1.ListMeta, items []body) error {
	head, err := json.Marshal(m)
	if err != nil {
		return err
	}
	head = fmt.Appendf(nil, `{"kind":%q,"apiVersion":%q,"metadata":%s,"items":[`, is.Kind, is.APIVersion, head)
	if err := writeAll(w, head); err != nil {
		return err
	}
	for i, item := range items {
		comma := []byte(",")
		if i == 0 {
			comma = nil
		}
		if err := writeAll(w, comma, item.data); err != nil {
			return err
		}
	}
	return writeAll(w, []byte("]}\n"))
}

func (j jsonWire) event(w io.Writer, t watch.EventType, b body) error {
	return writeAll(w, fmt.Appendf(nil, `{"type":%q,"object":`, t), j.typed(b), []byte("}\n"))
}

// protobufWire is the protobuf of Kubernetes: "k8s\0" and a runtime.Unknown that holds the object; a watch is
// a series of lengths and metav1.WatchEvents.
type protobufWire struct{}

const (
	magic = "k8s\x00"
	// unknownTail is contentEncoding and contentType of runtime.Unknown, which are always empty.
	unknownTail = "\x1a\x00\x22\x00"
)

func (protobufWire) marshal(obj runtime.Object) ([]byte, error) {
	m, ok := obj.(interface{ Marshal() ([]byte, error) })
	if !ok {
		return nil, fmt.Errorf("%T has no protobuf form", obj)
	}
	return m.Marshal()
}

// delimited appends the tag and the length of a length-delimited field.
func delimited(b []byte, number, length int) []byte {
	const lengthDelimited = 2
	b = append(b, byte(number<<3|lengthDelimited))
	return binary.AppendUvarint(b, uint64(length))
}

// unknownHead is everything of a wrapped object before its bytes.
func unknownHead(is metav1.TypeMeta, length int) []byte {
	var t []byte
	t = append(delimited(t, 1, len(is.APIVersion)), is.APIVersion...)
	t = append(delimited(t, 2, len(is.Kind)), is.Kind...)
	head := append(delimited([]byte(magic), 1, len(t)), t...)
	return delimited(head, 2, length)
}

func (protobufWire) object(w io.Writer, b body) error {
	return writeAll(w, unknownHead(b.is, len(b.data)), b.data, []byte(unknownTail))
}

func (protobufWire) list(w io.Writer, is metav1.TypeMeta, m *metav1.ListMeta, items []body) error {
	meta, err := m.Marshal()
	if err != nil {
		return err
	}
	head := append(delimited(nil, 1, len(meta)), meta...)
	length := len(head)
	var scratch [16]byte
	for _, item := range items {
		length += len(delimited(scratch[:0], 2, len(item.data))) + len(item.data)
	}
	if err := writeAll(w, unknownHead(is, length), head); err != nil {
		return err
	}
	for _, item := range items {
		if err := writeAll(w, delimited(scratch[:0], 2, len(item.data)), item.data); err != nil {
			return err
		}
	}
	return writeAll(w, []byte(unknownTail))
}

func (protobufWire) event(w io.Writer, t watch.EventType, b body) error {
	wrapped := unknownHead(b.is, len(b.data))
	length := len(wrapped) + len(b.data) + len(unknownTail)
	raw := delimited(nil, 1, length) // of RawExtension
	head := append(delimited(nil, 1, len(t)), t...)
	head = append(delimited(head, 2, len(raw)+length), raw...)
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(head)+length))
	return writeAll(w, frame, head, wrapped, b.data, []byte(unknownTail))
}

func writeAll(w io.Writer, parts ...[]byte) error {
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}
