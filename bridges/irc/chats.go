package irc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

var (
	_ network.Lister     = (*Client)(nil)
	_ network.Searcher   = (*Client)(nil)
	_ network.Joiner     = (*Client)(nil)
	_ network.Starter    = (*Client)(nil)
	_ network.Leaver     = (*Client)(nil)
	_ network.Moderator  = (*Client)(nil)
	_ network.ChatEditor = (*Client)(nil)
)

// features are what a message can carry on this connection.
func (s *session) features() network.Features {
	f := network.Features{
		IDs: network.IDsNone, Once: network.OnceNever, Quotes: true, OldText: true, Personas: true,
		Formatting: []markup.Kind{
			markup.Text, markup.Bold, markup.Italic, markup.Strike, markup.Underline, markup.Code, markup.Spoiler,
			markup.Colour, markup.Link, markup.Mention, markup.ChatLink, markup.CodeBlock, markup.Quote, markup.List,
			markup.Item, markup.Heading, markup.Paragraph,
		},
	}
	if s.msgids && s.caps.on[capEcho] {
		f.IDs = network.IDsShared
	}
	if s.caps.on[capHistory] && s.caps.on[capBatch] && s.caps.on["server-time"] {
		f.JoinersSeePast = true
		if f.IDs == network.IDsShared {
			f.Once = network.OnceFind
		}
	}
	return f
}

// Chat implements network.Client.
func (c *Client) Chat(ctx context.Context, id network.ChatID) (network.Chat, error) {
	if err := c.ready(ctx, id); err != nil {
		return network.Chat{}, err
	}
	var chat network.Chat
	err := c.do(ctx, func(s *session) { chat = s.chat(id) })
	return chat, err
}

func (s *session) chat(id network.ChatID) network.Chat {
	chat := network.Chat{Key: s.chatKey(string(id)), Features: s.features()}
	ch := s.chans[id]
	if ch == nil {
		chat.Kind, chat.Other, chat.Members = network.Direct, network.UserID(id), 2
		chat.Name = s.nickOf(network.UserID(id))
		chat.Features.JoinersSeePast = false
		return chat
	}
	chat.Kind, chat.Name, chat.Topic, chat.Members = network.Channel, ch.name, ch.topic, len(ch.members)
	chat.Levels = map[network.UserID]int{}
	for user, signs := range ch.members {
		if level := s.net.level(signs); level > 0 {
			chat.Levels[user] = level
		}
	}
	return chat
}

// User implements network.Client. People in our channels are known; about
// others the server is asked.
func (c *Client) User(ctx context.Context, id network.UserID) (network.User, error) {
	if err := checkNick(string(id)); err != nil {
		return network.User{}, network.Errorf(network.Rejected, err.Error(), "user: %w", err)
	}
	var u network.User
	known := false
	err := c.do(ctx, func(s *session) {
		if p := s.people[id]; p != nil || s.isMe(string(id)) {
			known, u = true, s.user(id)
		}
	})
	if err != nil || known {
		return u, err
	}
	nick, found := string(id), false
	err = c.ask(ctx, about(nick, func(s *session, in *incoming) bool {
		if s.net.casemap.fold(in.p.at(1)) != s.net.casemap.fold(nick) {
			return false
		}
		switch in.Command {
		case "311":
			found = true
			s.people[id] = &person{nick: in.p.at(1), mask: in.p.at(2) + "@" + in.p.at(3), real: in.p.last()}
		case "330":
			if p := s.people[id]; p != nil {
				p.account = in.p.at(2)
			}
		case "318": // without 311 it ends an earlier answer
			u = s.user(id)
			return found
		}
		return false
	}), "WHOIS", nick)
	return u, err
}

func (s *session) user(id network.UserID) network.User {
	nick := s.nickOf(id)
	if s.isMe(string(id)) {
		nick = s.nick
	}
	return network.User{ID: id, Name: nick, Identifiers: []string{"irc://" + first(s.net.network, s.set.Name) + "/" + nick + ",isuser"}}
}

// history fetches a page of a chat's past. A server that keeps none has no past.
func (c *Client) history(ctx context.Context, id network.ChatID, cursor string, limit int) ([]network.Event, string, error) {
	if err := c.ready(ctx, id); err != nil {
		return nil, "", err
	}
	target, can := "", false
	if err := c.do(ctx, func(s *session) {
		target, can = s.targetName(id), s.caps.on[capHistory] && s.caps.on[capBatch]
		limit = max(1, min(limit, s.page()))
	}); err != nil || !can {
		return nil, "", err
	}
	sub := "BEFORE"
	if cursor == "" {
		sub, cursor = "LATEST", "*"
	}
	if strings.ContainsAny(cursor, " \r\n\x00") {
		return nil, "", network.Errorf(network.Rejected, "there is no such page", "history: malformed cursor")
	}
	lines, err := c.page(ctx, sub, target, cursor, limit)
	if err != nil || len(lines) == 0 {
		return nil, "", err
	}
	var events []network.Event
	if err := c.do(ctx, func(s *session) {
		s.into = &events
		for _, in := range lines {
			s.historic(in)
		}
		s.into = nil
	}); err != nil {
		return nil, "", err
	}
	next := "timestamp=" + lines[0].tag("time")
	if id := lines[0].tag("msgid"); id != "" {
		next = "msgid=" + id
	}
	return events, next, nil
}

// Members implements network.Lister, with one page.
func (c *Client) Members(ctx context.Context, id network.ChatID, _ string) ([]network.Member, string, error) {
	if err := c.ready(ctx, id); err != nil {
		return nil, "", err
	}
	var members []network.Member
	name, listed := "", false
	read := func(s *session) {
		ch := s.chans[id]
		if ch == nil {
			for _, nick := range []string{s.nickOf(network.UserID(id)), s.nick} {
				members = append(members, network.Member{User: s.net.casemap.user(nick), Membership: network.Joined, Name: nick})
			}
			listed = true
			return
		}
		name, listed, members = ch.name, ch.listed, nil
		for _, user := range slices.Sorted(maps.Keys(ch.members)) {
			members = append(members, network.Member{User: user, Membership: network.Joined, Name: s.nickOf(user)})
		}
	}
	if err := c.do(ctx, read); err != nil || listed {
		return members, "", err
	}
	err := c.ask(ctx, about(name, func(s *session, in *incoming) bool {
		return in.Command == "366" && s.net.casemap.chat(in.p.at(1)) == id
	}), "NAMES", name)
	return members, "", errors.Join(err, c.do(ctx, read))
}

// Search implements network.Searcher with LIST, the largest channels first.
func (c *Client) Search(ctx context.Context, query string, limit int) ([]network.Found, error) {
	query = strings.ToLower(strings.TrimSpace(convert.Clean(query, false)))
	var mask []string
	if err := c.do(ctx, func(s *session) {
		if strings.Contains(s.net.elist, "M") && query != "" && !strings.ContainsAny(query, " ,*?:<>") {
			mask = []string{"*" + query + "*"}
		}
	}); err != nil {
		return nil, err
	}
	var found []network.Found
	err := c.ask(ctx, func(s *session, in *incoming) (took, done bool, err error) {
		switch in.Command {
		case "321":
			return true, false, nil
		case "322":
			name, topic := in.p.at(1), convert.Strip(in.p.last())
			if len(found) < 10000 && (strings.Contains(strings.ToLower(name), query) || strings.Contains(strings.ToLower(topic), query)) {
				n, _ := strconv.Atoi(in.p.at(2))
				found = append(found, network.Found{Name: name, Topic: topic, Members: n})
			}
			return true, false, nil
		case "323":
			return true, true, nil
		case "263", "416":
			return true, true, refusal(in.Command, in.p.last(), false)
		}
		return false, false, nil
	}, "LIST", mask...)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b network.Found) int { return b.Members - a.Members })
	return found[:min(len(found), max(limit, 0))], nil
}

// Join implements network.Joiner: "#channel" or "#channel key".
func (c *Client) Join(ctx context.Context, name string) (network.Chat, error) {
	name, key, _ := strings.Cut(strings.TrimSpace(name), " ")
	key = strings.TrimSpace(key)
	var types string
	var id network.ChatID
	in := false
	if err := c.do(ctx, func(s *session) {
		types, id = s.net.chans, s.net.casemap.chat(name)
		ch := s.chans[id]
		in = ch != nil && ch.in
	}); err != nil {
		return network.Chat{}, err
	}
	if err := checkChannel(name, types); err != nil {
		return network.Chat{}, network.Errorf(network.Rejected, err.Error(), "join: %w", err)
	}
	if err := checkKey(key); err != nil {
		return network.Chat{}, network.Errorf(network.Rejected, err.Error(), "join: %w", err)
	}
	if in {
		return c.Chat(ctx, id)
	}
	line := []string{name}
	if key != "" {
		line = append(line, key)
	}
	err := c.ask(ctx, about(name, func(s *session, in *incoming) bool {
		ch := s.chans[id]
		return in.Command == "366" && s.net.casemap.chat(in.p.at(1)) == id && ch != nil && ch.in
	}), "JOIN", line...)
	if err != nil {
		if network.KindOf(err) == network.Gone { // it is not our chat yet
			return network.Chat{}, network.Errorf(network.Rejected, network.UserText(err), "join: %w", err)
		}
		return network.Chat{}, err
	}
	if key != "" {
		if err := c.host.KV.Set(ctx, keyKey(id), []byte(key)); err != nil {
			return network.Chat{}, fmt.Errorf("store key: %w", err)
		}
	}
	return c.Chat(ctx, id)
}

// Start implements network.Starter.
func (c *Client) Start(ctx context.Context, user string) (network.Chat, error) {
	user = strings.TrimSpace(user)
	if err := checkNick(user); err != nil {
		return network.Chat{}, network.Errorf(network.Rejected, err.Error(), "start: %w", err)
	}
	var id network.UserID
	if err := c.do(ctx, func(s *session) { id = s.net.casemap.user(user) }); err != nil {
		return network.Chat{}, err
	}
	if _, err := c.User(ctx, id); err != nil {
		return network.Chat{}, err
	}
	err := c.do(ctx, func(s *session) { s.direct[network.ChatID(id)] = true })
	if err != nil {
		return network.Chat{}, err
	}
	return c.Chat(ctx, network.ChatID(id))
}

// Leave implements network.Leaver.
func (c *Client) Leave(ctx context.Context, id network.ChatID, reason string) error {
	name := ""
	var gone error
	err := c.do(ctx, func(s *session) {
		delete(s.direct, id)
		ch := s.chans[id]
		if ch == nil {
			_, gone = s.standing(id)
			return
		}
		if !ch.in {
			delete(s.chans, id)
			ch.settled()
			return
		}
		name, ch.leaving = ch.name, true
	})
	if err := errors.Join(err, gone); err != nil || name == "" {
		return err
	}
	params := []string{name}
	if reason = few(convert.Clean(reason, false)); reason != "" {
		params = append(params, reason)
	}
	err = c.ask(ctx, about(name, func(s *session, in *incoming) bool {
		return in.Command == "PART" && s.isMe(in.nick()) && s.net.casemap.chat(in.p.at(0)) == id
	}), "PART", params...)
	if network.KindOf(err) == network.Gone {
		err = nil // out already
	}
	return errors.Join(err, c.host.KV.Delete(ctx, keyKey(id)))
}

// SetMember implements network.Moderator: Left is KICK, or the end of a ban that this
// login made, Banned a ban and KICK, Invited and Joined INVITE.
func (c *Client) SetMember(ctx context.Context, id network.ChatID, m network.Member) error {
	if err := c.ready(ctx, id); err != nil {
		return err
	}
	name, nick, direct := "", "", false
	if err := c.do(ctx, func(s *session) {
		name, nick, direct = s.targetName(id), s.nickOf(m.User), s.chans[id] == nil
	}); err != nil {
		return err
	}
	if err := checkNick(nick); err != nil || direct {
		return network.Errorf(network.Rejected, "this works in channels, with people on IRC", "set member: %v", err)
	}
	switch m.Membership {
	case network.Invited, network.Joined:
		return c.ask(ctx, about(nick, func(_ *session, in *incoming) bool { return in.Command == "341" }), "INVITE", nick, name)
	case network.Banned:
		if err := c.ban(ctx, id, name, nick, m.User); err != nil {
			return err
		}
	case network.Left:
		if lifted, err := c.unban(ctx, id, name, m.User); err != nil || lifted {
			return err
		}
	}
	reason := first(few(convert.Clean(m.Reason, false)), "removed")
	done := func(s *session, in *incoming) bool {
		return in.Command == "KICK" && s.net.casemap.chat(in.p.at(0)) == id && s.net.casemap.user(in.p.at(1)) == m.User
	}
	return c.ask(ctx, eitherAbout(name, nick, done), "KICK", name, nick, reason)
}

// ban bans a person by host if it is known, else by nick, and remembers how.
func (c *Client) ban(ctx context.Context, id network.ChatID, name, nick string, user network.UserID) error {
	mask := nick + "!*@*"
	if err := c.do(ctx, func(s *session) {
		if p := s.people[user]; p != nil {
			if _, host, ok := strings.Cut(p.mask, "@"); ok && !strings.ContainsAny(host, " *?!@,") {
				mask = "*!*@" + host
			}
		}
	}); err != nil {
		return err
	}
	if err := c.host.KV.Set(ctx, banKey(id, user), []byte(mask)); err != nil { // first: a ban that nobody can lift is worse than none
		return err
	}
	return c.setBan(ctx, name, "+b", mask)
}

// unbanWithin is how long a server has to say that it lifted a ban; it says nothing if
// there was none.
const unbanWithin = 5 * time.Second

// unban lifts a ban that this login made; false if it made none, or the person is back.
func (c *Client) unban(ctx context.Context, id network.ChatID, name string, user network.UserID) (bool, error) {
	mask, err := c.host.KV.Get(ctx, banKey(id, user))
	if err != nil || len(mask) == 0 {
		return false, err
	}
	back := false
	if err := c.do(ctx, func(s *session) {
		if ch := s.chans[id]; ch != nil {
			_, back = ch.members[user]
		}
	}); err != nil || back {
		return false, err
	}
	short, cancel := context.WithTimeout(ctx, unbanWithin)
	defer cancel()
	err = c.setBan(short, name, "-b", string(mask))
	if short.Err() != nil && ctx.Err() == nil {
		return true, nil // somebody else has lifted it
	}
	if err != nil {
		return true, err
	}
	return true, c.host.KV.Delete(ctx, banKey(id, user))
}

func (c *Client) setBan(ctx context.Context, name, how, mask string) error {
	return c.ask(ctx, about(name, func(_ *session, in *incoming) bool {
		return in.Command == "MODE" && slices.Contains(in.p, mask)
	}), "MODE", name, how, mask)
}

// eitherAbout is about for an answer that may name the channel or the person.
func eitherAbout(a, b string, done func(*session, *incoming) bool) func(*session, *incoming) (bool, bool, error) {
	first, second := about(a, done), about(b, done)
	return func(s *session, in *incoming) (bool, bool, error) {
		if took, is, err := first(s, in); took || is {
			return took, is, err
		}
		return second(s, in)
	}
}

// EditChat implements network.ChatEditor: a channel has a topic, nothing else.
func (c *Client) EditChat(ctx context.Context, id network.ChatID, e network.OutgoingChat) error {
	if err := c.ready(ctx, id); err != nil {
		return err
	}
	if e.Topic == nil {
		return network.Errorf(network.Rejected, "on IRC only the topic of a channel can be changed", "edit chat: name or avatar")
	}
	name, limit := "", 0
	if err := c.do(ctx, func(s *session) {
		if ch := s.chans[id]; ch != nil {
			name, limit = ch.name, s.net.topicLen
		}
	}); err != nil {
		return err
	}
	if name == "" {
		return network.Errorf(network.Rejected, "a direct chat on IRC has no topic", "edit chat: direct")
	}
	topic := strings.Join(strings.Fields(convert.Clean(*e.Topic, false)), " ")
	if len(topic) > limit {
		return network.Errorf(network.Rejected, fmt.Sprintf("the topic is %d bytes long, this network takes %d", len(topic), limit), "edit chat: too long")
	}
	return c.ask(ctx, about(name, func(s *session, in *incoming) bool {
		return in.Command == "TOPIC" && s.net.casemap.chat(in.p.at(0)) == id && s.isMe(in.nick())
	}), "TOPIC", name, topic)
}

// noteClock keeps the time of the last line that the server dated.
func (s *session) noteClock(in *incoming) {
	if at, ok := in.at(); ok && !in.history && at.After(s.serverAt) && at.Before(time.Now().Add(24*time.Hour)) {
		s.serverAt = at
	}
}
