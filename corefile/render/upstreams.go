// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// ResolvConf has the servers of the node.
const ResolvConf = "/etc/resolv.conf"

// DefaultUpstreams are those of a spec without any: the servers of the node.
func DefaultUpstreams() *v1alpha1.Upstreams {
	limit := int32(1000)
	return &v1alpha1.Upstreams{Endpoints: []v1alpha1.Endpoint{{ResolvConf: ResolvConf}}, MaxConcurrent: &limit}
}

// forward sends queries to upstreams. If there is none to send them to it
// answers SERVFAIL: a zone without a server is not asked for elsewhere.
func (w *writer) forward(u *v1alpha1.Upstreams) {
	if u == nil {
		u = DefaultUpstreams()
	}
	to := []string{"."}
	for i := range u.Endpoints {
		if server, ok := w.endpoint(u, &u.Endpoints[i]); ok {
			to = append(to, server)
		}
	}
	if len(to) == 1 {
		w.put("template", "ANY", "ANY").option("rcode", "SERVFAIL")
		return
	}
	w.put("forward", to...)
	w.secure(u)
	w.flag(u.Transport == v1alpha1.TransportTCP, "force_tcp")
	if u.Policy != "" {
		w.option("policy", policies[u.Policy])
	}
	if len(u.Failover) > 0 {
		w.option("failover", words(u.Failover)...)
	}
	if u.MaxConcurrent != nil {
		w.option("max_concurrent", number(*u.MaxConcurrent))
	}
	w.healthCheck(u.HealthCheck)
}

var policies = map[v1alpha1.Policy]string{
	v1alpha1.Random: "random", v1alpha1.RoundRobin: "round_robin", v1alpha1.Sequential: "sequential",
}

// endpoint returns e as forward wants it.
func (w *writer) endpoint(u *v1alpha1.Upstreams, e *v1alpha1.Endpoint) (to string, ok bool) {
	if e.ResolvConf != "" {
		return e.ResolvConf, true
	}
	address, ok := Address(e, w.facts)
	if !ok {
		if e.Service == nil {
			w.problem(w.field, "an endpoint is neither an address nor a Service nor a resolv.conf", "set one of them")
		} else {
			w.problems = append(w.problems, Problem{
				w.field, "Service " + e.Service.Namespace + "/" + e.Service.Name + " is not there, or has no cluster IP", "make it, or name another endpoint", true,
			})
		}
		return "", false
	}
	return schemes[u.Transport] + host(address, e.ServerName) + port(u.Transport, e.Port), true
}

// Address returns the address of an endpoint, if it has one: its own, or that of
// its Service.
func Address(e *v1alpha1.Endpoint, facts Facts) (netip.Addr, bool) {
	if e.Service != nil {
		a, ok := facts.Services[*e.Service]
		return a, ok
	}
	a, err := netip.ParseAddr(string(e.Address))
	return a, err == nil
}

var schemes = map[v1alpha1.Transport]string{
	v1alpha1.TransportTLS: "tls://", v1alpha1.TransportHTTPS: "https://", v1alpha1.TransportQUIC: "quic://",
}

// host returns an address with the name that its certificate has to have. An
// address of IPv6 is in brackets, since a port or a path may follow.
func host(a netip.Addr, serverName v1alpha1.Domain) string {
	text := a.String()
	if serverName != "" {
		text += "%" + string(serverName)
	}
	if a.Is6() {
		return "[" + text + "]"
	}
	return text
}

// port returns a colon and the port, unless it is that of the transport.
func port(t v1alpha1.Transport, p v1alpha1.Port) string {
	if p == 0 || int(p) == DefaultPort(t) {
		return ""
	}
	return ":" + strconv.Itoa(int(p))
}

// DefaultPort returns the port of a transport.
func DefaultPort(t v1alpha1.Transport) int {
	switch t {
	case v1alpha1.TransportTLS, v1alpha1.TransportQUIC:
		return 853
	case v1alpha1.TransportHTTPS:
		return 443
	}
	return 53
}

// secure says who servers have to be, and who we are to them.
func (w *writer) secure(u *v1alpha1.Upstreams) {
	if u.TLS == nil {
		return
	}
	var files []string
	if s := u.TLS.ClientCertificateSecret; s != "" {
		files = append(files, CertificateFolder(string(s))+"/tls.crt", CertificateFolder(string(s))+"/tls.key")
	}
	if c := u.TLS.CAConfigMap; c != "" {
		files = append(files, CAFile(string(c)))
	}
	if len(files) > 0 {
		w.option("tls", files...)
	}
	if u.TLS.ServerName != "" {
		w.option("tls_servername", string(u.TLS.ServerName))
	}
}

// healthCheck needs the interval if there is more to say.
func (w *writer) healthCheck(h *v1alpha1.HealthCheck) {
	if h == nil {
		return
	}
	if h.MaxFails != nil {
		w.option("max_fails", number(*h.MaxFails))
	}
	if h.Interval == nil && h.Domain == "" && !h.NoRecursion {
		return
	}
	args := []string{"500ms"}
	if h.Interval != nil {
		args[0] = h.Interval.Duration.String()
	}
	if h.NoRecursion {
		args = append(args, "no_rec")
	}
	if h.Domain != "" {
		args = append(args, "domain", string(h.Domain)+".")
	}
	w.option("health_check", args...)
}

// Where servers find files.
const (
	// Folder has the Corefile and what belongs to its revision.
	Folder = "/etc/coredns"
	// secrets has a folder for each Secret.
	secrets = "/etc/clusterdns/secrets/"
)

// CAKey returns the key, in the ConfigMap of a revision, of the certificates of
// a ConfigMap.
func CAKey(configMap string) string { return "ca." + configMap + ".crt" }

// CAFile returns where servers find them.
func CAFile(configMap string) string { return Folder + "/" + CAKey(configMap) }

// CertificateFolder returns where servers find a Secret of type kubernetes.io/tls.
func CertificateFolder(secret string) string { return secrets + secret }

// number writes an integer.
func number[N ~int32 | ~int](n N) string { return strconv.Itoa(int(n)) }

// HostPort returns a server as people write it.
func HostPort(a netip.Addr, port int) string {
	return strings.TrimSuffix(net.JoinHostPort(a.String(), strconv.Itoa(port)), ":53")
}
