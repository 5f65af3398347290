package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// A row is one measurement of a bridge.
type row struct {
	name, what string
	fresh      bool // with bridges of its own, which know nothing yet
	alone      bool // of Causeway only: the peer has nothing like it
	metrics    []metric
	measure    func(ctx context.Context, b *bridge) (values, error)
}

// values are what one measurement found, by the metrics' keys.
type values map[string]float64

// A metric is one line of the table.
type metric struct {
	key, what, unit string
	bar             bar
}

// A bar is what Causeway has to reach. The zero bar is none.
type bar struct {
	kind  barKind
	limit float64
}

type barKind int

const (
	none      barKind = iota
	atLeast           // the value itself
	atMost            //
	timesMore         // the value divided by the peer's, at least
	timesLess         // the same, at most
)

// sizes are how much is measured.
type sizes struct {
	burst, slow, paced, pushed int // messages
	chats                      [3]int
	members, portals, spoken   int
	backlog                    int
	file                       int64
	lose                       int
	raw                        int // requests of the floor
}

// full are the sizes that the bars are for.
func full() sizes {
	return sizes{
		burst: 5000, slow: 250, paced: 3000, pushed: 5000, chats: [3]int{1, 100, 1000},
		members: 1000, portals: 500, spoken: 10_000, backlog: 1_000_000, file: 1 << 30, lose: 2000, raw: 20_000,
	}
}

// quick are sizes with which everything is tried in a minute.
func quick() sizes {
	return sizes{
		burst: 200, slow: 20, paced: 100, pushed: 200, chats: [3]int{1, 5, 20},
		members: 60, portals: 10, spoken: 20, backlog: 2000, file: 8 << 20, lose: 400, raw: 500,
	}
}

// shared is the prefix of the chats that all rows without bridges of their own use.
const shared = "c"

// rows are the table.
func rows(z sizes) []row {
	var all []row
	for i, chats := range z.chats {
		all = append(all, burstRow(z, chats, [3]float64{3, 6, 6}[i]))
	}
	all = append(all, slowRow(z), pacedRow(z))
	for _, chats := range z.chats[:2] {
		all = append(all, pushRow(z, chats))
	}
	all = append(append(all, singleRow(z)), crowdRows(z)...)
	all = append(all, portalsRow(z), spokenRow(z), backlogRow(z))
	return slices.Concat(all, fileRows(z), loseRows(z))
}

func burstRow(z sizes, chats int, times float64) row {
	cpu := bar{}
	if chats == z.chats[1] {
		cpu = bar{atMost, 0.15}
	}
	return row{
		name: fmt.Sprint("burst-", chats), what: fmt.Sprintf("network → Matrix, burst of %d, %s", z.burst, plural(chats, "chat")),
		metrics: []metric{
			{"rate", "rate", "msg/s", bar{timesMore, times}},
			{"cpu", "CPU per message", "ms", cpu},
			{"requests", "requests per message", "", bar{}},
		},
		measure: func(ctx context.Context, b *bridge) (values, error) {
			r, err := b.in(ctx, wire.Load{Count: z.burst, Chats: wire.Chats{Prefix: shared, N: chats}})
			return r.values(), err
		},
	}
}

// values are the usual figures of a burst.
func (r inward) values() values {
	if len(r.Arrivals.At) == 0 {
		return nil
	}
	n := float64(len(r.Arrivals.At))
	return values{
		"rate": n / seconds(slices.Max(r.Arrivals.At)-r.Began), "cpu": millis(int64(r.cpu)) / n,
		"requests": float64(r.counts.Requests) / n,
	}
}

func slowRow(z sizes) row {
	return row{
		name: "slow", what: "the same with 20 ms homeserver latency, 1 chat",
		metrics: []metric{{"rate", "rate", "msg/s", bar{atLeast, 45}}},
		measure: func(ctx context.Context, b *bridge) (v values, err error) {
			if err := b.tune(ctx, 20*time.Millisecond, false); err != nil {
				return nil, err
			}
			r, err := b.in(ctx, wire.Load{Count: z.slow, Chats: wire.Chats{Prefix: shared, N: 1}})
			if err != nil {
				return nil, err
			}
			return r.values(), b.tune(ctx, 0, false)
		},
	}
}

func pacedRow(z sizes) row {
	return row{
		name: "paced", what: fmt.Sprintf("paced, 200 msg/s over %s", plural(z.chats[1], "chat")),
		metrics: []metric{
			{"p50", "delay p50", "ms", bar{timesLess, 1}},
			{"p99", "delay p99", "ms", bar{timesLess, 0.8}},
			{"cpu", "CPU per message", "ms", bar{}},
		},
		measure: func(ctx context.Context, b *bridge) (values, error) {
			r, err := b.in(ctx, wire.Load{Count: z.paced, Rate: 200, Chats: wire.Chats{Prefix: shared, N: z.chats[1]}})
			if err != nil {
				return nil, err
			}
			var delays []int64
			for i, at := range r.Arrivals.At {
				delays = append(delays, at-r.Delivered.At[i])
			}
			return values{"p50": percentile(delays, 50), "p99": percentile(delays, 99), "cpu": millis(int64(r.cpu)) / float64(z.paced)}, nil
		},
	}
}

func pushRow(z sizes, chats int) row {
	return row{
		name: fmt.Sprint("push-", chats), what: fmt.Sprintf("Matrix → network, 50 events per transaction, %s", plural(chats, "chat")),
		metrics: []metric{
			{"rate", "rate", "events/s", bar{timesMore, 4}},
			{"ack50", "200 after, p50", "ms", bar{}},
			{"ack99", "200 after, p99", "ms", bar{atMost, 10}},
			{"handled50", "handled after, p50", "ms", bar{}},
			{"handled99", "handled after, p99", "ms", bar{atMost, 25}},
			{"cpu", "CPU per event", "ms", bar{}},
		},
		measure: func(ctx context.Context, b *bridge) (values, error) {
			r, err := b.out(ctx, wire.Load{Count: z.pushed, Chats: wire.Chats{Prefix: shared, N: chats}}, 50)
			return r.values(50), err
		},
	}
}

func singleRow(z sizes) row {
	return row{
		name: "push-single", what: fmt.Sprintf("Matrix → network, 1 event per transaction, %s", plural(z.chats[1], "chat")),
		metrics: []metric{
			{"rate", "rate", "events/s", bar{timesMore, 0.7}},
			{"ack50", "200 after, p50", "ms", bar{atMost, 1}},
			{"ack99", "200 after, p99", "ms", bar{}},
			{"handled50", "event to Send, p50", "ms", bar{timesLess, 1.1}},
			{"handled99", "event to Send, p99", "ms", bar{}},
			{"cpu", "CPU per event", "ms", bar{}},
		},
		measure: func(ctx context.Context, b *bridge) (values, error) {
			r, err := b.out(ctx, wire.Load{Count: z.pushed, Chats: wire.Chats{Prefix: shared, N: z.chats[1]}}, 1)
			return r.values(1), err
		},
	}
}

// values are the usual figures of a push.
func (r outward) values(perTxn int) values {
	if len(r.Arrivals.At) == 0 || len(r.Sent) == 0 {
		return nil
	}
	var acks, delays []int64
	for i, sent := range r.Sent {
		acks = append(acks, r.Answered[i]-sent)
	}
	for i, at := range r.Arrivals.At {
		delays = append(delays, at-r.Sent[i/perTxn])
	}
	n := float64(len(r.Arrivals.At))
	return values{
		"rate":  n / seconds(slices.Max(r.Arrivals.At)-r.Sent[0]),
		"ack50": percentile(acks, 50), "ack99": percentile(acks, 99),
		"handled50": percentile(delays, 50), "handled99": percentile(delays, 99),
		"cpu": millis(int64(r.cpu)) / n,
	}
}

// percentile is the p-th of a list of nanoseconds, in milliseconds.
func percentile(list []int64, p int) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return millis(sorted[min(len(sorted)*p/100, len(sorted)-1)])
}

func seconds(nanos int64) float64 { return time.Duration(max(nanos, 1)).Seconds() }

func millis(nanos int64) float64 { return float64(nanos) / 1e6 }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
