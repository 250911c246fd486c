// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metainternalscheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// query is a request for objects.
type query struct {
	in              *collection
	namespace, name string
	options         internalversion.ListOptions
	encoding        encoding
}

// handle answers one request of the Kubernetes API.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	clauses := accept(r.Header)
	q, ok := s.route(r.URL.Path)
	verb, resource := VerbOther, r.URL.Path
	var err error
	if ok {
		err = q.decodeOptions(r)
		verb, resource = q.verb(), q.in.Resource
	}
	s.begin(Request{verb, resource, clauses[0].mediaType, clauses[0].metadata()}, r.UserAgent())
	s.pause(r.Context())
	if !ok {
		s.respond()
		s.serveOther(w, r, clauses)
		return
	}
	if err == nil {
		err = s.serve(w, r, verb, q, clauses)
	}
	if err != nil {
		s.respond()
		writeError(w, statusEncoding(clauses), err)
	}
}

// serve answers a request for objects. If it returns an error, nothing was written.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, verb string, q *query, clauses []clause) error {
	if err := s.refusal(verb, q); err != nil {
		return err
	}
	if r.Method != http.MethodGet {
		return apierrors.NewMethodNotSupported(q.in.groupResource(), r.Method)
	}
	var ok bool
	if q.encoding, ok = q.in.negotiate(verb, clauses); !ok {
		return apierrors.NewGenericServerResponse(http.StatusNotAcceptable, verb, q.in.groupResource(), q.name,
			"only application/json and, for built-in kinds, application/vnd.kubernetes.protobuf", 0, true)
	}
	if verb == VerbGet {
		return s.serveGet(w, q)
	}
	if err := q.checkOptions(s.watchList()); err != nil {
		return err
	}
	if q.options.Watch {
		return s.serveWatch(w, r, q)
	}
	return s.serveList(w, q)
}

// serveOther answers what is not about objects of a kind.
func (s *Server) serveOther(w http.ResponseWriter, r *http.Request, clauses []clause) {
	if gv, _, ok := splitPath(r.URL.Path); ok && s.resources(gv) != nil {
		// A kind that is not served in a group that is; other paths have no Status.
		writeError(w, statusEncoding(clauses), &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound,
			Message: "the server could not find the requested resource", Details: &metav1.StatusDetails{},
		}})
		return
	}
	s.serveDiscovery(w, r)
}

func (s *Server) watchList() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.watchList
}

// route finds the objects that a path names: those of a kind, in a namespace, or a single one.
func (s *Server) route(path string) (*query, bool) {
	gv, rest, ok := splitPath(path)
	if !ok {
		return nil, false
	}
	q := &query{}
	// namespaces/NAME is itself an object, anything after it is within.
	if len(rest) > 2 && rest[0] == "namespaces" {
		q.namespace, rest = rest[1], rest[2:]
	}
	if len(rest) == 0 || len(rest) > 2 {
		return nil, false
	}
	if len(rest) == 2 {
		q.name = rest[1]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.collections, func(c *collection) bool {
		return c.groupVersion() == gv && c.Resource == rest[0]
	})
	if i < 0 {
		return nil, false
	}
	q.in = s.collections[i]
	return q, q.in.Namespaced || q.namespace == ""
}

// splitPath splits /api/VERSION/... and /apis/GROUP/VERSION/...
func splitPath(path string) (schema.GroupVersion, []string, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		return schema.GroupVersion{Version: parts[1]}, parts[2:], true
	case len(parts) > 3 && parts[0] == "apis":
		return schema.GroupVersion{Group: parts[1], Version: parts[2]}, parts[3:], true
	}
	return schema.GroupVersion{}, nil, false
}

func (q *query) verb() string {
	o := q.options
	switch {
	case q.name != "":
		return VerbGet
	case o.Watch && o.SendInitialEvents != nil && *o.SendInitialEvents:
		return VerbWatchList
	case o.Watch:
		return VerbWatch
	}
	return VerbList
}

// decodeOptions reads the parameters with the code of the real server.
func (q *query) decodeOptions(r *http.Request) error {
	err := metainternalscheme.ParameterCodec.DecodeParameters(r.URL.Query(), metav1.SchemeGroupVersion, &q.options)
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return nil
}

// checkOptions completes and validates them, likewise.
func (q *query) checkOptions(watchList bool) error {
	internalversion.SetListOptionsDefaults(&q.options, watchList)
	if errs := validation.ValidateListOptions(&q.options, watchList); len(errs) > 0 {
		return apierrors.NewInvalid(schema.GroupKind{Group: metav1.GroupName, Kind: "ListOptions"}, "", errs)
	}
	return q.checkFields()
}

// checkFields refuses a selector that names a field the kind does not offer.
func (q *query) checkFields() error {
	if q.options.FieldSelector == nil {
		return nil
	}
	empty := newEntry(q.in.Kind, q.in.empty(), 0)
	known := q.in.fields(empty.obj, empty.meta)
	for _, r := range q.options.FieldSelector.Requirements() {
		if !known.Has(r.Field) {
			return apierrors.NewBadRequest("field label not supported: " + r.Field)
		}
	}
	return nil
}

// matches reports whether the query selects e, which may be nil.
func (q *query) matches(e *entry) bool {
	if e == nil || q.namespace != "" && e.key.namespace != q.namespace {
		return false
	}
	if sel := q.options.LabelSelector; sel != nil && !sel.Matches(labels.Set(e.meta.GetLabels())) {
		return false
	}
	sel := q.options.FieldSelector
	return sel == nil || sel.Empty() || sel.Matches(q.in.fields(e.obj, e.meta))
}

// selective reports whether the query has a selector.
func (q *query) selective() bool {
	l, f := q.options.LabelSelector, q.options.FieldSelector
	return l != nil && !l.Empty() || f != nil && !f.Empty()
}

// resourceVersion returns the one asked for, 0 if there is none.
func (q *query) resourceVersion() (uint64, error) {
	text := q.options.ResourceVersion
	if text == "" {
		return 0, nil
	}
	rv, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		invalid := field.Invalid(field.NewPath("resourceVersion"), text, err.Error())
		return 0, apierrors.NewBadRequest("invalid resource version: " + invalid.Error())
	}
	return rv, nil
}

// writeError answers with a Status.
func writeError(w http.ResponseWriter, enc encoding, err error) {
	status := statusOf(err)
	b, err := statusBody(enc, status)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if d := status.Details; d != nil && d.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(d.RetryAfterSeconds)))
	}
	w.Header().Set("Content-Type", enc.contentType())
	w.WriteHeader(int(status.Code))
	_ = enc.wire().object(w, b) // the client is gone if this fails
}

func statusOf(err error) metav1.Status {
	var known apierrors.APIStatus
	if errors.As(err, &known) {
		return known.Status()
	}
	return apierrors.NewInternalError(err).Status()
}
