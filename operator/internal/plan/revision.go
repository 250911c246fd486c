// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterdns/clusterdns/corefile/render"
)

const (
	corefileKey = "Corefile"
	templateKey = "template.json"
)

// A revision is a Corefile with its certificates and the template of the Pods
// that load it.
type revision struct {
	name     string
	corefile string
	// data of its ConfigMap.
	data     map[string]string
	template corev1.PodTemplateSpec
	// marks are its annotations.
	marks   map[string]string
	created time.Time
}

// newRevision names a revision by what is in it.
func newRevision(text string, certificates map[string][]byte, template corev1.PodTemplateSpec) (revision, error) {
	data := map[string]string{corefileKey: text}
	for name, bundle := range certificates {
		data[render.CAKey(name)] = string(bundle)
	}
	encoded, err := json.Marshal(template)
	if err != nil {
		return revision{}, err
	}
	data[templateKey] = string(encoded)
	sum := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(data)) {
		sum.Write([]byte(key + "\x00" + data[key] + "\x00"))
	}
	name := "coredns-" + hex.EncodeToString(sum.Sum(nil))[:10]
	return revision{name: name, corefile: text, data: data, template: template, marks: map[string]string{}}, nil
}

// readRevision returns the revision of a ConfigMap, if it is one.
func readRevision(cm *corev1.ConfigMap) (revision, bool) {
	r := revision{name: cm.Name, corefile: cm.Data[corefileKey], data: cm.Data, marks: map[string]string{}, created: cm.CreationTimestamp.Time}
	maps.Copy(r.marks, cm.Annotations)
	if r.corefile == "" || json.Unmarshal([]byte(cm.Data[templateKey]), &r.template) != nil {
		return revision{}, false
	}
	return r, true
}

// configMap returns the object of r.
func (r revision) configMap(namespace string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: r.name, Labels: labels(componentRevision), Annotations: r.marks},
		Data:       r.data, Immutable: ptr(true),
	}
}

// pods returns the template with the revision in it.
func (r revision) pods() corev1.PodTemplateSpec {
	t := *r.template.DeepCopy()
	for i := range t.Spec.Volumes {
		if v := &t.Spec.Volumes[i]; v.Name == configVolume {
			v.ConfigMap.Name = r.name
		}
	}
	return t
}

func (r revision) time(mark string) time.Time {
	t, err := time.Parse(time.RFC3339, r.marks[mark])
	if err != nil {
		return time.Time{}
	}
	return t
}

func (r revision) generation(mark string) int64 {
	n, err := strconv.ParseInt(r.marks[mark], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (r revision) mark(name string, t time.Time) { r.marks[name] = t.UTC().Format(time.RFC3339Nano) }

// revisionOf returns the name of the revision that Pods of a spec load, or "".
func revisionOf(spec *corev1.PodSpec) string {
	for _, v := range spec.Volumes {
		if v.Name == configVolume && v.ConfigMap != nil {
			return v.ConfigMap.Name
		}
	}
	return ""
}

// revisions are those that are kept, the newest first.
type revisions []revision

func readRevisions(list []corev1.ConfigMap) revisions {
	var out revisions
	for i := range list {
		if r, ok := readRevision(&list[i]); ok {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b revision) int { return cmp.Or(b.created.Compare(a.created), cmp.Compare(a.name, b.name)) })
	return out
}

// forgetOthers takes marks out that are about the generations of a ClusterDNS
// that was deleted: those of the one with uid begin at 1, too.
func (rs revisions) forgetOthers(uid string) {
	for _, r := range rs {
		if r.marks[annotationOf] != uid {
			delete(r.marks, annotationAppliedGeneration)
			delete(r.marks, annotationFailedGeneration)
		}
	}
}

func (rs revisions) named(name string) (revision, bool) {
	i := slices.IndexFunc(rs, func(r revision) bool { return r.name == name })
	if i < 0 {
		return revision{}, false
	}
	return rs[i], true
}

// good returns the one to go back to: that which was good last.
func (rs revisions) good() (best revision, ok bool) {
	for _, r := range rs {
		if t := r.time(annotationGood); !t.IsZero() && (!ok || t.After(best.time(annotationGood))) {
			best, ok = r, true
		}
	}
	return best, ok
}

// applied returns the one that the workload was given last for a generation.
func (rs revisions) applied(generation int64) (last revision, ok bool) {
	for _, r := range rs {
		if r.generation(annotationAppliedGeneration) == generation && (!ok || r.time(annotationAppliedAt).After(last.time(annotationAppliedAt))) {
			last, ok = r, true
		}
	}
	return last, ok
}

func ptr[T any](v T) *T { return &v }
