package portal

import (
	"bytes"
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// loadPeople reads what people have chosen.
func (s *Service) loadPeople(ctx context.Context) error {
	all, err := s.db.People(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		s.hs.DeclinePuppet(id.UserID(p.MXID), p.Settings.NoDoublePuppet)
	}
	return nil
}

// SetPuppet stores whether somebody wants Causeway to speak as them, and follows it
// from now on.
func (s *Service) SetPuppet(ctx context.Context, u id.UserID, on bool) error {
	p, err := s.db.Person(ctx, string(u))
	if err != nil {
		return err
	}
	p.Settings.NoDoublePuppet = !on
	if err := s.db.SetSettings(ctx, string(u), p.Settings); err != nil {
		return err
	}
	s.hs.DeclinePuppet(u, !on)
	return nil
}

// A forgotten knows who was forgotten by this process, and when: what they wrote
// before and has not left is not sent any more, nor kept as a dead letter.
type forgotten struct {
	mu sync.Mutex // guards at
	at map[id.UserID]time.Time
}

func (f *forgotten) add(u id.UserID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil {
		f.at = map[id.UserID]time.Time{}
	}
	f.at[u] = time.Now()
}

// before reports whether somebody was forgotten after an event's entry was stored.
func (f *forgotten) before(u id.UserID, stored time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, ok := f.at[u]
	return ok && !stored.After(at)
}

// Forget removes what is stored about somebody: their logins, with the rooms that
// were theirs alone, what they have chosen, what is known about them at the
// homeserver, and what they wrote that did not leave. Which event is which remote
// message stays, without their name, so that others can still answer, react to and
// remove it. It can be repeated if it fails.
func (s *Service) Forget(ctx context.Context, u id.UserID) error {
	s.forgotten.add(u)
	for _, sess := range s.logins.Of(string(u)) {
		own, err := s.db.PortalsOf(ctx, sess.Network, sess.ID)
		if err != nil {
			return err
		}
		if err := s.signOut(ctx, sess, true); err != nil {
			return err
		}
		for _, p := range own {
			if p.Room != "" {
				continue // it ends with its room
			}
			if err := s.endPortal(ctx, p, store.Cleanup{}); err != nil {
				return err
			}
		}
	}
	if err := s.db.Forget(ctx, s.opts.Facts, string(u)); err != nil {
		return err
	}
	if _, err := s.j.Erase(ctx, theirs(u)); err != nil {
		return err
	}
	s.hs.DeclinePuppet(u, false)
	s.managementChanged()
	return nil
}

// theirs matches the dead letters of a person of Matrix.
func theirs(u id.UserID) func(l journal.Lane, payload []byte) bool {
	return func(l journal.Lane, payload []byte) bool {
		if w := l.Way(); w != journal.Out && w != journal.Control {
			return false
		}
		e, err := parseEvent(payload)
		return err == nil && e.Sender == u
	}
}

// DeadLetters counts what somebody wrote that failed.
func (s *Service) DeadLetters(ctx context.Context, u id.UserID) (int, error) {
	return s.j.CountFailed(ctx, theirs(u))
}

// Lanes are the lanes of a portal.
func Lanes(portal int64) []int64 {
	return []int64{int64(journal.LaneOf(portal, journal.In)), int64(journal.LaneOf(portal, journal.Out))}
}

// Uses lists the portals that have a room, and who uses them.
func (s *Service) Uses(ctx context.Context) ([]store.PortalUse, error) {
	return s.db.PortalUses(ctx, Lanes)
}

// SendFile sends a file of the bot to a room, encrypted where messages are. Two
// calls with the same key send it once.
func (s *Service) SendFile(ctx context.Context, room id.RoomID, name, mime string, data, key []byte) error {
	encrypted, err := s.hs.Encrypted(ctx, room)
	if err != nil {
		return err
	}
	c := &event.MessageEventContent{MsgType: event.MsgFile, Body: name, Info: &event.FileInfo{MimeType: mime, Size: len(data)}, Mentions: &event.Mentions{}}
	up := matrix.Upload{Name: name, MIME: mime, Size: int64(len(data)), Body: bytes.NewReader(data)}
	if encrypted {
		x := &inbound{Service: s}
		if _, c.File, err = x.uploadEncrypted(ctx, s.hs.BotID(), up); err != nil {
			return err
		}
		return s.Reply(ctx, room, c, key)
	}
	uri, err := s.hs.Upload(ctx, s.hs.BotID(), up)
	if err != nil {
		return err
	}
	c.URL = uri.CUString()
	return s.Reply(ctx, room, c, key)
}
