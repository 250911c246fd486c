// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var seed = flag.Uint64("seed", 0, "compare on random objects of this seed only")

// defaultSeeds are those of every run: what CI sees can be repeated.
var defaultSeeds = []uint64{1, 2}

const (
	worlds    = 24  // of a seed
	corefiles = 3   // of a world
	questions = 190 // of a state of a world
)

// TestRandom compares on random objects, options and questions.
func TestRandom(t *testing.T) {
	seeds := defaultSeeds
	if *seed != 0 {
		seeds = []uint64{*seed}
	}
	outside, err := StartOutside()
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Stop()
	r := newReport()
	began := time.Now()
	for _, seed := range seeds {
		r.seed = seed
		for world := range worlds {
			for corefile := range corefiles {
				t.Run(fmt.Sprintf("seed=%d/world=%d/corefile=%d", seed, world, corefile), func(t *testing.T) {
					r.compare(t, newGenerator(seed, uint64(world<<8|corefile+1)), newGenerator(seed, uint64(world<<8)), outside)
				})
			}
		}
	}
	reportPending(t)
	t.Logf("seeds %d: %d questions in %s; differences by rule: %s", seeds, r.asked, time.Since(began).Round(time.Second), ledger.Tally())
	t.Logf("seldom seen: %s", strings.Join(ledger.Rare(20), ", "))
	if *seed == 0 && r.asked < 20_000 {
		t.Errorf("only %d questions", r.asked)
	}
}

// TestRandomClusterSet does so with a cluster that is of a clusterset.
func TestRandomClusterSet(t *testing.T) {
	outside, err := StartOutside()
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Stop()
	r := newReport()
	r.seed = max(*seed, 1)
	for world := range worlds / 2 {
		for corefile := range 2 {
			t.Run(fmt.Sprintf("world=%d/corefile=%d", world, corefile), func(t *testing.T) {
				g, objects := newGenerator(r.seed, uint64(world<<8|corefile+1)), newGenerator(r.seed, uint64(world<<8))
				g.sets, objects.sets = true, true
				r.compare(t, g, objects, outside)
			})
		}
	}
	reportPending(t)
	t.Logf("%d questions; differences by rule: %s", r.asked, ledger.Tally())
}

// A report collects what is not as it should be, once for each sort.
type report struct {
	seed   uint64
	asked  int
	faults map[string]int
}

func newReport() *report { return &report{faults: make(map[string]int)} }

// compare runs both plugins on the states of one world with one Corefile.
func (r *report) compare(t *testing.T, g, objects *generator, outside *Outside) {
	b := newBench(t, g, !objects.sets && objects.chance(35), outside)
	now := objects.world()
	for phase := range phases {
		if b.malformed {
			objects.spoil(now)
		}
		b.show(t, now, phase)
		r.ask(t, g, b, []*View{b.pair.View, {Options: b.options, world: now}})
		now = objects.later(now)
	}
}

// ask asks about the objects of some views.
func (r *report) ask(t *testing.T, g *generator, b *bench, about []*View) {
	for i := range questions {
		q := g.question(about[i%len(about)])
		r.asked++
		differences, err := b.pair.Compare(q)
		if err != nil {
			t.Errorf("%v\n%s", err, b.corefile)
		}
		for _, d := range differences {
			r.judge(t, d, b.corefile)
		}
	}
}

// judge reports a difference that is not as listed, unless there was one of its sort.
func (r *report) judge(t *testing.T, d *Difference, corefile string) {
	if pend(d) {
		return
	}
	problem := ledger.Judge(d)
	if problem == "" {
		return
	}
	sort := problem + " " + d.Signature()
	if r.faults[sort]++; r.faults[sort] == 1 {
		t.Errorf("%s\n%s%s\n%sagain: go test ./test/differential -run '%s' -seed %d", problem, d, related(d), corefile, t.Name(), r.seed)
	}
}

// related shows the objects that a difference is about.
func related(d *Difference) string {
	var b strings.Builder
	show := func(o metav1.Object, service string) {
		if o.GetNamespace() == d.Namespace && service == d.Facts.Name.Service {
			text, _ := json.Marshal(o)
			fmt.Fprintf(&b, "%T %s\n", o, text)
		}
	}
	for _, s := range d.View.world.Services {
		show(s, s.Name)
	}
	for _, s := range d.View.world.Slices {
		show(s, s.Labels[discoveryv1.LabelServiceName])
	}
	for _, o := range d.Owners {
		fmt.Fprintf(&b, "%+v\n", o)
	}
	return b.String()
}
