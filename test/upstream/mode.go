// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Mode is how a server behaves. The zero Mode is [Honest].
type Mode struct {
	kind  kind
	delay time.Duration
	lost  int
}

type kind int

const (
	honest kind = iota
	lying
	silent
	refusing
	failing
	truncating
	confused
	expired
	misnamed
)

// The modes. What a mode does not mention is as in Honest.
var (
	Honest     = Mode{}
	Lying      = Mode{kind: lying}      // answers questions for addresses with [LieV4] and [LieV6]
	Silent     = Mode{kind: silent}     // takes questions, and connections, and never answers
	Refusing   = Mode{kind: refusing}   // answers REFUSED
	ServFail   = Mode{kind: failing}    // answers SERVFAIL
	Truncating = Mode{kind: truncating} // answers over UDP that there is more (TC)
	Confused   = Mode{kind: confused}   // answers another question than that which was asked
	Expired    = Mode{kind: expired}    // has a certificate that expired at [ExpiredAt]
	WrongName  = Mode{kind: misnamed}   // has a certificate for [OtherName] only
)

// named are the modes that a word is enough for.
var named = map[string]Mode{
	"honest": Honest, "lying": Lying, "silent": Silent, "refusing": Refusing, "servfail": ServFail,
	"truncating": Truncating, "confused": Confused, "expired": Expired, "wrongname": WrongName,
}

// ParseMode returns the mode of a text: one of honest, lying, silent, refusing,
// servfail, truncating, confused, expired and wrongname, or slow=DURATION, or
// losing=COUNT.
func ParseMode(text string) (Mode, error) {
	word, value, _ := strings.Cut(text, "=")
	switch word {
	case "slow":
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return Mode{}, fmt.Errorf("mode %q: want a duration, as slow=200ms", text)
		}
		return Slow(d), nil
	case "losing":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return Mode{}, fmt.Errorf("mode %q: want a number, as losing=3", text)
		}
		return Losing(n), nil
	}
	m, ok := named[text]
	if !ok {
		words := slices.Sorted(maps.Keys(named))
		return Mode{}, fmt.Errorf("there is no mode %q: want slow=DURATION, losing=COUNT or one of %s", text, strings.Join(words, ", "))
	}
	return m, nil
}

// Slow answers after d.
func Slow(d time.Duration) Mode { return Mode{delay: d} }

// Losing does not answer the first n questions after [Server.Set], and answers the others.
func Losing(n int) Mode { return Mode{lost: n} }

// mode is the Mode of a running server.
type mode struct {
	mu   sync.Mutex
	mode Mode
}

// Set switches the mode for the questions, and the handshakes, that come from now on.
func (s *Server) Set(m Mode) {
	s.mode.mu.Lock()
	defer s.mode.mu.Unlock()
	s.mode.mode = m
}

func (m *mode) get() Mode {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mode
}

// next returns the Mode for one question.
func (m *mode) next() Mode {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.mode
	if m.mode.lost > 0 {
		m.mode.lost--
		now.kind = silent
	}
	return now
}
