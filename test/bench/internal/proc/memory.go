// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Memory is what a process holds, in bytes.
type Memory struct {
	Anon float64 // what only it has: heap, stacks
	RSS  float64 // with the pages of its file
	Peak float64 // most of RSS since the last [ResetPeak]
}

// ReadMemory reads the memory of a process.
func ReadMemory(pid int) (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		kb, _ := strconv.ParseFloat(fields[0], 64) // else it is not one of ours
		switch key {
		case "RssAnon":
			m.Anon = kb * 1024
		case "VmRSS":
			m.RSS = kb * 1024
		case "VmHWM":
			m.Peak = kb * 1024
		}
	}
	return m, nil
}

// ResetPeak makes the peak begin anew.
func ResetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// A Watcher samples the memory of a process: the kernel keeps no peak of RssAnon.
type Watcher struct {
	stop chan struct{}
	done sync.WaitGroup
	anon float64
}

// Watch begins to sample.
func Watch(pid int) *Watcher {
	w := &Watcher{stop: make(chan struct{})}
	w.done.Go(func() {
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			if m, err := ReadMemory(pid); err == nil {
				w.anon = max(w.anon, m.Anon)
			}
			select {
			case <-tick.C:
			case <-w.stop:
				tick.Stop()
				return
			}
		}
	})
	return w
}

// Stop returns the highest sample of RssAnon.
func (w *Watcher) Stop() float64 {
	close(w.stop)
	w.done.Wait()
	return w.anon
}
