// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clusterdns/clusterdns/operator/internal/migration"
	"github.com/clusterdns/clusterdns/operator/meter"
)

const (
	// meterTimeout is how long a meter has to answer, metersTimeout how long all of them
	// have, however many there are.
	meterTimeout, metersTimeout = time.Second, 5 * time.Second
)

// Meters reads what the Pods of the loss meter count. What they have counted it
// remembers for as long as their DaemonSet is there, so that the sum does not go
// down when one is started again or goes with its node. The zero value is ready.
// It is safe for concurrent use.
type Meters struct {
	// Reach returns where a Pod is reached from here. Nil is at itself.
	Reach func(netip.AddrPort) netip.AddrPort

	mu    sync.Mutex
	of    types.UID // of the DaemonSet
	known map[types.UID]*metered
}

// metered is what a Pod has counted: in the process that runs, and in those before.
type metered struct {
	node         string
	since        time.Time
	before, last meter.Transport
	silent       bool
}

// Read asks all Pods of the loss meter, which is among the DaemonSets if it is
// there, and returns what was counted since it was made: nil if there is none, or
// no Pod of it yet.
func (m *Meters) Read(ctx context.Context, daemonSets []appsv1.DaemonSet, pods []corev1.Pod) *migration.Meter {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.follow(daemonSets)
	var asked []*corev1.Pod
	for i := range pods {
		if owner := metav1.GetControllerOf(&pods[i]); owner != nil && m.of != "" && owner.UID == m.of && !ended(&pods[i]) {
			asked = append(asked, &pods[i])
		}
	}
	for _, k := range m.known {
		k.silent = false // what has gone need not answer
	}
	for i, a := range m.ask(ctx, asked) {
		m.enter(asked[i], a)
	}
	var reports []migration.MeterReport
	for _, k := range m.known {
		reports = append(reports, migration.MeterReport{
			Node: k.node, Silent: k.silent,
			Asked: k.before.Asked + k.last.Asked, Lost: k.before.Lost + k.last.Lost, Wrong: k.before.Wrong + k.last.Wrong,
		})
	}
	return migration.Sum(reports)
}

// follow forgets what was counted for another migration.
func (m *Meters) follow(daemonSets []appsv1.DaemonSet) {
	var uid types.UID
	for _, d := range daemonSets {
		if d.Name == migration.MeterName {
			uid = d.UID
		}
	}
	if m.known == nil || uid != m.of {
		m.of, m.known = uid, map[types.UID]*metered{}
	}
}

// ended reports whether a Pod will count no more.
func ended(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
}

// enter takes over what came of asking a Pod.
func (m *Meters) enter(p *corev1.Pod, a metersAnswer) {
	k := m.known[p.UID]
	if k == nil {
		k = &metered{}
		m.known[p.UID] = k
	}
	k.node = nodeOf(p)
	k.silent = a.err != nil && p.DeletionTimestamp == nil
	if a.err != nil {
		return
	}
	if !a.counts.Since.Equal(k.since) {
		k.before = plus(k.before, k.last)
		k.since, k.last = a.counts.Since, meter.Transport{}
	}
	now := a.counts.Sum()
	k.last = meter.Transport{Asked: max(k.last.Asked, now.Asked), Lost: max(k.last.Lost, now.Lost), Wrong: max(k.last.Wrong, now.Wrong)}
}

func plus(a, b meter.Transport) meter.Transport {
	return meter.Transport{Asked: a.Asked + b.Asked, Lost: a.Lost + b.Lost, Wrong: a.Wrong + b.Wrong}
}

// nodeOf returns the node that a Pod of a DaemonSet is on, or is to be.
func nodeOf(p *corev1.Pod) string {
	if p.Spec.NodeName != "" {
		return p.Spec.NodeName
	}
	if a := p.Spec.Affinity; a != nil && a.NodeAffinity != nil && a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		for _, term := range a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
			for _, f := range term.MatchFields {
				if f.Key == metav1.ObjectNameField && len(f.Values) == 1 {
					return f.Values[0]
				}
			}
		}
	}
	return "the node of the Pod " + p.Name
}

// A metersAnswer is what a Pod said, or why it did not.
type metersAnswer struct {
	counts meter.Counts
	err    error
}

// ask asks all Pods, some at a time, and returns their answers in the same order.
func (m *Meters) ask(ctx context.Context, pods []*corev1.Pod) []metersAnswer {
	ctx, cancel := context.WithTimeout(ctx, metersTimeout)
	defer cancel()
	answers := make([]metersAnswer, len(pods))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(parallel, len(pods)) {
		workers.Go(func() {
			for i := range next {
				answers[i].counts, answers[i].err = m.askOne(ctx, pods[i])
			}
		})
	}
	for i := range pods {
		next <- i
	}
	close(next)
	workers.Wait()
	return answers
}

// meterClient goes straight to a Pod, believes nothing of where else to go, and
// keeps no connection.
var meterClient = http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 8 << 10},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (m *Meters) askOne(ctx context.Context, p *corev1.Pod) (meter.Counts, error) {
	address, err := netip.ParseAddr(p.Status.PodIP)
	if err != nil {
		return meter.Counts{}, errors.New("the Pod has no address yet")
	}
	at := netip.AddrPortFrom(address, migration.MeterPort)
	if m.Reach != nil {
		at = m.Reach(at)
	}
	ctx, cancel := context.WithTimeout(ctx, meterTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.String()+meter.PathCounts, nil)
	if err != nil {
		return meter.Counts{}, err
	}
	resp, err := meterClient.Do(req)
	if err != nil {
		return meter.Counts{}, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if resp.StatusCode != http.StatusOK {
		return meter.Counts{}, fmt.Errorf("the meter says %s", resp.Status)
	}
	return meter.Read(resp.Body)
}
