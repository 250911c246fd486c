// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
)

// serveDiscovery answers all that is not about objects, in JSON: what the clients of client-go ask for before
// they list.
func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	answer := s.discovery(strings.TrimSuffix(r.URL.Path, "/"))
	if answer == nil {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	if text, ok := answer.(string); ok {
		_, _ = w.Write([]byte(text)) // the client is gone if this fails
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // likewise
}

// discovery returns a JSON object, a plain text, or nil if there is nothing at the path.
func (s *Server) discovery(path string) any {
	switch path {
	case "/healthz", "/livez", "/readyz":
		return "ok"
	case "/version":
		return version.Info{Major: "1", Minor: "37", GitVersion: "v1.37.0", Platform: "linux/amd64"}
	case "/api":
		return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}
	case "/apis":
		return s.groups()
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch {
	case len(parts) == 2 && parts[0] == "api":
		return s.resources(schema.GroupVersion{Version: parts[1]})
	case len(parts) == 3 && parts[0] == "apis":
		return s.resources(schema.GroupVersion{Group: parts[1], Version: parts[2]})
	}
	return nil
}

// groups lists all API groups but the core one.
func (s *Server) groups() metav1.APIGroupList {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := metav1.APIGroupList{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"},
		Groups:   []metav1.APIGroup{},
	}
	for _, c := range s.collections {
		known := slices.ContainsFunc(list.Groups, func(g metav1.APIGroup) bool { return g.Name == c.Group })
		if c.Group == "" || known {
			continue
		}
		v := metav1.GroupVersionForDiscovery{GroupVersion: c.groupVersion().String(), Version: c.Version}
		list.Groups = append(list.Groups, metav1.APIGroup{
			Name: c.Group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v,
		})
	}
	return list
}

// resources lists the kinds of a group, nil if there are none.
func (s *Server) resources(gv schema.GroupVersion) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
		GroupVersion: gv.String(),
	}
	for _, c := range s.collections {
		if c.groupVersion() == gv {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: c.Resource, SingularName: strings.ToLower(c.Kind.Kind), Namespaced: c.Namespaced, Kind: c.Kind.Kind,
				Verbs: metav1.Verbs{VerbGet, VerbList, VerbWatch},
			})
		}
	}
	if list.APIResources == nil {
		return nil
	}
	return list
}
