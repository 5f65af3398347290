package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// The size of one panel and of the space around its axes, in SVG units.
const (
	panelWidth, panelHeight      = 360.0, 300.0
	left, right, top, underneath = 56.0, 16.0, 44.0, 48.0
)

// draw writes panels side by side: points, and the line that fits them, both
// axes logarithmic.
func draw(w io.Writer, all []growth) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="12">`+"\n", panelWidth*float64(len(all)), panelHeight)
	fmt.Fprintln(&b, `<rect width="100%" height="100%" fill="white"/>`)
	for i, g := range all {
		fmt.Fprintf(&b, `<g transform="translate(%g 0)">`+"\n", panelWidth*float64(i))
		g.panel(&b)
		fmt.Fprintln(&b, "</g>")
	}
	fmt.Fprintln(&b, "</svg>")
	_, err := io.WriteString(w, b.String())
	return err
}

// An axis maps the decades between two powers of ten to a length.
type axis struct {
	from, to   float64 // exponents of ten
	start, end float64
}

func newAxis(values []float64, start, end float64) axis {
	a := axis{math.Inf(1), math.Inf(-1), start, end}
	for _, v := range values {
		a.from, a.to = min(a.from, math.Floor(math.Log10(v))), max(a.to, math.Ceil(math.Log10(v)))
	}
	if a.to <= a.from {
		a.to = a.from + 1
	}
	return a
}

func (a axis) at(v float64) float64 {
	return a.start + (math.Log10(v)-a.from)/(a.to-a.from)*(a.end-a.start)
}

func (g growth) panel(b *strings.Builder) {
	var xs, ys []float64
	for _, p := range g.points {
		xs, ys = append(xs, p[0]), append(ys, max(p[1], 1e-3))
	}
	x := newAxis(xs, left, panelWidth-right)
	y := newAxis(ys, panelHeight-underneath, top)
	f := g.fit()
	fmt.Fprintf(b, `<text x="%g" y="18" font-weight="bold">%s</text>`+"\n", left, g.cost)
	fmt.Fprintf(b, `<text x="%g" y="34" fill="#555">grows with %s^%.2f</text>`+"\n", left, g.with, f.exponent)
	for e := x.from; e <= x.to; e++ {
		at := x.at(math.Pow(10, e))
		fmt.Fprintf(b, `<line x1="%.1f" y1="%g" x2="%.1f" y2="%g" stroke="#ddd"/>`+"\n", at, top, at, panelHeight-underneath)
		fmt.Fprintf(b, `<text x="%.1f" y="%g" text-anchor="middle">%g</text>`+"\n", at, panelHeight-underneath+16, math.Pow(10, e))
	}
	for e := y.from; e <= y.to; e++ {
		at := y.at(math.Pow(10, e))
		fmt.Fprintf(b, `<line x1="%g" y1="%.1f" x2="%g" y2="%.1f" stroke="#ddd"/>`+"\n", left, at, panelWidth-right, at)
		fmt.Fprintf(b, `<text x="%g" y="%.1f" text-anchor="end">%g</text>`+"\n", left-6, at+4, math.Pow(10, e))
	}
	fmt.Fprintf(b, `<text x="%g" y="%g" text-anchor="middle">%s</text>`+"\n", (left+panelWidth-right)/2, panelHeight-12, g.with)
	if n := len(xs); n > 1 {
		line := func(v float64) float64 { return y.at(f.factor * math.Pow(v, f.exponent)) }
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#c60" stroke-dasharray="5 4"/>`+"\n", x.at(xs[0]), line(xs[0]), x.at(xs[n-1]), line(xs[n-1]))
	}
	for i := range xs {
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" fill="#246"/>`+"\n", x.at(xs[i]), y.at(ys[i]))
	}
}
