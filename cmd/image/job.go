// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/clusterdns/clusterdns/cmd/image/internal/source"
)

// A job is what is to be made.
type job struct {
	tree      source.Tree
	folder    string // of the archives
	platforms []v1.Platform
	version   string
	revision  string
	created   time.Time
	out, errs io.Writer
}

// job returns what the user asks for, with what the repository says where the
// user says nothing.
func (f flags) job(ctx context.Context) (*job, error) {
	platforms, err := parsePlatforms(f.platforms)
	if err != nil {
		return nil, err
	}
	if err := source.CheckGo(); err != nil {
		return nil, err
	}
	j := &job{folder: f.out, platforms: platforms, version: f.version, revision: f.revision}
	if j.tree, err = source.Find("."); err != nil {
		return nil, err
	}
	if j.folder == "" {
		j.folder = j.tree.Path("bin", "images")
	}
	if err := j.setVersion(); err != nil {
		return nil, err
	}
	if err := j.setRevision(ctx); err != nil {
		return nil, err
	}
	return j, j.setCreated(ctx, f.created)
}

func (j *job) setVersion() (err error) {
	if j.version == "" {
		if j.version, err = j.tree.Version(); err != nil {
			return fmt.Errorf("%w: give --version", err)
		}
	}
	return checkVersion(j.version)
}

func (j *job) setRevision(ctx context.Context) (err error) {
	if j.revision != "" {
		return nil
	}
	if j.revision, err = j.tree.Revision(ctx); err != nil {
		return fmt.Errorf("looking for the commit: %w: give --revision and --created", err)
	}
	return nil
}

func (j *job) setCreated(ctx context.Context, created string) (err error) {
	if created == "" {
		created = os.Getenv("SOURCE_DATE_EPOCH") // https://reproducible-builds.org/specs/source-date-epoch/
	}
	if created != "" {
		j.created, err = parseTime(created)
		return err
	}
	if j.created, err = j.tree.Committed(ctx, j.revision); err != nil {
		return fmt.Errorf("looking for the time of the commit: %w: give --created", err)
	}
	j.created = j.created.UTC()
	return nil
}
