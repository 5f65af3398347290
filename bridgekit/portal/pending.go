package portal

import (
	"context"
	"errors"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// errMayCome says that what an event is about is not in the map of messages and
// may be there soon: it has reached the other side, where somebody has answered it,
// and the delivery that took it there has not ended, or ended with a crash and is
// looked into.
var errMayCome = errors.New("what it is about may be on its way")

// loginWait is how long a login that comes back after a start is waited for,
// because a call of it may have been cut off.
const loginWait = time.Minute

// mayCome returns errMayCome if a remote message that is not in the map may be one
// that a call of ours has just made. It waits as echoes are waited for.
func (x *inbound) mayCome(ctx context.Context, ref network.Ref) error {
	if ref.Sender != "" && x.logins.ByUser(x.p.Network, ref.Sender) == nil {
		return nil // somebody else's
	}
	unsettled := x.j.Unsettled(journal.LaneOf(x.p.ID, journal.Out))
	if !unsettled && !x.sends.any(x.p.ID) {
		return nil
	}
	began, wait := x.e.Created, echoWait
	if unsettled { // the call is made again when its login is there
		in, err := x.db.LoginsIn(ctx, x.p.ID)
		if err != nil {
			return errMayCome // nobody knows
		}
		for _, l := range in {
			sess := x.logins.Get(x.p.Network, l)
			switch {
			case sess == nil, sess.State().Status == network.Dead:
			case !sess.Online():
				wait = loginWait
			case sess.Since().After(began):
				began = sess.Since()
			}
		}
		if x.began.After(began) {
			began = x.began
		}
	}
	if time.Since(began) < wait {
		return errMayCome
	}
	return nil
}

// mayCome returns errMayCome if an event that is not in the map is one of ours whose
// delivery has not ended. It asks the homeserver; see showing.
func (o *outbound) mayCome(ctx context.Context, target id.EventID) error {
	began := o.e.Created
	if o.began.After(began) {
		began = o.began
	}
	if time.Since(began) >= echoWait {
		return nil
	}
	evt, err := o.hs.GetEvent(ctx, o.evt.Room, target)
	if err != nil {
		if harmless(err) || matrix.KindOf(err) == matrix.RoomGone {
			return nil
		}
		return err
	}
	ours := o.hs.Ours(o.evt.Room, evt.Sender, evt.Content.VeryRaw)
	if string(evt.Content.VeryRaw) == "{}" { // a redaction takes the proof with it
		ours = ours || len(o.logins.Of(string(evt.Sender))) > 0
	}
	if evt.Sender == o.hs.BotID() || !ours {
		return nil
	}
	// If its delivery has ended meanwhile, the next attempt finds it in the map or
	// finds that nothing is being shown.
	return errMayCome
}

// showing reports whether something may be in the room that is not in the map.
func (o *outbound) showing() bool {
	lane := journal.LaneOf(o.p.ID, journal.In)
	return o.j.Delivering(lane) || o.j.Unsettled(lane)
}
