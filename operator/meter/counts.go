// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/clusterdns/clusterdns/operator/counter"
)

// Port is where a meter serves HTTP, if nothing else is said.
const Port = 8053

// Paths that a meter serves.
const (
	// PathCounts has the [Counts], in JSON.
	PathCounts = "/counts"
	// PathMetrics has the same for Prometheus.
	PathMetrics = "/metrics"
	// PathHealth answers as long as the meter works, whatever it counts.
	PathHealth = "/healthz"
)

// Counts are what a meter has counted since it was started. One that is started
// again knows nothing of what was before, and has another time.
type Counts struct {
	Since      time.Time                       `json:"since"`
	Transports map[counter.Transport]Transport `json:"transports"`
	// LastLoss is when the last question was lost, or was answered wrongly; nil: none.
	LastLoss *time.Time `json:"lastLoss,omitempty"`
}

// A Transport is what is counted over one. Questions that may still be answered
// are asked, and neither lost nor wrong.
type Transport struct {
	Asked int64 `json:"asked"`
	Lost  int64 `json:"lost"`  // no answer in time
	Wrong int64 `json:"wrong"` // SERVFAIL, no such name, no address
}

// Sum returns what is counted over all transports.
func (c Counts) Sum() Transport {
	var sum Transport
	for _, t := range c.Transports {
		sum.Asked += t.Asked
		sum.Lost += t.Lost
		sum.Wrong += t.Wrong
	}
	return sum
}

// Good reports whether no question was lost or answered wrongly.
func (c Counts) Good() bool {
	sum := c.Sum()
	return sum.Lost == 0 && sum.Wrong == 0
}

// most is what a count is at most, so that sums of them fit: a meter that asks
// 10,000 questions in a second has it after three thousand years.
const most = 1 << 50

// Read reads counts from what may be anything: not more than 64 kB of it.
func Read(r io.Reader) (Counts, error) {
	const enough = 64 << 10
	text, err := io.ReadAll(io.LimitReader(r, enough+1))
	if err != nil {
		return Counts{}, fmt.Errorf("reading the counts: %w", err)
	}
	if len(text) > enough {
		return Counts{}, fmt.Errorf("the counts are longer than %d bytes: this is no meter", enough)
	}
	var c Counts
	if err := json.Unmarshal(text, &c); err != nil {
		return Counts{}, fmt.Errorf("reading the counts: %w", err)
	}
	if c.Since.IsZero() || len(c.Transports) == 0 {
		return Counts{}, errors.New("the counts do not say since when, or of what: this is no meter")
	}
	for name, t := range c.Transports {
		if t.Asked < 0 || t.Lost < 0 || t.Wrong < 0 || t.Asked > most || t.Lost > t.Asked || t.Wrong > t.Asked-t.Lost {
			return Counts{}, fmt.Errorf("%s: %d asked, %d lost and %d answered wrongly cannot be", name, t.Asked, t.Lost, t.Wrong)
		}
	}
	if len(c.Transports) > 2*len(counter.Transports) {
		return Counts{}, fmt.Errorf("there are no %d transports", len(c.Transports))
	}
	return c, nil
}

// counts returns what is counted until now.
func (m *meter) counts() Counts {
	c := Counts{Since: m.run.Began().UTC(), Transports: map[counter.Transport]Transport{}}
	last := 0.
	for _, n := range m.run.Report().Counts {
		c.Transports[n.Transport] = Transport{Asked: int64(n.Sent), Lost: int64(n.Lost), Wrong: int64(n.Wrong)}
		last = max(last, n.LastFailure)
	}
	if last > 0 {
		at := c.Since.Add(time.Duration(last * float64(time.Second)))
		c.LastLoss = &at
	}
	return c
}
