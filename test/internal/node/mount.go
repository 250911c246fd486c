// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const (
	resolvConf = "/etc/resolv.conf"
	// tokenPath is where the API server mounts the credentials of a Pod.
	tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"
)

// A mount says where a path in a container is on this machine.
type mount struct{ inside, outside string }

// mounts are those of a container.
type mounts []mount

// mountsOf returns the mounts of a container whose volumes are in folders of
// the folder volumes.
func mountsOf(o *corev1.Pod, c corev1.Container, volumes, resolv string) mounts {
	all := mounts{{resolvConf, resolv}}
	for _, m := range c.VolumeMounts {
		if filled(o, m.Name) {
			all = append(all, mount{path.Clean(m.MountPath), path.Join(volumes, m.Name, m.SubPath)})
		}
	}
	return all
}

// filled reports whether the Node makes files for a volume.
func filled(o *corev1.Pod, volume string) bool {
	for _, v := range o.Spec.Volumes {
		if v.Name == volume {
			return v.ConfigMap != nil || v.Secret != nil || v.EmptyDir != nil
		}
	}
	return false
}

// outside returns where a path in the container is on this machine. The mount
// that is nearest to it counts. A path that is in no mount stays.
func (m mounts) outside(p string) string {
	var nearest mount
	for _, candidate := range m {
		if within(p, candidate.inside) && len(candidate.inside) > len(nearest.inside) {
			nearest = candidate
		}
	}
	if nearest.inside == "" {
		return p
	}
	return nearest.outside + p[len(nearest.inside):]
}

func within(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

// word maps a word that is a path, or NAME=PATH.
func (m mounts) word(w string) string {
	if name, value, ok := strings.Cut(w, "="); ok && !strings.HasPrefix(w, "/") {
		return name + "=" + m.outside(value)
	}
	return m.outside(w)
}

func (m mounts) words(all []string) []string {
	mapped := make([]string, len(all))
	for i, w := range all {
		mapped[i] = m.word(w)
	}
	return mapped
}

// trusted reports whether a container has the credentials of its service account.
func trusted(c corev1.Container) bool {
	for _, m := range c.VolumeMounts {
		if path.Clean(m.MountPath) == tokenPath {
			return true
		}
	}
	return false
}
