package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// homeserverCause is what entries wait for while the homeserver is down.
const homeserverCause = "homeserver"

// WakeHomeserver lets entries go on that wait for the homeserver.
func (s *Service) WakeHomeserver() { s.j.Wake(homeserverCause) }

// Handle delivers one entry; it is the journal's handler.
func (s *Service) Handle(ctx context.Context, e *journal.Entry) journal.Outcome {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute) // the longest transfer of a file
	defer cancel()
	switch e.Lane.Way() {
	case journal.In, journal.Account:
		return s.handleIn(ctx, e)
	case journal.Out:
		return s.handleOut(ctx, e)
	}
	return s.handleControl(ctx, e)
}

// An inbound is one In entry on its way.
type inbound struct {
	*Service
	e     *journal.Entry
	p     store.Portal
	sess  *login.Session // whose connection delivered it; nil if it was removed since
	head  *network.Head
	ev    network.Event // nil if the entry holds none
	sent  bool          // something of it is in the room
	same  []byte        // commonChange of the event
	other bool          // incoming.Other
	anew  bool          // what it is about is not there: an edit became a message
	// stays: nothing of it goes to the room's other networks.
	stays bool
	// spokenFor: the bot says it for somebody.
	spokenFor bool
	// moderated: network.Redaction.Moderated.
	moderated bool
	// filling: it is of the chat's past, and shown before what else is in the lane
	filling bool
	// reached: the past was fetched as far as it was wanted, or there is no more
	reached bool
}

func (s *Service) handleIn(ctx context.Context, e *journal.Entry) journal.Outcome {
	if e.Kind == noticeKind {
		return s.sendNotice(ctx, e)
	}
	if e.Kind == accessKind {
		return s.handleAccess(ctx, e)
	}
	if e.Kind == fillKind {
		return s.handleFill(ctx, e)
	}
	a, err := unwrap(e)
	if err != nil {
		return journal.Fail(err, "the stored entry cannot be read")
	}
	via, ev := a.via, a.ev
	if e.Lane.Way() == journal.Account {
		return s.handleAccount(ctx, e, via, ev)
	}
	p, ok, err := s.portals.get(ctx, e.Lane.Number())
	if err != nil {
		return journal.RetryIn(time.Second, err)
	}
	if !ok {
		return journal.Delivered(nil) // the portal was deleted meanwhile
	}
	x := &inbound{Service: s, e: e, p: p, sess: s.logins.Get(p.Network, via), head: ev.Base(), ev: ev, other: a.other}
	if p.State == store.PortalClosed && !x.reopens(ev) {
		return journal.Delivered(nil)
	}
	if out := x.filled(ctx); out != nil {
		return *out
	}
	return x.dispatch(ctx, ev)
}

// handleAccess delivers what says who is in a chat.
func (s *Service) handleAccess(ctx context.Context, e *journal.Entry) journal.Outcome {
	var a access
	if err := json.Unmarshal(e.Payload, &a); err != nil {
		return journal.Fail(err, "the stored entry cannot be read")
	}
	p, ok, err := s.portals.get(ctx, e.Lane.Number())
	if err != nil {
		return dbOutcome(err)
	}
	if !ok {
		return journal.Delivered(nil)
	}
	x := &inbound{Service: s, e: e, p: p, sess: s.logins.Get(p.Network, a.Login), head: &network.Head{At: e.Created}}
	return x.access(ctx, a)
}

// dispatch hands each kind of event to its method.
func (x *inbound) dispatch(ctx context.Context, ev network.Event) journal.Outcome {
	if out := x.recalled(ctx, ev); out != nil {
		return *out
	}
	if out := x.echoed(ctx, ev); out != nil {
		return *out
	}
	if out := x.changed(ctx, ev); out != nil {
		return *out
	}
	if out := x.unheard(ctx, ev); out != nil {
		return *out
	}
	switch ev := ev.(type) {
	case *network.Message:
		return x.message(ctx, ev)
	case *network.Edit:
		return x.edit(ctx, ev)
	case *network.Redaction:
		return x.redaction(ctx, ev)
	case *network.Reaction:
		return x.reaction(ctx, ev)
	case *network.ReactionSet:
		return x.reactionSet(ctx, ev)
	case *network.ChatChange:
		return x.chatChange(ctx, ev)
	case *network.ChatKept:
		return x.chatKept(ctx, ev)
	case *network.ChatMoved:
		return x.chatMoved(ctx, ev)
	case *network.ChatClosed:
		return x.chatClosed(ctx, ev)
	case *network.MemberChange:
		return x.memberChange(ctx, ev)
	case *network.Roles:
		return x.roles(ctx, ev)
	case *network.Pins:
		return x.pins(ctx, ev)
	case *network.ServiceNotice:
		return x.serviceNotice(ctx, ev)
	case *network.Gap:
		return x.gap(ctx, ev)
	case *network.Vote, *network.PollClosed:
		return x.pollEvent(ctx, ev)
	}
	return journal.Fail(fmt.Errorf("event %T in a chat's lane", ev), "Causeway does not know this kind of event")
}

// outcome turns an error of the Matrix side into what the journal does.
func (s *Service) outcome(err error) journal.Outcome {
	out := s.verdict(err)
	if matrix.MaybeDone(err) {
		out = out.Unsure()
	}
	return out
}

func (s *Service) verdict(err error) journal.Outcome {
	if errors.Is(err, errMayCome) {
		return journal.RetryIn(50*time.Millisecond, nil)
	}
	if w, ok := errors.AsType[waitsFor](err); ok {
		return w.outcome(s)
	}
	if _, ok := errors.AsType[databaseError](err); ok {
		return dbOutcome(err)
	}
	words := matrix.UserText(err)
	switch matrix.KindOf(err) {
	case matrix.Down:
		return journal.Park(homeserverCause, func() bool { return !s.hs.Up() }, err)
	case matrix.RateLimited:
		return journal.RetryIn(max(matrix.WaitOf(err), 100*time.Millisecond), err)
	case matrix.Auth:
		return journal.RetryIn(30*time.Second, err)
	case matrix.NotJoined, matrix.Banned, matrix.NotAllowed, matrix.RoomGone, matrix.TooLarge:
		return journal.Fail(err, words)
	case matrix.Unsure:
		return journal.RetryIn(2*time.Second, err)
	}
	if network.KindOf(err) != network.Unknown {
		return remoteOutcome(nil, err)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return journal.RetryIn(time.Second, err)
	}
	return journal.RetryLater(err, words)
}

// failed is outcome for an In entry: a room that is gone closes its portal.
func (x *inbound) failed(ctx context.Context, err error) journal.Outcome {
	if matrix.KindOf(err) == matrix.RoomGone && x.p.Room != "" {
		if gerr := x.roomGone(ctx, x.p); gerr != nil {
			return dbOutcome(gerr)
		}
		if now, ok, gerr := x.portals.get(ctx, x.p.ID); gerr == nil && ok && now.State == store.PortalNew {
			return journal.RetryIn(time.Second, err) // into the room that is made anew
		}
	}
	out := x.outcome(err)
	if x.sent { // when it is tried again, transaction IDs may be forgotten
		out = out.Unsure()
	}
	return out
}

// remoteOutcome turns an error of a network into what the journal does.
func remoteOutcome(sess *login.Session, err error) journal.Outcome {
	words := network.UserText(err)
	switch network.KindOf(err) {
	case network.Unavailable, network.LoggedOut:
		if sess != nil && !sess.Online() {
			return away(sess, err).Unsure()
		}
		return journal.RetryIn(2*time.Second, err).Unsure()
	case network.RateLimited:
		return journal.RetryIn(max(network.WaitOf(err), 100*time.Millisecond), err)
	case network.Rejected, network.Gone:
		return journal.Fail(err, words)
	}
	return journal.RetryLater(err, words)
}

// away waits for a login that is not connected: until it is, or until it turns out to be
// signed out, when somebody else may speak, or nobody.
func away(sess *login.Session, err error) journal.Outcome {
	dead := sess.State().Status == network.Dead
	return journal.Park(sess.Cause(), func() bool { return !sess.Online() && dead == (sess.State().Status == network.Dead) }, err)
}

// A databaseError comes from our own database, on a way on which most errors are of
// the network or the homeserver.
type databaseError struct{ error }

// Unwrap makes the cause visible to package errors.
func (e databaseError) Unwrap() error { return e.error }

// dbOutcome is for a database that does not answer: it costs no attempt.
func dbOutcome(err error) journal.Outcome { return journal.RetryIn(time.Second, err) }

// roomID is the portal's room.
func roomID(p store.Portal) id.RoomID { return id.RoomID(p.Room) }
