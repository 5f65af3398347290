package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// A message of a thread that was also sent to the chat (Content.Broadcast) is shown
// twice: in its thread, and in the main timeline as an answer to what the thread began
// with. Both are the message: rows of the map name them, so that edits and removals
// reach both. Nobody is mentioned by the second, and the room's other networks get the
// first alone.

// inChat is added to the part of a message in the rows of what is shown of it in the
// main timeline because it was broadcast.
const inChat = 1_000_000

// partOf is the part of a remote message that a row is about.
func partOf(r store.Message) int { return r.Part % inChat }

// isBroadcast reports whether a row is about what is shown in the main timeline.
func isBroadcast(r store.Message) bool { return r.Part >= inChat }

// broadcast adds to the events of a message in a thread those in the main timeline. If
// the thread is not known, all there is goes there.
func broadcast(out []rendered, thread id.EventID) []rendered {
	if thread == "" {
		for i := range out {
			out[i].part += inChat
		}
		return out
	}
	for i, r := range out {
		r.part += inChat
		r.content, r.again = repeated(r.content), true
		if i == 0 {
			r.content.RelatesTo = (&event.RelatesTo{}).SetReplyTo(thread)
		}
		out = append(out, r)
	}
	return out
}

// repeated is content for the main timeline.
func repeated(c *event.MessageEventContent) *event.MessageEventContent {
	out := *c
	out.RelatesTo, out.Mentions = nil, &event.Mentions{}
	return &out
}

// show sends one event of a message.
func (x *inbound) show(ctx context.Context, as id.UserID, c rendered, step string, m *network.Head) (id.EventID, error) {
	if c.again {
		return x.put(ctx, as, c.kind, c.content, step, m.At)
	}
	return x.send(ctx, as, c.kind, c.content, step, m.At)
}

// replace shows what a message says now in place of its events, and returns the rows of
// those that are new. contents are without relations.
func (x *inbound) replace(ctx context.Context, as id.UserID, ed *network.Edit, contents []rendered, rows []store.Message) ([]store.Message, error) {
	var inThread, inMain []store.Message
	for _, r := range rows {
		if isBroadcast(r) {
			inMain = append(inMain, r)
		} else {
			inThread = append(inThread, r)
		}
	}
	if len(inThread) == 0 {
		return x.replaceIn(ctx, as, ed, contents, inMain)
	}
	added, err := x.replaceIn(ctx, as, ed, contents, inThread)
	if err != nil || len(inMain) == 0 && !ed.Broadcast {
		return added, err
	}
	again := make([]rendered, len(contents))
	for i, c := range contents {
		again[i] = rendered{part: c.part, kind: c.kind, content: repeated(c.content), again: true}
	}
	var more []store.Message
	if len(inMain) > 0 {
		more, err = x.replaceIn(ctx, as, ed, again, inMain)
	} else {
		more, err = x.broadcastLate(ctx, as, ed, again, inThread[0])
	}
	return append(added, more...), err
}

// replaceIn is replace in one place.
func (x *inbound) replaceIn(ctx context.Context, as id.UserID, ed *network.Edit, contents []rendered, rows []store.Message) (added []store.Message, err error) {
	from, step := rows[0].Part-partOf(rows[0]), "e%d"
	if from > 0 {
		step = "b%d"
	}
	for i, c := range contents {
		known, r := i < len(rows), rows[0]
		if r.Part = from + i; known {
			r = rows[i]
			edited := *c.content // the other place has it too
			replaceContent(&edited, id.EventID(r.Event))
			c.content = &edited
		}
		x.anew = false
		eventID, err := x.show(ctx, as, c, fmt.Sprintf(step, i), &ed.Head)
		if err != nil {
			return nil, err
		}
		if r.Event = string(eventID); !known || x.anew {
			added = append(added, r)
		}
	}
	return added, nil
}

// broadcastLate shows a message of a thread in the main timeline that was sent to the
// chat after it was said.
func (x *inbound) broadcastLate(ctx context.Context, as id.UserID, ed *network.Edit, contents []rendered, like store.Message) (added []store.Message, err error) {
	thread, err := x.eventOf(ctx, ed.Thread)
	if err != nil || thread == "" {
		return nil, err
	}
	for i, c := range contents {
		if i == 0 {
			c.content.RelatesTo = (&event.RelatesTo{}).SetReplyTo(thread)
		}
		eventID, err := x.show(ctx, as, c, fmt.Sprintf("l%d", i), &ed.Head)
		if err != nil {
			return nil, err
		}
		r := like
		r.Event, r.Part = string(eventID), inChat+i
		added = append(added, r)
	}
	return added, nil
}

// threadOf is the thread of a message that was broadcast, by its event in the main
// timeline; nil if that is not known.
func (o *outbound) threadOf(ctx context.Context, target id.EventID) (*network.Ref, error) {
	evt, err := o.hs.GetEvent(ctx, o.evt.Room, target)
	if harmless(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var c event.MessageEventContent
	if json.Unmarshal(o.content(ctx, evt), &c) != nil || c.RelatesTo == nil || c.RelatesTo.GetReplyTo() == "" {
		return nil, nil
	}
	ref, rows, err := o.ref(ctx, c.RelatesTo.GetReplyTo())
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &ref, nil
}

// removeAgain removes a message that was broadcast from the other place, when it was
// removed from one.
func (o *outbound) removeAgain(ctx context.Context, all []store.Message, from store.Message, ref network.Ref) error {
	for i, r := range elsewhere(all, from) {
		if ref.Part >= 0 && partOf(r) != ref.Part {
			continue
		}
		if err := o.redactAgain(ctx, id.EventID(r.Event), fmt.Sprint("again", i)); err != nil {
			return err
		}
		if isBroadcast(r) {
			continue
		}
		if err := o.tellOthers(ctx, redactionOf(id.EventID(r.Event), o.evt.Room, o.evt.Sender, "", o.evt.at())); err != nil {
			return err
		}
	}
	return nil
}

// redactAgain removes one event of such a message: as the bot or, where that has no power,
// as whoever removed the other or as the ghost whose words they are. If nobody may, it
// stays until the network's word of it comes.
func (o *outbound) redactAgain(ctx context.Context, target id.EventID, step string) error {
	as := []id.UserID{o.hs.BotID()}
	if may, err := o.hs.Puppet(ctx, o.evt.Sender); err != nil {
		return err
	} else if may {
		as = append(as, o.evt.Sender)
	}
	evt, err := o.hs.GetEvent(ctx, o.evt.Room, target)
	if err != nil {
		return o.ignoreGone(err)
	}
	if o.hs.IsGhost(evt.Sender) && evt.Sender != o.hs.BotID() {
		as = append(as, evt.Sender)
	}
	for _, u := range as {
		if !o.hs.IsGhost(u) {
			o.deeds.note(deedRedact, o.evt.Room, u, string(target), deedsKept)
		}
		_, err := o.hs.Redact(ctx, o.evt.Room, u, target, "", o.e.Key, step)
		if k := matrix.KindOf(err); err == nil || k != matrix.NotAllowed && k != matrix.NotJoined && k != matrix.Banned && k != matrix.Auth {
			return o.ignoreGone(err)
		}
	}
	return nil
}

// elsewhere are those rows of a message that are about the other place than one of them
// is, one for each event.
func elsewhere(all []store.Message, from store.Message) (other []store.Message) {
	for _, r := range all {
		same := func(o store.Message) bool { return o.Event == r.Event }
		if isBroadcast(r) != isBroadcast(from) && !slices.ContainsFunc(other, same) {
			other = append(other, r)
		}
	}
	return other
}

// editAgain edits a message that was broadcast in the other place too, when its author
// has edited it in one. said is what it says now.
func (o *outbound) editAgain(ctx context.Context, said json.RawMessage, from store.Message, ref network.Ref) error {
	all, err := o.messages.remote(ctx, o.p.ID, ref.IDs()...)
	if err != nil {
		return databaseError{err}
	}
	for _, r := range elsewhere(all, from) {
		if partOf(r) != partOf(from) {
			continue
		}
		if may, err := o.hs.Puppet(ctx, o.evt.Sender); err != nil || !may {
			return err // what they said from the network was shown by their own account, which says no more
		}
		var c event.MessageEventContent
		if err := json.Unmarshal(said, &c); err != nil {
			return nil // the network has taken what there is of it
		}
		content := repeated(&c)
		replaceContent(content, id.EventID(r.Event))
		at := o.evt.at()
		evt, err := o.hs.Send(ctx, matrix.Event{Room: o.evt.Room, As: o.evt.Sender, Type: event.EventMessage, Content: content, Key: o.e.Key, Step: "again", At: at, Lookup: o.e.Tried || o.e.Recovered})
		if err != nil {
			return o.ignoreGone(err)
		}
		if isBroadcast(r) {
			return nil
		}
		raw, err := json.Marshal(content)
		if err != nil {
			return fmt.Errorf("edit again: %w", err)
		}
		return o.tellOthers(ctx, &rawEvent{ID: evt, Room: o.evt.Room, Sender: o.evt.Sender, Type: event.EventMessage.Type, TS: at.UnixMilli(), Content: raw})
	}
	return nil
}

// tellOthers has an event that was made for somebody go to the room's other networks, as
// if they had made it: those know what is in the thread alone.
func (o *outbound) tellOthers(ctx context.Context, evt *rawEvent) error {
	if several, err := o.portals.several(ctx, o.p.Room); err != nil || !several {
		return err
	}
	all, err := o.portals.in(ctx, o.p.Room)
	if err != nil {
		return databaseError{err}
	}
	raw, err := json.Marshal(evt)
	if err != nil {
		return fmt.Errorf("tell others: %w", err)
	}
	return o.j.Append(ctx, o.outDrafts(evt, raw, without(all, o.p.ID)), nil)
}
