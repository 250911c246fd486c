// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import v1 "github.com/google/go-containerregistry/pkg/v1"

// module is the path of the module of the repository.
const module = "github.com/clusterdns/clusterdns"

// registry is in the names of the images. Nobody has it: a node that has no such
// image must not get one from elsewhere.
const registry = "clusterdns.test"

// An image is what a pod of the tests runs. Its archive is NAME.tar.
type image struct {
	name     string
	about    string
	full     string // its name in a Pod, if not registry/NAME:1
	config   v1.Config
	parts    []part // lowest layer first
	onDemand bool   // only made if it is asked for
}

// path is for images with more than one program.
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// idle keeps a pod alive that tests execute commands in, and ends at once when
// it is told to.
var idle = []string{"/bin/sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"}

// tools are what the client with glibc has beside Debian's smallest system. nginx
// is for the image ingress, which shares the layer: nodes unpack it once.
var tools = []string{"bind9-dnsutils", "bind9-host", "ca-certificates", "curl", "iproute2", "iputils-ping", "netcat-openbsd", "nginx-light"}

var images = []image{
	{
		name: "glibc", about: "a client with glibc: dig, host, nslookup, delv, getent, curl, ip, ping",
		config: v1.Config{Env: []string{path}, Cmd: idle},
		parts:  []part{debian(tools...)},
	},
	{
		name: "busybox", about: "a client with busybox: nslookup, wget, nc, httpd, sh",
		config: v1.Config{Env: []string{path}, Cmd: idle},
		parts:  []part{busybox},
	},
	{
		name: "musl", about: "a client with musl: resolve, which calls getaddrinfo, and busybox sh",
		config: v1.Config{Env: []string{path}, Cmd: idle},
		parts:  []part{busybox, musl("bin/resolve", "test/images/musl/resolve.c")},
	},
	{
		name: "web", about: "an HTTP server that says who it is and who asks, and echoes TCP and UDP",
		config: v1.Config{Entrypoint: []string{"/web"}},
		parts:  []part{goProgram("web", "test/images", "./web")},
	},
	{
		name: "ingress", about: "an Ingress controller for one namespace: nginx, and /ingress, which drives it",
		config: v1.Config{Env: []string{path}, Entrypoint: []string{"/ingress"}},
		parts:  []part{debian(tools...), goProgram("ingress", ".", "./test/ingress")},
	},
	{
		name: "dns", about: "a DNS server that behaves as it is told (/upstream), and /counter, which counts what is lost",
		config: v1.Config{Entrypoint: []string{"/upstream"}},
		parts: []part{
			goProgram("upstream", ".", "./test/upstream/cmd/upstream"),
			goProgram("counter", ".", "./test/counter/cmd/counter"),
		},
	},
	{
		name: "stock-coredns", about: "stock CoreDNS, as kubeadm deploys it; made if asked for", onDemand: true,
		config: v1.Config{User: nobody, Entrypoint: []string{"/coredns"}},
		parts:  []part{stockCoreDNS},
	},
	{
		name: "kubedns", about: "what kube-dns' container kubedns is replaced with: stock CoreDNS; made if asked for", onDemand: true,
		config: v1.Config{Entrypoint: []string{"/kubedns"}},
		parts:  []part{stockCoreDNS, goProgram("kubedns", ".", "./test/kubedns/cmd/kubedns")},
	},
	{
		name: "dnsmasq", about: "Debian's dnsmasq, with a nanny as in kube-dns' container dnsmasq; made if asked for", onDemand: true,
		// As kube-dns' own image has it: a Pod that is told to end serves until it is killed.
		config: v1.Config{Env: []string{path}, Entrypoint: []string{"/nanny"}, StopSignal: "SIGCONT"},
		parts: []part{
			debian("dnsmasq-base"), goProgram("nanny", ".", "./test/kubedns/cmd/nanny"),
			// The Pod may not change the user.
			text("etc/dnsmasq.conf", "user=root\n"),
		},
	},
	{
		name: "sidecar", about: "what kube-dns' container sidecar is replaced with; made if asked for", onDemand: true,
		config: v1.Config{Entrypoint: []string{"/sidecar"}},
		parts:  []part{goProgram("sidecar", ".", "./test/kubedns/cmd/sidecar")},
	},
	{
		name: "agnhost", about: "the many programs of Kubernetes' own tests; made if asked for",
		full: conformance + "agnhost:2.63.0", onDemand: true,
		config: v1.Config{Env: []string{path}, Entrypoint: []string{"/agnhost"}, Cmd: []string{"pause"}},
		parts: []part{
			debian(tools...), coreDNS,
			goProgram("agnhost", "test/conformance", "k8s.io/kubernetes/test/images/agnhost"),
		},
	},
	{
		name: "glibc-dns-testing", about: "the client with glibc of Kubernetes' own tests; made if asked for",
		full: conformance + "glibc-dns-testing:2.0.0", onDemand: true,
		config: v1.Config{Env: []string{path}, Cmd: idle},
		parts:  []part{debian(tools...), coreDNS},
	},
}

// nobody is who CoreDNS' own image runs as.
const nobody = "65532:65532"

// conformance is in front of the names of k8s.io/kubernetes/test/utils/image,
// with the tags that are there.
const conformance = registry + "/conformance/"

// coreDNS is the server that those tests start in Pods of their own. It serves
// records from its Corefile: which plugins for Kubernetes it has does not matter.
var coreDNS = goProgram("coredns", ".", "./cmd/coredns")
