// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package stat condenses the values of several rounds.
package stat

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Quantile returns the p-quantile of values, 0 <= p <= 1, interpolated between
// neighbours; NaN if there are none.
func Quantile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := p * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}

// Median is the 0.5-quantile.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// An Estimate is a median and the 95% confidence interval of it.
type Estimate struct {
	Median, Low, High float64
	N                 int // values it is made from
}

// Known reports whether there were values at all.
func (e Estimate) Known() bool { return e.N > 0 }

// Sure reports whether there are enough values for an interval to mean something.
func (e Estimate) Sure() bool { return e.N >= 3 }

// resamples is enough for the second digit of a 95% interval.
const resamples = 2000

// Bootstrap estimates the median of values: it draws as many values with
// replacement again and again, and takes the middle 95% of their medians. It
// is the same for the same values: the report must not change by itself.
func Bootstrap(values []float64) Estimate {
	e := Estimate{Median: Median(values), N: len(values)}
	if len(values) == 0 {
		return e
	}
	random := rand.New(rand.NewPCG(1, uint64(len(values))))
	medians := make([]float64, resamples)
	draw := make([]float64, len(values))
	for i := range medians {
		for j := range draw {
			draw[j] = values[random.IntN(len(values))]
		}
		medians[i] = Median(draw)
	}
	e.Low, e.High = Quantile(medians, 0.025), Quantile(medians, 0.975)
	return e
}

// Ratio estimates the median of the ratios of values that belong together,
// which noise that comes and goes over minutes does not reach. Rounds that one
// of the two does not have are left out.
func Ratio(of, to map[int]float64) Estimate {
	var ratios []float64
	for round, a := range of {
		if b, ok := to[round]; ok && b > 0 {
			ratios = append(ratios, a/b)
		}
	}
	slices.Sort(ratios) // maps have no order, and draws depend on it
	return Bootstrap(ratios)
}
