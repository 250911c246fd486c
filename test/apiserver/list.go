// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// serveGet answers with a single object.
func (s *Server) serveGet(w http.ResponseWriter, q *query) error {
	s.mu.Lock()
	e := q.in.objects[key{q.namespace, q.name}]
	s.mu.Unlock()
	if e == nil {
		return apierrors.NewNotFound(q.in.groupResource(), q.name)
	}
	b, err := e.body(q.encoding)
	if err != nil {
		return err
	}
	s.respond()
	w.Header().Set("Content-Type", q.encoding.contentType())
	_ = q.encoding.wire().object(w, b) // the client is gone if this fails
	return nil
}

// serveList answers with all objects of a query or a page of them.
func (s *Server) serveList(w http.ResponseWriter, q *query) error {
	p, err := s.page(q)
	if err != nil {
		return err
	}
	items := make([]body, len(p.items))
	for i, e := range p.items {
		if items[i], err = e.body(q.encoding); err != nil {
			return err
		}
	}
	s.respond()
	w.Header().Set("Content-Type", q.encoding.contentType())
	out := bufio.NewWriterSize(w, 64<<10)
	if err := q.encoding.wire().list(out, q.in.listTypeMeta(q.encoding), &p.meta, items); err == nil {
		_ = out.Flush() // the client is gone if this fails
	}
	return nil
}

// page is the content of one response to a list.
type page struct {
	meta  metav1.ListMeta
	items []*entry
}

// position is what a continue token says: go on at this path in the list as it was then. It has the form of
// the real server's token.
type position struct {
	Version string `json:"v"`
	RV      uint64 `json:"rv"`
	Start   string `json:"start"`
}

const positionVersion = "meta.k8s.io/v1"

func (p position) token() string {
	text, _ := json.Marshal(p) // two strings and a number
	return base64.RawURLEncoding.EncodeToString(text)
}

func parsePosition(token string) (position, error) {
	var p position
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err == nil && (p.Version != positionVersion || p.RV == 0 || p.Start == "") {
		err = fmt.Errorf("incomplete")
	}
	if err != nil {
		return p, apierrors.NewBadRequest(fmt.Sprintf("invalid continue token: continue key is not valid: %v", err))
	}
	return p, nil
}

// page selects the objects of the response.
func (s *Server) page(q *query) (*page, error) {
	from, all, err := s.snapshot(q)
	if err != nil {
		return nil, err
	}
	all = within(all, q.namespace)
	p := &page{meta: metav1.ListMeta{ResourceVersion: strconv.FormatUint(from.RV, 10)}}
	limit := int(q.options.Limit)
	if q.options.ResourceVersion == "0" {
		limit = 0 // answered from the watch cache, which ignores the limit
	}
	for i := search(all, from.Start); i < len(all); i++ {
		if limit > 0 && len(p.items) == limit {
			p.meta.Continue = position{positionVersion, from.RV, all[i].path}.token()
			if left := int64(len(all) - i); !q.selective() {
				p.meta.RemainingItemCount = &left
			}
			break
		}
		if q.matches(all[i]) {
			p.items = append(p.items, all[i])
		}
	}
	return p, nil
}

// search returns the index of the first object at or after path.
func search(list []*entry, path string) int {
	i, _ := slices.BinarySearchFunc(list, path, func(e *entry, path string) int { return strings.Compare(e.path, path) })
	return i
}

// within returns the objects of a namespace, all if it is empty.
func within(list []*entry, namespace string) []*entry {
	if namespace == "" {
		return list
	}
	return list[search(list, namespace+"/"):search(list, namespace+string('/'+1))]
}

// snapshot returns the list to answer from and where to begin in it.
func (s *Server) snapshot(q *query) (position, []*entry, error) {
	rv, err := q.resourceVersion()
	if err != nil {
		return position{}, nil, err
	}
	if rv > 0 && q.options.Continue != "" {
		return position{}, nil, apierrors.NewBadRequest("specifying resource version is not allowed when using continue")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if rv > s.rv {
		return position{}, nil, tooLarge(rv, s.rv)
	}
	from := position{RV: s.rv}
	switch {
	case q.options.Continue != "":
		if from, err = parsePosition(q.options.Continue); err != nil {
			return from, nil, err
		}
	case q.exact():
		from.RV = rv
	}
	list, ok := q.in.listAt(from.RV)
	switch {
	case ok:
		return from, list, nil
	case q.options.Continue != "":
		return from, nil, apierrors.NewResourceExpired(
			"The provided continue parameter is too old to display a consistent list result.")
	}
	return from, nil, apierrors.NewResourceExpired("The resourceVersion for the provided list is too old.")
}

// exact reports whether a list is to show the state at just the given version. For history's sake a limit
// without a resourceVersionMatch means so too.
func (q *query) exact() bool {
	o := q.options
	return o.ResourceVersionMatch == metav1.ResourceVersionMatchExact ||
		o.ResourceVersionMatch == "" && o.Limit > 0 && o.ResourceVersion != "" && o.ResourceVersion != "0"
}

// tooLarge is the answer to a resourceVersion that is not reached yet. The real server's watch cache adds
// Retry-After, with which client-go would spend ten seconds on hiding the error from the test.
func tooLarge(rv, current uint64) error {
	err := apierrors.NewTimeoutError(fmt.Sprintf("Too large resource version: %d, current: %d", rv, current), 0)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{
		Type:    metav1.CauseTypeResourceVersionTooLarge,
		Message: "Too large resource version",
	}}
	return err
}
