package main

import (
	"context"
	"fmt"
)

// play plays a fault of the network: what can be done to the IRC server and to
// Causeway's connections to it.
func (n *ircNet) play(ctx context.Context, _ *world, r round) error {
	switch r.Fault {
	case faultCut:
		n.gate.Cut()
		pause(ctx, r.Lasts)
	case faultNetDown, faultSignedOut: // it knows no sessions that it could end
		return n.restart(ctx, r.Lasts)
	case faultNetSlow:
		n.gate.Delay(r.Lasts / 4)
		pause(ctx, 3*r.Lasts)
		n.gate.Delay(0)
	case faultLimited: // as by a server that reads no more for a while
		release := n.gate.Hold()
		pause(ctx, 2*r.Lasts)
		release()
	case faultNoAnswer:
		end := n.gate.Swallow()
		pause(ctx, r.Lasts)
		end()
	case faultChatHangs: // as a netsplit: everybody of ours is gone at once, and stays away
		n.gate.Shut()
		pause(ctx, 3*r.Lasts)
		return n.gate.Open()
	default:
		return fmt.Errorf("nobody plays %q", r.Fault)
	}
	return nil
}
