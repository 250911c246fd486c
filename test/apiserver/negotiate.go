// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"mime"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// clause is one element of an Accept header.
type clause struct {
	mediaType string
	params    map[string]string
}

// accept splits an Accept header. Quality values are ignored: no client of this server sends any, they list
// the best first.
func accept(header http.Header) []clause {
	var clauses []clause
	for part := range strings.SplitSeq(strings.Join(header.Values("Accept"), ","), ",") {
		if mediaType, params, err := mime.ParseMediaType(part); err == nil {
			clauses = append(clauses, clause{mediaType, params})
		}
	}
	if clauses == nil {
		clauses = []clause{{mediaType: "*/*"}}
	}
	return clauses
}

// metadata reports whether the clause asks for metadata only.
func (c clause) metadata() bool {
	return strings.HasPrefix(c.params["as"], "PartialObjectMetadata") &&
		c.params["g"] == metav1.GroupName && c.params["v"] == "v1"
}

// negotiate returns the encoding of the response to a verb, false if the client accepts none that is possible.
func (k *Kind) negotiate(verb string, clauses []clause) (encoding, bool) {
	as := "PartialObjectMetadata"
	if verb == VerbList {
		as = "PartialObjectMetadataList"
	}
	for _, c := range clauses {
		enc := encoding{metadata: c.metadata()}
		if enc.metadata && c.params["as"] != as {
			return encoding{}, false // the real server finds out when it has already chosen
		}
		if c.params["as"] != "" && !enc.metadata {
			continue
		}
		switch c.mediaType {
		case runtime.ContentTypeJSON, "application/*", "*/*":
			return enc, true
		case runtime.ContentTypeProtobuf:
			// The metadata of custom resources has a protobuf form, they themselves have none.
			if enc.protobuf = true; k.Protobuf || enc.metadata {
				return enc, true
			}
		}
	}
	return encoding{}, false
}

// statusEncoding is the encoding for a Status, which can always be given.
func statusEncoding(clauses []clause) encoding {
	for _, c := range clauses {
		switch c.mediaType {
		case runtime.ContentTypeJSON:
			return encoding{}
		case runtime.ContentTypeProtobuf:
			return encoding{protobuf: true}
		}
	}
	return encoding{}
}
