// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package kubedns

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"time"
)

// period is how often kube-dns looks at its ConfigMap.
const period = 10 * time.Second

// A Keeper runs a program as the ConfigMap in a folder says.
type Keeper struct {
	Folder string
	// Program returns the program that is to run, not started.
	Program func(context.Context, Config) *exec.Cmd
	// Same reports whether the program goes on with other settings; nil: it does not.
	Same func(was, is Config) bool
	Log  func(format string, args ...any)

	period time.Duration // for tests
}

// Run runs the program until ctx ends, and kills it then. With other settings it
// is killed and started anew. It is an error if the program ends by itself.
func (k Keeper) Run(ctx context.Context) error {
	if k.period == 0 {
		k.period = period
	}
	config, err := Read(k.Folder)
	if err != nil {
		k.Log("the settings are ignored: %v", err)
	}
	for ctx.Err() == nil {
		if config, err = k.run(ctx, config); err != nil {
			return err
		}
	}
	return nil
}

// run runs the program until the settings are others, and returns them.
func (k Keeper) run(ctx context.Context, config Config) (Config, error) {
	alive, kill := context.WithCancel(ctx)
	defer kill()
	program := k.Program(alive, config)
	k.Log("starting %q", program.Args)
	if err := program.Start(); err != nil {
		if ctx.Err() != nil {
			return config, nil
		}
		return config, fmt.Errorf("starting %s: %w", program.Path, err)
	}
	var how error // once gone is closed
	gone := make(chan struct{})
	go func() { how = program.Wait(); close(gone) }()
	tick := time.NewTicker(k.period)
	defer tick.Stop()
	for {
		select {
		case <-gone:
			if ctx.Err() != nil {
				return config, nil
			}
			if how == nil {
				how = errors.New("without an error")
			}
			return config, fmt.Errorf("%s ended by itself: %w", program.Path, how)
		case <-tick.C:
			now, err := Read(k.Folder)
			switch {
			case err != nil:
				k.Log("the settings stay as they were: %v", err)
			case reflect.DeepEqual(now, config), k.Same != nil && k.Same(config, now):
			default:
				k.Log("the settings are others: starting anew")
				kill()
				<-gone
				return now, nil
			}
		}
	}
}
