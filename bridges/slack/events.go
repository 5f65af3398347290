package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// parseEvent reads what all events have, and in which chat it is.
func parseEvent(raw json.RawMessage, id string) (incoming, error) {
	var e struct {
		happening
		Channel   json.RawMessage `json:"channel"`
		ChannelID string          `json:"channel_id"`
		OldID     string          `json:"old_channel_id"`
		Item      struct {
			Channel string `json:"channel"`
		} `json:"item"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return incoming{}, fmt.Errorf("event: %w", err)
	}
	ev := incoming{happening: e.happening, raw: raw}
	ev.ID = id
	var named struct {
		ID string `json:"id"`
	}
	switch {
	case json.Unmarshal(e.Channel, &ev.Chat) == nil && ev.Chat != "":
	case json.Unmarshal(e.Channel, &named) == nil && named.ID != "":
		ev.Chat = named.ID
	default:
		ev.Chat = firstOf(e.ChannelID, e.Item.Channel, e.OldID)
	}
	if !isChat(network.ChatID(ev.Chat)) {
		ev.Chat = ""
	}
	return ev, nil
}

// happening translates an event that is no message.
func (t *translator) happening(ctx context.Context, ev incoming) []network.Event {
	switch ev.Type {
	case "reaction_added", "reaction_removed":
		return t.reaction(ctx, ev)
	case "member_joined_channel", "member_left_channel":
		return t.member(ev)
	case "channel_left", "group_left", "channel_deleted", "group_deleted", "group_close":
		return t.closed(ev)
	case "channel_rename", "group_rename", "mpim_rename":
		return t.renamed(ev)
	case "channel_archive", "group_archive", "channel_unarchive", "group_unarchive":
		return t.archived(ev)
	case "channel_created":
		return t.created(ev)
	case "channel_id_changed":
		return t.moved(ev)
	case "pin_added", "pin_removed":
		return t.pins(ctx, ev)
	case "user_typing":
		return t.typing(ev)
	case "channel_marked", "group_marked", "im_marked", "mpim_marked":
		return t.marked(ev)
	case "presence_change":
		return t.presence(ev)
	case "user_change", "team_join", "user_profile_changed":
		return t.user(ev)
	case introduced:
		return []network.Event{&network.UserChanged{Head: network.Head{Key: eventKey("user", ev.ID, string(ev.EventTS), ""), At: ev.EventTS.Time()}, User: network.UserID(ev.ID)}}
	case bookmarked:
		return t.bookmarks(ev)
	case "emoji_changed":
		return t.emojiChanged(ev)
	case "subteam_created", "subteam_updated":
		t.conn.dir.forget()
	}
	return nil
}

// read decodes ev into out, and reports whether it could.
func (t *translator) read(ev incoming, out any) bool {
	if err := json.Unmarshal(ev.raw, out); err != nil {
		t.host.Log.Warn("an event of Slack's cannot be read", "type", ev.Type, "err", err)
		return false
	}
	return true
}

func (t *translator) reaction(ctx context.Context, ev incoming) []network.Event {
	var e struct {
		User     string
		Reaction string
		Item     struct {
			Type string
			TS   convert.TS
		}
		ItemUser string `json:"item_user"`
	}
	if !t.read(ev, &e) || ev.Chat == "" || !e.Item.TS.Valid() || e.Reaction == "" {
		return nil
	}
	emoji, custom := t.emoji(ctx, e.Reaction)
	r := &network.Reaction{Head: t.head(ev.Chat, eventKey(ev.Type, string(e.Item.TS), e.User, e.Reaction, string(ev.EventTS)), network.UserID(e.User), ev.EventTS)}
	r.Target, r.Emoji, r.Remove = network.Whole(e.Item.TS.ID()), emoji, ev.Type == "reaction_removed"
	r.Target.Sender, r.Custom = network.UserID(e.ItemUser), custom
	return []network.Event{r}
}

func (t *translator) member(ev incoming) []network.Event {
	var e struct{ User, Inviter string }
	if !t.read(ev, &e) || ev.Chat == "" || e.User == "" {
		return nil
	}
	head := t.head(ev.Chat, eventKey(ev.Type, e.User, string(ev.EventTS), ev.ID), network.UserID(e.User), ev.EventTS)
	if ev.Type == "member_left_channel" && e.User == t.acc.UserID {
		return t.out(ev)
	}
	m := network.Member{User: network.UserID(e.User), Membership: network.Joined, By: network.UserID(e.Inviter)}
	if ev.Type == "member_left_channel" {
		m.Membership, m.By = network.Left, ""
	}
	return []network.Event{&network.MemberChange{Head: head, Members: []network.Member{m}}}
}

// out is that this login left a chat, or was put out of it. Several events say so.
func (t *translator) out(ev incoming) []network.Event {
	at := ev.EventTS
	if at == "" {
		at = convert.At(time.Now())
	}
	return []network.Event{&network.ChatClosed{Head: t.head(ev.Chat, eventKey("out", string(at)), "", at), Reason: "no longer in the channel"}}
}

func (t *translator) closed(ev incoming) []network.Event {
	if ev.Chat == "" || ev.Type == "group_close" {
		return nil
	}
	events := t.out(ev)
	if ev.Type == "channel_deleted" || ev.Type == "group_deleted" {
		events[0].(*network.ChatClosed).Reason = "the channel was deleted"
	}
	return events
}

func (t *translator) renamed(ev incoming) []network.Event {
	var e struct {
		Channel struct{ Name string }
	}
	if !t.read(ev, &e) || ev.Chat == "" || e.Channel.Name == "" {
		return nil
	}
	t.conn.dir.named(ev.Chat, e.Channel.Name)
	head := t.head(ev.Chat, eventKey("name", e.Channel.Name, string(ev.EventTS)), "", ev.EventTS)
	return []network.Event{&network.ChatChange{Head: head, Name: &e.Channel.Name}}
}

func (t *translator) archived(ev incoming) []network.Event {
	var e struct{ User string }
	if !t.read(ev, &e) || ev.Chat == "" {
		return nil
	}
	archived := ev.Type == "channel_archive" || ev.Type == "group_archive"
	head := t.head(ev.Chat, eventKey(ev.Type, string(ev.EventTS), ev.ID), network.UserID(e.User), ev.EventTS)
	return []network.Event{&network.ChatChange{Head: head, Archived: &archived}}
}

// moved is that a channel has another ID now, as when a private one is shared with
// another workspace (https://docs.slack.dev/reference/events/channel_id_changed).
func (t *translator) moved(ev incoming) []network.Event {
	var e struct {
		To string `json:"new_channel_id"`
	}
	if !t.read(ev, &e) || ev.Chat == "" || !isChat(network.ChatID(e.To)) {
		return nil
	}
	head := t.head(ev.Chat, eventKey(ev.Type, e.To, string(ev.EventTS)), "", ev.EventTS)
	return []network.Event{&network.ChatMoved{Head: head, To: t.head(e.To, "", "", ev.EventTS).Chat}}
}

// created is that there is a public channel that was not there before.
func (t *translator) created(ev incoming) []network.Event {
	var e struct {
		Channel struct{ ID, Name string }
	}
	if !t.read(ev, &e) || e.Channel.ID == "" || e.Channel.Name == "" {
		return nil
	}
	t.conn.dir.named(e.Channel.ID, e.Channel.Name)
	head := network.Head{Key: eventKey(ev.Type, e.Channel.ID, string(ev.EventTS)), At: ev.EventTS.Time()}
	return []network.Event{&network.ChatAppeared{Head: head, Name: "#" + e.Channel.Name}}
}

// pins is the list of what is pinned, which Slack has to be asked for.
func (t *translator) pins(ctx context.Context, ev incoming) []network.Event {
	var e struct{ User string }
	if !t.read(ev, &e) || ev.Chat == "" {
		return nil
	}
	pinned, err := t.acc.pinned(patient(ctx, time.Minute), ev.Chat)
	if err != nil {
		t.host.Log.Warn("what is pinned is not known", "chat", ev.Chat, "err", err)
		return nil
	}
	p := &network.Pins{Head: t.head(ev.Chat, eventKey(ev.Type, string(ev.EventTS), ev.ID), network.UserID(e.User), ev.EventTS)}
	for _, ts := range pinned {
		p.Pinned = append(p.Pinned, network.Whole(ts.ID()))
	}
	return []network.Event{p}
}

// pinned lists what is pinned in a conversation.
func (a *api) pinned(ctx context.Context, chat string) ([]convert.TS, error) {
	var out struct {
		Items []struct {
			Message struct {
				TS convert.TS `json:"ts"`
			} `json:"message"`
		} `json:"items"`
	}
	if err := a.call(ctx, "pins.list", url.Values{"channel": {chat}}, &out); err != nil {
		return nil, err
	}
	var all []convert.TS
	for _, i := range out.Items {
		if i.Message.TS.Valid() { // else it is a file
			all = append(all, i.Message.TS)
		}
	}
	return all, nil
}

// typingFor is how long Slack shows that somebody types after it was said.
const typingFor = 6 * time.Second

func (t *translator) typing(ev incoming) []network.Event {
	var e struct{ User string }
	if !t.read(ev, &e) || ev.Chat == "" || e.User == t.acc.UserID {
		return nil
	}
	return []network.Event{&network.Typing{Head: network.Head{Chat: chatKey(ev.Chat, t.login.ID), Sender: network.UserID(e.User), At: time.Now()}, For: typingFor}}
}

// marked is how far our person has read with another program.
func (t *translator) marked(ev incoming) []network.Event {
	if ev.Chat == "" || !ev.TS.Valid() {
		return nil
	}
	return []network.Event{&network.Receipt{Head: network.Head{Chat: chatKey(ev.Chat, t.login.ID), Sender: network.UserID(t.acc.UserID), At: time.Now()}, UpTo: network.Whole(ev.TS.ID())}}
}

func (t *translator) user(ev incoming) []network.Event {
	var e struct{ User userJSON }
	if !t.read(ev, &e) || e.User.ID == "" {
		return nil
	}
	t.conn.dir.learn(&e.User)
	if ev.Type == "team_join" {
		return nil
	}
	events := []network.Event{&network.UserChanged{Head: network.Head{Key: eventKey("user", e.User.ID, string(ev.EventTS), ev.ID), At: ev.EventTS.Time()}, User: network.UserID(e.User.ID)}}
	if t.acc.watch != nil {
		if there, known := t.acc.watch.known(e.User.ID); known {
			events = append(events, t.present(e.User.ID, there))
		}
	}
	return events
}
