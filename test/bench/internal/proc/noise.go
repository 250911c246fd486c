// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package proc

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Sample is what the machine did so far.
type Sample struct {
	at     time.Time
	ours   map[int]bool
	cpu    map[int]time.Duration // of processes that are not ours
	own    time.Duration         // of those that are, and of those that were
	busy   time.Duration         // of all processors, from the coarse clock
	total  time.Duration
	stolen time.Duration
}

// Look takes a sample. All descendants of ours count as ours.
func Look(ours ...int) Sample {
	s := Sample{at: time.Now(), ours: map[int]bool{}, cpu: map[int]time.Duration{}}
	for _, root := range ours {
		for _, pid := range Tree(root) {
			s.ours[pid] = true
		}
	}
	for _, pid := range all() {
		d, err := CPU(pid)
		if err != nil {
			continue
		}
		if s.ours[pid] {
			s.own += d
		} else {
			s.cpu[pid] = d
		}
	}
	s.own += ended()
	s.readStat()
	return s
}

// ended returns the time of the children that ended and were waited for. A
// program that ends between two samples is in the first by itself, and in the
// second with all its time here.
func ended() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// readStat reads the first line of /proc/stat.
func (s *Sample) readStat() {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return
	}
	line, _, _ := strings.Cut(string(text), "\n")
	const tick = 10 * time.Millisecond
	for i, field := range strings.Fields(line)[1:] {
		n, _ := strconv.ParseInt(field, 10, 64) // the kernel's own numbers
		d := time.Duration(n) * tick
		switch i {
		case 0, 1, 2: // user, nice, system
			s.busy += d
			s.total += d
		case 3, 4, 5, 6: // idle, iowait; irq and softirq, which are nobody's
			s.total += d
		case 7:
			s.stolen = d
			s.total += d
		}
	}
}

// Noise is what others did between two samples.
type Noise struct {
	Foreign float64 // processors that others used, 1 is one of them
	Steal   float64 // share of the time that the hypervisor took
	Who     string  // the busiest of the others
}

// coarse is how far the tick clock may be off: work that a timer begins is under
// way at the ticks more often than between them.
const coarse = 0.30

// Since compares two samples. Short programs that began and ended in between
// show only in the tick clock, so a clear excess there counts too.
func (s Sample) Since(before Sample) Noise {
	elapsed := s.at.Sub(before.at).Seconds()
	var n Noise
	most := time.Duration(0)
	for _, pid := range slices.Sorted(maps.Keys(s.cpu)) {
		d := s.cpu[pid] - before.cpu[pid]
		n.Foreign += d.Seconds() / elapsed
		if d > most {
			most, n.Who = d, name(pid)
		}
	}
	unexplained := (s.busy-before.busy).Seconds()/elapsed - (s.own-before.own).Seconds()/elapsed
	if unexplained > n.Foreign+coarse {
		n.Foreign, n.Who = unexplained, "programs that are gone"
	}
	if total := s.total - before.total; total > 0 {
		n.Steal = float64(s.stolen-before.stolen) / float64(total)
	}
	return n
}

// Limits of what a measurement may suffer.
const (
	maxForeign = 0.05
	maxSteal   = 0.03
)

// Complaint says why a measurement under this noise does not count, or is empty.
func (n Noise) Complaint() string {
	switch {
	case n.Foreign > maxForeign:
		return fmt.Sprintf("other programs used %.0f%% of a processor (%s)", n.Foreign*100, n.Who)
	case n.Steal > maxSteal:
		return fmt.Sprintf("the hypervisor took %.1f%%", n.Steal*100)
	}
	return ""
}

func name(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return "gone"
	}
	return strings.TrimSpace(string(text))
}
