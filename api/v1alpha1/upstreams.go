// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Transport is how an upstream is asked.
//
// +kubebuilder:validation:Enum=DNS;TCP;TLS;HTTPS;QUIC
type Transport string

const (
	// TransportDNS is UDP, and TCP for what does not fit (RFC 1035), port 53.
	TransportDNS Transport = "DNS"
	// TransportTCP is TCP only (RFC 7766), port 53.
	TransportTCP Transport = "TCP"
	// TransportTLS is DNS over TLS (RFC 7858), port 853.
	TransportTLS Transport = "TLS"
	// TransportHTTPS is DNS over HTTPS (RFC 8484), port 443.
	TransportHTTPS Transport = "HTTPS"
	// TransportQUIC is DNS over QUIC (RFC 9250), port 853.
	TransportQUIC Transport = "QUIC"
)

// Policy says which upstream is asked first.
//
// +kubebuilder:validation:Enum=Random;RoundRobin;Sequential
type Policy string

// The policies of the forward plugin of CoreDNS.
const (
	Random     Policy = "Random"
	RoundRobin Policy = "RoundRobin"
	Sequential Policy = "Sequential"
)

// Rcode is a response code (RFC 6895) after which the next upstream is asked.
//
// +kubebuilder:validation:Enum=FORMERR;SERVFAIL;NXDOMAIN;NOTIMP;REFUSED
type Rcode string

// Upstreams are DNS servers that are asked for the names of a zone. All are
// asked over one transport: what is to be kept from others in one place is not
// sent in the clear to the next.
//
// +kubebuilder:validation:XValidation:rule="has(self.tls) ? has(self.transport) && self.transport in ['TLS', 'HTTPS', 'QUIC'] : true",message="tls needs transport TLS, HTTPS or QUIC: set it, or remove tls"
// +kubebuilder:validation:XValidation:rule="has(self.transport) && self.transport in ['TLS', 'HTTPS', 'QUIC'] ? self.endpoints.all(e, !has(e.resolvConf)) : true",message="the servers of a resolv.conf are asked in the clear: name the endpoints, or remove transport"
// +kubebuilder:validation:XValidation:rule="self.endpoints.all(e, !has(e.serverName)) || has(self.transport) && self.transport in ['TLS', 'QUIC']",message="serverName of an endpoint needs transport TLS or QUIC; for HTTPS set tls.serverName, which all endpoints share"
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || !has(self.tls.serverName) || self.endpoints.all(e, !has(e.serverName))",message="serverName is set both in tls and at an endpoint: set it at every endpoint, or in tls only"
// +kubebuilder:validation:XValidation:rule="!has(self.transport) || !(self.transport in ['TLS', 'HTTPS', 'QUIC']) || has(self.tls) && has(self.tls.serverName) || self.endpoints.all(e, has(e.serverName))",message="a certificate is for a name: set tls.serverName, or serverName at every endpoint (TLS and QUIC)"
type Upstreams struct {
	// endpoints are the servers.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=15
	// +kubebuilder:validation:XValidation:rule="self.all(a, !has(a.address) || self.exists_one(b, has(b.address) && a.address == b.address && (has(a.port) ? a.port : 0) == (has(b.port) ? b.port : 0)))",message="an endpoint is there twice: remove one"
	Endpoints []Endpoint `json:"endpoints"`
	// policy says which one is asked first.
	// +optional
	Policy Policy `json:"policy,omitempty"`
	// transport is how they are asked.
	// +optional
	Transport Transport `json:"transport,omitempty"`
	// tls says who they have to be. If a ConfigMap or Secret is missing the revision
	// is not rolled out: nothing is asked in the clear instead.
	// +optional
	TLS *UpstreamTLS `json:"tls,omitempty"`
	// failover asks the next server after these response codes, too.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=5
	Failover []Rcode `json:"failover,omitempty"`
	// maxConcurrent is how many queries may be under way; more are REFUSED.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	MaxConcurrent *int32 `json:"maxConcurrent,omitempty"`
	// healthCheck looks after servers that failed.
	// +optional
	HealthCheck *HealthCheck `json:"healthCheck,omitempty"`
}

// An Endpoint is one server: an address, a Service, or those of a resolv.conf.
//
// +kubebuilder:validation:XValidation:rule="[has(self.address), has(self.service), has(self.resolvConf)].filter(x, x).size() == 1",message="set exactly one of address, service and resolvConf"
// +kubebuilder:validation:XValidation:rule="!has(self.resolvConf) || !has(self.port) && !has(self.serverName)",message="a resolv.conf says where its servers are: remove port and serverName"
type Endpoint struct {
	// address of the server.
	// +optional
	Address Address `json:"address,omitempty"`
	// service is a Service of this cluster, whose cluster IP is asked.
	// +optional
	Service *ServiceReference `json:"service,omitempty"`
	// resolvConf is a file on the node; its servers are asked.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^/[A-Za-z0-9._/-]+$`
	ResolvConf string `json:"resolvConf,omitempty"`
	// port of the server. Without it that of the transport.
	// +optional
	Port Port `json:"port,omitempty"`
	// serverName is in its certificate.
	// +optional
	ServerName Domain `json:"serverName,omitempty"`
}

// A ServiceReference names a Service.
type ServiceReference struct {
	// namespace of the Service.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Namespace string `json:"namespace"`
	// name of the Service.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Name string `json:"name"`
}

// UpstreamTLS says who servers have to be, and who we are to them.
type UpstreamTLS struct {
	// serverName is in the certificates of all servers.
	// +optional
	ServerName Domain `json:"serverName,omitempty"`
	// caConfigMap has the certificates to trust, in the key ca-bundle.crt. Without it they are those of the system.
	// +optional
	CAConfigMap ObjectName `json:"caConfigMap,omitempty"`
	// clientCertificateSecret has our certificate, of type kubernetes.io/tls.
	// +optional
	ClientCertificateSecret ObjectName `json:"clientCertificateSecret,omitempty"`
}

// HealthCheck looks after servers that failed.
type HealthCheck struct {
	// interval between two checks.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('100ms') && duration(self) <= duration('1m')",message="must be between 100ms and 1m"
	Interval *metav1.Duration `json:"interval,omitempty"`
	// maxFails is how many checks in a row have to fail before a server is not asked any more; 0 is never.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MaxFails *int32 `json:"maxFails,omitempty"`
	// domain is asked for.
	// +optional
	Domain Domain `json:"domain,omitempty"`
	// noRecursion does not ask for recursion, which servers of one zone may refuse.
	// +optional
	NoRecursion bool `json:"noRecursion,omitempty"`
}

// A StubZone is zones with upstreams of their own.
type StubZone struct {
	// name of the entry.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Name string `json:"name"`
	// zones that are asked for there, with everything below them.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Zones []Zone `json:"zones"`
	// upstreams are asked.
	Upstreams Upstreams `json:"upstreams"`
	// cache is that of these zones. Without it that of the ClusterDNS.
	// +optional
	Cache *Cache `json:"cache,omitempty"`
}

// Cache keeps answers of upstreams. Names of the cluster are never in it.
//
// +kubebuilder:validation:XValidation:rule="!has(self.disabled) || !self.disabled || !(has(self.positive) || has(self.negative) || has(self.serveStale) || has(self.prefetch))",message="disabled leaves nothing to set: remove the other fields, or disabled"
type Cache struct {
	// disabled has no cache.
	// +optional
	Disabled bool `json:"disabled,omitempty"`
	// positive is how long answers are kept at most, in seconds; 0 keeps none.
	// +optional
	Positive *Seconds `json:"positive,omitempty"`
	// negative is how long denials are kept at most, in seconds; 0 keeps none.
	// +optional
	Negative *Seconds `json:"negative,omitempty"`
	// serveStale is how long answers are given beyond their TTL while no upstream answers (RFC 8767).
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be between 1s and 24h"
	ServeStale *metav1.Duration `json:"serveStale,omitempty"`
	// prefetch asks again for names that are asked for often, before their TTL is over.
	// +optional
	Prefetch *Prefetch `json:"prefetch,omitempty"`
}

// Prefetch asks again for names that are asked for often.
type Prefetch struct {
	// amount is how often a name has to be asked for, without a pause of duration.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Amount int32 `json:"amount"`
	// duration is the longest pause.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="must be between 1s and 1h"
	Duration *metav1.Duration `json:"duration,omitempty"`
	// percentage of the TTL that is left when it is asked for again.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=90
	Percentage *int32 `json:"percentage,omitempty"`
}
