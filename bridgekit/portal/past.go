package portal

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const (
	// slack is how far the times of one happening on both sides may differ, and
	// how much older than the copy the events are that end the reading.
	slack = 2 * time.Minute
	older = 10 * time.Minute
	// maxPages bounds the reading of one room: 100,000 events.
	maxPages = 1000
)

// A past is what happened in a portal's room since a copy was made.
type past struct {
	s      *Service
	room   string
	portal int64

	mu     sync.Mutex // guards what follows; held while the room is read
	read   bool
	hub    bool // the room has several networks
	size   int
	marks  map[string]id.EventID  // what we sent
	gone   map[stamp][]id.EventID // what we may have sent and was redacted, which took its mark
	states map[string]struct{}    // what the room's name and topic have been
	txns   map[network.TxnID]*said
	said   []*said // newest first
}

// A stamp is what a redaction leaves of an event.
type stamp struct {
	sender id.UserID
	kind   string
	at     int64 // milliseconds
}

// A said is an event of a person of the homeserver that we may have brought to the
// network.
type said struct {
	id       id.EventID
	txn      network.TxnID
	sender   id.UserID
	kind     string
	at       time.Time
	text     string     // of a message, as the network has it
	bare     string     // the same without what leads somewhere
	target   id.EventID // what it edits or reacts to
	emoji    string
	redacted bool // text, target and emoji are lost
	used     bool // it is what a remote event turned out to be
}

// load reads the room back to before the copy was made: to events that the copy
// maps, and a page more. It is called with mu held.
func (p *past) load(ctx context.Context, at store.Portal, when store.Restored) error {
	p.marks, p.gone, p.states = map[string]id.EventID{}, map[stamp][]id.EventID{}, map[string]struct{}{}
	p.txns, p.said, p.size = map[network.TxnID]*said{}, nil, 0
	last, pages := false, 0
	several, err := p.s.portals.several(ctx, at.Room)
	if err != nil {
		return err
	}
	p.hub = several
	err = p.s.hs.History(ctx, roomID(at), func(page []matrix.Past) (bool, error) {
		mapped := false
		for _, e := range page {
			p.take(ctx, at, e, when.At)
			if !mapped && e.At.Before(when.Taken.Add(-older)) {
				rows, err := p.s.db.MessagesByEvent(ctx, at.ID, string(e.ID))
				if err != nil {
					return false, err
				}
				mapped = len(rows) > 0
			}
		}
		done := last
		last = last || mapped
		if pages++; pages == maxPages {
			p.s.log.Warn("a room has more events since the copy than are looked at", "portal", at.ID, "room", at.Room)
		}
		return !done && pages < maxPages, nil
	})
	if k := matrix.KindOf(err); err != nil && (k == matrix.NotAllowed || k == matrix.NotFound || k == matrix.RoomGone) {
		return nil // the bot is out, which sending will tell
	}
	return err
}

// take notes one event. What people wrote after the restore is in the database.
func (p *past) take(ctx context.Context, at store.Portal, e matrix.Past, restored time.Time) {
	p.size++
	switch e.Type {
	case event.StateRoomName.Type, event.StateTopic.Type:
		p.states[stateKey(e.Type, e.Content)] = struct{}{}
	}
	if e.Mark != "" {
		p.marks[e.Mark] = e.ID
		if !p.copied(at, e) {
			return
		}
		e.Ours = false // it went to this network as what people write does
	}
	if e.Redacted {
		k := stamp{e.Sender, e.Type, e.At.UnixMilli()}
		p.gone[k] = append([]id.EventID{e.ID}, p.gone[k]...) // oldest first
	}
	if e.Ours || !carried(e.Type) || e.At.After(restored.Add(slack)) {
		return
	}
	raw := &rawEvent{ID: e.ID, Room: id.RoomID(at.Room), Sender: e.Sender, Type: e.Type, StateKey: e.StateKey, TS: e.At.UnixMilli(), Content: e.Content}
	one := &said{id: e.ID, txn: network.TxnID(hex.EncodeToString(outKey(e.ID, at.ID))), sender: e.Sender, kind: e.Type, at: e.At, redacted: e.Redacted}
	p.describe(ctx, at, raw, one)
	p.txns[one.txn] = one
	p.said = append(p.said, one)
}

// copied reports whether an event came from another network of the room, so that this
// one has a copy.
func (p *past) copied(at store.Portal, e matrix.Past) bool {
	n, _, ghost := p.s.hs.ParseGhost(e.Sender)
	return p.hub && ghost && n != string(at.Network)
}

// describe notes what an event says.
func (p *past) describe(ctx context.Context, at store.Portal, raw *rawEvent, one *said) {
	switch raw.Type {
	case event.EventReaction.Type:
		var c reactionContent
		if json.Unmarshal(raw.Content, &c) == nil {
			one.target, one.emoji = c.RelatesTo.EventID, c.RelatesTo.Key
			if key, err := p.s.emojiKeyOf(ctx, &c); err == nil {
				one.emoji = key
			}
		}
	case event.EventMessage.Type, event.EventSticker.Type:
		content := raw.Content
		if one.target = replaces(raw); one.target != "" {
			var c struct {
				New json.RawMessage `json:"m.new_content"`
			}
			_ = json.Unmarshal(raw.Content, &c) // replaces has read it
			content = c.New
		}
		var c event.MessageEventContent
		if json.Unmarshal(content, &c) != nil {
			return
		}
		if raw.Type == event.EventSticker.Type {
			c.MsgType = event.MsgImage
		}
		o := &outbound{Service: p.s, evt: raw, p: at}
		if part, err := o.fromPart(ctx, &c); err == nil { // else it was refused
			one.text, one.bare = partText(part), partText(bare(part))
		}
	}
}

// partText is what two sides have in common of a part.
func partText(p network.Part) string {
	if p.Media != nil {
		return "file " + p.Media.Name + "\n" + p.Text.String()
	}
	return p.Text.String()
}

func contentText(c *network.Content) string {
	var all []string
	for _, p := range c.Parts {
		all = append(all, partText(p))
	}
	return strings.Join(all, "\n")
}

// bareText is contentText without what leads somewhere.
func bareText(c *network.Content) string {
	out := network.Content{Parts: make([]network.Part, len(c.Parts))}
	for i, p := range c.Parts {
		out.Parts[i] = bare(p)
	}
	return contentText(&out)
}

// placeMark stands for what leads somewhere: the object replacement character.
const placeMark = "\ufffc"

// bare is a part with a mark in place of all that leads somewhere, links, addresses,
// people, chats and pictures: on each side they lead elsewhere, and may be called otherwise.
func bare(p network.Part) network.Part {
	mark := markup.Node{Kind: markup.Text, Text: placeMark}
	p.Text = markup.Relink(p.Text, func(markup.Node) (markup.Node, bool) { return mark, true })
	p.Text = markup.Map(p.Text, func(n markup.Node) []markup.Node {
		switch n.Kind {
		case markup.Mention, markup.ChatLink, markup.Emoji:
			return []markup.Node{mark}
		}
		return []markup.Node{n}
	})
	return p
}

// stateKey names a value of the room's name or topic.
func stateKey(kind string, content json.RawMessage) string {
	var c struct{ Name, Topic string }
	_ = json.Unmarshal(content, &c) // an odd one is as good as none
	return kind + "\n" + c.Name + c.Topic
}

// sent is the event that we sent with a mark, or at that time by that sender and
// that was redacted since, which gone says.
func (p *past) sent(mark string, s stamp) (evt id.EventID, gone, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if evt, ok := p.marks[mark]; ok {
		return evt, false, true
	}
	all := p.gone[s]
	if len(all) == 0 {
		return "", false, false
	}
	p.gone[s] = all[1:]
	return all[0], true, true
}

// marked reports whether we sent an event with a mark.
func (p *past) marked(mark string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.marks[mark]
	return ok
}

// was reports whether the room has had a name or topic.
func (p *past) was(kind, value string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.states[kind+"\n"+value]
	return ok
}

// claim finds the person's event that a remote one is the echo of: by the
// transaction ID, which is proof, else the oldest that fits best: the first of fits
// goes before the next. Each is found once.
func (p *past) claim(txn network.TxnID, fits ...func(o *said) bool) *said {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.txns[txn]; o != nil {
		o.used = true
		return o
	}
	if txn != "" {
		return nil // the network names what is ours
	}
	for _, fit := range fits {
		for i := len(p.said) - 1; i >= 0; i-- {
			if o := p.said[i]; !o.used && fit(o) {
				o.used = true
				return o
			}
		}
	}
	return nil
}
