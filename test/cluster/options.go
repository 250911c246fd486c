// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// DefaultServiceCIDRs is dual stack, IPv4 first. It needs no IPv6 on the host:
// nothing here routes to a service address.
const DefaultServiceCIDRs = "10.96.0.0/16,fd00:10:96::/112"

// AssetsEnv names a directory with the programs of another Kubernetes
// version, as other Kubernetes test tools use it. Where it is set it wins over
// Options.Bin.
const AssetsEnv = "KUBEBUILDER_ASSETS"

// Options says what to start.
type Options struct {
	// Dir holds everything about the cluster: data, credentials, logs. It is
	// created if missing. Delete it for a cluster without a past.
	Dir string
	// Bin is the directory of etcd, kube-apiserver, kube-controller-manager
	// and kube-scheduler, as `cluster build` makes it.
	Bin string
	// ServiceCIDRs is one range, or an IPv4 and an IPv6 one separated by a
	// comma. Empty means DefaultServiceCIDRs.
	ServiceCIDRs string
	// Scheduler also starts kube-scheduler, which has nothing to do as long as
	// there are no nodes.
	Scheduler bool
	// Nodes gives the cluster real nodes, which run Pods. They need root on
	// Linux, and make Scheduler true. Nil means none, now and later.
	Nodes *NodeOptions
	// Timeout bounds the start of the cluster and of the API server alone.
	// Zero means two minutes: it takes seconds unless the machine is busy.
	Timeout time.Duration
	// Log gets a line for each step. Nil means none.
	Log io.Writer

	assets bool // Bin comes from the environment
	orphan bool // programs outlive us; for tests
}

// complete fills in what was left open and finds what cannot work.
func (o Options) complete() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("no state directory given")
	}
	dir, err := realPath(o.Dir)
	if err != nil {
		return o, fmt.Errorf("making the state directory: %w", err)
	}
	o.Dir = dir
	if o.ServiceCIDRs == "" {
		o.ServiceCIDRs = DefaultServiceCIDRs
	}
	if _, err := serviceRanges(o.ServiceCIDRs); err != nil {
		return o, err
	}
	if o.Nodes != nil {
		if o.Nodes, err = o.Nodes.complete(dir); err != nil {
			return o, err
		}
		o.Scheduler = true
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o.withPrograms()
}

// realPath makes dir and resolves symbolic links: the recorded state belongs
// to one directory, by whatever name it is called.
func realPath(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

func (o Options) withPrograms() (Options, error) {
	remedy := "build them with `cluster build`"
	if assets := os.Getenv(AssetsEnv); assets != "" {
		o.Bin, o.assets = assets, true
		remedy = fmt.Sprintf("%s is set: put them there or unset it", AssetsEnv)
	}
	bin, err := filepath.Abs(o.Bin)
	if err != nil {
		return o, err
	}
	if o.Bin == "" {
		return o, errors.New("no directory with the Kubernetes programs given: " + remedy)
	}
	o.Bin = bin
	var missing []string
	for _, name := range o.needed() {
		if o.program(name) == "" {
			missing = append(missing, name)
		}
	}
	if o.Nodes != nil && !isFile(o.file(pauseFile)) {
		missing = append(missing, pauseFile)
	}
	if missing != nil && o.Nodes != nil && !o.assets {
		remedy = "build them with `cluster build --nodes`"
	}
	if missing != nil {
		return o, fmt.Errorf("%s: no %s there; %s", o.Bin, strings.Join(missing, ", "), remedy)
	}
	return o, nil
}

func (o Options) needed() []string {
	names := []string{etcd, apiServer}
	if !o.assets { // what others put together often has these two only
		names = append(names, controllerManager)
		if o.Scheduler {
			names = append(names, scheduler)
		}
	}
	if o.Nodes != nil {
		names = append(names, nodePrograms...)
	}
	return names
}

// program is the path of a program, or empty if it is not there.
func (o Options) program(name string) string {
	path, err := exec.LookPath(filepath.Join(o.Bin, name))
	if err != nil {
		return ""
	}
	return path
}

// file is the path of something in Bin that is no program.
func (o Options) file(name string) string { return filepath.Join(o.Bin, name) }

func (o Options) kubectl() string {
	if path := o.program("kubectl"); path != "" {
		return path
	}
	path, err := exec.LookPath("kubectl")
	if err != nil {
		return ""
	}
	return path
}

// serviceRanges parses the value of --service-cluster-ip-range.
func serviceRanges(text string) ([]netip.Prefix, error) {
	var ranges []netip.Prefix
	for _, part := range strings.Split(text, ",") {
		r, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, fmt.Errorf("service CIDRs %q: %w", text, err)
		}
		ranges = append(ranges, r.Masked())
	}
	if len(ranges) > 2 || len(ranges) == 2 && ranges[0].Addr().Is4() == ranges[1].Addr().Is4() {
		return nil, fmt.Errorf("service CIDRs %q: give one range, or an IPv4 and an IPv6 one", text)
	}
	return ranges, nil
}
