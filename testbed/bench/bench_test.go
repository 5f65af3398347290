package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/testbed/bench/stub"
	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

func TestMain(m *testing.M) {
	if _, child, _ := wire.FromEnv(); child {
		wire.Main(stub.Run)
		return
	}
	os.Exit(m.Run())
}

// TestQuick: every row is measured, Causeway loses nothing, and the plot is
// drawn. What the figures are is of no matter.
func TestQuick(t *testing.T) {
	var out, errs bytes.Buffer
	svg := filepath.Join(t.TempDir(), "plot.svg")
	if err := run(t.Context(), []string{"-quick", "-plot", svg}, &out, &errs); err != nil {
		t.Fatalf("%v\n%s\n%s", err, errs.String(), out.String())
	}
	t.Logf("%s\n%s", errs.String(), out.String())
	table := out.String()
	if strings.Contains(table, "not measured") {
		t.Error("something was not measured")
	}
	for _, r := range rows(quick()) {
		if !strings.Contains(table, "| **"+r.what+"** |") {
			t.Errorf("row %s is missing", r.name)
		}
	}
	if n := strings.Count(table, "| lost | "); n != 4 {
		t.Errorf("%d rows say what was lost, want 4", n)
	}
	for _, words := range []string{"grows with chats", "grows with members", "grows with backlog", "64 at once"} {
		if !strings.Contains(table, words) {
			t.Errorf("%q is missing", words)
		}
	}
	f, err := os.Open(svg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := xml.NewDecoder(f); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("plot: %v", err)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, one := range []struct {
		bar          bar
		value, ratio float64
		measured     bool
		paired       bool
		want         string
	}{
		{bar{atMost, 10}, 9, 0, true, false, "met"},
		{bar{atMost, 10}, 12, 0, true, false, "**missed by 20 %**"},
		{bar{atMost, 0}, 0, 0, true, false, "met"},
		{bar{atMost, 0}, 3, 0, true, false, "**missed by 3**"},
		{bar{atLeast, 80}, 60, 0, true, false, "**missed by 25 %**"},
		{bar{timesMore, 6}, 1, 7, true, true, "met"},
		{bar{timesMore, 6}, 100, 3, true, true, "**missed by 50 %**"},
		{bar{timesLess, 1}, 0, 1.5, true, true, "**missed by 50 %**"},
		{bar{timesLess, 1}, 0, 0, true, false, "not measured"},
		{bar{atMost, 10}, 0, 0, false, false, "not measured"},
	} {
		if got := one.bar.verdict(one.value, one.measured, one.ratio, one.paired); got != one.want {
			t.Errorf("%v of %v, %v: %q, want %q", one.bar, one.value, one.ratio, got, one.want)
		}
	}
}

// TestTable: medians are of the runs, ratios of the pairs, and what failed shows.
func TestTable(t *testing.T) {
	r := row{name: "r", what: "a row", metrics: []metric{{"k", "rate", "msg/s", bar{timesMore, 2}}, {"x", "other", "", bar{atMost, 1}}}}
	tab := newTable()
	for _, pair := range [][2]float64{{100, 300}, {200, 400}, {300, 450}} {
		tab.add(r, map[string]values{wire.RolePeer: {"k": pair[0]}, wire.RoleCauseway: {"k": pair[1]}})
	}
	tab.floors = []floor{{1: 1000, 64: 2000}}
	var out strings.Builder
	tab.print(&out)
	for _, line := range []string{
		"| rate | 200 msg/s | 400 msg/s | 2 × | ≥ 2 × | met |",
		"| other | – | not measured |  | ≤ 1 | not measured |",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is missing in\n%s", line, out.String())
		}
	}
	if tab.err() != nil {
		t.Error(tab.err())
	}
	tab.fail(r, wire.RoleCauseway, whole(wire.Arrivals{N: 1}, 2))
	if err := tab.err(); err == nil || !strings.Contains(err.Error(), "1 messages lost") {
		t.Errorf("error %v", err)
	}
}

func TestFit(t *testing.T) {
	g := growth{}
	for _, x := range []float64{1, 10, 100, 1000} {
		g.points = append(g.points, [2]float64{x, 3 * math.Pow(x, 1.5)})
	}
	if f := g.fit(); math.Abs(f.exponent-1.5) > 1e-9 || math.Abs(f.factor-3) > 1e-9 {
		t.Errorf("fit %+v", f)
	}
	if f := (growth{points: [][2]float64{{1, 1}}}).fit(); f != (fit{}) {
		t.Errorf("fit of one point %+v", f)
	}
}

func TestPercentile(t *testing.T) {
	var list []int64
	for i := range int64(100) {
		list = append(list, (99-i)*1e6)
	}
	if p := percentile(list, 50); p != 50 {
		t.Errorf("p50 %v", p)
	}
	if p := percentile(list, 99); p != 99 {
		t.Errorf("p99 %v", p)
	}
	if p := percentile(nil, 50); p != 0 {
		t.Errorf("of none %v", p)
	}
}

func TestDisordered(t *testing.T) {
	// Two chats: 0, 2, 4 and 1, 3, 5. Message 3 never came, 4 came before 2.
	if n := disordered([]int64{10, 20, 40, 0, 30, 50}, 2); n != 1 {
		t.Errorf("%d, want 1", n)
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-quick", "-runs", "7", "-only", "a,b"}, io.Discard)
	if err != nil || o.runs != 1 || len(o.only) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{{"-runs", "0"}, {"more"}, {"-nothing"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}
