// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

var errUsage = errors.New("usage")

// flags are what the user says.
type flags struct {
	out, platforms, version, revision, created string
}

const about = `Usage: image [flags]

Makes the images clusterdns/coredns and clusterdns/operator, each an archive
of the OCI image layout, with an SBOM of each program beside them. The same
commit, version and Go give the same bytes.

  ctr -n k8s.io image import bin/images/coredns.tar
  skopeo copy --all oci-archive:bin/images/coredns.tar docker://registry.example/clusterdns/coredns:v0.1.0

Flags:
`

func parse(args []string, errs io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("image", flag.ContinueOnError)
	set.StringVar(&f.out, "out", "", "`folder` of the archives (default bin/images of the repository)")
	set.StringVar(&f.platforms, "platform", "linux/amd64,linux/arm64", "`platforms` of the images, with commas between")
	set.StringVar(&f.version, "version", "", "`version`, which is the tag too (default that of the operator)")
	set.StringVar(&f.revision, "revision", "", "`commit` that the labels name (default the one checked out, with -dirty if files are changed)")
	set.StringVar(&f.created, "created", "", "`time` of the images and all their files, in RFC 3339 or seconds since 1970 (default $SOURCE_DATE_EPOCH, else that of the commit)")
	set.SetOutput(io.Discard) // one line says more than all the flags
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		set.SetOutput(errs)
		fmt.Fprint(errs, about)
		set.PrintDefaults()
		return f, err
	case err != nil:
		return f, fmt.Errorf("%w: %w", errUsage, err)
	case set.NArg() > 0:
		return f, fmt.Errorf("%w: %q is not expected", errUsage, set.Arg(0))
	}
	return f, nil
}

// supported are the platforms that the programs are tested for.
var supported = []string{"linux/amd64", "linux/arm64"}

// parsePlatforms returns them in one order, however they are given.
func parsePlatforms(text string) ([]v1.Platform, error) {
	given := strings.Split(text, ",")
	for n, p := range given {
		given[n] = strings.TrimSpace(p)
		if !slices.Contains(supported, given[n]) {
			return nil, fmt.Errorf("%w: --platform %q: want some of %s", errUsage, p, strings.Join(supported, ","))
		}
	}
	slices.Sort(given)
	var platforms []v1.Platform
	for _, p := range slices.Compact(given) {
		parsed, err := v1.ParsePlatform(p)
		if err != nil {
			return nil, err
		}
		platforms = append(platforms, *parsed)
	}
	return platforms, nil
}

// parseTime returns a time of whole seconds: a tar has no others.
func parseTime(text string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds >= 0 {
		return time.Unix(seconds, 0).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Unix() < 0 {
		return time.Time{}, fmt.Errorf("%w: time %q: want RFC 3339, as 2026-11-25T10:00:00Z, or seconds since 1970", errUsage, text)
	}
	return t.UTC().Truncate(time.Second), nil
}

func checkVersion(version string) error {
	if _, err := name.NewTag(registry+"clusterdns/coredns:"+version, name.StrictValidation); err != nil {
		return fmt.Errorf("%w: --version %q: want a tag, as v0.1.0: letters, digits and ._- behind a letter or digit, 128 at most", errUsage, version)
	}
	return nil
}
