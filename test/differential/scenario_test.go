// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/clusterdns/clusterdns/test/apiserver"
	"github.com/clusterdns/clusterdns/test/internal/dig"
	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/internal/server"
	"github.com/clusterdns/clusterdns/test/scenario"
)

const scenarios = "../scenario/testdata"

// cannotStart are scenarios with a Corefile that stock refuses, and why.
var cannotStart = map[string]string{
	"directive/explain.txtar":      "it has no explain",
	"directive/max_answers.txtar":  "it has no max_answers",
	"directive/negative_ttl.txtar": "it has no negative_ttl",
	"directive/pod_names.txtar":    "it has no pod_names",
	"directive/ptr.txtar":          "it has no ptr",
	"directive/stale_after.txtar":  "it has no stale_after, stale_ttl and audit",
	"directive/topology.txtar":     "it has no topology",
	"dns/lost-events.txtar":        "it has no audit",
	"dns/topology-order.txtar":     "it has no topology",
}

// apart are scenarios that are not compared, and why.
var apart = map[string]string{
	"bugs/b06-nothing-falls-through-unread.txtar": "what is compared with is read from the API server, which refuses",
	"bugs/b14-part-of-an-answer.txtar":            "the same",
	"bugs/b11-startup-without-waiting.txtar":      "stock panics",
	"dns/ttl-annotation.txtar":                    "stock does not know the annotation clusterdns.io/ttl",
	"bugs/b20-client-of-recycled-address.txtar":   "stock takes the address of a Pod that terminates, of one of several Pods, or of a node for the client's",
	"dns/metadata-own-prefix.txtar":               "the same, and the labels of stock have one prefix",
}

// TestScenarios asks stock what each scenario asks ours.
func TestScenarios(t *testing.T) {
	cluster, err := kube.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Stop()
	suite, err := scenario.New(cluster)
	if err != nil {
		t.Fatal(err)
	}
	files, err := scenario.Files(scenarios)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	asked := 0
	for name := range apart {
		if !slices.Contains(files, filepath.Join(scenarios, filepath.FromSlash(name))) {
			t.Errorf("there is no scenario %s, which is not to be compared", name)
		}
	}
	for name, reason := range cannotStart {
		if !slices.Contains(files, filepath.Join(scenarios, filepath.FromSlash(name))) {
			t.Errorf("there is no scenario %s; cannotStart says: %s", name, reason)
		}
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "\ndig ") {
			continue // it starts no server
		}
		name, _ := filepath.Rel(scenarios, file)
		if reason, ok := apart[filepath.ToSlash(name)]; ok {
			t.Logf("%s is not compared: %s", name, reason)
			continue
		}
		t.Run(strings.TrimSuffix(name, ".txtar"), func(t *testing.T) { // which ends when the scenario has
			m := &mirror{t: t, file: filepath.ToSlash(name)}
			t.Cleanup(m.stop)
			t.Cleanup(func() { asked += m.asked })
			suite.Corefile, suite.Asked = m.load, m.compare
			suite.RunAll(t, []string{file}, false)
		})
	}
	reportPending(t)
	t.Logf("%d scenarios, %d questions; differences by rule: %s", len(files), asked, ledger.Tally())
}

// A mirror runs stock beside the server of one scenario.
type mirror struct {
	t      *testing.T
	file   string
	asked  int
	failed bool   // stock cannot start
	loaded string // the Corefile of ours
	served string // the one that stock was given last

	ours  *Client
	stock side
	// clean is stock that is given the objects of good, without what is malformed in the scenario's.
	clean side
	good  *apiserver.Server

	// seen are the Pods that the API server had at any question so far.
	seen World
	// settled is the state of the API server that stock was given time to be told of.
	settled string
}

// A side is a CoreDNS and a client of it.
type side struct {
	*server.Server
	*Client
}

// load starts the server, or reloads it.
func (s *side) load(corefile string) (err error) {
	if s.Server != nil {
		return s.Reload(corefile)
	}
	if s.Server, err = server.Start(corefile); err == nil {
		s.Client = NewClient(s.UDP, s.TCP)
	}
	return err
}

func (s *side) stop() {
	if s.Server != nil {
		s.Close()
		_ = s.Stop()
	}
}

// load is told of every Corefile before it is used.
func (m *mirror) load(corefile string) string {
	m.loaded = corefile
	return corefile
}

func (m *mirror) stop() {
	if m.ours != nil {
		m.ours.Close()
	}
	m.stock.stop()
	m.clean.stop()
	if m.good != nil {
		m.good.Close()
	}
	if reason, ok := cannotStart[m.file]; ok && !m.failed {
		m.t.Errorf("stock can start with this Corefile; cannotStart says: %s", reason)
	}
}

// serve starts or reloads stock when ours was.
func (m *mirror) serve() error {
	if m.served == m.loaded {
		return nil
	}
	m.served = m.loaded
	return m.stock.load(Stock(m.loaded))
}

// compare is told of every question that was asked.
func (m *mirror) compare(ts *testscript.TestScript, run *scenario.Run, args []string, got string) {
	if m.failed || dig.Transfer(args) { // TestTransfer compares those
		return
	}
	if err := m.serve(); err != nil {
		m.failed = true
		if _, ok := cannotStart[m.file]; !ok {
			ts.Fatalf("stock cannot start: %v", err)
		}
		return
	}
	m.asked++
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(m.remember(ctx, run))
	mine, err := ParseDig(got)
	ts.Check(err)
	q, err := ParseDigArgs(args)
	ts.Check(err)
	problem := ""
	wait := 2 * time.Second
	for began := time.Now(); time.Since(began) < wait; time.Sleep(10 * time.Millisecond) {
		theirs, err := m.stock.Ask(q)
		ts.Check(err)
		if theirs.Rcode == "SERVFAIL" && mine.Rcode != theirs.Rcode {
			wait = patience // it asks an API server that refused it again after longer and longer waits
		}
		if theirs.EDNS = ""; theirs.Equal(mine) {
			return
		}
		pair, err := m.pair(ctx, run, q)
		ts.Check(err)
		if state := pair.View.world.fingerprint(); state != m.settled {
			if time.Since(began) < settling {
				continue
			}
			m.settled = state
		}
		if problem, err = judge(pair, q); problem == "" && err == nil {
			return
		}
		ts.Check(err)
	}
	m.t.Errorf("%s\n%s", problem, m.loaded)
}

// settling is how long stock, which does not say of what it was told, is given
// to be told of the same before a difference counts.
const settling = 100 * time.Millisecond

// remember notes which Pods there are, if the scenario is about Pods.
func (m *mirror) remember(ctx context.Context, run *scenario.Run) error {
	if !strings.Contains(m.loaded, "pods verified") {
		return nil
	}
	world, _, err := fetch(ctx, run.API)
	if err == nil {
		m.seen.Pods = append(m.seen.Pods, world.Pods...)
	}
	return err
}

// judge returns what is wrong with the differences.
func judge(pair *Pair, q Question) (problem string, err error) {
	differences, err := pair.Compare(q)
	if err != nil {
		return "", err
	}
	for _, d := range differences {
		if pend(d) {
			continue
		}
		if problem := ledger.Judge(d); problem != "" {
			return fmt.Sprintf("%s\n%s%s", problem, d, related(d)), nil
		}
	}
	return "", nil
}

// pair returns both servers, and what is known of the objects they were given.
func (m *mirror) pair(ctx context.Context, run *scenario.Run, q Question) (*Pair, error) {
	world, complete, err := fetch(ctx, run.API)
	if err != nil {
		return nil, err
	}
	options, err := m.options(q)
	if err != nil {
		return nil, err
	}
	if m.ours == nil {
		m.ours = NewClient(run.Server.UDP, run.Server.TCP)
	}
	good, faults := Clean(world)
	pair := &Pair{
		Clients: [2]*Client{m.ours, m.stock.Client},
		View:    &View{Options: options, world: good, before: &m.seen, denied: !complete},
		Faults:  faults,
	}
	if len(faults) > 0 {
		err = m.serveClean(run, good)
		pair.Clean = m.clean.Client
	}
	return pair, err
}

// options returns those that are about the question.
func (m *mirror) options(q Question) (*Options, error) {
	all, err := ParseCorefile(m.loaded)
	if err != nil {
		return nil, err
	}
	best := all[0]
	for _, o := range all {
		if len(longest(o.Zones, q.Name)) > len(longest(best.Zones, q.Name)) {
			best = o
		}
	}
	return best, nil
}

// serveClean gives stock objects without faults.
func (m *mirror) serveClean(run *scenario.Run, w *World) error {
	if m.good == nil {
		m.good = apiserver.New(apiserver.WithKind(apiserver.ServiceImports()))
	}
	m.good.Replace(w.Objects()...)
	if m.clean.Server != nil {
		return nil
	}
	return m.clean.load(strings.ReplaceAll(Stock(m.loaded), run.API, "endpoint "+m.good.URL()))
}
