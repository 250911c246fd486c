// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/clusterdns/clusterdns/test/cluster/internal/process"
)

// lock is the right to run a cluster in a directory. The kernel takes it back
// when the holder dies, however that happens.
type lock struct{ file *os.File }

// errLocked says that another program holds the lock.
var errLocked = errors.New("locked")

func acquire(l layout) (*lock, error) {
	held, err := tryLock(l)
	if errors.Is(err, errLocked) {
		owner := "another program"
		if holder, ok := l.holder(); ok {
			owner = fmt.Sprintf("pid %d", holder.PID)
		}
		return nil, fmt.Errorf("a cluster already runs in %s (%s): stop it with `cluster stop --dir %q` or use another directory", string(l), owner, string(l))
	}
	return held, err
}

func tryLock(l layout) (*lock, error) {
	file, err := os.OpenFile(l.lock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the state directory: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("locking %s: %w", l.lock(), err)
	}
	held := &lock{file}
	if err := held.sign(); err != nil {
		held.release()
		return nil, fmt.Errorf("writing %s: %w", l.lock(), err)
	}
	return held, nil
}

// sign writes down who holds the lock.
func (k *lock) sign() error {
	self, err := process.Self()
	if err != nil {
		return err
	}
	text, err := json.Marshal(self)
	if err != nil {
		return err
	}
	if err := k.file.Truncate(0); err != nil {
		return err
	}
	_, err = k.file.WriteAt(append(text, '\n'), 0)
	return err
}

func (k *lock) release() {
	_ = k.file.Truncate(0) // a signature without a lock would mislead
	k.file.Close()
}

// holder is the program that holds the lock, if one does.
func (l layout) holder() (process.Record, bool) {
	var r process.Record
	text, err := os.ReadFile(l.lock())
	if err != nil || json.Unmarshal(text, &r) != nil {
		return process.Record{}, false
	}
	return r, r.Alive() // a crash leaves its signature
}
