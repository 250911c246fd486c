// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"slices"
	"strings"
	"time"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/corefile"
	"github.com/clusterdns/clusterdns/corefile/render"
)

// readForward reads the directive forward of the default server block.
func readForward(spec *v1alpha1.ClusterDNSSpec, d *corefile.Directive) {
	if u := upstreams(d); u != nil {
		spec.Upstreams = u
	}
}

// upstreams returns those of forward, or nil if the API does not take them.
func upstreams(d *corefile.Directive) *v1alpha1.Upstreams {
	args := d.Values()
	if len(args) < 2 || len(args) > 16 {
		return nil
	}
	u := &v1alpha1.Upstreams{}
	for _, to := range args[1:] {
		s, ok := parseServer(to)
		if !ok || len(u.Endpoints) > 0 && s.transport != u.Transport || slices.Contains(u.Endpoints, s.endpoint) {
			return nil
		}
		u.Transport = s.transport
		u.Endpoints = append(u.Endpoints, s.endpoint)
	}
	for _, o := range options(d) {
		if read := forwardOptions[o.Name.Value()]; read != nil {
			read(u, o.Values())
		}
	}
	if !authentic(u) {
		return nil
	}
	return u
}

// authentic reports whether servers over an encrypted transport have a name, once,
// and others none: that is what the API wants.
func authentic(u *v1alpha1.Upstreams) bool {
	secure := u.Transport != "" && u.Transport != v1alpha1.TransportTCP
	shared := u.TLS != nil && u.TLS.ServerName != ""
	own := func(e v1alpha1.Endpoint) bool { return e.ServerName != "" }
	switch {
	case !secure:
		return u.TLS == nil && !slices.ContainsFunc(u.Endpoints, own)
	case shared:
		return !slices.ContainsFunc(u.Endpoints, own)
	}
	return u.Transport != v1alpha1.TransportHTTPS && !slices.ContainsFunc(u.Endpoints, func(e v1alpha1.Endpoint) bool { return !own(e) })
}

var forwardOptions = map[string]func(u *v1alpha1.Upstreams, args []string){
	"force_tcp": func(u *v1alpha1.Upstreams, _ []string) {
		if u.Transport == "" {
			u.Transport = v1alpha1.TransportTCP
		}
	},
	"policy": func(u *v1alpha1.Upstreams, args []string) {
		u.Policy = map[string]v1alpha1.Policy{
			"random": v1alpha1.Random, "round_robin": v1alpha1.RoundRobin, "sequential": v1alpha1.Sequential,
		}[one(args)]
	},
	"failover": func(u *v1alpha1.Upstreams, args []string) {
		for _, rcode := range args {
			r := v1alpha1.Rcode(strings.ToUpper(rcode))
			if slices.Contains(rcodes, r) && !slices.Contains(u.Failover, r) {
				u.Failover = append(u.Failover, r)
			}
		}
	},
	"max_concurrent": func(u *v1alpha1.Upstreams, args []string) { u.MaxConcurrent = count(one(args), 1, 1000000) },
	"max_fails":      func(u *v1alpha1.Upstreams, args []string) { check(u).MaxFails = count(one(args), 0, 100) },
	"health_check":   readHealthCheck,
	"tls":            readTLS,
	"tls_servername": func(u *v1alpha1.Upstreams, args []string) {
		if name, ok := domain(one(args)); ok {
			secured(u).ServerName = name
		}
	},
}

var rcodes = []v1alpha1.Rcode{"FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}

func check(u *v1alpha1.Upstreams) *v1alpha1.HealthCheck {
	if u.HealthCheck == nil {
		u.HealthCheck = &v1alpha1.HealthCheck{}
	}
	return u.HealthCheck
}

func secured(u *v1alpha1.Upstreams) *v1alpha1.UpstreamTLS {
	if u.TLS == nil {
		u.TLS = &v1alpha1.UpstreamTLS{}
	}
	return u.TLS
}

func readHealthCheck(u *v1alpha1.Upstreams, args []string) {
	if len(args) == 0 {
		return
	}
	h := check(u)
	h.Interval = duration(args[0], 100*time.Millisecond, time.Minute)
	for i, word := range args {
		switch {
		case word == "no_rec":
			h.NoRecursion = true
		case word == "domain" && i+1 < len(args):
			if d, ok := domain(args[i+1]); ok {
				h.Domain = d
			}
		}
	}
}

// readTLS reads the files that the operator makes.
func readTLS(u *v1alpha1.Upstreams, files []string) {
	if len(files) == 2 || len(files) == 3 {
		folder := strings.TrimSuffix(files[0], "/tls.crt")
		secret := strings.TrimPrefix(folder, render.CertificateFolder(""))
		if objectPattern.MatchString(secret) {
			secured(u).ClientCertificateSecret = v1alpha1.ObjectName(secret)
		}
	}
	if len(files) == 1 || len(files) == 3 {
		name := strings.TrimSuffix(strings.TrimPrefix(files[len(files)-1], render.Folder+"/ca."), ".crt")
		if objectPattern.MatchString(name) {
			secured(u).CAConfigMap = v1alpha1.ObjectName(name)
		}
	}
}
