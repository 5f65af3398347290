package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/ircd"
)

// TestMain plays Causeway, if asked to.
func TestMain(m *testing.M) {
	if text := os.Getenv(envSpec); text != "" {
		if err := runChild(text); err != nil {
			os.Stderr.WriteString("causeway: " + err.Error() + "\n")
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// A few seeds on each database, with every step on SQLite. They are always the same; the program plays others.
func TestChaos(t *testing.T) {
	for _, x := range []wish{
		{home: fakeHome, far: memNetwork, db: "sqlite", seeds: share},
		{home: fakeHome, far: memNetwork, db: "postgres", seeds: 1},
		{home: fakeHome, far: memNetwork, db: "postgres", seeds: 1, workers: 2},
		{home: fakeHome, far: memNetwork, db: "sqlite", seeds: 2, hub: true},
		{home: fakeHome, far: memNetwork, db: "sqlite", seeds: 1, encrypted: true},
	} {
		t.Run(x.where(), func(t *testing.T) {
			t.Parallel()
			if x.db == "postgres" {
				c, err := storetest.NewCluster()
				if errors.Is(err, storetest.ErrNoPostgres) {
					t.Skip(err)
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Remove(); err != nil {
					t.Fatal(err)
				}
			}
			var out strings.Builder
			x.first, x.messages, x.parallel = 1000, 150, 2
			err := series(t.Context(), x, &out)
			t.Log(out.String())
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// One seed each with real servers on both sides.
func TestReal(t *testing.T) {
	for _, x := range []wish{
		{home: dendriteHome, far: ircNetwork},
		{home: synapseHome, far: ircNetwork},
	} {
		t.Run(x.home, func(t *testing.T) {
			t.Parallel()
			if err := ircd.Available(ircd.InspIRCd); err != nil {
				t.Skip(err)
			}
			if x.home == synapseHome {
				if _, err := homeserver.Synapse(t.Context()); err != nil {
					t.Skip(err)
				}
			}
			var out strings.Builder
			x.db, x.seeds, x.first, x.messages, x.rounds, x.parallel = "sqlite", 1, 1001, 150, 6, 1
			err := series(t.Context(), x, &out)
			t.Log(out.String())
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// fakes is the place with neither a real homeserver nor a real network.
func fakes() place { return place{home: fakeHome, far: memNetwork} }

// A plan is a function of its seed, and a few seeds in a row have every step.
func TestPlans(t *testing.T) {
	var steps, ofHubs []step.Name
	for seed := range uint64(share) {
		steps, ofHubs = append(steps, stepsOf(seed, false)...), append(ofHubs, stepsOf(seed, true)...)
		a, b := newPlan(seed, fakes(), 400), newPlan(seed, fakes(), 400)
		if !slices.Equal(a.Rounds, b.Rounds) || a.Kind != b.Kind || a.Puppets != b.Puppets || a.Flavor != b.Flavor {
			t.Errorf("seed %d has two plans", seed)
		}
	}
	all := step.All()
	slices.Sort(steps)
	slices.Sort(all)
	if !slices.Equal(steps, all) {
		t.Errorf("steps are %v, not %v", steps, all)
	}
	if len(ofHubs) != len(all)+len(step.Hub()) {
		t.Errorf("the steps of hubs are %v", ofHubs)
	}
}

// The comparison notices what it is there to notice.
func TestCheckCatches(t *testing.T) {
	p := newPlan(8, fakes(), 400)
	said := func(token string) *message {
		return &message{token: token, side: onMatrix, who: "@alice:test", want: []piece{{text: squeeze(line(token, 0))}}, reactions: map[reaction]string{}}
	}
	for name, c := range map[string]struct {
		shows []string
		of    func(r *result) int
	}{
		"lost":                {[]string{"m1", "m3"}, func(r *result) int { return len(r.Lost) }},
		"doubled":             {[]string{"m1", "m2", "m2", "m3"}, func(r *result) int { return len(r.Doubled) }},
		"out of order":        {[]string{"m2", "m1", "m3"}, func(r *result) int { return len(r.Order) }},
		"unknown":             {[]string{"m1", "m2", "m3", "n9"}, func(r *result) int { return len(r.Doubled) }},
		"cut and heard twice": {[]string{"m1", "m2", "m3", "m4", "m4"}, func(r *result) int { return len(r.Doubled) }},
		"cut":                 {[]string{"m1", "m2", "m3"}, func(r *result) int { return r.Cut }},
		"nothing":             {[]string{"m1", "m2", "m3"}, func(r *result) int { return 1 - len(r.Lost) - len(r.Doubled) - len(r.Order) - len(r.Wrong) }},
	} {
		t.Run(name, func(t *testing.T) {
			shows, origin, r := newView(), newView(), &result{}
			for _, s := range c.shows {
				shows.add(s, "id "+s, "", piece{text: squeeze(line(s, 0))})
			}
			ch := &chat{chatPlan: chatPlans()[0]}
			cut := said("m4")
			cut.cut = true
			ch.book[onMatrix] = []*message{said("m1"), said("m2"), said("m3"), cut}
			k := &checker{w: &world{plan: p, far: &mem{opts: p.Net}}, r: r, c: ch, side: onMatrix, at: onNetwork, shows: shows, origin: origin, room: origin}
			k.unexpected()
			k.check()
			if c.of(r) != 1 {
				t.Errorf("found %+v", r)
			}
		})
	}
}

// What is marked as perhaps there twice is bounded by what was on its way.
func TestBound(t *testing.T) {
	for flying, bad := range map[int]bool{2: true, 3: false, 4: false} {
		r := &result{Twice: 3}
		if r.bound(flying); r.bad() != bad {
			t.Errorf("3 doubles of %d on their way: %v", flying, r.Doubled)
		}
	}
}
