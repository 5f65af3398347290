package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// Bookmarks. Slack has no event for them, nor a message that tells of them
// (https://docs.slack.dev/reference/events), so those of the chats that have a room are
// looked at one after another, at a pace that leaves most of the method's limit free.
// All logins share what was seen: one look is enough, whoever of them is in a chat. What
// the room shows is for the core to know, which takes what is told twice for nothing new.

// bookmarked is the type of our own event that a chat's bookmarks were looked at.
const bookmarked = "causeway bookmarked"

// roundOf is how many chats are looked at before new rooms are looked for.
const roundOf = 5

// looked is what is known of a chat's bookmarks.
type looked struct {
	at   time.Time // of the last look
	what string    // as the core was told of them, as JSON; "": it was not told
	told time.Time
}

// followBookmarks looks at bookmarks until ctx is done. Only ctx ends the session by it.
func (s *session) followBookmarks(ctx context.Context) error {
	if s.tune.looks <= 0 || !s.acc.may("bookmarks:read") {
		return nil
	}
	for {
		if err := sleep(ctx, s.tune.looks); err != nil {
			return err
		}
		chats, err := s.host.Chats(ctx)
		if err != nil && ctx.Err() == nil {
			s.host.Log.Warn("bookmarks are looked at later", "err", err)
		}
		due := s.conn.dir.dueLooks(chats, s.tune.relook)
		for _, k := range due {
			if !s.lookAt(ctx, string(k.ID)) {
				return ctx.Err()
			}
			if err := sleep(ctx, s.tune.looks); err != nil {
				return err
			}
		}
		if len(due) == 0 {
			if err := sleep(ctx, roundOf*s.tune.looks); err != nil {
				return err
			}
		}
	}
}

// dueLooks are the next chats to look at, the ones that nobody has looked at first. They
// are not due for others any more.
func (d *directory) dueLooks(chats []network.ChatKey, relook time.Duration) []network.ChatKey {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	due := slices.DeleteFunc(slices.Clone(chats), func(k network.ChatKey) bool {
		at := d.marks[string(k.ID)].at
		return !at.IsZero() && now.Sub(at) < relook
	})
	slices.SortStableFunc(due, func(a, b network.ChatKey) int {
		return d.marks[string(a.ID)].at.Compare(d.marks[string(b.ID)].at)
	})
	due = due[:min(len(due), roundOf)]
	for _, k := range due {
		m := d.marks[string(k.ID)]
		m.at = now
		d.marks[string(k.ID)] = m
	}
	return due
}

// lookAt looks at a chat's bookmarks and tells the core of them if they changed. False:
// to look at others is of no use either.
func (s *session) lookAt(ctx context.Context, chat string) bool {
	all, err := s.acc.bookmarks(patient(ctx, time.Minute), chat)
	switch refusal(err) {
	case "missing_scope", "not_allowed_token_type", "not_implemented", "restricted_action", "team_access_not_granted":
		s.host.Log.Info("bookmarks are not shown", "err", err)
		return false
	}
	if err != nil {
		if ctx.Err() == nil {
			s.host.Log.Info("the bookmarks of a chat are looked at later", "chat", chat, "err", err)
		}
		return ctx.Err() == nil
	}
	what := jsonText(all)
	if !s.conn.dir.newMarks(chat, what, len(all) > 0, s.tune.retell) {
		return true
	}
	ev := incoming{happening: happening{Type: bookmarked, Chat: chat, EventTS: convert.At(time.Now())}, raw: json.RawMessage(what)}
	ev.ack = func() { s.conn.dir.toldMarks(chat, what) }
	return tell(ctx, s.in, ev) == nil
}

// newMarks reports whether the core is to be told of a chat's bookmarks. It is told again
// some time later, in case that the chat has another room by then.
func (d *directory) newMarks(chat, what string, some bool, retell time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.marks[chat]
	return m.what != what || some && time.Since(m.told) > retell
}

// toldMarks notes that the core was told.
func (d *directory) toldMarks(chat, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.marks[chat]
	m.what, m.told = what, time.Now()
	d.marks[chat] = m
}

// bookmarks is that a chat has these bookmarks.
func (t *translator) bookmarks(ev incoming) []network.Event {
	all := []network.Bookmark{}
	if !t.read(ev, &all) {
		return nil
	}
	head := t.head(ev.Chat, eventKey("bookmarks", string(ev.EventTS)), "", ev.EventTS)
	return []network.Event{&network.ChatChange{Head: head, Bookmarks: &all}}
}

// bookmarks lists a chat's bookmarks, those in folders with the folder's name before
// theirs (https://docs.slack.dev/reference/methods/bookmarks.list).
func (a *api) bookmarks(ctx context.Context, chat string) ([]network.Bookmark, error) {
	type bookmark struct {
		ID, Title, Link, Emoji string
		Parent                 string `json:"parent_id"`
	}
	var out struct {
		Bookmarks []bookmark `json:"bookmarks"`
	}
	if err := a.call(ctx, "bookmarks.list", url.Values{"channel_id": {chat}}, &out); err != nil {
		return nil, err
	}
	title := func(b bookmark) string {
		emoji := ""
		if e, standard := convert.EmojiText(b.Emoji); standard {
			emoji = e
		}
		return strings.TrimSpace(emoji + " " + unescape(b.Title))
	}
	folders := map[string]string{}
	for _, b := range out.Bookmarks {
		if b.Link == "" {
			folders[b.ID] = title(b)
		}
	}
	all := []network.Bookmark{}
	for _, b := range out.Bookmarks {
		if b.Link == "" {
			continue
		}
		one := network.Bookmark{Title: title(b), URL: unescape(b.Link)}
		if in := folders[b.Parent]; in != "" {
			one.Title = in + " / " + one.Title
		}
		all = append(all, one)
	}
	return all, nil
}
