// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster/internal/process"
)

// await returns once the API server answers each path with 200, in that order.
// It gives up when a program fails or ctx ends, and then says why: name is the
// program that is waited for.
func (c *Cluster) await(ctx context.Context, name string, paths ...string) error {
	return c.poll(ctx, name, func() error { return c.check(ctx, &paths) })
}

// poll returns once ready does not complain any more. It gives up as await
// does.
func (c *Cluster) poll(ctx context.Context, name string, ready func() error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var missing error
	for {
		if err := c.failure(); err != nil {
			return err
		}
		err := ready()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || missing == nil { // else it says only that ctx ended
			missing = err
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%w: %w%s", context.Cause(ctx), missing, process.Excerpt(c.files.log(name), 8))
		case <-tick.C:
		}
	}
}

// check drops the paths that are fine and says what is wrong with the first
// that is not.
func (c *Cluster) check(ctx context.Context, paths *[]string) error {
	for len(*paths) > 0 {
		if err := get(ctx, c.client, c.state.APIServer()+(*paths)[0]); err != nil {
			return err
		}
		*paths = (*paths)[1:]
	}
	return nil
}

func (c *Cluster) failure() error {
	for _, name := range c.state.startOrder() {
		if p := c.running[name]; p != nil {
			if err := p.Failure(); err != nil {
				return err
			}
		}
	}
	return nil
}

// get is nil if url answers 200 within a few seconds.
func get(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says %s%s", url, response.Status, failedChecks(string(body)))
	}
	return nil
}

// failedChecks picks from the verbose answer of /readyz what is not ready.
func failedChecks(body string) string {
	var failed []string
	for line := range strings.Lines(body) {
		if line, ok := strings.CutPrefix(line, "[-]"); ok {
			failed = append(failed, strings.TrimSpace(line))
		}
	}
	if failed == nil {
		return ""
	}
	return " (" + strings.Join(failed, "; ") + ")"
}
