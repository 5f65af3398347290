package main

import (
	"context"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

const mib = 1 << 20

// rss is the memory of a bridge that has come to rest, in MiB.
func (b *bridge) rss(ctx context.Context) (float64, error) {
	if err := b.settle(ctx); err != nil {
		return 0, err
	}
	n, err := b.memory("VmRSS")
	return float64(n) / mib, err
}

// peak is the most memory since forgetPeak, in MiB.
func (b *bridge) peak() (float64, error) {
	n, err := b.memory("VmHWM")
	return float64(n) / mib, err
}

func spokenRow(z sizes) row {
	return row{
		name: "memory", what: fmt.Sprintf("memory, %d chats", z.spoken), fresh: true,
		metrics: []metric{
			{"made", "when they were made", "MiB", bar{}},
			{"idle", "after a restart, idle", "MiB", bar{atMost, 25}},
			{"spoken", "all have spoken since the start", "MiB", bar{atMost, 60}},
			{"ready", "restart", "ms", bar{}},
		},
		measure: func(ctx context.Context, b *bridge) (values, error) {
			v, l := values{}, wire.Load{Count: z.spoken, Chats: wire.Chats{Prefix: shared, N: z.spoken}}
			if _, err := b.in(ctx, l); err != nil {
				return nil, err
			}
			var err error
			if v["made"], err = b.rss(ctx); err != nil {
				return nil, err
			}
			took, err := b.restart(ctx)
			if err != nil {
				return nil, err
			}
			v["ready"] = millis(int64(took))
			if v["idle"], err = b.rss(ctx); err != nil {
				return nil, err
			}
			if _, err := b.in(ctx, l); err != nil {
				return nil, err
			}
			v["spoken"], err = b.rss(ctx)
			return v, err
		},
	}
}

func backlogRow(z sizes) row {
	return row{
		name: "backlog", what: fmt.Sprintf("backlog of %d entries, %s (the peer keeps it in memory and loses it)", z.backlog, plural(z.chats[1], "chat")),
		fresh: true, alone: true,
		metrics: []metric{
			{"accept", "accepted at", "msg/s", bar{}},
			{"accepting", "peak memory while accepting", "MiB", bar{atMost, 100}},
			{"ready", "restart with all of it", "ms", bar{atMost, 500}},
			{"rate", "drained at", "msg/s", bar{}},
			{"share", "drain rate of the burst rate", "%", bar{atLeast, 80}},
			{"draining", "peak memory while draining", "MiB", bar{atMost, 100}},
			{"cpu", "CPU per message while draining", "ms", bar{}},
		},
		measure: func(ctx context.Context, b *bridge) (values, error) {
			c := wire.Chats{Prefix: shared, N: z.chats[1]}
			if err := b.prepare(ctx, c); err != nil {
				return nil, err
			}
			burst, err := b.in(ctx, wire.Load{Count: z.burst, Chats: c})
			if err != nil {
				return nil, err
			}
			v, err := b.backlog(ctx, c, z.backlog)
			if err == nil {
				v["share"] = v["rate"] / burst.values()["rate"] * 100
			}
			return v, err
		},
	}
}

// backlog has messages pile up while the homeserver is down, restarts the bridge
// and measures how they drain.
func (b *bridge) backlog(ctx context.Context, c wire.Chats, count int) (v values, err error) {
	first, err := b.expectIn(ctx, count)
	if err != nil {
		return nil, err
	}
	if err := b.tune(ctx, 0, true); err != nil {
		return nil, err
	}
	if err := b.forgetPeak(); err != nil {
		return nil, err
	}
	v = values{}
	var d wire.Delivered
	if err := b.call(ctx, wire.SubjectDeliver, wire.Load{First: first, Count: count, Chats: c}, &d); err != nil {
		return nil, err
	}
	v["accept"] = float64(count) / seconds(d.Ended-d.Began)
	if v["accepting"], err = b.peak(); err != nil {
		return nil, err
	}
	if err := b.end(ctx, false); err != nil {
		return nil, err
	}
	if err := b.tune(ctx, 0, false); err != nil {
		return nil, err
	}
	took, err := b.start(ctx)
	if err != nil {
		return nil, err
	}
	v["ready"] = millis(int64(took))
	began := time.Now()
	a, err := b.awaitIn(ctx, count, stall)
	if err != nil {
		return nil, err
	}
	drained := time.Since(began)
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	if v["draining"], err = b.peak(); err != nil {
		return nil, err
	}
	cpu, err := b.cpu()
	v["rate"], v["cpu"] = float64(a.N)/drained.Seconds(), millis(int64(cpu))/float64(count)
	if err != nil {
		return nil, err
	}
	return v, whole(a, count)
}

// fileRows are about one large file, either way.
func fileRows(z sizes) []row {
	metrics := []metric{{"peak", "peak memory over idle", "MiB", bar{atMost, 32}}, {"time", "time", "s", bar{}}}
	c := wire.Chats{Prefix: shared, N: 1}
	l := wire.Load{Count: 1, Chats: c, File: z.file}
	name := fmt.Sprintf("a file of %d MiB", z.file/mib)
	return []row{{
		name: "file-in", what: "network → Matrix, " + name, fresh: true, metrics: metrics,
		measure: func(ctx context.Context, b *bridge) (values, error) {
			return b.overIdle(ctx, c, func() (int64, error) {
				r, err := b.in(ctx, l)
				if err != nil {
					return 0, err
				}
				return r.Arrivals.At[0] - r.Began, nil
			})
		},
	}, {
		name: "file-out", what: "Matrix → network, " + name, fresh: true, metrics: metrics,
		measure: func(ctx context.Context, b *bridge) (values, error) {
			return b.overIdle(ctx, c, func() (int64, error) {
				r, err := b.out(ctx, l, 1)
				if err != nil {
					return 0, err
				}
				return r.Arrivals.At[0] - r.Sent[0], nil
			})
		},
	}}
}

// overIdle measures how much more memory do takes than idleness, and how long
// do says that it took.
func (b *bridge) overIdle(ctx context.Context, c wire.Chats, do func() (int64, error)) (values, error) {
	if err := b.prepare(ctx, c); err != nil {
		return nil, err
	}
	idle, err := b.rss(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.forgetPeak(); err != nil {
		return nil, err
	}
	took, err := do()
	if err != nil {
		return nil, err
	}
	peak, err := b.peak()
	return values{"peak": peak - idle, "time": seconds(took)}, err
}
