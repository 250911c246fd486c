// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// files are the contents of files by path.
type files map[string][]byte

// gather returns the files that the volumes of a Pod have, in a folder for each
// below the folder volumes.
func (n *Node) gather(ctx context.Context, o *corev1.Pod, volumes string) (files, error) {
	all := make(files)
	for _, v := range o.Spec.Volumes {
		var content files
		var err error
		switch {
		case v.ConfigMap != nil:
			content, err = n.configMap(ctx, o.Namespace, v.ConfigMap)
		case v.Secret != nil:
			content, err = n.secret(ctx, o.Namespace, v.Secret)
		}
		if err != nil {
			return nil, fmt.Errorf("MountVolume.SetUp failed for volume %q: %w", v.Name, err)
		}
		for name, text := range content {
			all[filepath.Join(volumes, v.Name, name)] = text
		}
	}
	return all, nil
}

func (n *Node) configMap(ctx context.Context, namespace string, s *corev1.ConfigMapVolumeSource) (files, error) {
	optional := s.Optional != nil && *s.Optional
	o, err := n.client.CoreV1().ConfigMaps(namespace).Get(ctx, s.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && optional:
		return nil, nil
	case err != nil:
		return nil, err
	}
	data := maps.Clone(files(o.BinaryData))
	if data == nil {
		data = make(files)
	}
	for key, text := range o.Data {
		data[key] = []byte(text)
	}
	return choose(data, s.Items, optional)
}

func (n *Node) secret(ctx context.Context, namespace string, s *corev1.SecretVolumeSource) (files, error) {
	optional := s.Optional != nil && *s.Optional
	o, err := n.client.CoreV1().Secrets(namespace).Get(ctx, s.SecretName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && optional:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return choose(o.Data, s.Items, optional)
}

// choose returns the items of data under their paths; no items are all.
func choose(data files, items []corev1.KeyToPath, optional bool) (files, error) {
	if len(items) == 0 {
		return data, nil
	}
	chosen := make(files)
	for _, item := range items {
		text, ok := data[item.Key]
		if !ok && !optional {
			return nil, fmt.Errorf("references non-existent key %s", item.Key)
		}
		if ok {
			chosen[item.Path] = text
		}
	}
	return chosen, nil
}

// write makes the folder hold these files and no others. A program that reads
// one sees what it was or what it is now, nothing between.
func (f files) write(folder string) error {
	for name, text := range f {
		if err := replace(name, text); err != nil {
			return err
		}
	}
	return filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if _, ok := f[name]; !ok {
			return os.Remove(name)
		}
		return nil
	})
}

func replace(name string, text []byte) error {
	if old, err := os.ReadFile(name); err == nil && string(old) == string(text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	next := name + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, name)
}
