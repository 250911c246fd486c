// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/clusterdns/clusterdns/cmd/image/internal/source"
	"github.com/clusterdns/clusterdns/cmd/image/oci"
)

// registry is where containerd and others look for a name without a registry,
// and what they put in front of it. Kubernetes asks for an image by this name.
const registry = "docker.io/"

const repository = "https://" + source.Module

// A product is one image.
type product struct {
	name        string // clusterdns/NAME, and NAME.tar
	title       string
	description string
	entrypoint  string
	ports       []string
	programs    []content
}

// A content is a program in an image.
type content struct {
	program      string
	capabilities oci.Capabilities
}

// programs are built from cmd of the repository, and are in the root of images.
var programs = []string{"coredns", "clusterdns"}

var products = []product{
	{
		name: "coredns", title: "clusterdns CoreDNS",
		description: "CoreDNS with the plugin clusterdns: the DNS of a Kubernetes cluster",
		entrypoint:  "/coredns", ports: []string{"53/udp", "53/tcp"},
		programs: []content{{"coredns", oci.NetBindService}},
	},
	{
		name: "operator", title: "clusterdns operator",
		description: "The operator of the DNS of a Kubernetes cluster",
		entrypoint:  "/clusterdns",
		programs: []content{
			{"clusterdns", 0},
			// Checks Corefiles and never listens. The operator drops all
			// capabilities, and the kernel refuses to start a program that
			// asks for one that is dropped.
			{"coredns", 0},
		},
	},
}
