// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/clusterdns/clusterdns/test/apiserver"
)

// big holds 50,000 services with two endpoints each.
func big(b *testing.B) ([]runtime.Object, *apiserver.Server) {
	b.Helper()
	var objs []runtime.Object
	for i := range 50_000 {
		ns, name := fmt.Sprintf("ns-%d", i%500), fmt.Sprintf("service-%d", i)
		ip := func(net int) string { return fmt.Sprintf("10.%d.%d.%d", net+i>>16, i>>8&255, i&255) }
		objs = append(objs, service(ns, name, clusterIP(ip(0))), slice(ns, name, ip(100), ip(200)))
	}
	s := newServer(b)
	return objs, s
}

func BenchmarkReplace(b *testing.B) {
	objs, s := big(b)
	for b.Loop() {
		s.Replace(objs...)
		s.Replace()
	}
}

func BenchmarkList(b *testing.B) {
	objs, s := big(b)
	s.Replace(objs...)
	for name, contentType := range contentTypes {
		for _, resource := range []string{"/api/v1/services", "/apis/discovery.k8s.io/v1/endpointslices"} {
			b.Run(name+resource, func(b *testing.B) {
				for b.Loop() {
					discard(b, s.URL()+resource, contentType)
				}
			})
		}
	}
}

// BenchmarkWatchList streams everything to client-go.
func BenchmarkWatchList(b *testing.B) {
	objs, s := big(b)
	s.Replace(objs...)
	c := client(b, s, runtime.ContentTypeProtobuf)
	for b.Loop() {
		w, err := c.CoreV1().Services("").Watch(b.Context(), watchList(""))
		if err != nil {
			b.Fatal(err)
		}
		for e := range w.ResultChan() {
			if e.Type == watch.Bookmark {
				w.Stop()
			}
		}
	}
}

func discard(b *testing.B, url, accept string) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(n)
}
