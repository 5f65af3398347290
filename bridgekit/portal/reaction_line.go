package portal

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Where an edge wants reactions as hub.ThreadReactions, the relay reacts once for each
// emoji, and one line in the message's thread says who it was. The reactions are rows of
// the store; the line is a message of the relay, in the map under the event of the reaction
// that it began with (store.ReactionLine). What it says is a function of the rows, so it
// is made good by whatever comes next, and saying it again changes nothing. The rows are
// written last: a crash before that repeats the whole entry, whose calls find their effect
// there.

// maxReactors is how many people a line names, and maxLineEmoji how many emoji it has. Beyond
// them it does not change, so that a crowd costs no call for each of them.
const (
	maxReactors  = 20
	maxLineEmoji = 8
)

// editsLines reports whether a line of text can be changed on the network.
func (o *outbound) editsLines() bool { return o.ops.Edit != nil && !features(o.p).OldText }

// threadReaction adds the reaction of somebody for whom the relay speaks, and their name
// to the line.
func (o *outbound) threadReaction(ctx context.Context, ref network.Ref, emoji string) journal.Outcome {
	r := store.Reaction{Portal: o.p.ID, Target: ref.ID, Sender: string(o.evt.Sender), Emoji: emoji, Event: string(o.evt.ID)}
	what := reactionEcho(ref.ID, emoji, false)
	stands, err := o.sharedBy(ctx, r)
	if err != nil {
		return dbOutcome(err)
	}
	if !stands && o.ops.React != nil {
		err := o.ops.React(ctx, network.OutgoingReaction{Txn: o.txnID(), Chat: o.p.Chat.ID, Target: ref, Key: emoji, Persona: o.persona(ctx)})
		switch {
		case err == nil:
			o.sends.expect(o.p.ID, what)
			o.opts.Steps.At(step.OutChanged)
		case errors.Is(err, errors.ErrUnsupported), network.KindOf(err) == network.Rejected && !errors.Is(err, network.ErrNoMessage):
			// the network has no such emoji, or no reactions: the line says it
		default:
			return o.unanswered(ctx, err, what)
		}
	}
	before, err := o.reactors(ctx, r)
	if err != nil {
		return dbOutcome(err)
	}
	return o.follow(ctx, ref, before, append(slices.Clone(before), r), what, func(tx *store.Tx) error { return tx.AddReaction(r) })
}

// reactors are the reactions on a message for which the relay speaks, but one.
func (o *outbound) reactors(ctx context.Context, but store.Reaction) ([]store.Reaction, error) {
	all, err := o.db.ReactionsOn(ctx, o.p.ID, but.Target)
	return slices.DeleteFunc(all, func(r store.Reaction) bool {
		return !isShared(r) || r.Sender == but.Sender && r.Emoji == but.Emoji
	}), err
}

// A line is a message of the relay that says who reacted.
type line struct {
	event string // under which the map has it
	ref   network.Ref
	at    time.Time
}

// lineOn is the line about a message; false if none stands.
func (o *outbound) lineOn(ctx context.Context, target network.MessageID) (l line, ok bool, err error) {
	if l.event, err = o.db.ReactionLine(ctx, o.p.ID, target); err != nil || l.event == "" {
		return l, false, err
	}
	rows, err := o.messages.event(ctx, o.p.ID, l.event)
	rows = slices.DeleteFunc(rows, func(r store.Message) bool { return r.Remote == "" || isCommon(r) })
	if err != nil || len(rows) == 0 {
		return l, false, err // a moderator of the network removed it
	}
	l.ref, l.at = network.Ref{ID: rows[0].Remote, Part: partOf(rows[0]), Sender: o.sess.User()}, rows[0].At
	for _, r := range rows[1:] {
		l.ref.Alt = append(l.ref.Alt, r.Remote)
	}
	return l, true, nil
}

// follow makes the line about a message say who reacts now, and stores that with do. No
// call is made where that changes nothing.
func (o *outbound) follow(ctx context.Context, ref network.Ref, before, after []store.Reaction, what string, do func(tx *store.Tx) error) journal.Outcome {
	l, stands, err := o.lineOn(ctx, ref.ID)
	if err != nil {
		return dbOutcome(err)
	}
	if len(after) == 0 {
		return o.unline(ctx, ref.ID, l, stands, what, do)
	}
	names := map[string]string{}
	text := o.lineText(ctx, after, names)
	if stands && text == o.lineText(ctx, before, names) && !o.e.Repeated {
		return o.record(ctx, what, do)
	}
	if stands {
		err := o.rewrite(ctx, l, text)
		if err == nil {
			o.opts.Steps.At(step.OutChanged)
			return o.record(ctx, what, do)
		}
		if network.KindOf(err) != network.Rejected {
			return o.failed(ctx, err) // to say it again changes nothing
		}
		if err := o.removeLine(ctx, l); err != nil {
			return o.failed(ctx, err)
		}
	}
	return o.newLine(ctx, ref, text, what, do)
}

// rewrite has a line say something else. It is of kind Rejected where that is not
// possible any more.
func (o *outbound) rewrite(ctx context.Context, l line, text string) error {
	if f := features(o.p); !o.editsLines() || f.EditWindow > 0 && time.Since(l.at) > f.EditWindow {
		return network.Errorf(network.Rejected, "it cannot be edited any more", "line of reactions")
	}
	content := lineContent(text)
	_, err := o.ops.Edit(ctx, network.OutgoingEdit{Txn: o.txnID(), Chat: o.p.Chat.ID, Target: l.ref, Content: content})
	if err == nil {
		o.sends.expect(o.p.ID, editEcho(l.ref.ID, &content))
	}
	return err
}

func lineContent(text string) network.Content {
	c := network.Text(text)
	c.Parts[0].Style = network.Notice
	return c
}

// newLine says who reacts in the thread of a message, once.
func (o *outbound) newLine(ctx context.Context, ref network.Ref, text, what string, do func(tx *store.Tx) error) journal.Outcome {
	m := network.Outgoing{Txn: o.txnID(), Chat: o.p.Chat.ID, Content: lineContent(text)}
	var err error
	if m.Thread, err = o.threadAt(ctx, ref); err != nil {
		return o.unknown(err)
	}
	if m.Thread == nil {
		m.Reply = &ref
	}
	sent, done, err := o.before(ctx, &m)
	if err == nil && !done {
		o.opts.Steps.At(step.OutCalling)
		sent, err = o.ops.Send(ctx, m)
		o.opts.Steps.At(step.OutSent)
	}
	if err != nil {
		return o.failed(ctx, err)
	}
	rows := o.rows(m, sent)
	o.messages.put(rows...)
	return o.record(ctx, what, func(tx *store.Tx) error {
		for _, r := range rows {
			tx.AddMessage(r)
		}
		if err := tx.SetReactionLine(o.p.ID, ref.ID, string(o.evt.ID)); err != nil {
			return err
		}
		return do(tx)
	})
}

// unline removes the line about a message, because nobody reacts to it any more.
func (o *outbound) unline(ctx context.Context, target network.MessageID, l line, stands bool, what string, do func(tx *store.Tx) error) journal.Outcome {
	var names []store.Message
	if stands {
		if err := o.removeLine(ctx, l); err != nil {
			return o.failed(ctx, err)
		}
		o.opts.Steps.At(step.OutChanged)
		var err error
		if names, err = o.messages.all(ctx, o.p.ID, l.event); err != nil {
			return dbOutcome(err)
		}
	}
	out := o.record(ctx, what, func(tx *store.Tx) error {
		if err := gone(tx, o.e.Lane, names); err != nil {
			return err
		}
		for _, r := range names {
			if r.Remote == "" {
				continue
			}
			if err := journal.Remember(tx, o.e.Lane, goneKey(o.p.ID, r.Remote)); err != nil {
				return err
			}
		}
		if err := errors.Join(tx.DeleteMessage(o.p.ID, l.event), tx.SetReactionLine(o.p.ID, target, "")); err != nil {
			return err
		}
		return do(tx)
	})
	o.messages.drop(o.p.ID, l.event)
	return out
}

// removeLine removes a line on the network, where that can be done.
func (o *outbound) removeLine(ctx context.Context, l line) error {
	if o.ops.Redact == nil {
		return nil
	}
	ref := l.ref
	ref.Part = -1
	err := o.ops.Redact(ctx, network.OutgoingRedaction{Txn: o.txnID(), Chat: o.p.Chat.ID, Target: ref})
	if errors.Is(err, errors.ErrUnsupported) || err != nil && network.KindOf(err) == network.Rejected {
		return nil // it is not there, or another relay's
	}
	return err
}

// dropLine removes the line about a message that is removed, if its relay is there: nobody
// waits for that.
func (o *outbound) dropLine(ctx context.Context, target network.MessageID) error {
	event, err := o.db.ReactionLine(ctx, o.p.ID, target)
	if err != nil || event == "" {
		return err
	}
	relay := o.logins.Get(o.p.Network, o.p.Relay)
	if relay == nil || !relay.Online() {
		return nil
	}
	ops, ok := relay.Ops()
	if !ok {
		return nil
	}
	as := *o
	as.sess, as.ops = relay, ops
	l, stands, err := as.lineOn(ctx, target)
	if err != nil || !stands {
		return err
	}
	return as.removeLine(ctx, l)
}

// threadAt is the thread in which a message is, or that begins with it; nil where the
// network has none.
func (o *outbound) threadAt(ctx context.Context, ref network.Ref) (*network.Ref, error) {
	if !features(o.p).Threads {
		return nil, nil
	}
	rows, err := o.messages.remote(ctx, o.p.ID, ref.ID)
	if err != nil {
		return nil, databaseError{err}
	}
	for _, r := range rows {
		if isBroadcast(r) {
			if thread, err := o.threadOf(ctx, id.EventID(r.Event)); err != nil || thread != nil {
				return thread, err
			}
			continue
		}
		raw, _, err := o.said(ctx, id.EventID(r.Event))
		if err != nil {
			return nil, err
		}
		var c event.MessageEventContent
		if json.Unmarshal(raw, &c) != nil || c.RelatesTo == nil || c.RelatesTo.GetThreadParent() == "" {
			continue
		}
		root, known, err := o.ref(ctx, c.RelatesTo.GetThreadParent())
		if err != nil || len(known) > 0 {
			return &root, err
		}
	}
	return &ref, nil
}

// lineText says who reacted, as far as there is room. names keeps what was found out about
// people.
func (o *outbound) lineText(ctx context.Context, all []store.Reaction, names map[string]string) string {
	var emoji []string
	by := map[string][]string{}
	for _, r := range all {
		if _, known := by[r.Emoji]; !known {
			emoji = append(emoji, r.Emoji)
		}
		by[r.Emoji] = append(by[r.Emoji], r.Sender)
	}
	left := maxReactors
	var said []string
	for i, e := range emoji {
		if i == maxLineEmoji || left == 0 {
			said = append(said, "and others")
			break
		}
		who := by[e][:min(len(by[e]), left)]
		left -= len(who)
		var listed []string
		for _, u := range who {
			if _, known := names[u]; !known {
				names[u] = inList(o.identityOf(ctx, id.UserID(u)).Name)
			}
			listed = append(listed, names[u])
		}
		one := hub.Clean(e) + " " + strings.Join(listed, ", ")
		if len(who) < len(by[e]) {
			one += " and others"
		}
		said = append(said, one)
	}
	return "Reactions: " + strings.Join(said, "; ")
}

// inList is a name without what separates names, so that one cannot pass for two.
func inList(name string) string {
	return hub.Clean(strings.Map(func(r rune) rune {
		if strings.ContainsRune(",;،、，；﹐﹔؛", r) {
			return ' '
		}
		return r
	}, name))
}

// reactionLine says in words who reacted, in a line for each. It is removed with the
// reaction.
func (o *outbound) reactionLine(ctx context.Context, ref network.Ref, emoji string) journal.Outcome {
	return o.line(ctx, markup.Plain(o.identity(ctx).Name+" reacted with "+hub.Clean(emoji)), &ref)
}
