// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"

	"github.com/clusterdns/clusterdns/operator/internal/check"
)

// Check asks a program of DNS servers about a Corefile. It returns what is wrong
// with it, or to be known about it, one line each, and whether it would be
// served. An error says that the program could not be asked.
func Check(ctx context.Context, program, corefile string) (found []string, good bool, err error) {
	all, good, err := check.Program{Path: program}.Check(ctx, corefile, nil)
	for _, f := range all {
		found = append(found, f.String())
	}
	return found, good, err
}
