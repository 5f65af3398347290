package portal

import (
	"context"
	"encoding/json"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

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
// removed from one. Where the bot may not, the network's word of it does.
func (o *outbound) removeAgain(ctx context.Context, all []store.Message, from store.Message, ref network.Ref) error {
	for i, r := range all {
		if isBroadcast(r) == isBroadcast(from) || ref.Part >= 0 && partOf(r) != ref.Part {
			continue
		}
		_, err := o.hs.Redact(ctx, o.evt.Room, o.hs.BotID(), id.EventID(r.Event), "", o.e.Key, fmt.Sprint("again", i))
		if err != nil && !harmless(err) {
			return err
		}
	}
	return nil
}
