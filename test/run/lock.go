// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A lock is the right to use a folder. The kernel takes it back when we die.
type lock struct {
	file    *os.File
	crashed bool // the one who had it before did not give it back
}

func acquire(dir string, port int) (lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return lock{}, err
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return lock{}, err
	}
	holder, _ := io.ReadAll(file)
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return lock{}, fmt.Errorf("another make run (pid %s) has port %d: end it with Ctrl-C, or choose another port, as in `make run PORT=%d`",
				strings.TrimSpace(string(holder)), port, freePort(port+1))
		}
		return lock{}, fmt.Errorf("locking %s: %w", file.Name(), err)
	}
	l := lock{file, len(holder) > 0}
	if err := l.sign(); err != nil {
		l.release()
		return lock{}, fmt.Errorf("writing %s: %w", file.Name(), err)
	}
	return l, nil
}

// sign writes down who holds the lock.
func (l lock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}

func (l lock) release() {
	_ = l.file.Truncate(0)
	_ = l.file.Close()
}
