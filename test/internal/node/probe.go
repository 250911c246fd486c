// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// eager is how often a container is probed that was never ready. Kubelet does
// so, too, at times of its own choice.
const eager = 250 * time.Millisecond

// probe probes the container until ctx ends: whether it has started, then
// whether it is alive, which is told to dead, and ready.
func (p *pod) probe(ctx context.Context, dead chan<- struct{}) {
	c := p.object().Spec.Containers[0]
	kill := func(alive bool) {
		if !alive {
			select {
			case dead <- struct{}{}:
			default: // it knows
			}
		}
	}
	if c.StartupProbe != nil {
		started, stop := context.WithCancel(ctx)
		p.ask(started, c, c.StartupProbe, func(up bool) {
			kill(up)
			stop()
		})
		stop()
	}
	if ctx.Err() != nil {
		return
	}
	p.change(func(s *state) { s.started, s.ready = true, c.ReadinessProbe == nil })
	var both sync.WaitGroup
	if c.LivenessProbe != nil {
		both.Go(func() { p.ask(ctx, c, c.LivenessProbe, kill) })
	}
	if c.ReadinessProbe != nil {
		both.Go(func() {
			p.ask(ctx, c, c.ReadinessProbe, func(ready bool) { p.change(func(s *state) { s.ready = ready }) })
		})
	}
	both.Wait()
}

// ask probes until ctx ends. It calls tell when the thresholds of the probe say
// that the result is another one.
func (p *pod) ask(ctx context.Context, c corev1.Container, probe *corev1.Probe, tell func(bool)) {
	if !pause(ctx, time.Duration(probe.InitialDelaySeconds)*time.Second) {
		return
	}
	period := time.Duration(max(probe.PeriodSeconds, 1)) * time.Second
	count := counter{probe: probe}
	for {
		up := p.check(ctx, c, probe) == nil
		if ctx.Err() != nil {
			return
		}
		if changed := count.add(up); changed {
			tell(count.good)
		}
		next := period
		if !count.ever && probe == c.ReadinessProbe { // failures have no effect yet
			next = min(eager, period)
		}
		if !pause(ctx, next) {
			return
		}
	}
}

// A counter turns the results of a probe into what they mean.
type counter struct {
	probe *corev1.Probe
	last  bool
	run   int32 // how many results in a row were as the last one
	known bool  // there is a verdict
	good  bool  // the verdict
	ever  bool  // a result was good
}

// add counts a result and reports whether the verdict is new.
func (c *counter) add(up bool) bool {
	if up != c.last {
		c.last, c.run = up, 0
	}
	c.run++
	c.ever = c.ever || up
	threshold := max(c.probe.FailureThreshold, 1)
	if up {
		threshold = max(c.probe.SuccessThreshold, 1)
	}
	if c.run < threshold || c.known && c.good == up {
		return false
	}
	c.known, c.good = true, up
	return true
}

// check does what a probe says, once. What it does not know succeeds.
func (p *pod) check(ctx context.Context, c corev1.Container, probe *corev1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(probe.TimeoutSeconds, 1))*time.Second)
	defer cancel()
	switch {
	case probe.HTTPGet != nil:
		return get(ctx, p.local(portOf(c, probe.HTTPGet.Port)), probe.HTTPGet)
	case probe.TCPSocket != nil:
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp4", p.local(portOf(c, probe.TCPSocket.Port)).String())
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	return nil
}

// portOf returns a port of a container by its number or name, or 0.
func portOf(c corev1.Container, port intstr.IntOrString) uint16 {
	if port.Type == intstr.Int {
		return uint16(port.IntVal)
	}
	for _, named := range c.Ports {
		if named.Name == port.StrVal {
			return uint16(named.ContainerPort)
		}
	}
	n, _ := strconv.ParseUint(port.StrVal, 10, 16)
	return uint16(n)
}

// prober makes a connection for each probe, as kubelet does, and does not ask
// whose the certificate is.
var prober = http.Client{
	Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
}

func get(ctx context.Context, at netip.AddrPort, action *corev1.HTTPGetAction) error {
	scheme := "http"
	if action.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	url := scheme + "://" + at.String() + "/" + strings.TrimPrefix(action.Path, "/")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	for _, h := range action.HTTPHeaders {
		request.Header.Add(h.Name, h.Value)
	}
	response, err := prober.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("HTTP probe failed with statuscode: %d", response.StatusCode)
	}
	return nil
}
