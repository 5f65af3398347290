package portal

import (
	"context"
	"errors"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// errMayCome says that what an event is about is not in the map of messages, or not
// stored, and may be there soon: it has reached the other side, where somebody has answered it,
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
	lane := journal.LaneOf(x.p.ID, journal.Out)
	calling := x.j.Delivering(lane) // asked first: a call that ends in doubt leaves its lane unsettled
	unsettled := x.j.Unsettled(lane, x.e.ID)
	if !unsettled && !calling {
		return nil
	}
	began, wait := x.e.Created, echoWait
	if unsettled { // the call is made again when its login is there
		began = latest(began, x.began)
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
				fallthrough
			default:
				began = latest(began, sess.Since())
			}
		}
	}
	if time.Since(began) < wait {
		return errMayCome
	}
	return nil
}

// latest is the later of two times. What is in the future was stored before the
// clock was set back.
func latest(a, b time.Time) time.Time {
	if a.Before(b) || a.After(time.Now()) {
		return b
	}
	return a
}

// stored returns errMayCome if what an event is about came from the other side and
// its row of the map is not stored yet. Otherwise a crash could leave each way
// waiting for the other: the head of each would be about what is behind the other's.
func (s *Service) stored(ctx context.Context, rows []store.Message, here journal.Way) error {
	came := journal.In
	if sentByUs(rows) {
		came = journal.Out
	}
	if came == here {
		return nil // in front of it in the same lane
	}
	kept, err := s.db.MessagesByEvent(ctx, rows[0].Portal, rows[0].Event)
	if err == nil && len(kept) == 0 {
		err = errMayCome
	}
	return err
}

// removalWait is how long a removal waits for the delivery of what it removes: longer
// than anything else that is about a message, because nobody else would remove it there.
const removalWait = 5 * time.Minute

// mayCome returns errMayCome if an event that is not in the map is one of ours whose
// delivery has not ended. It asks the homeserver; see showing.
func (o *outbound) mayCome(ctx context.Context, target id.EventID) error {
	wait := echoWait
	if o.evt.Type == event.EventRedaction.Type {
		wait = removalWait
	}
	if o.waited() >= wait {
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

// waited is how long the entry has waited since it came, or the process began.
func (o *outbound) waited() time.Duration { return time.Since(latest(o.e.Created, o.began)) }

// showing reports whether something may be in the room that is not in the map.
func (o *outbound) showing() bool {
	lane := journal.LaneOf(o.p.ID, journal.In)
	return o.j.Delivering(lane) || o.j.Unsettled(lane, o.e.ID)
}

// sentByUs reports whether rows are those of a message that came from Matrix.
func sentByUs(rows []store.Message) bool {
	return slices.ContainsFunc(rows, func(r store.Message) bool { return r.Txn != "" })
}
