// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package stat

import (
	"math"
	"testing"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		values []float64
		p      float64
		want   float64
	}{
		{[]float64{3}, 0.5, 3},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{5, 1, 3}, 0.5, 3},
		{[]float64{1, 2, 3, 4, 5}, 0, 1},
		{[]float64{1, 2, 3, 4, 5}, 1, 5},
		{[]float64{0, 100}, 0.99, 99},
	} {
		if got := Quantile(c.values, c.p); got != c.want {
			t.Errorf("Quantile(%v, %v): got %v, want %v", c.values, c.p, got, c.want)
		}
	}
	if got := Quantile(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("quantile of nothing: got %v, want NaN", got)
	}
}

func TestBootstrap(t *testing.T) {
	values := []float64{10, 11, 9, 10.5, 9.5, 10, 30} // one outlier
	e := Bootstrap(values)
	if e.Median != 10 || e.N != 7 || e.Low < 9 || e.Low > 10 || e.High < 10 || e.High > 30 {
		t.Errorf("got %+v", e)
	}
	if again := Bootstrap(values); again != e {
		t.Errorf("the same values give %+v and %+v", e, again)
	}
	if same := Bootstrap([]float64{7, 7, 7}); same.Low != 7 || same.High != 7 || !same.Sure() {
		t.Errorf("constant values: got %+v", same)
	}
	if none := Bootstrap(nil); none.Known() || none.Sure() {
		t.Errorf("no values: got %+v", none)
	}
}

func TestRatio(t *testing.T) {
	// The machine is half as fast in round 2: the ratio is the same.
	got := Ratio(map[int]float64{1: 20, 2: 40, 3: 22, 5: 1}, map[int]float64{1: 10, 2: 20, 3: 11, 4: 1})
	if got.Median != 2 || got.Low != 2 || got.High != 2 || got.N != 3 {
		t.Errorf("got %+v, want 2 of 3 rounds", got)
	}
}
