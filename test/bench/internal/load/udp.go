// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/ipv4"
)

const (
	queryMax    = 300
	responseMax = 65535
	batch       = 32
)

// slots are the places for queries under way. The id of a query is its slot in
// the low byte and, in the high one, how often the slot was used, so that a
// response that comes after all is not taken for that of a later query.
type slots struct {
	used []byte
	sent []time.Time
}

func (s *slots) id(slot int) uint16 { return uint16(s.used[slot])<<8 | uint16(slot) }

// udp keeps the window full. Queries and responses go through the kernel in
// batches: the generator must cost less than the server.
func (s *socket) udp(ctx context.Context) error {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(s.plan.Server))
	if err != nil {
		return err
	}
	defer closeWith(ctx, conn)()
	u := &udpSocket{socket: s, conn: ipv4.NewPacketConn(conn), slots: slots{make([]byte, s.plan.Window), make([]time.Time, s.plan.Window)}}
	u.in, u.out = messages(batch, responseMax), messages(s.plan.Window, queryMax)
	err = u.run(ctx)
	if ctx.Err() != nil {
		return nil // that the socket is closed is no surprise
	}
	return err
}

type udpSocket struct {
	*socket
	conn    *ipv4.PacketConn
	slots   slots
	in, out []ipv4.Message
}

func messages(n, size int) []ipv4.Message {
	all := make([]ipv4.Message, n)
	for i := range all {
		all[i].Buffers = [][]byte{make([]byte, size)}
	}
	return all
}

func (u *udpSocket) run(ctx context.Context) error {
	free := make([]int, 0, u.plan.Window)
	for slot := range u.plan.Window {
		free = append(free, slot)
	}
	for ctx.Err() == nil {
		if err := u.send(free); err != nil {
			return err
		}
		free = free[:0]
		_ = u.conn.SetReadDeadline(time.Now().Add(patience))
		n, err := u.conn.ReadBatch(u.in, 0)
		if timedOut(err) {
			free = u.expired(free)
			continue
		}
		if err != nil {
			return fmt.Errorf("receiving from %s: %w", u.plan.Server, err)
		}
		free = u.receive(u.in[:n], free)
		free = u.expired(free)
	}
	return nil
}

// send asks the next questions from the free slots.
func (u *udpSocket) send(free []int) error {
	now := time.Now()
	for i, slot := range free {
		buf := u.out[i].Buffers[0][:queryMax]
		u.slots.sent[slot] = now
		u.out[i].Buffers[0] = buf[:u.fill(buf, u.slots.id(slot))]
	}
	for out := u.out[:len(free)]; len(out) > 0; {
		n, err := u.conn.WriteBatch(out, 0)
		if err != nil {
			return fmt.Errorf("sending to %s: %w", u.plan.Server, err)
		}
		out = out[n:]
	}
	return nil
}

// receive counts responses and appends the slots that they free.
func (u *udpSocket) receive(in []ipv4.Message, free []int) []int {
	var c Counts
	for _, m := range in {
		response := m.Buffers[0][:m.N]
		if len(response) < 12 {
			continue
		}
		id := binary.BigEndian.Uint16(response)
		slot := int(id & 255)
		if slot >= u.plan.Window || u.slots.id(slot) != id {
			continue // too late
		}
		u.slots.used[slot]++
		c.count(response)
		free = append(free, slot)
	}
	u.tally(c)
	return free
}

// expired appends the slots whose queries are lost. It looks only now and then.
func (u *udpSocket) expired(free []int) []int {
	if u.next%64 != 0 && len(free) > 0 {
		return free
	}
	now := time.Now()
	taken := make([]bool, u.plan.Window)
	for _, slot := range free {
		taken[slot] = true
	}
	var c Counts
	for slot, sent := range u.slots.sent {
		if !taken[slot] && now.Sub(sent) >= patience {
			u.slots.used[slot]++
			c.Lost++
			free = append(free, slot)
		}
	}
	u.tally(c)
	return free
}
