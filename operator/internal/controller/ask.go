// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator/internal/check"
	"github.com/clusterdns/clusterdns/operator/internal/plan"
	"github.com/clusterdns/clusterdns/operator/internal/probe"
)

const (
	// tries is how often a question is asked before its answer is bad.
	tries = 3
	// How long an answer counts: that of an upstream, a bad one of one, and that of a
	// server of ours.
	upstreamAge, badAge, serverAge = 20 * time.Second, 5 * time.Second, time.Second
	parallel                       = 64
)

// An Asker answers what a plan wants to know. It remembers answers for a while.
type Asker struct {
	Program check.Program
	// Reach returns where a Pod is reached from here.
	Reach func(netip.AddrPort) netip.AddrPort

	mu      sync.Mutex
	checked plan.Check
	files   map[string][]byte // that it was checked with
	asked   map[string]plan.Answer
}

// Check returns what the program of the servers says about the Corefile of a plan.
func (a *Asker) Check(ctx context.Context, o plan.Observed) plan.Check {
	text, files := plan.Corefile(o)
	a.mu.Lock()
	defer a.mu.Unlock()
	if text == "" || a.checked.Text == text && a.checked.Failed == "" && reflect.DeepEqual(a.files, files) {
		return a.checked
	}
	found, good, err := a.Program.Check(ctx, text, files)
	a.checked, a.files = plan.Check{Text: text, Good: good}, files
	if err != nil {
		a.checked.Failed = err.Error()
	}
	for _, f := range found {
		if !f.Note {
			a.checked.Findings = append(a.checked.Findings, f.String())
		}
	}
	return a.checked
}

// Ask asks all questions, some of them anew.
func (a *Asker) Ask(ctx context.Context, refs plan.References, questions []plan.Question) map[string]plan.Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.asked
	a.asked = make(map[string]plan.Answer)
	var open []plan.Question
	for _, q := range questions {
		k := key(refs, q)
		if before, ok := old[k]; ok && time.Since(before.At) < age(q, before) {
			a.asked[k] = before
			continue
		}
		open = append(open, q)
	}
	for i, answer := range a.try(ctx, refs, open) {
		a.asked[key(refs, open[i])] = answer
	}
	out := make(map[string]plan.Answer)
	for _, q := range questions {
		out[q.Key] = a.asked[key(refs, q)]
	}
	return out
}

// key names a question with all that it says and is asked with: with another
// upstream or certificate it is another one.
func key(refs plan.References, q plan.Question) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%+v%q%q", q, refs.Certificates[q.Certificates], refs.Secrets[q.Secret])
	return string(sum.Sum(nil))
}

func age(q plan.Question, a plan.Answer) time.Duration {
	switch {
	case q.Pod != "":
		return serverAge
	case a.Problem != "":
		return badAge
	}
	return upstreamAge
}

// try asks, and asks again what got a bad answer.
func (a *Asker) try(ctx context.Context, refs plan.References, questions []plan.Question) []plan.Answer {
	answers := make([]plan.Answer, len(questions))
	var left []int
	for i := range questions {
		left = append(left, i)
	}
	for range tries {
		asks := make([]probe.Asked, len(left))
		for j, i := range left {
			asks[j] = a.ask(refs, questions[i])
		}
		reports := probe.All(ctx, asks, parallel)
		var bad []int
		for j, i := range left {
			answers[i] = judge(questions[i], reports[j])
			if answers[i].Problem != "" {
				bad = append(bad, i)
			}
		}
		if left = bad; len(left) == 0 || ctx.Err() != nil {
			break
		}
	}
	return answers
}

// ask returns a question for the wire.
func (a *Asker) ask(refs plan.References, q plan.Question) probe.Asked {
	t := probe.Target{Address: q.Address, Transport: transport(q), ServerName: q.ServerName}
	if q.Pod != "" && a.Reach != nil {
		t.Address = a.Reach(q.Address)
	}
	if q.Certificates != "" {
		t.Roots = x509.NewCertPool()
		t.Roots.AppendCertsFromPEM(refs.Certificates[q.Certificates])
	}
	if s := refs.Secrets[q.Secret]; q.Secret != "" {
		if pair, err := tls.X509KeyPair(s["tls.crt"], s["tls.key"]); err == nil {
			t.Certificates = []tls.Certificate{pair}
		}
	}
	return probe.Asked{Target: t, Question: probe.Question{Name: q.Name, Type: dns.StringToType[q.Type], NoRecursion: q.NoRecursion}}
}

func transport(q plan.Question) probe.Transport {
	switch q.Transport {
	case v1alpha1.TransportTLS:
		return probe.TLS
	case v1alpha1.TransportHTTPS:
		return probe.HTTPS
	case v1alpha1.TransportQUIC:
		return probe.QUIC
	}
	if q.UDP {
		return probe.UDP
	}
	return probe.TCP
}

// judge says whether a report is what was wanted.
func judge(q plan.Question, r probe.Report) plan.Answer {
	a := plan.Answer{At: time.Now(), RTT: r.RTT, CertificateExpires: r.CertificateExpires}
	if r.Err != nil {
		a.Problem = r.Err.Error()
		return a
	}
	a.Rcode = dns.RcodeToString[r.Rcode]
	switch {
	case q.Want == plan.WantAnswer && r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		a.Problem = fmt.Sprintf("%s %s is answered %s", q.Name, q.Type, a.Rcode)
		if q.Zone != "" && r.Rcode == dns.RcodeRefused {
			a.Problem += "; if that server answers for other names, name one in healthCheck.domain"
		}
	case q.Want == plan.WantRecords && (r.Rcode != dns.RcodeSuccess || len(r.Answer.Answer) == 0 && !r.Answer.Truncated):
		a.Problem = fmt.Sprintf("%s %s is answered %s without a record", q.Name, q.Type, a.Rcode)
	case len(q.Addresses) > 0 && !slices.ContainsFunc(q.Addresses, func(a netip.Addr) bool { return has(r.Answer, a) }):
		a.Problem = fmt.Sprintf("%s %s is answered without one of the addresses %v", q.Name, q.Type, q.Addresses)
	}
	return a
}

func has(m *dns.Msg, want netip.Addr) bool {
	for _, rr := range m.Answer {
		var got netip.Addr
		switch rr := rr.(type) {
		case *dns.A:
			got, _ = netip.AddrFromSlice(rr.A)
		case *dns.AAAA:
			got, _ = netip.AddrFromSlice(rr.AAAA)
		}
		if got.Unmap() == want {
			return true
		}
	}
	return false
}
