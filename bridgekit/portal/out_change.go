package portal

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// ref is the remote message that an event is; false if it never left.
func (o *outbound) ref(ctx context.Context, target id.EventID) (network.Ref, []store.Message, error) {
	showing := o.showing() // asked first: what ends meanwhile is in the map
	rows, err := o.messages.event(ctx, o.p.ID, string(target))
	if err == nil && len(rows) == 0 && showing {
		err = o.mayCome(ctx, target)
	}
	if err == nil && len(rows) > 0 {
		err = o.stored(ctx, rows, journal.Out)
	}
	known := len(rows) > 0 && !sentByUs(rows) && time.Since(rows[0].At) < echoWait
	if rows = namedFor(o.p, o.sess, rows); err == nil && len(rows) == 0 && known && o.sess.Online() && time.Since(latest(o.e.Created, o.began)) < echoWait {
		err = errMayCome // another login has brought it, and this one will in a moment
	}
	if err != nil || len(rows) == 0 {
		return network.Ref{}, nil, err
	}
	ref := network.Ref{Part: partOf(rows[0]), Sender: network.UserID(rows[0].Sender)}
	for _, r := range rows {
		switch {
		case r.Remote == "": // its ID came later, if at all
		case ref.ID == "":
			ref.ID = r.Remote
		default:
			ref.Alt = append(ref.Alt, r.Remote)
		}
	}
	if rows[0].Txn != "" {
		ref.Sender = o.sess.User()
	}
	return ref, rows, nil
}

// unknown is the outcome of an error of ref.
func (o *outbound) unknown(err error) journal.Outcome {
	var ofMatrix *matrix.Error
	switch {
	case errors.Is(err, errMayCome) && o.waited() > echoWait:
		return journal.RetryIn(time.Second, nil) // the homeserver is asked each time
	case errors.Is(err, errMayCome) || errors.As(err, &ofMatrix):
		return o.outcome(err)
	}
	return dbOutcome(err)
}

// unanswered is failed for a change, or the parts of a message, that are called what.
// If nobody can tell whether it was carried out it is not made again, but it may come
// back.
func (o *outbound) unanswered(ctx context.Context, err error, what ...string) journal.Outcome {
	if !o.unknowable(err) {
		return o.failed(ctx, err)
	}
	for _, w := range what {
		o.sends.expect(o.p.ID, w)
	}
	werr := o.db.Write(ctx, len(what), func(tx *store.Tx) error {
		for _, w := range what {
			if err := journal.Remember(tx, o.e.Lane, echoOf(o.p.ID, w)); err != nil {
				return err
			}
		}
		return nil
	})
	if werr != nil {
		o.log.Warn("remember what may come back", "entry", o.e.ID, "err", werr)
	}
	return o.failed(ctx, err)
}

// redaction removes a message or a reaction on the network.
func (o *outbound) redaction(ctx context.Context) journal.Outcome {
	target := string(o.evt.Redacts)
	if target == "" {
		return journal.Delivered(nil)
	}
	withdraw := func(tx *store.Tx) error { return journal.Withdraw(tx, o.e.Lane, target) }
	if r, ok, err := o.db.ReactionByEvent(ctx, o.p.ID, target); err != nil {
		return dbOutcome(err)
	} else if ok {
		return o.unreact(ctx, r)
	}
	if line, err := o.db.IsReactionLine(ctx, o.p.ID, target); err != nil {
		return dbOutcome(err)
	} else if line { // the reaction that it began with is gone already, others stand
		return journal.Delivered(withdraw)
	}
	ref, rows, err := o.ref(ctx, o.evt.Redacts)
	if err != nil {
		return o.unknown(err)
	}
	if len(rows) == 0 {
		return journal.Delivered(withdraw) // it never left, or is gone already
	}
	all, err := o.messages.remote(ctx, o.p.ID, ref.IDs()...)
	if err != nil {
		return dbOutcome(err)
	}
	if !slices.ContainsFunc(all, func(r store.Message) bool { return r.Event != target && isBroadcast(r) == isBroadcast(rows[0]) }) {
		ref.Part = -1 // the event is all there is of the message
	}
	err = o.redactThere(ctx, ref)
	unsupported := errors.Is(err, errors.ErrUnsupported)
	failed := err != nil && !unsupported && !errors.Is(err, network.ErrNoMessage)
	if failed && network.KindOf(err) != network.Rejected {
		return o.failed(ctx, err)
	}
	o.opts.Steps.At(step.OutChanged)
	if err := o.removeAgain(ctx, all, rows[0], ref); err != nil { // the room is rid of it, whatever the network lets us do
		return o.outcome(err)
	}
	if failed {
		return o.failed(ctx, err)
	}
	if unsupported {
		o.tell(ctx, o.networkName(o.p.Network)+" cannot remove messages: it stays visible there.", "unredactable")
		return journal.Delivered(withdraw)
	}
	if err := o.dropLine(ctx, ref.ID); err != nil {
		return o.failed(ctx, err)
	}
	if err := o.removed(ctx, ref); err != nil {
		return dbOutcome(err)
	}
	return journal.Delivered(withdraw)
}

// redactThere removes a message on the network.
func (o *outbound) redactThere(ctx context.Context, ref network.Ref) error {
	if o.ops.Redact == nil {
		return errors.ErrUnsupported
	}
	var c struct {
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(o.evt.Content, &c) // without a reason there is none
	return o.ops.Redact(ctx, network.OutgoingRedaction{Txn: o.txnID(), Chat: o.p.Chat.ID, Target: ref, Reason: c.Reason, Persona: o.persona(ctx)})
}

// removed stores that what the event is about is gone from the network.
func (o *outbound) removed(ctx context.Context, ref network.Ref) error {
	target := string(o.evt.Redacts)
	names, err := o.messages.all(ctx, o.p.ID, target)
	if err != nil {
		return err
	}
	// Committed before the next entries of both lanes, which may be about it.
	err = o.db.Write(ctx, 2, func(tx *store.Tx) error {
		if err := gone(tx, o.e.Lane, names); err != nil {
			return err
		}
		for _, remote := range ref.IDs() {
			if err := journal.Remember(tx, o.e.Lane, goneKey(o.p.ID, remote)); err != nil {
				return err
			}
		}
		return tx.DeleteMessage(o.p.ID, target)
	})
	if err == nil {
		o.messages.drop(o.p.ID, target)
	}
	return err
}

// reaction adds a reaction. What becomes of a relayed person's is the edge's policy.
func (o *outbound) reaction(ctx context.Context) journal.Outcome {
	var c reactionContent
	if err := json.Unmarshal(o.evt.Content, &c); err != nil || c.RelatesTo.EventID == "" {
		return journal.Delivered(nil)
	}
	key, err := o.emojiKeyOf(ctx, &c)
	if err != nil {
		return dbOutcome(err)
	}
	if o.relay && o.policy(o.p).ReactionsAs() == hub.NoReactions || !o.relay && o.ops.React == nil {
		return journal.Delivered(nil)
	}
	ref, rows, err := o.ref(ctx, c.RelatesTo.EventID)
	if err != nil {
		return o.unknown(err)
	}
	if o.relay && len(rows) > 0 {
		return o.relayedReaction(ctx, ref, key)
	}
	if len(rows) == 0 || ref.ID == "" {
		return journal.Delivered(nil)
	}
	what := reactionEcho(ref.ID, key, false)
	err = o.ops.React(ctx, network.OutgoingReaction{Txn: o.txnID(), Chat: o.p.Chat.ID, Target: ref, Key: key})
	if errors.Is(err, errors.ErrUnsupported) {
		return journal.Delivered(nil) // as where it is known beforehand
	}
	if err != nil {
		return o.unanswered(ctx, err, what)
	}
	o.opts.Steps.At(step.OutChanged)
	o.sends.expect(o.p.ID, what)
	r := store.Reaction{Portal: o.p.ID, Target: ref.ID, Sender: string(o.sess.User()), Emoji: key, Event: string(o.evt.ID)}
	return o.record(ctx, what, func(tx *store.Tx) error { return tx.AddReaction(r) })
}

// record stores a reaction's fate before its echo, which is called what, and the
// next entry are looked at: they read it.
func (o *outbound) record(ctx context.Context, what string, do func(tx *store.Tx) error) journal.Outcome {
	err := o.db.Write(ctx, 2, func(tx *store.Tx) error {
		if err := journal.Remember(tx, o.e.Lane, echoOf(o.p.ID, what)); err != nil {
			return err
		}
		return do(tx)
	})
	if err != nil {
		return dbOutcome(err)
	}
	return journal.Delivered(nil)
}

func (o *outbound) unreact(ctx context.Context, r store.Reaction) journal.Outcome {
	if isShared(r) {
		return o.unshare(ctx, r)
	}
	gone := func(tx *store.Tx) error { return tx.DeleteReaction(r) }
	what := reactionEcho(r.Target, r.Emoji, true)
	if o.ops.React == nil || r.Sender != string(o.sess.User()) {
		return o.record(ctx, what, gone)
	}
	if o.sess.ID == o.p.Relay { // others may have made it through this account
		if stands, err := o.sharedBy(ctx, r); err != nil {
			return dbOutcome(err)
		} else if stands {
			return o.record(ctx, what, gone)
		}
	}
	err := o.ops.React(ctx, network.OutgoingReaction{Txn: o.txnID(), Chat: o.p.Chat.ID, Target: network.Whole(r.Target), Key: r.Emoji, Remove: true})
	if err != nil {
		return o.unanswered(ctx, err, what)
	}
	o.opts.Steps.At(step.OutChanged)
	o.sends.expect(o.p.ID, what)
	return o.record(ctx, what, gone)
}

// chatChange carries a topic or name out, unless it is what the network said.
func (o *outbound) chatChange(ctx context.Context) journal.Outcome {
	if o.ops.EditChat == nil {
		return journal.Delivered(nil)
	}
	change := network.OutgoingChat{Txn: o.txnID(), Persona: o.persona(ctx)}
	var c struct {
		Topic *string `json:"topic"`
		Name  *string `json:"name"`
		URL   string  `json:"url"`
	}
	if err := json.Unmarshal(o.evt.Content, &c); err != nil {
		return journal.Delivered(nil)
	}
	switch {
	case o.evt.Type == event.StateBeeperDisappearingTimer.Type:
		if !features(o.p).Expiries || !o.setExpiry(&change) {
			return journal.Delivered(nil)
		}
	case o.evt.Type == event.StateTopic.Type && c.Topic != nil:
		o.setTopic(*c.Topic, &change)
	case o.evt.Type == event.StateRoomName.Type && c.Name != nil && *c.Name != o.p.Info.Name && !o.p.Info.Plumbed:
		change.Name = c.Name
	case o.evt.Type == event.StateRoomAvatar.Type && c.URL != "" && c.URL != o.p.Info.Avatar && !o.p.Info.Plumbed:
		change.Avatar = o.avatar(c.URL)
	default:
		return journal.Delivered(nil)
	}
	if change.Topic == nil && change.Purpose == nil && change.Name == nil && change.Avatar == nil && change.Expiry == nil {
		return o.chatChanged(ctx, c.Topic) // a picture that is none, or what the network has
	}
	if err := o.ops.EditChat(ctx, o.p.Chat.ID, change); err != nil {
		if network.KindOf(err) == network.Rejected {
			o.tell(ctx, "Not changed on "+o.networkName(o.p.Network)+": "+network.UserText(err), "unchanged")
			return journal.Delivered(nil)
		}
		return o.failed(ctx, err)
	}
	o.sends.expect(o.p.ID, chatEcho(change.Name, change.Topic, change.Expiry, change.Avatar != nil))
	_, err := o.update(ctx, o.p.ID, func(p *store.Portal) {
		if change.Expiry != nil {
			p.Info.Expiry = *change.Expiry
		}
		if change.Topic != nil {
			p.Info.Topic = *change.Topic
		}
		if change.Purpose != nil {
			p.Info.Purpose = *change.Purpose
		}
		if change.Name != nil {
			p.Info.Name = *change.Name
		}
		if change.Avatar != nil {
			p.Info.Avatar = c.URL
		}
	})
	if err != nil {
		return dbOutcome(err)
	}
	return o.chatChanged(ctx, c.Topic)
}

// chatChanged is the end of a change of a chat. written is the topic that it was, if
// it was one.
func (o *outbound) chatChanged(ctx context.Context, written *string) journal.Outcome {
	if o.evt.Type == event.StateTopic.Type && written != nil && o.ops.EditChat != nil {
		if out := o.keepPurpose(ctx, *written); out != nil {
			return *out
		}
	}
	return journal.Delivered(nil)
}

// avatar is a picture of the homeserver as a network takes it.
func (o *outbound) avatar(url string) *network.Media {
	uri, err := id.ParseContentURI(url)
	if err != nil {
		return nil
	}
	m := &network.Media{Kind: network.Image, Name: "avatar"}
	var c struct {
		Info *event.FileInfo `json:"info"`
	}
	if json.Unmarshal(o.evt.Content, &c) == nil && c.Info != nil { // without it the network looks itself
		m.MIME, m.Size, m.Width, m.Height = c.Info.MimeType, int64(c.Info.Size), c.Info.Width, c.Info.Height
	}
	m.Source = &mediaSource{o: o, uri: uri, name: m.Name, mime: m.MIME}
	return m
}

// member carries out who leaves and who is removed: a person with a login of
// their own leaves the chat with the room; a removed ghost is removed there.
func (o *outbound) member(ctx context.Context) journal.Outcome {
	var c struct {
		Membership event.Membership `json:"membership"`
		Reason     string           `json:"reason"`
	}
	if json.Unmarshal(o.evt.Content, &c) != nil || o.evt.StateKey == nil {
		return journal.Delivered(nil)
	}
	if o.from != nil {
		return o.comesOrGoes(ctx)
	}
	if ghost, user, ok := o.invitee(); ok {
		return o.inviteRemote(ctx, ghost, user)
	}
	target := id.UserID(*o.evt.StateKey)
	leaves := c.Membership == event.MembershipLeave || c.Membership == event.MembershipBan
	if !leaves {
		return o.comesOrGoes(ctx)
	}
	if n, user, ok := o.hs.ParseGhost(target); ok && n == string(o.p.Network) {
		return o.removeRemote(ctx, network.UserID(user), c.Membership, c.Reason)
	}
	if target != o.evt.Sender || o.relay {
		return o.comesOrGoes(ctx)
	}
	if o.p.Chat.Login != "" {
		return o.leaveRoom(ctx)
	}
	if o.ops.Leave == nil {
		empty, err := o.deserted(ctx)
		if err != nil {
			return o.outcome(err)
		}
		if empty {
			return o.leaveRoom(ctx)
		}
		return journal.Delivered(nil)
	}
	if err := o.ops.Leave(ctx, o.p.Chat.ID, c.Reason); err != nil && network.KindOf(err) != network.Gone && network.KindOf(err) != network.Rejected {
		return o.failed(ctx, err)
	}
	if err := o.lost(ctx, o.sess, "you left", o.p); err != nil {
		return dbOutcome(err)
	}
	return journal.Delivered(nil)
}

// deserted reports whether nobody but people of ours is in a room that we made.
func (o *outbound) deserted(ctx context.Context) (bool, error) {
	if o.p.Info.Plumbed {
		return false, nil
	}
	members, err := o.hs.Members(ctx, roomID(o.p))
	if err != nil {
		return false, err
	}
	for u, m := range members {
		if !o.hs.IsGhost(u) && (m == event.MembershipJoin || m == event.MembershipInvite) {
			return false, nil
		}
	}
	return true, nil
}

// leaveRoom forgets the room of a chat that its person left: nobody can leave such
// a chat on the network, so the next message makes another room.
func (o *outbound) leaveRoom(ctx context.Context) journal.Outcome {
	if err := o.dropAlias(ctx, o.p); err != nil {
		return o.outcome(err)
	}
	job := store.Cleanup{Room: o.p.Room, Name: o.p.Info.Name, Scope: store.ScopeAll, Reason: "its person left"}
	_, err := o.updateAlso(ctx, o.p.ID, func(p *store.Portal) { p.Room, p.State = "", store.PortalNew },
		func(tx *store.Tx) error { return tx.AddCleanup(job) })
	if err != nil {
		return dbOutcome(err)
	}
	o.clean.begun()
	return journal.Delivered(nil)
}

func (o *outbound) removeRemote(ctx context.Context, u network.UserID, m event.Membership, reason string) journal.Outcome {
	if o.ops.SetMember == nil {
		return journal.Delivered(nil)
	}
	to := network.Left
	if m == event.MembershipBan {
		to = network.Banned
	}
	err := o.ops.SetMember(ctx, o.p.Chat.ID, network.Member{User: u, Membership: to, Reason: reason})
	if network.KindOf(err) == network.Rejected && err != nil {
		o.tell(ctx, "Not removed on "+o.networkName(o.p.Network)+": "+network.UserText(err), "unremoved")
		return journal.Delivered(nil)
	}
	if err != nil {
		return o.failed(ctx, err)
	}
	return journal.Delivered(nil)
}
