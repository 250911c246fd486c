// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// A resolver asks the DNS server at an address.
type resolver string

// unanswered is a question and what came instead of an answer.
type unanswered struct {
	question question
	reason   error
}

// String implements [fmt.Stringer].
func (u unanswered) String() string {
	what := u.question.name
	if u.question.addr.IsValid() {
		what = u.question.addr.String()
	}
	return fmt.Sprintf("%s %s (%v)", what, dns.TypeToString[u.question.qtype], u.reason)
}

// await asks until all questions are answered or ctx ends. It returns those
// that are not.
func (r resolver) await(ctx context.Context, questions []question) []unanswered {
	for {
		var open []unanswered
		var again []question
		for _, q := range questions {
			if err := r.ask(ctx, q); err != nil {
				open = append(open, unanswered{q, err})
				again = append(again, q)
			}
		}
		if len(open) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return open
		case <-time.After(20 * time.Millisecond):
			questions = again
		}
	}
}

// ask returns nil if there are records in answer to q.
func (r resolver) ask(ctx context.Context, q question) error {
	m, err := q.message()
	if err != nil {
		return err
	}
	client := dns.Client{Timeout: time.Second}
	if q.tcp {
		client.Net = "tcp"
	}
	response, _, err := client.ExchangeContext(ctx, m, string(r))
	switch {
	case err != nil:
		return err
	case response.Rcode != dns.RcodeSuccess:
		return errors.New(dns.RcodeToString[response.Rcode])
	case len(response.Answer) == 0:
		return errors.New("no such records")
	case response.Answer[len(response.Answer)-1].Header().Rrtype != q.qtype:
		return errors.New("an alias that leads nowhere")
	}
	return nil
}
