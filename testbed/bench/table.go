package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// A table gathers what was measured.
type table struct {
	rows     []*result
	floors   []floor
	growths  []growth
	problems []error
}

// A result is a row's measurements.
type result struct {
	row
	runs []map[string]values // by role
}

func newTable() *table { return &table{} }

func (t *table) of(r row) *result {
	for _, x := range t.rows {
		if x.name == r.name {
			return x
		}
	}
	x := &result{row: r}
	t.rows = append(t.rows, x)
	return x
}

func (t *table) add(r row, found map[string]values) {
	x := t.of(r)
	x.runs = append(x.runs, found)
}

// fail notes what could not be measured.
func (t *table) fail(r row, role string, err error) {
	t.of(r)
	t.problems = append(t.problems, fmt.Errorf("%s of %s: %w", r.name, role, err))
}

func (t *table) err() error { return errors.Join(t.problems...) }

// median of one metric of one role; false: it was never measured.
func (x *result) median(role, key string) (float64, bool) {
	var all []float64
	for _, run := range x.runs {
		if v, ok := run[role][key]; ok {
			all = append(all, v)
		}
	}
	return middle(all)
}

// ratio is the median of the ratios of pairs.
func (x *result) ratio(key string) (float64, bool) {
	var all []float64
	for _, run := range x.runs {
		a, ok1 := run[wire.RoleCauseway][key]
		b, ok2 := run[wire.RolePeer][key]
		if ok1 && ok2 && b != 0 {
			all = append(all, a/b)
		}
	}
	return middle(all)
}

func middle(all []float64) (float64, bool) {
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2, true
}

// print prints the table as Markdown.
func (t *table) print(out io.Writer) {
	fmt.Fprintln(out, "| what | bridgev2 | Causeway | ratio | bar | |\n|---|---:|---:|---:|---|---|")
	for _, x := range t.rows {
		fmt.Fprintf(out, "| **%s** | | | | | |\n", x.what)
		for _, m := range x.metrics {
			fmt.Fprintln(out, x.line(m))
		}
	}
	t.printFloor(out)
	for _, g := range t.growths {
		fmt.Fprintf(out, "\n%s grows with %s to the power of %.2f:", g.cost, g.with, g.fit().exponent)
		for _, p := range g.points {
			fmt.Fprintf(out, " %.0f: %s;", p[0], number(p[1]))
		}
		fmt.Fprintln(out)
	}
}

// printFloor prints the floor, and how much of it the bursts reached.
func (t *table) printFloor(out io.Writer) {
	for i, n := range together() {
		var all []float64
		for _, f := range t.floors {
			all = append(all, f[n])
		}
		raw, ok := middle(all)
		if !ok {
			return
		}
		fmt.Fprintf(out, "\nFloor: Go's HTTP client alone sends the stub %s msg/s, %d at once.", number(raw), n)
		for _, x := range t.rows {
			// One chat is one request at a time; many are as many as there are workers.
			if !strings.HasPrefix(x.name, "burst-") || (x.name == "burst-1") != (i == 0) {
				continue
			}
			for _, role := range []string{wire.RolePeer, wire.RoleCauseway} {
				if v, ok := x.median(role, "rate"); ok {
					fmt.Fprintf(out, " %s: %s reaches %.0f %%.", x.name, role, v/raw*100)
				}
			}
		}
		fmt.Fprintln(out)
	}
}

// line is one metric.
func (x *result) line(m metric) string {
	cells := []string{m.what, "–", "not measured", "", "", ""}
	if v, ok := x.median(wire.RolePeer, m.key); ok {
		cells[1] = withUnit(v, m.unit)
	}
	mine, ok := x.median(wire.RoleCauseway, m.key)
	if ok {
		cells[2] = withUnit(mine, m.unit)
	}
	ratio, paired := x.ratio(m.key)
	if paired {
		cells[3] = strconv.FormatFloat(ratio, 'g', 3, 64) + " ×"
	}
	cells[4] = m.bar.String()
	if m.bar.kind != none {
		cells[5] = m.bar.verdict(mine, ok, ratio, paired)
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

func withUnit(v float64, unit string) string { return strings.TrimSpace(number(v) + " " + unit) }

// number has three digits that mean something.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a == math.Trunc(a):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// String is the bar for the table.
func (b bar) String() string {
	l := strconv.FormatFloat(b.limit, 'f', -1, 64)
	switch b.kind {
	case atLeast:
		return "≥ " + l
	case atMost:
		return "≤ " + l
	case timesMore:
		return "≥ " + l + " ×"
	case timesLess:
		return "≤ " + l + " ×"
	}
	return ""
}

// verdict says whether the bar is met, and if not by how much it is missed.
func (b bar) verdict(value float64, measured bool, ratio float64, paired bool) string {
	if b.kind == timesMore || b.kind == timesLess {
		value, measured = ratio, paired
	}
	if !measured {
		return "not measured"
	}
	if b.kind == atLeast || b.kind == timesMore {
		if value >= b.limit {
			return "met"
		}
		return fmt.Sprintf("**missed by %.0f %%**", (1-value/b.limit)*100)
	}
	if value <= b.limit {
		return "met"
	}
	if b.limit == 0 {
		return "**missed by " + number(value) + "**"
	}
	return fmt.Sprintf("**missed by %.0f %%**", (value/b.limit-1)*100)
}
