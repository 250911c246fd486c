// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"fmt"
	"io"
)

// Reading protobuf, exactly as the generated decoders of Kubernetes do:
// protowire is stricter with numbers and groups, and what the API server sends
// to everybody else must be good for us.

// A wireType says how the value of a field is encoded.
type wireType uint8

const (
	wireVarint wireType = iota
	wireFixed64
	wireBytes
	wireGroup
	wireEndGroup
	wireFixed32
)

var (
	errVarint   = errors.New("protobuf: number of more than 64 bits")
	errNumber   = errors.New("protobuf: field number out of range")
	errWireType = errors.New("protobuf: unexpected wire type")
	errMapEntry = errors.New("protobuf: invalid map entry")
)

// An unmarshaler adds what data says to what it has.
type unmarshaler interface{ Unmarshal(data []byte) error }

// A decoder goes through the fields of a message, like a [bufio.Scanner] through
// lines: after next has returned true, number says which field it is and one of
// the other methods returns its value; when next returns false, err says why.
type decoder struct {
	rest   []byte
	number int32
	wire   wireType
	varint uint64 // the value, if wire is wireVarint
	bytes  []byte // the value, if wire is wireBytes
	err    error
}

func (d *decoder) next() bool {
	if len(d.rest) == 0 || d.err != nil {
		return false
	}
	tag := d.readVarint()
	d.number, d.wire = int32(tag>>3), wireType(tag&7)
	if d.number <= 0 {
		d.fail(errNumber)
		return false
	}
	d.read()
	return d.err == nil
}

// text returns a string.
func (d *decoder) text() string {
	b := d.raw()
	switch string(b) { // almost every object has one of these: no copy of them
	case "TCP":
		return "TCP"
	case "UDP":
		return "UDP"
	case "ClusterIP":
		return "ClusterIP"
	case "IPv4":
		return "IPv4"
	case "IPv6":
		return "IPv6"
	case "Running":
		return "Running"
	}
	return string(b)
}

// int32 returns a number.
func (d *decoder) int32() int32 {
	d.expect(wireVarint)
	return int32(d.varint)
}

// What optional booleans point to: nobody writes through them.
var yes, no = true, false

// optionalBool returns a boolean.
func (d *decoder) optionalBool() *bool {
	d.expect(wireVarint)
	if d.varint != 0 {
		return &yes
	}
	return &no
}

// message has m decode an embedded message.
func (d *decoder) message(m unmarshaler) {
	if b := d.raw(); d.err == nil {
		d.err = m.Unmarshal(b)
	}
}

// entry returns the key and the value of an entry of a map of strings.
func (d *decoder) entry() (key, value []byte) {
	e := decoder{rest: d.raw()}
	for e.next() {
		switch e.number {
		case 1:
			key = e.raw()
		case 2:
			value = e.raw()
		}
	}
	if e.err != nil {
		d.fail(fmt.Errorf("%w: %w", errMapEntry, e.err))
	}
	return key, value
}

// raw returns the bytes of a string or of an embedded message.
func (d *decoder) raw() []byte {
	d.expect(wireBytes)
	return d.bytes
}

// count returns how often the field occurs in message, to allocate once. It
// stops where message is broken: whoever decodes it will say so.
func count(message []byte, number int32) int {
	n := 0
	for d := (decoder{rest: message}); d.next(); {
		if d.number == number {
			n++
		}
	}
	return n
}

func (d *decoder) expect(t wireType) {
	if d.wire != t {
		d.fail(errWireType)
	}
}

// fail ends the message, if nothing did before.
func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// read reads a value, or skips it if it is of a type that nothing here needs.
func (d *decoder) read() {
	switch d.wire {
	case wireVarint:
		d.varint = d.readVarint()
	case wireFixed64:
		d.take(8)
	case wireBytes:
		d.bytes = d.take(d.readVarint())
	case wireGroup:
		d.skipGroup()
	case wireFixed32:
		d.take(4)
	default: // there is none such, or it ends a group that did not begin
		d.fail(errWireType)
	}
}

// skipGroup skips up to the end of a group. It counts groups within it instead
// of calling itself, so that no message exhausts the stack.
func (d *decoder) skipGroup() {
	for depth := 1; depth > 0 && d.err == nil; {
		switch d.wire = wireType(d.readVarint() & 7); d.wire {
		case wireGroup:
			depth++
		case wireEndGroup:
			depth--
		default:
			d.read()
		}
	}
}

func (d *decoder) readVarint() uint64 {
	if len(d.rest) > 0 && d.rest[0] < 0x80 { // almost always
		v := uint64(d.rest[0])
		d.rest = d.rest[1:]
		return v
	}
	return d.readLongVarint()
}

func (d *decoder) readLongVarint() uint64 {
	var v uint64
	for i, b := range d.rest {
		if i == 10 {
			d.fail(errVarint)
			return 0
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			d.rest = d.rest[i+1:]
			return v
		}
	}
	d.fail(io.ErrUnexpectedEOF)
	return 0
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail(io.ErrUnexpectedEOF)
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}
