// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

var errRefused = syscall.ECONNREFUSED

// A Report is what a run has counted.
type Report struct {
	Final   bool      `json:"final"`   // all is asked, and answered or lost
	Start   time.Time `json:"start"`   // when the first question was due
	Seconds float64   `json:"seconds"` // since the start
	Counts  []Count   `json:"counts"`  // one for each transport, in the order of the Config
}

// A Count is of one transport. Sent is the sum of the four below it.
type Count struct {
	Transport Transport `json:"transport"`
	Sent      int       `json:"sent"`
	Answered  int       `json:"answered"` // in time, and as it is wanted
	Lost      int       `json:"lost"`     // no answer in time
	Wrong     int       `json:"wrong"`    // another answer than is wanted
	Waiting   int       `json:"waiting"`  // may still be answered; zero in a final report

	LongestGap float64 `json:"longestGapSeconds"` // the longest time between two right answers, or none and the start or end
	// P50 and P99 are what half, and 99 of 100, of the right answers took at most. They
	// are exact to one part in 64, and never too short.
	P50 float64 `json:"p50Seconds"`
	P99 float64 `json:"p99Seconds"`

	// LastFailure is when the last one was noticed, since the start; zero: none.
	LastFailure float64 `json:"lastFailureSeconds,omitempty"`
	// Failures are the first hundred, by number: the first question is 1.
	Failures []Failure `json:"failures,omitempty"`
}

// A Failure is a question that was lost or answered wrongly.
type Failure struct {
	Number int     `json:"number"`
	At     float64 `json:"atSeconds"` // when it was noticed, since the start
	What   string  `json:"what"`      // lost: and why; wrong: and what came
}

// remembered is how many failures a report has, and mostSaid how long What is at most.
const remembered, mostSaid = 100, 200

// Good reports whether questions were asked over each transport, and all of them
// answered as wanted.
func (r Report) Good() bool {
	for _, c := range r.Counts {
		if c.Sent == 0 || c.Answered != c.Sent {
			return false
		}
	}
	return len(r.Counts) > 0
}

// A tally is what is counted of one transport.
type tally struct {
	transport Transport
	start     time.Time

	mu       sync.Mutex
	count    Count
	took     times     // of the right answers
	right    time.Time // when the last right answer came; before that, the start
	gap      time.Duration
	finished bool
}

type tallies []*tally

func (t *tally) sent() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.Sent++
}

func (t *tally) answer(now time.Time, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.Answered++
	t.took.add(took)
	t.gap = max(t.gap, now.Sub(t.right))
	t.right = now
}

func (t *tally) lose(number int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.Lost++
	t.fail(number, "lost: "+reason(err))
}

func (t *tally) mistake(number int, what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.Wrong++
	t.fail(number, "wrong: "+what)
}

func (t *tally) fail(number int, what string) {
	t.count.LastFailure = seconds(time.Since(t.start))
	if len(t.count.Failures) == remembered {
		return
	}
	if len(what) > mostSaid {
		what = strings.ToValidUTF8(what[:mostSaid], "") + "..."
	}
	t.count.Failures = append(t.count.Failures, Failure{Number: number, At: t.count.LastFailure, What: what})
}

// finish ends the last gap.
func (all tallies) finish(now time.Time) {
	for _, t := range all {
		t.mu.Lock()
		t.gap, t.finished = max(t.gap, now.Sub(t.right)), true
		t.mu.Unlock()
	}
}

// report returns what is counted until now.
func (t *tally) report(now time.Time) Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.count
	c.Transport = t.transport
	c.Waiting = c.Sent - c.Answered - c.Lost - c.Wrong
	gap := t.gap
	if !t.finished {
		gap = max(gap, now.Sub(t.right))
	}
	c.LongestGap = seconds(gap)
	c.Failures = slices.Clone(c.Failures)
	slices.SortFunc(c.Failures, func(a, b Failure) int { return a.Number - b.Number })
	c.P50, c.P99 = t.took.quantile(50), t.took.quantile(99)
	return c
}

// Report returns what is counted until now.
func (r *Run) Report() Report {
	now := time.Now()
	report := Report{Start: r.start, Seconds: seconds(now.Sub(r.start))}
	select {
	case <-r.over:
		report.Final = true
	default:
	}
	for _, t := range r.tallies {
		report.Counts = append(report.Counts, t.report(now))
	}
	return report
}
