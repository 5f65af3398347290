package portal

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// ephemeralWithin is how long a call may take: a late one is worth nothing.
const ephemeralWithin = 5 * time.Second

// ephemeral passes typing and receipts on, past the journal: what
// cannot go at once is dropped.
type ephemeral struct {
	tasks *background

	mu     sync.Mutex                       // guards typing
	typing map[id.RoomID]map[id.UserID]bool // who types, as last told
}

// spawn runs f unless too many wait.
func (p *ephemeral) spawn(f func(ctx context.Context)) {
	p.tasks.add(true, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, ephemeralWithin)
		defer cancel()
		f(ctx)
	})
}

// remote shows what a network tells. Errors end here: it is best effort.
func (p *ephemeral) remote(s *Service, sess *login.Session, ev network.Event) {
	switch ev := ev.(type) {
	case *network.Presence:
		s.presences.note(sess, ev)
		return
	case *network.EmojiChanged:
		s.packs.changed(sess.Network)
		return
	}
	if !s.hs.Up() {
		return
	}
	p.spawn(func(ctx context.Context) {
		h := ev.Base()
		port, ok, err := s.db.PortalOf(ctx, sess.Network, h.Chat)
		if err != nil || !ok || port.State != store.PortalOpen {
			return
		}
		x := &inbound{Service: s, p: port, sess: sess, head: h}
		as := x.puppetOrGhost(ctx, h.Sender)
		if in, err := s.hs.Joined(ctx, roomID(port), as); err != nil || !in && s.hs.IsGhost(as) {
			return
		}
		switch ev := ev.(type) {
		case *network.Typing:
			if p.mayType(s, roomID(port), as, ev.For) {
				_ = s.hs.Typing(ctx, roomID(port), as, ev.For)
			}
		case *network.Receipt:
			if rows, err := s.messages.remote(ctx, port.ID, ev.UpTo.IDs()...); err == nil && len(rows) > 0 && s.mayMark(roomID(port), as, rows) {
				_ = s.hs.Receipt(ctx, roomID(port), as, id.EventID(rows[0].Event), false)
			}
		}
	})
}

// mayType reports whether somebody may be shown as typing for d, and remembers it
// of a local person: then the homeserver tells it as if they typed there. Who does
// is not shown again because a network tells what it was told.
func (p *ephemeral) mayType(s *Service, room id.RoomID, as id.UserID, d time.Duration) bool {
	if s.hs.IsGhost(as) {
		return true
	}
	p.mu.Lock()
	themselves := p.typing[room][as]
	p.mu.Unlock()
	if themselves {
		return false
	}
	if d <= 0 {
		return s.deeds.has(deedTyping, room, as, "") // it stands until the homeserver says otherwise
	}
	s.deeds.note(deedTyping, room, as, "", d+ephemeralWithin)
	return true
}

// mayMark reports whether somebody's receipt may be set on a message, and remembers
// it of a local person. What they read in Matrix is not told to Matrix.
func (s *Service) mayMark(room id.RoomID, as id.UserID, rows []store.Message) bool {
	if s.hs.IsGhost(as) {
		return true
	}
	for _, r := range rows {
		if s.deeds.has(deedRead, room, as, string(r.Remote)) {
			return false
		}
	}
	s.deeds.note(deedReceipt, room, as, rows[0].Event, deedsKept)
	return true
}

// matrix passes on what the homeserver tells (MSC2409).
func (p *ephemeral) matrix(s *Service, raw json.RawMessage) {
	var e struct {
		Type    string          `json:"type"`
		Room    id.RoomID       `json:"room_id"`
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(raw, &e) != nil || e.Room == "" {
		return
	}
	switch e.Type {
	case event.EphemeralEventTyping.Type:
		var c event.TypingEventContent
		if json.Unmarshal(e.Content, &c) == nil {
			p.typingChanged(s, e.Room, c.UserIDs)
		}
	case event.EphemeralEventReceipt.Type:
		var c event.ReceiptEventContent
		if json.Unmarshal(e.Content, &c) == nil {
			p.receipts(s, e.Room, c)
		}
	}
}

// typingChanged tells the networks who began and who stopped.
func (p *ephemeral) typingChanged(s *Service, room id.RoomID, now []id.UserID) {
	p.mu.Lock()
	if p.typing == nil {
		p.typing = map[id.RoomID]map[id.UserID]bool{}
	}
	before := p.typing[room]
	after := map[id.UserID]bool{}
	changes := map[id.UserID]time.Duration{}
	for _, u := range now {
		if s.hs.IsGhost(u) || !before[u] && s.deeds.has(deedTyping, room, u, "") {
			continue
		}
		after[u] = true
		if !before[u] {
			changes[u] = 30 * time.Second
		}
	}
	for u := range before {
		if !after[u] {
			changes[u] = 0
		}
	}
	if len(after) == 0 {
		delete(p.typing, room)
	} else {
		p.typing[room] = after
	}
	p.mu.Unlock()
	for u, d := range changes {
		p.spawn(func(ctx context.Context) {
			s.ownClient(ctx, room, u, func(port store.Portal, _ *login.Session, ops network.Ops) {
				if ops.Type != nil {
					_ = ops.Type(ctx, port.Chat.ID, d)
				}
			})
		})
	}
}

// receipts marks what people with a login of their own have read.
func (p *ephemeral) receipts(s *Service, room id.RoomID, c event.ReceiptEventContent) {
	for eventID, kinds := range c {
		for kind, users := range kinds {
			if kind != event.ReceiptTypeRead && kind != event.ReceiptTypeReadPrivate {
				continue
			}
			for u := range users {
				if s.hs.IsGhost(u) || s.deeds.has(deedReceipt, room, u, string(eventID)) {
					continue
				}
				p.spawn(func(ctx context.Context) {
					s.ownClient(ctx, room, u, func(port store.Portal, sess *login.Session, ops network.Ops) {
						rows, err := s.messages.event(ctx, port.ID, string(eventID))
						if rows = namedFor(port, sess, rows); err == nil && len(rows) > 0 && rows[0].Remote != "" && ops.MarkRead != nil {
							for _, r := range rows {
								s.deeds.note(deedRead, room, u, string(r.Remote), deedsKept)
							}
							_ = ops.MarkRead(ctx, port.Chat.ID, network.Whole(rows[0].Remote))
						}
					})
				})
			}
		}
	}
}

// ownClient calls f for each portal of a room with the running client of u's own
// login there. The relay does not type or read for anybody.
func (s *Service) ownClient(ctx context.Context, room id.RoomID, u id.UserID, f func(p store.Portal, sess *login.Session, ops network.Ops)) {
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return
	}
	for _, p := range portals {
		sess, err := s.ownLogin(ctx, p, u)
		if err != nil || sess == nil || !sess.Online() {
			continue
		}
		if ops, ok := sess.Ops(); ok {
			f(p, sess, ops)
		}
	}
}
