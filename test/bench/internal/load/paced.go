// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package load

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A Pace is a load at a fixed rate, whether or not responses come.
type Pace struct {
	Server   netip.AddrPort
	Queries  [][]byte
	Rate     float64 // per second
	Duration time.Duration
	// Urgent asks for a high priority, which keeps others from making us late.
	// Not for a rate that takes all of a processor: the kernel delivers what is
	// sent, too, and would have to wait.
	Urgent bool
}

// Paced is what came of a [Pace].
type Paced struct {
	Sent, Received int
	Good           int       // NOERROR with at least one record
	Latencies      []float64 // seconds, since the query was due, not since it was sent
	Elapsed        time.Duration
}

// Run asks at the pace. It is one thread that sleeps in ppoll until the next
// query is due or a response is there: time.Sleep is too coarse, and a
// goroutine may have to wait.
// The latency counts from when a query was due: a server that makes us late
// does not get away with it.
func (p Pace) Run(ctx context.Context) (Paced, error) {
	runtime.LockOSThread() // and never unlocked: the thread ends with its priority
	s, err := dial(p.Server)
	if err != nil {
		return Paced{}, err
	}
	defer func() { _ = unix.Close(s.fd) }()
	if p.Urgent {
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -20) // if that is allowed
	}
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	s.due = make([]time.Duration, 1<<16)
	s.out.Latencies = make([]float64, 0, int(p.Rate*p.Duration.Seconds())+1)
	err = s.run(ctx, p)
	return s.out, err
}

// Go runs the pace on a thread of its own.
func (p Pace) Go(ctx context.Context) (Paced, error) {
	type result struct {
		out Paced
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := p.Run(ctx)
		done <- result{out, err}
	}()
	r := <-done
	return r.out, r.err
}

type pacedSocket struct {
	fd    int
	begin time.Time
	due   []time.Duration // by id; 0 is none under way
	buf   [responseMax]byte
	out   Paced
}

func dial(server netip.AddrPort) (*pacedSocket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("making a socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connecting to %s: %w", server, err)
	}
	return &pacedSocket{fd: fd}, nil
}

// linger is how long to wait for the last responses.
const linger = time.Second

func (s *pacedSocket) run(ctx context.Context, p Pace) error {
	interval := time.Duration(float64(time.Second) / p.Rate)
	query := make([]byte, queryMax)
	s.begin = time.Now()
	for ctx.Err() == nil {
		now := time.Since(s.begin)
		due := time.Duration(s.out.Sent) * interval
		if due > p.Duration {
			if now > p.Duration+linger || s.out.Received == s.out.Sent {
				break
			}
			due = p.Duration + linger + 1
		}
		if now < due {
			if err := s.wait(due - now); err != nil {
				return err
			}
		} else if err := s.send(query, p.Queries, due); err != nil {
			return err
		}
		if err := s.receive(); err != nil {
			return err
		}
	}
	s.out.Elapsed = min(time.Since(s.begin), p.Duration)
	return ctx.Err()
}

// wait returns when there is something to read, at the latest after d.
func (s *pacedSocket) wait(d time.Duration) error {
	t := unix.NsecToTimespec(int64(d))
	_, err := unix.Ppoll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, &t, nil)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("waiting for responses: %w", err)
	}
	return nil
}

func (s *pacedSocket) send(buf []byte, queries [][]byte, due time.Duration) error {
	id := uint16(s.out.Sent)
	n := copy(buf, queries[s.out.Sent%len(queries)])
	binary.BigEndian.PutUint16(buf, id)
	if _, err := unix.Write(s.fd, buf[:n]); err != nil && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("sending: %w", err)
	}
	s.due[id] = due + 1 // never 0
	s.out.Sent++
	return nil
}

// receive takes what is there, but not for so long that the next query is late.
func (s *pacedSocket) receive() error {
	for range 8 {
		n, err := unix.Read(s.fd, s.buf[:])
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receiving: %w", err)
		}
		if n < 12 {
			continue
		}
		id := binary.BigEndian.Uint16(s.buf[:])
		if s.due[id] == 0 {
			continue
		}
		s.out.Latencies = append(s.out.Latencies, (time.Since(s.begin) - s.due[id]).Seconds())
		s.due[id] = 0
		s.out.Received++
		if s.buf[3]&15 == 0 && binary.BigEndian.Uint16(s.buf[6:]) > 0 {
			s.out.Good++
		}
	}
	return nil
}
