// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package oci writes container images as archives of the OCI image layout.
//
// It is not in an internal folder because the images of the tests need it.
package oci

import (
	"errors"
	"fmt"
	"maps"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// An Image is what a program needs on one platform.
type Image struct {
	Platform v1.Platform
	Created  time.Time
	Config   v1.Config
	Layers   []v1.Layer // lowest first
}

// build returns the image. Its annotations are its labels: registries show the
// one, container runtimes the other.
func (i Image) build() (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(base, &v1.ConfigFile{
		Architecture: i.Platform.Architecture, OS: i.Platform.OS, Variant: i.Platform.Variant,
		Created: v1.Time{Time: i.Created},
		Config:  i.Config,
		RootFS:  v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
	})
	if err != nil {
		return nil, err
	}
	var added []mutate.Addendum
	for _, layer := range i.Layers {
		added = append(added, mutate.Addendum{Layer: layer, History: v1.History{
			Created: v1.Time{Time: i.Created}, CreatedBy: "cmd/image",
		}})
	}
	if img, err = mutate.Append(img, added...); err != nil {
		return nil, err
	}
	annotated, ok := mutate.Annotations(img, maps.Clone(i.Config.Labels)).(v1.Image)
	if !ok {
		return nil, errors.New("the library returns no image for an annotated image")
	}
	return annotated, nil
}

// Index returns the index of one image for several platforms.
func Index(annotations map[string]string, images ...Image) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, i := range images {
		img, err := i.build()
		if err != nil {
			return nil, fmt.Errorf("making the image for %s: %w", i.Platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: img, Descriptor: v1.Descriptor{Platform: i.Platform.DeepCopy()},
		})
	}
	annotated, ok := mutate.Annotations(index, annotations).(v1.ImageIndex)
	if !ok {
		return nil, errors.New("the library returns no index for an annotated index")
	}
	return annotated, nil
}
