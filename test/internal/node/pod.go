// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	retry = 500 * time.Millisecond
	// refreshing is how often ConfigMaps and Secrets are read anew. Kubelet
	// takes up to a minute or so.
	refreshing = 2 * time.Second
	// crashGrace is how long processes have to end when the Node does.
	crashGrace = 2 * time.Second
)

// A pod is an object of the API server and its process. One goroutine runs it.
type pod struct {
	node   *Node
	folder string
	ip     netip.Addr
	// again writes the files of the volumes anew.
	again func(context.Context) error

	ctx context.Context // ends when the Pod is to end, or the Node
	end context.CancelFunc

	mu     sync.Mutex
	latest *corev1.Pod // as it was last seen
	state  state
	news   chan struct{} // the state has changed
}

func (n *Node) newPod(o *corev1.Pod) *pod {
	p := &pod{
		node:   n,
		folder: filepath.Join(n.options.Dir, fmt.Sprintf("%s_%s_%s", o.Namespace, o.Name, o.UID)),
		latest: o,
		state:  newState(o, instant(time.Now())),
		news:   make(chan struct{}, 1),
	}
	p.ctx, p.end = context.WithCancel(n.ctx)
	return p
}

// observe takes note of what is new about the object: it may be its end, or a
// condition that a readiness gate waits for.
func (p *pod) observe(o *corev1.Pod) {
	p.change(func(*state) {
		if newer(o, p.latest) {
			p.latest = o
		}
	})
	if o.DeletionTimestamp != nil {
		p.end()
	}
}

// newer reports whether a is not older than b. What a write returns may be
// newer than what the watch brings next.
func newer(a, b *corev1.Pod) bool {
	x, _ := strconv.ParseUint(a.ResourceVersion, 10, 64)
	y, _ := strconv.ParseUint(b.ResourceVersion, 10, 64)
	return x >= y
}

// object returns the Pod as it was last seen. It is not to be changed.
func (p *pod) object() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latest
}

// run runs the Pod until it is deleted or the Node ends.
func (p *pod) run() {
	defer p.end()
	if !finished(p.object()) {
		p.runReported()
	}
	if p.node.ctx.Err() == nil {
		p.remove()
	}
	p.node.addresses.release(p.ip)
}

// runReported runs the Pod and reports its state.
func (p *pod) runReported() {
	reports, stop := context.WithCancel(p.node.ctx)
	var reporter sync.WaitGroup
	reporter.Go(func() { p.report(reports) })
	p.live()
	<-p.ctx.Done()
	stop()
	reporter.Wait()
}

// live starts the container, again and again if the Pod says so.
func (p *pod) live() {
	if !p.address() {
		return
	}
	var wait backoff
	for {
		c, ok := p.prepared()
		if !ok {
			return
		}
		end := p.execute(c)
		if p.ctx.Err() != nil {
			return
		}
		if phase := over(p.object().Spec.RestartPolicy, end.ExitCode); phase != "" {
			p.change(func(s *state) { s.finish(phase, end) })
			return
		}
		d := wait.next(end.FinishedAt.Sub(end.StartedAt.Time))
		p.change(func(s *state) { s.crash(d, end, p.latest) })
		if !pause(p.ctx, d) {
			return
		}
	}
}

// address gives the Pod one. It returns false if the Pod is to end before.
func (p *pod) address() bool {
	for {
		ip, err := p.node.addresses.take()
		if err == nil {
			p.ip = ip
			p.change(func(s *state) { s.ip = ip })
			return true
		}
		p.change(func(s *state) { s.wait(unready{containerCreating, err}) })
		if !pause(p.ctx, retry) {
			return false
		}
	}
}

// prepared returns the command once all it needs is there. It returns false if
// the Pod is to end before.
func (p *pod) prepared() (command, bool) {
	if err := os.MkdirAll(p.folder, 0o700); err != nil {
		p.node.log.Print(err) // writing the files fails for the same reason
	}
	for p.ctx.Err() == nil {
		c, err := p.prepare(p.ctx)
		if err == nil {
			return c, true
		}
		var why unready
		if errors.As(err, &why) && p.ctx.Err() == nil {
			p.change(func(s *state) { s.wait(why) })
		}
		pause(p.ctx, retry)
	}
	return command{}, false
}

// execute runs the container until its process ends, by itself or because it
// has to. Until then it is probed, as kubelet does in the time of grace, too.
func (p *pod) execute(c command) corev1.ContainerStateTerminated {
	process, err := c.start()
	if err != nil {
		now := instant(time.Now())
		return corev1.ContainerStateTerminated{ExitCode: 128, Reason: "StartError", Message: err.Error(), StartedAt: now, FinishedAt: now}
	}
	p.change(func(s *state) { s.run(process) })
	alive, stop := context.WithCancel(p.node.ctx)
	dead := make(chan struct{}, 1)
	var beside sync.WaitGroup
	beside.Go(func() { p.probe(alive, dead) })
	beside.Go(func() { p.keepFresh(alive) })
	select {
	case <-process.done:
	case <-dead:
		process.stop(p.grace())
	case <-p.ctx.Done():
		process.stop(p.grace())
	}
	stop()
	beside.Wait()
	return terminated(process, p.object().Spec.Containers[0].TerminationMessagePolicy)
}

// keepFresh writes the files of ConfigMaps and Secrets again when they change.
func (p *pod) keepFresh(ctx context.Context) {
	for pause(ctx, refreshing) {
		if err := p.again(ctx); err != nil && ctx.Err() == nil {
			p.node.log.Printf("refreshing the volumes of %s: %v", filepath.Base(p.folder), err)
		}
	}
}

// grace returns how long the process has to end.
func (p *pod) grace() time.Duration {
	if p.node.ctx.Err() != nil {
		return crashGrace
	}
	o := p.object()
	for _, seconds := range []*int64{o.DeletionGracePeriodSeconds, o.Spec.TerminationGracePeriodSeconds} {
		if seconds != nil {
			return time.Duration(*seconds) * time.Second
		}
	}
	return corev1.DefaultTerminationGracePeriodSeconds * time.Second
}

// remove deletes the object and the files of the Pod, but for its log.
func (p *pod) remove() {
	o := p.object()
	now := int64(0)
	for {
		err := p.node.client.CoreV1().Pods(o.Namespace).Delete(p.node.ctx, o.Name, metav1.DeleteOptions{
			GracePeriodSeconds: &now,
			Preconditions:      metav1.NewUIDPreconditions(string(o.UID)),
		})
		// A conflict is another Pod that has the name now.
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			break
		}
		if !pause(p.node.ctx, retry) {
			break
		}
		p.node.log.Printf("deleting %s: %v", filepath.Base(p.folder), err)
	}
	_ = os.RemoveAll(p.volumes())
}
