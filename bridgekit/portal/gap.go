package portal

import (
	"context"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// gap fills in what the network says may be missing, where it keeps its past;
// else, or if that does not reach back far enough, it tells the room.
func (x *inbound) gap(ctx context.Context, g *network.Gap) journal.Outcome {
	if x.p.Room == "" {
		return journal.Delivered(nil)
	}
	whole, out := x.closeGap(ctx, g)
	if out != nil {
		return *out
	}
	if whole {
		return journal.Delivered(nil)
	}
	const layout = "2006-01-02 15:04:05 MST"
	words := "Messages may be missing here: " + g.Reason
	if !g.From.IsZero() && !g.To.IsZero() {
		words = fmt.Sprintf("Messages between %s and %s may be missing here: %s", g.From.UTC().Format(layout), g.To.UTC().Format(layout), g.Reason)
	}
	if out := x.say(ctx, markup.Plain(words), "gap"); out != nil {
		return *out
	}
	return journal.Delivered(nil)
}

// closeGap shows the past since a gap began, and reports whether it is all there.
func (x *inbound) closeGap(ctx context.Context, g *network.Gap) (whole bool, out *journal.Outcome) {
	ops := x.ops()
	if x.opts.History.CatchUp <= 0 || g.From.IsZero() || ops == nil || ops.History == nil {
		return false, nil
	}
	since, until := g.From.UnixMilli(), g.To
	if until.IsZero() {
		until = latest(g.At, g.From)
	}
	p, err := x.update(ctx, x.p.ID, func(p *store.Portal) {
		p.Info.Fill = &store.Fill{Login: x.via(), Left: x.opts.History.CatchUp, Since: since, Until: until.UnixMilli(), Began: time.Now().UnixMilli()}
	})
	if err != nil {
		return false, settled(dbOutcome(err))
	}
	x.p = p
	if out := x.filled(ctx); out != nil {
		return false, out
	}
	return x.reached, nil
}
