// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// environment returns the variables of a container, without the paths mapped.
// It is an error if one comes from where the Node does not look.
func environment(o *corev1.Pod, c corev1.Container, node string, ip netip.Addr) (map[string]string, error) {
	values := make(map[string]string)
	for _, e := range c.Env {
		value := expand(e.Value, values)
		if e.ValueFrom != nil {
			var err error
			if value, err = field(e.ValueFrom, o, node, ip); err != nil {
				return nil, fmt.Errorf("the variable %s: %w", e.Name, err)
			}
		}
		values[e.Name] = value
	}
	if len(c.EnvFrom) > 0 {
		return nil, fmt.Errorf("envFrom: this stand-in for kubelet does not have it")
	}
	return values, nil
}

// field returns the field of a Pod that a variable refers to.
func field(from *corev1.EnvVarSource, o *corev1.Pod, node string, ip netip.Addr) (string, error) {
	if from.FieldRef == nil {
		return "", fmt.Errorf("this stand-in for kubelet knows no source but fieldRef")
	}
	value, ok := map[string]string{
		"metadata.name":           o.Name,
		"metadata.namespace":      o.Namespace,
		"metadata.uid":            string(o.UID),
		"spec.nodeName":           node,
		"spec.serviceAccountName": o.Spec.ServiceAccountName,
		"status.podIP":            ip.String(),
		"status.podIPs":           ip.String(),
	}[from.FieldRef.FieldPath]
	if !ok {
		return "", fmt.Errorf("this stand-in for kubelet does not know the field %q", from.FieldRef.FieldPath)
	}
	return value, nil
}

// expand puts the values of variables in the place of $(NAME). What is not
// defined stays, and $$ is a dollar sign.
func expand(text string, values map[string]string) string {
	pairs := []string{"$$", "$"}
	for name, value := range values {
		pairs = append(pairs, "$("+name+")", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// variables returns values as a process gets them, in order.
func (m mounts) variables(values map[string]string) []string {
	var all []string
	for name, value := range values {
		all = append(all, name+"="+m.outside(value))
	}
	slices.Sort(all)
	return all
}
