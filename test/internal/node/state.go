// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A state is what there is to say about a Pod.
type state struct {
	phase     corev1.PodPhase
	since     metav1.Time // the Node has the Pod
	ip        netip.Addr  // none at first
	container corev1.ContainerState
	last      corev1.ContainerState // the one before the container was restarted
	restarts  int32
	id        string // of the process
	started   bool   // the startup probe has succeeded
	ready     bool
}

// newState returns the state of a Pod that is new to this process. An earlier
// one may have run it: then what comes is a restart.
func newState(o *corev1.Pod, now metav1.Time) state {
	s := state{phase: corev1.PodPending, since: now}
	s.wait(unready{reason: containerCreating})
	if o.Status.StartTime != nil {
		s.since = *o.Status.StartTime
	}
	if len(o.Status.ContainerStatuses) > 0 {
		if c := o.Status.ContainerStatuses[0]; c.ContainerID != "" {
			s.restarts, s.last = c.RestartCount+1, c.LastTerminationState
		}
	}
	return s
}

// instant returns t as the API server keeps it.
func instant(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }

// wait says why the container does not run yet.
func (s *state) wait(why unready) {
	waiting := &corev1.ContainerStateWaiting{Reason: why.reason}
	if why.error != nil {
		waiting.Message = why.Error()
	}
	s.container = corev1.ContainerState{Waiting: waiting}
}

// run says that the container runs.
func (s *state) run(p *process) {
	s.phase, s.id = corev1.PodRunning, p.id()
	s.container = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: instant(p.started)}}
}

// crash says that the container ended, and runs again after a while.
func (s *state) crash(after time.Duration, end corev1.ContainerStateTerminated, o *corev1.Pod) {
	s.wait(unready{"CrashLoopBackOff", fmt.Errorf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
		after, o.Spec.Containers[0].Name, o.Name, o.Namespace, o.UID)})
	s.last = corev1.ContainerState{Terminated: &end}
	s.restarts++
	s.started, s.ready = false, false
}

// finish says that the container ended for good.
func (s *state) finish(phase corev1.PodPhase, end corev1.ContainerStateTerminated) {
	s.phase = phase
	s.container = corev1.ContainerState{Terminated: &end}
	s.started, s.ready = false, false
}

// over returns the phase of a Pod whose container ended for good, or nothing if
// it is to be started again.
func over(policy corev1.RestartPolicy, exitCode int32) corev1.PodPhase {
	switch {
	case policy == corev1.RestartPolicyAlways, policy == corev1.RestartPolicyOnFailure && exitCode != 0:
		return ""
	case exitCode == 0:
		return corev1.PodSucceeded
	}
	return corev1.PodFailed
}

// terminated says how a process ended.
func terminated(p *process, policy corev1.TerminationMessagePolicy) corev1.ContainerStateTerminated {
	end := corev1.ContainerStateTerminated{
		ExitCode:    p.exitCode(),
		Reason:      "Completed",
		StartedAt:   instant(p.started),
		FinishedAt:  instant(time.Now()),
		ContainerID: p.id(),
	}
	words := p.lastWords()
	if end.ExitCode != 0 {
		end.Reason = "Error"
		if policy == corev1.TerminationMessageFallbackToLogsOnError {
			end.Message = words
		}
	}
	return end
}

const (
	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second
	// calm is how long a container has to run for its crashes to be forgotten.
	calm = time.Minute
)

// A backoff is how long to wait with the next start. Kubelet begins with ten
// seconds and goes on to five minutes.
type backoff time.Duration

// next returns it for a container that ran for a time.
func (b *backoff) next(ran time.Duration) time.Duration {
	if *b == 0 || ran >= calm {
		*b = backoff(firstBackoff)
	} else {
		*b = min(2**b, backoff(maxBackoff))
	}
	return time.Duration(*b)
}
