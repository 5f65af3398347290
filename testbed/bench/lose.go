package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// loseRows end the bridge while messages are on their way, start it again, and
// count.
func loseRows(z sizes) []row {
	metrics := []metric{
		{"accepted", "accepted at the end", "", bar{}},
		{"arrived", "arrived by then", "", bar{}},
		{"lost", "lost", "", bar{atMost, 0}},
		{"doubled", "doubled", "", bar{atMost, 0}},
		{"disordered", "out of order", "", bar{atMost, 0}},
	}
	var all []row
	for _, how := range []struct {
		name, words string
		kill        bool
	}{{"kill", "kill -9", true}, {"term", "SIGTERM", false}} {
		all = append(all, row{
			name: how.name + "-in", fresh: true, metrics: metrics,
			what: fmt.Sprintf("%s with %d messages under way in %s, network → Matrix", how.words, z.lose, plural(z.chats[1], "chat")),
			measure: func(ctx context.Context, b *bridge) (values, error) {
				return b.loseIn(ctx, wire.Load{Count: z.lose, Chats: wire.Chats{Prefix: shared, N: z.chats[1]}}, how.kill)
			},
		}, row{
			name: how.name + "-out", fresh: true, what: "the same, Matrix → network", metrics: metrics,
			measure: func(ctx context.Context, b *bridge) (values, error) {
				return b.loseOut(ctx, wire.Load{Count: z.lose, Chats: wire.Chats{Prefix: shared, N: z.chats[1]}}, how.kill)
			},
		})
	}
	return all
}

// recovery is how long nothing may arrive after the restart before the rest
// counts as lost. Who loses nothing does not make us wait so long.
func (b *bridge) recovery() time.Duration {
	if b.spec.Role == wire.RoleCauseway {
		return time.Minute
	}
	return 5 * time.Second
}

// loseIn ends the bridge when half of a load from the network has arrived. What
// the network got no acknowledgement for it delivers again.
func (b *bridge) loseIn(ctx context.Context, l wire.Load, kill bool) (v values, err error) {
	if err := b.prepare(ctx, l.Chats); err != nil {
		return nil, err
	}
	if l.First, err = b.expectIn(ctx, l.Count); err != nil {
		return nil, err
	}
	delivery := b.calls.Go(wire.SubjectDeliver, l, &wire.Delivered{}, nil)
	at, err := b.awaitIn(ctx, l.Count/2, stall)
	if err != nil {
		return nil, err
	}
	if err := b.end(ctx, kill); err != nil {
		return nil, err
	}
	<-delivery.Done // it fails, or all was accepted before the end
	accepted, err := b.accepted(l)
	if err != nil {
		return nil, err
	}
	if _, err := b.start(ctx); err != nil {
		return nil, err
	}
	rest := l
	rest.First, rest.Count = l.First+accepted, l.Count-accepted
	if rest.Count > 0 {
		if err := b.call(ctx, wire.SubjectDeliver, rest, &wire.Delivered{}); err != nil {
			return nil, err
		}
	}
	if _, err := b.awaitIn(ctx, l.Count, b.recovery()); err != nil {
		return nil, err
	}
	// What comes late would be a double.
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	a, err := b.awaitIn(ctx, l.Count, time.Second)
	if err != nil {
		return nil, err
	}
	return b.lossValues(a, l.Chats.N, accepted, at.N)
}

// accepted is how many messages of a load the bridge has acknowledged: as the
// network knows it, which was not killed.
func (b *bridge) accepted(l wire.Load) (int, error) {
	raw, err := os.ReadFile(filepath.Join(b.spec.Dir, "accepted"))
	if err != nil {
		return 0, err
	}
	if len(raw) < 8 {
		return 0, nil
	}
	return max(int(binary.LittleEndian.Uint64(raw))-l.First+1, 0), nil
}

// loseOut ends the bridge when half of what the homeserver pushed is with the
// network. The homeserver pushes what it got no 200 for until it does.
func (b *bridge) loseOut(ctx context.Context, l wire.Load, kill bool) (v values, err error) {
	if err := b.prepare(ctx, l.Chats); err != nil {
		return nil, err
	}
	if l.First, err = b.expectOut(ctx, l.Count); err != nil {
		return nil, err
	}
	const perTxn = 50
	var pushed wire.Pushed
	push := b.stub.calls.Go(wire.StubPush, wire.Push{ASToken: b.spec.ASToken, Load: l, PerTxn: perTxn, Most: time.Minute}, &pushed, nil)
	at, err := b.awaitOut(ctx, l.Count/2, stall)
	if err != nil {
		return nil, err
	}
	ended := time.Now().UnixNano()
	if err := b.end(ctx, kill); err != nil {
		return nil, err
	}
	if _, err := b.start(ctx); err != nil {
		return nil, err
	}
	select {
	case <-push.Done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if push.Error != nil {
		return nil, push.Error
	}
	accepted := 0
	for _, t := range pushed.Answered {
		if t == 0 {
			return nil, errors.New("the bridge does not take what was pushed again")
		}
		if t <= ended {
			accepted += perTxn
		}
	}
	if _, err := b.awaitOut(ctx, l.Count, b.recovery()); err != nil {
		return nil, err
	}
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	a, err := b.awaitOut(ctx, l.Count, time.Second)
	if err != nil {
		return nil, err
	}
	return b.lossValues(a, l.Chats.N, accepted, at.N)
}

// lossValues counts what is missing. For Causeway that is an error.
func (b *bridge) lossValues(a wire.Arrivals, chats, accepted, arrived int) (values, error) {
	count := len(a.At)
	a.Disordered = disordered(a.At, chats) // the tally forgot what came before the restart
	v := values{
		"accepted": float64(accepted), "arrived": float64(arrived), "lost": float64(count - a.N),
		"doubled": float64(a.Doubled), "disordered": float64(a.Disordered),
	}
	if b.spec.Role != wire.RoleCauseway {
		return v, nil
	}
	return v, whole(a, count)
}

// disordered counts messages that came before an earlier one of their chat.
func disordered(at []int64, chats int) (n int) {
	last := map[int]int64{}
	for i, t := range at {
		if t == 0 {
			continue
		}
		if t < last[i%chats] {
			n++
		}
		last[i%chats] = max(last[i%chats], t)
	}
	return n
}
