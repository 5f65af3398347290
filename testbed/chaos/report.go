package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/step"
)

// A summary adds up runs.
type summary struct {
	mu     sync.Mutex // guards what follows, and the output
	out    io.Writer
	x      wish
	runs   int
	failed []uint64
	total  result
	steps  map[step.Name]int
	faults map[fault]int
	kinds  map[string]int
}

// series plays the plans of a series of seeds, several at once.
func series(ctx context.Context, x wish, out io.Writer) error {
	s := &summary{out: out, x: x, steps: map[step.Name]int{}, faults: map[fault]int{}, kinds: map[string]int{}}
	began := time.Now()
	seeds := make(chan uint64)
	var wg sync.WaitGroup
	for range min(x.parallel, x.seeds) {
		wg.Go(func() {
			for seed := range seeds {
				s.one(ctx, seed)
			}
		})
	}
	for i := range x.seeds {
		if ctx.Err() != nil || x.length > 0 && time.Since(began) > x.length {
			break
		}
		seeds <- x.first + uint64(i)
	}
	close(seeds)
	wg.Wait()
	s.print(time.Since(began))
	if len(s.failed) > 0 {
		return fmt.Errorf("%d of %d runs failed", len(s.failed), s.runs)
	}
	return ctx.Err()
}

// one plays the plan of one seed.
func (s *summary) one(ctx context.Context, seed uint64) {
	p := newPlan(seed, s.x.place(), s.x.messages)
	if s.x.rounds > 0 {
		p.Rounds = p.Rounds[:min(s.x.rounds, len(p.Rounds))]
	}
	began := time.Now()
	dir, err := makeDir(p)
	if err != nil {
		s.add(p, nil, nil, dir, err, 0)
		return
	}
	w, err := newWorld(ctx, p, dir)
	var r *result
	if err == nil {
		if r, err = w.run(ctx); err != nil || r.bad() {
			err = errors.Join(err, w.dump())
		}
		if cerr := w.close(); err == nil {
			err = cerr
		}
	}
	s.add(p, w, r, dir, err, time.Since(began))
}

// add prints what came of a run and counts it.
func (s *summary) add(p plan, w *world, r *result, dir string, err error, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	s.kinds[p.Kind]++
	if w != nil {
		for _, c := range w.nodes {
			for n, k := range c.steps {
				s.steps[n] += k
			}
		}
		for f, n := range w.faults {
			s.faults[f] += n
		}
	}
	puppets := ""
	if p.Puppets {
		puppets = ", double puppets"
	}
	flavor := [...]string{"synapse", "dendrite"}[p.Flavor]
	fmt.Fprintf(s.out, "seed %d (%s, %s, %s%s): ", p.Seed, s.x.where(), flavor, p.Kind, puppets)
	if err == nil && !r.bad() {
		s.sum(r)
		fmt.Fprintf(s.out, "ok: %d + %d messages, %d kills, %d stops, %.0f s\n", r.Sent[0], r.Sent[1], r.Kills, r.Stops, took.Seconds())
		if !s.x.keep {
			_ = os.RemoveAll(dir)
		}
		return
	}
	s.failed = append(s.failed, p.Seed)
	fmt.Fprintf(s.out, "FAILED after %.0f s\n", took.Seconds())
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(s.out, "  %v\n", err)
	}
	if r != nil {
		s.sum(r)
		r.print(s.out)
	}
	fmt.Fprintf(s.out, "  again: go run -C testbed -tags goolm ./chaos -homeserver %s -network %s -hub=%v -encrypted=%v -db %s -workers %d -seed %d -messages %d -rounds %d -fault %q\n  log and database: %s\n",
		p.Home, p.Far, s.x.hub, s.x.encrypted, s.x.db, p.Workers, p.Seed, s.x.messages, s.x.rounds, s.x.only, dir)
}

func (s *summary) sum(r *result) {
	t := &s.total
	for i, n := range r.Sent {
		t.Sent[i] += n
	}
	t.Kills, t.Stops, t.Starts, t.Missed = t.Kills+r.Kills, t.Stops+r.Stops, t.Starts+r.Starts, t.Missed+r.Missed
	t.Returned, t.Twice, t.Flying = t.Returned+r.Returned, t.Twice+r.Twice, t.Flying+r.Flying
	t.Cut, t.Early = t.Cut+r.Cut, t.Early+r.Early
	t.Excused, t.DoubledMarked = t.Excused+r.Excused, t.DoubledMarked+r.DoubledMarked
	t.Lost, t.Doubled, t.Order, t.Looped = append(t.Lost, r.Lost...), append(t.Doubled, r.Doubled...), append(t.Order, r.Order...), append(t.Looped, r.Looped...)
	t.Clear = append(t.Clear, r.Clear...)
	t.Wrong, t.Dead = append(t.Wrong, r.Wrong...), append(t.Dead, r.Dead...)
}

// print lists what is bad about a run.
func (r *result) print(out io.Writer) {
	const most = 12
	for _, l := range []struct {
		name string
		all  []string
	}{{"lost", r.Lost}, {"doubled", r.Doubled}, {"looped", r.Looped}, {"in clear", r.Clear}, {"out of order", r.Order}, {"wrong", r.Wrong}, {"dead letter", r.Dead}} {
		for i, s := range l.all {
			if i == most {
				fmt.Fprintf(out, "  %s: %d more\n", l.name, len(l.all)-most)
				break
			}
			fmt.Fprintf(out, "  %s: %s\n", l.name, s)
		}
	}
}

func (s *summary) print(took time.Duration) {
	t := &s.total
	fmt.Fprintf(s.out, "\n%d runs on %s in %.0f s, %d failed", s.runs, s.x.where(), took.Seconds(), len(s.failed))
	for _, seed := range s.failed {
		fmt.Fprintf(s.out, " %d", seed)
	}
	fmt.Fprintf(s.out, "\nmessages: %d from networks, %d from Matrix\n", t.Sent[onNetwork], t.Sent[onMatrix])
	fmt.Fprintf(s.out, "lost %d, doubled %d, looped %d, in clear %d, out of order %d, wrong %d, dead letters without a reason %d\n", len(t.Lost), len(t.Doubled), len(t.Looped), len(t.Clear), len(t.Order), len(t.Wrong), len(t.Dead))
	fmt.Fprintf(s.out, "on networks that recognise nothing: doubled and marked %d (for sure %d, of %d on their way when Causeway was hit), said to be unknown %d\n", t.DoubledMarked, t.Twice, t.Flying, t.Excused)
	fmt.Fprintf(s.out, "removed in a room before they were known to be there, and shown again: %d\n", t.Returned)
	if t.Early > 0 {
		fmt.Fprintf(s.out, "encrypted before anybody was asked in: %d\n", t.Early)
	}
	if t.Cut > 0 {
		fmt.Fprintf(s.out, "said on IRC in the moment in which Causeway's connection was cut, and not heard: %d\n", t.Cut)
	}
	fmt.Fprintf(s.out, "starts %d, kills %d, stops %d, steps missed %d\n", t.Starts, t.Kills, t.Stops, t.Missed)
	var parts []string
	all := step.All()
	if s.x.hub {
		all = append(all, step.Hub()...)
	}
	for _, n := range all {
		parts = append(parts, fmt.Sprintf("%s %d", n, s.steps[n]))
	}
	fmt.Fprintln(s.out, "ended at:", strings.Join(parts, ", "))
	fmt.Fprintln(s.out, "faults:", counts(s.faults))
	fmt.Fprintln(s.out, "networks:", counts(s.kinds))
}

// counts lists a map in order.
func counts[K ~string](m map[K]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(parts, ", ")
}
