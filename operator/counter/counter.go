// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package counter asks a DNS server numbered questions at a steady rate and
// counts what is lost.
package counter

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A Transport is how a question goes to the server.
type Transport string

// The transports.
const (
	UDP    Transport = "udp"        // each question from a port of its own
	Sticky Transport = "udp-sticky" // all questions from one port
	TCP    Transport = "tcp"        // each question over a connection of its own
)

// Transports are all of them.
var Transports = []Transport{UDP, Sticky, TCP}

// A Config says what to ask, and how often.
type Config struct {
	Server     netip.AddrPort
	Transports []Transport // none: all
	Name       string
	Type       uint16        // zero: A
	Want       []string      // the data of the records of the answer, in any order; none: any, but one at least
	QPS        int           // questions in a second over each transport, 1 to 10,000
	Count      int           // of questions over each transport; zero: until the time is over, however many
	Duration   time.Duration // how long to ask; zero: until the count is reached, or the context ends
	Timeout    time.Duration // a question without an answer by then is lost; zero: two seconds
}

// check returns what is wrong, with what is not given filled in.
func (c Config) check() (Config, error) {
	if len(c.Transports) == 0 {
		c.Transports = Transports
	}
	for n, t := range c.Transports {
		if !slices.Contains(Transports, t) {
			return c, fmt.Errorf("there is no transport %q", t)
		}
		if slices.Contains(c.Transports[:n], t) {
			return c, fmt.Errorf("the transport %s is given twice", t)
		}
	}
	if _, ok := dns.IsDomainName(c.Name); !ok {
		return c, fmt.Errorf("%q is no domain name", c.Name)
	}
	c.Name = dns.Fqdn(c.Name)
	if c.Type == 0 {
		c.Type = dns.TypeA
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Second
	}
	c.Want = slices.Sorted(slices.Values(c.Want))
	switch {
	case !c.Server.IsValid():
		return c, errors.New("the server has no address")
	case c.QPS < 1 || c.QPS > 10_000:
		return c, fmt.Errorf("%d questions in a second: want 1 to 10000", c.QPS)
	case c.Count < 0 || c.Duration < 0 || c.Timeout < 0:
		return c, errors.New("a count or a time is negative")
	}
	if c.Count == 0 {
		c.Count = math.MaxInt
	}
	return c, nil
}

// A Run is a counter at work. Its methods are safe for concurrent use. What it
// remembers does not grow with the number of questions.
type Run struct {
	config Config
	start  time.Time
	stop   context.CancelFunc
	over   chan struct{}
	tallies
}

// Start begins to ask. The run ends with the count, the time, ctx or
// [Run.Stop]; then questions that are under way still get their time to be
// answered, so that what is reported as lost is lost.
func Start(ctx context.Context, c Config) (*Run, error) {
	c, err := c.check()
	if err != nil {
		return nil, fmt.Errorf("counting: %w", err)
	}
	r := &Run{config: c, start: time.Now(), over: make(chan struct{})}
	var askers []asker
	for _, t := range c.Transports {
		a, err := r.asker(t)
		if err != nil {
			return nil, fmt.Errorf("counting over %s: %w", t, err)
		}
		askers = append(askers, a)
		r.tallies = append(r.tallies, &tally{transport: t, start: r.start, right: r.start})
	}
	if c.Duration > 0 {
		ctx, r.stop = context.WithTimeout(ctx, c.Duration)
	} else {
		ctx, r.stop = context.WithCancel(ctx)
	}
	go r.ask(ctx, askers)
	return r, nil
}

// Began returns when the run began to ask.
func (r *Run) Began() time.Time { return r.start }

// Stop asks no more. It does not wait.
func (r *Run) Stop() { r.stop() }

// Done is closed when the run is over, and all is counted.
func (r *Run) Done() <-chan struct{} { return r.over }

// Wait waits until the run is over and returns what was counted.
func (r *Run) Wait() Report {
	<-r.over
	return r.Report()
}

// ask asks over all transports until ctx ends, and waits for the answers.
func (r *Run) ask(ctx context.Context, askers []asker) {
	defer close(r.over)
	defer r.stop()
	var running sync.WaitGroup
	for n, a := range askers {
		running.Go(func() {
			r.pace(ctx, a, r.tallies[n])
			a.close()
		})
	}
	running.Wait()
	r.finish(time.Now())
}

// pace asks question after question, each at its time: a slow answer delays
// none. It returns when all have their answer or are lost.
func (r *Run) pace(ctx context.Context, a asker, t *tally) {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	interval := time.Second / time.Duration(r.config.QPS)
	at := r.start
	for number := range r.config.Count {
		timer.Reset(time.Until(at))
		at = next(at, time.Now(), interval)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return // both were there
		}
		t.sent()
		waiting.Go(func() { r.askOne(a, t, number+1) })
	}
}

// behind is how far questions may be behind their time.
const behind = 100 * time.Millisecond

// next returns when to ask the question after one that was to be asked at a time.
// Who could not ask for a while, being on a node that stood still perhaps, does not
// make up for it: so many at once would be lost for no fault of the server.
func next(at, now time.Time, interval time.Duration) time.Time {
	at = at.Add(interval)
	if soonest := now.Add(-behind); at.Before(soonest) {
		return soonest
	}
	return at
}

// askOne asks one question and counts how it ended.
func (r *Run) askOne(a asker, t *tally, number int) {
	q := new(dns.Msg).SetQuestion(r.config.Name, r.config.Type)
	sent := time.Now()
	// Not the context of the run: who stops wants the last answers counted, too.
	ctx, cancel := context.WithDeadline(context.Background(), sent.Add(r.config.Timeout))
	defer cancel()
	answer, err := a.exchange(ctx, q)
	now := time.Now()
	switch {
	case err != nil:
		t.lose(number, err)
	default:
		if wrong := r.config.judge(answer); wrong != "" {
			t.mistake(number, wrong)
			return
		}
		t.answer(now, now.Sub(sent))
	}
}

// judge returns what is wrong with an answer, or nothing.
func (c Config) judge(m *dns.Msg) string {
	switch {
	case m.Rcode != dns.RcodeSuccess:
		return dns.RcodeToString[m.Rcode]
	case m.Truncated:
		return "truncated"
	}
	var got []string
	for _, rr := range m.Answer {
		if h := rr.Header(); h.Rrtype == c.Type {
			got = append(got, rr.String()[len(h.String()):])
		}
	}
	slices.Sort(got)
	switch {
	case len(got) == 0:
		return "no records"
	case len(c.Want) > 0 && !slices.Equal(got, c.Want):
		return fmt.Sprint(got)
	}
	return ""
}
