// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"fmt"
	"math"
)

// The plot has a group of bars for each mix, on a logarithmic scale.
const (
	plotWidth, plotHeight = 1000, 420
	left, right           = 60, 10
	top, bottom           = 40, 90
)

var colours = map[string]string{
	"stock-cache": "#f4a582", "stock": "#ca0020", "ours": "#0571b0", "ours-cache": "#92c5de",
	"whoami": "#7f7f7f", "whoami-bare": "#bdbdbd", "nsd": "#4d9221", "knot": "#a1d76a",
}

// plot draws the CPU per query with confidence intervals.
func (r Run) plot() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<text x="%d" y="16" font-size="13">CPU microseconds per query, size %s (logarithmic; whiskers: 95%% confidence)</text>`+"\n", left, r.Facts.Size)
	servers, mixes := r.servers("mix"), r.mixes("mix")
	scale := r.scale(servers, mixes)
	scale.grid(&b)
	for i, s := range servers {
		x := left + i*110
		fmt.Fprintf(&b, `<rect x="%d" y="22" width="10" height="10" fill="%s"/><text x="%d" y="31">%s</text>`+"\n", x, colours[s], x+14, s)
	}
	for i, mix := range mixes {
		group := float64(plotWidth-left-right) / float64(len(mixes))
		x := left + float64(i)*group
		bar := group * 0.85 / float64(len(servers))
		for j, s := range servers {
			e := r.estimate("mix", s, mix, "cpu_us")
			if !e.Known() {
				continue
			}
			at, y := x+float64(j)*bar, scale.y(e.Median)
			fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s %s: %s us</title></rect>`+"\n",
				at, y, bar*0.9, scale.y(scale.low)-y, colours[s], mix, s, number(e.Median))
			fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="black" stroke-width="0.7"/>`+"\n",
				at+bar*0.45, at+bar*0.45, scale.y(e.Low), scale.y(e.High))
		}
		fmt.Fprintf(&b, `<text transform="translate(%.1f,%d) rotate(30)">%s</text>`+"\n", x+4, plotHeight-bottom+14, mix)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// logScale maps values to heights.
type logScale struct{ low, high float64 }

// scale covers all values by powers of ten.
func (r Run) scale(servers, mixes []string) logScale {
	s := logScale{1, 10}
	for _, mix := range mixes {
		for _, server := range servers {
			if e := r.estimate("mix", server, mix, "cpu_us"); e.Known() {
				s.high = max(s.high, math.Pow(10, math.Ceil(math.Log10(e.High))))
			}
		}
	}
	return s
}

func (s logScale) y(v float64) float64 {
	share := math.Log10(max(v, s.low)/s.low) / math.Log10(s.high/s.low)
	return float64(plotHeight-bottom) - share*float64(plotHeight-bottom-top)
}

func (s logScale) grid(b *bytes.Buffer) {
	for v := s.low; v <= s.high*1.01; v *= 10 {
		y := s.y(v)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f</text>`+"\n",
			left, plotWidth-right, y, y, left-6, y+4, v)
	}
}
