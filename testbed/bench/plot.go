package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// A growth is how a cost of Causeway grows with something.
type growth struct {
	cost, with string
	points     [][2]float64
}

// A fit is cost = factor × size^exponent.
type fit struct{ factor, exponent float64 }

// fit is the line through the logarithms with the least squares.
func (g growth) fit() fit {
	var n, sx, sy, sxx, sxy float64
	for _, p := range g.points {
		if p[0] <= 0 || p[1] <= 0 {
			continue
		}
		x, y := math.Log(p[0]), math.Log(p[1])
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	d := n*sxx - sx*sx
	if d == 0 {
		return fit{}
	}
	e := (n*sxy - sx*sy) / d
	return fit{math.Exp((sy - e*sx) / n), e}
}

// plotSizes are where growth is measured.
type plotSizes struct {
	chats, members, backlog []int
	burst                   int
}

func fullPlot() plotSizes {
	return plotSizes{
		chats: []int{1, 10, 100, 1000, 10_000}, members: []int{1, 10, 100, 1000, 10_000},
		backlog: []int{1000, 10_000, 100_000}, burst: 5000,
	}
}

func quickPlot() plotSizes {
	return plotSizes{chats: []int{1, 5, 20}, members: []int{1, 10, 60}, backlog: []int{200, 400, 800}, burst: 100}
}

// plot measures how Causeway's costs grow, prints the exponents and draws.
func (s *stage) plot(ctx context.Context) (all []growth, err error) {
	z := fullPlot()
	if s.o.quick {
		z = quickPlot()
	}
	b, err := s.newBridge(ctx, wire.RoleCauseway)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.end(ctx, true)) }()
	for _, measure := range []func(context.Context, plotSizes) (growth, error){b.byChats, b.byMembers, b.byBacklog} {
		g, err := measure(ctx, z)
		if err != nil {
			return nil, fmt.Errorf("plot: %w", err)
		}
		fmt.Fprintf(s.errs, "%s grows with %s: %v, exponent %.2f\n", g.cost, g.with, g.points, g.fit().exponent)
		all = append(all, g)
	}
	f, err := os.Create(s.o.plot)
	if err != nil {
		return nil, err
	}
	err = draw(f, all)
	return all, errors.Join(err, f.Close())
}

// byChats measures bursts over chats that have all spoken before.
func (b *bridge) byChats(ctx context.Context, z plotSizes) (growth, error) {
	g := growth{cost: "CPU per message, ms", with: "chats"}
	if err := b.prepare(ctx, wire.Chats{Prefix: shared, N: z.chats[len(z.chats)-1]}); err != nil {
		return g, err
	}
	for _, n := range z.chats {
		r, err := b.in(ctx, wire.Load{Count: max(z.burst, n), Chats: wire.Chats{Prefix: shared, N: n}})
		if err != nil {
			return g, err
		}
		g.points = append(g.points, [2]float64{float64(n), r.values()["cpu"]})
	}
	return g, nil
}

// byMembers measures the requests before the first message of a chat.
func (b *bridge) byMembers(ctx context.Context, z plotSizes) (growth, error) {
	g := growth{cost: "requests before the first message", with: "members"}
	for _, n := range z.members {
		r, err := b.in(ctx, wire.Load{Count: 1, Chats: b.newChats("crowd", 1, n)})
		if err != nil {
			return g, err
		}
		g.points = append(g.points, [2]float64{float64(n), r.firstValues()["requests"]})
	}
	return g, nil
}

// byBacklog measures what it costs to drain one.
func (b *bridge) byBacklog(ctx context.Context, z plotSizes) (growth, error) {
	g := growth{cost: "CPU per message drained, ms", with: "backlog"}
	for _, n := range z.backlog {
		v, err := b.backlog(ctx, wire.Chats{Prefix: shared, N: z.chats[len(z.chats)/2]}, n)
		if err != nil {
			return g, err
		}
		g.points = append(g.points, [2]float64{float64(n), v["cpu"]})
	}
	return g, nil
}
