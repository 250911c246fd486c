// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package proc

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Cores returns the processors that this process may use.
func Cores() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	var cores []int
	for i := range 1024 {
		if set.IsSet(i) {
			cores = append(cores, i)
		}
	}
	return cores
}

func cpuSet(cores []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, c := range cores {
		set.Set(c)
	}
	return &set
}

// Pin ties all threads of programs to processors. Threads to come inherit it.
func Pin(pids []int, cores []int) error {
	set := cpuSet(cores)
	for _, pid := range pids {
		// Twice: a thread that is not tied yet may just be making another one.
		for range 2 {
			tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
			if err != nil {
				break // it is gone
			}
			for _, t := range tasks {
				tid, err := strconv.Atoi(t.Name())
				if err != nil {
					continue
				}
				if err := unix.SchedSetaffinity(tid, set); err != nil && !errors.Is(err, unix.ESRCH) {
					return fmt.Errorf("tying thread %d to processors %v: %w", tid, cores, err)
				}
			}
		}
	}
	return nil
}

// spawner is one thread that never ends. The kernel sends a parent death
// signal when the thread that started a program ends, not its process
// (golang.org/issue/27505).
var spawner = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// Pinned calls start on a thread that is tied to processors, so that the
// program that it starts is tied from its first instruction: Go decides then
// how many threads it needs.
func Pinned(cores []int, start func() error) error {
	result := make(chan error)
	spawner() <- func() {
		if err := unix.SchedSetaffinity(0, cpuSet(cores)); err != nil {
			result <- fmt.Errorf("tying a thread to processors %v: %w", cores, err)
			return
		}
		result <- start()
	}
	return <-result
}
