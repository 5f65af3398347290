package irc

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

// A channel is one that we are in or want to be in.
type channel struct {
	name    string
	key     string
	auto    bool // joined by itself: it is in Host.Chats or in the configuration
	portal  bool // it is in Host.Chats
	in      bool
	joining bool // a JOIN is on its way
	asked   time.Time
	failed  *network.Error // why we are not in it
	told    bool           // that failed was told
	members map[network.UserID]string
	topic   string
	topical bool // the topic came with the join
	listed  bool // members are complete
	caught  bool // what was missed is delivered or named
	leaving bool // we asked to leave
	recent  recent
	waiters []chan struct{} // closed when joining ends
}

// settled wakes those who wait for the end of joining.
func (ch *channel) settled() {
	ch.joining = false
	for _, w := range ch.waiters {
		close(w)
	}
	ch.waiters = nil
}

// prepare lists the channels to join.
func (s *session) prepare() {
	add := func(name, key string, portal bool) {
		id := s.net.casemap.chat(name)
		if s.chans[id] == nil && checkChannel(name, s.net.chans) == nil {
			s.chans[id] = &channel{name: name, key: key, auto: true, portal: portal, joining: true, members: map[network.UserID]string{}}
		}
	}
	for _, k := range s.past.chats {
		if k.Login == "" {
			add(string(k.ID), s.past.keys[k.ID], true)
		}
	}
	if s.c.login.ID == relayID {
		for _, ch := range s.set.Channels {
			add(ch.Name, ch.Key, false)
		}
	}
}

// joinWhenReady joins the prepared channels once joinAt has come.
func (s *session) joinWhenReady(now time.Time) {
	if s.joinAt.IsZero() || now.Before(s.joinAt) {
		return
	}
	s.joinAt = time.Time{}
	var todo []*channel
	for _, id := range slices.Sorted(maps.Keys(s.chans)) {
		if ch := s.chans[id]; ch.joining && !ch.in {
			ch.asked = now
			todo = append(todo, ch)
		}
	}
	for _, line := range joinLines(todo, s.net.maxJoin) {
		s.command("JOIN", line...)
	}
}

// joinLines packs channels into as few JOINs as fit into lines, those with keys
// first; limit is how many one may have, 0 for any number.
func joinLines(todo []*channel, limit int) [][]string {
	todo = slices.Clone(todo)
	slices.SortStableFunc(todo, func(a, b *channel) int {
		return strings.Compare(keyed(a), keyed(b))
	})
	var lines [][]string
	var names, keys []string
	size := 0
	flush := func() {
		if len(names) > 0 {
			line := []string{strings.Join(names, ",")}
			if len(keys) > 0 {
				line = append(line, strings.Join(keys, ","))
			}
			lines = append(lines, line)
		}
		names, keys, size = nil, nil, 0
	}
	for _, ch := range todo {
		cost := len(ch.name) + len(ch.key) + 2
		if size+cost > 480 || limit > 0 && len(names) >= limit {
			flush()
		}
		size += cost
		names = append(names, ch.name)
		if ch.key != "" {
			keys = append(keys, ch.key)
		}
	}
	flush()
	return lines
}

func keyed(ch *channel) string {
	if ch.key != "" {
		return "0"
	}
	return "1"
}

// rejoin tries again the channels that refused us, and those of which nothing
// was heard.
func (s *session) rejoin(now time.Time) {
	for _, ch := range s.chans {
		late := ch.joining && !ch.asked.IsZero() && now.Sub(ch.asked) > time.Minute
		refused := ch.auto && !ch.in && !ch.joining && now.Sub(ch.asked) > s.tune.rejoin
		if late || refused {
			s.tryJoin(ch, now)
		}
	}
}

func (s *session) tryJoin(ch *channel, now time.Time) {
	ch.joining, ch.asked = true, now
	line := []string{ch.name}
	if ch.key != "" {
		line = append(line, ch.key)
	}
	s.command("JOIN", line...)
}

// weJoined is that we are in a channel; its members follow.
func (s *session) weJoined(ctx context.Context, name string) {
	id := s.net.casemap.chat(name)
	ch := s.chans[id]
	if ch == nil {
		ch = &channel{caught: true}
		s.chans[id] = ch
	}
	ch.name, ch.in, ch.failed, ch.told, ch.leaving = name, true, nil, false, false
	ch.members = map[network.UserID]string{s.net.casemap.user(s.nick): ""}
	ch.listed, ch.topical = false, false
	delete(s.changes, id)
	if ch.key != "" {
		s.storeKey(ctx, id, ch.key)
	}
	ch.settled()
	s.settled(time.Now())
	if !ch.caught {
		ch.caught = true
		s.missed(id, ch)
	}
	s.begins(ctx, id)
}

// storeKey remembers the key of a channel for the next connection.
func (s *session) storeKey(ctx context.Context, id network.ChatID, key string) {
	if err := s.c.host.KV.Set(ctx, keyKey(id), []byte(key)); err != nil {
		s.c.host.Log.Warn("cannot store a channel's key", "error", err)
	}
}

// weLeft is that we are out of a channel.
func (s *session) weLeft(in *incoming, id network.ChatID, reason string) {
	ch := s.chans[id]
	if ch == nil {
		return
	}
	delete(s.chans, id)
	delete(s.changes, id)
	ch.settled()
	for user := range ch.members {
		s.forget(user)
	}
	if !ch.leaving {
		s.emit(&network.ChatClosed{Head: s.head(in, network.ChatKey{ID: id}), Reason: convert.Strip(reason)}, nil)
	}
}

// joinFailed is that a channel does not let us in.
func (s *session) joinFailed(ch *channel, err *network.Error) {
	if err.Kind == network.Gone {
		err.Kind = network.Rejected // it may come into being
	}
	ch.failed = err
	ch.settled()
	s.settled(time.Now())
	if ch.told || !ch.auto {
		return
	}
	ch.told = true
	key := network.ChatKey{}
	if ch.portal {
		key = s.chatKey(ch.name)
	}
	s.service(key, "cannot join "+ch.name+": "+err.User)
}

// names is RPL_NAMREPLY (353).
func (s *session) names(in *incoming) {
	ch := s.chans[s.net.casemap.chat(in.p.at(2))]
	if ch == nil {
		return
	}
	for _, name := range strings.Fields(in.p.at(3)) {
		nick := strings.TrimLeft(name, s.net.signs)
		signs := name[:len(name)-len(nick)]
		nick, mask, _ := strings.Cut(nick, "!") // userhost-in-names
		user := s.net.casemap.user(nick)
		if nick == "" {
			continue
		}
		ch.members[user] = signs
		if p := s.people[user]; p == nil {
			s.people[user] = &person{nick: nick, mask: mask}
		}
	}
}

// namesEnd is RPL_ENDOFNAMES (366): the first one after a join completes the list.
func (s *session) namesEnd(in *incoming) {
	id := s.net.casemap.chat(in.p.at(1))
	ch := s.chans[id]
	if ch == nil || !ch.in || ch.listed {
		return
	}
	ch.listed = true
	delete(s.changes, id)
	h := network.Head{Chat: network.ChatKey{ID: id}, At: time.Now()}
	all := &network.MemberChange{Head: h, Full: true}
	levels := map[network.UserID]int{}
	for _, user := range slices.Sorted(maps.Keys(ch.members)) {
		all.Members = append(all.Members, network.Member{User: user, Membership: network.Joined, Name: s.nickOf(user)})
		if level := s.net.level(ch.members[user]); level > 0 {
			levels[user] = level
		}
	}
	s.emit(all, nil)
	if len(levels) > 0 {
		s.emit(&network.Roles{Head: h, Levels: levels}, nil)
	}
	if !ch.topical && ch.portal {
		s.topic(in, id, "")
	}
}

// topic is a channel's topic, changed or told.
func (s *session) topic(in *incoming, id network.ChatID, topic string) {
	ch := s.chans[id]
	if ch == nil {
		return
	}
	ch.topic, ch.topical = convert.Strip(topic), true
	text := ch.topic
	s.emit(&network.ChatChange{Head: s.head(in, network.ChatKey{ID: id}), Topic: &text}, nil)
}

// moded is MODE of a channel: people's roles, and the key.
func (s *session) moded(ctx context.Context, in *incoming) {
	id := s.net.casemap.chat(in.p.at(0))
	ch := s.chans[id]
	if ch == nil {
		return
	}
	args, add := in.p[min(2, len(in.p)):], true
	levels := map[network.UserID]int{}
	for _, m := range []byte(in.p.at(1)) {
		arg := ""
		rank := strings.IndexByte(s.net.modes, m)
		switch {
		case m == '+' || m == '-':
			add = m == '+'
			continue
		case rank >= 0, strings.IndexByte(s.net.listArgs, m) >= 0, add && strings.IndexByte(s.net.setArgs, m) >= 0:
			arg = args.at(0)
			args = args[min(1, len(args)):]
		}
		if user := s.net.casemap.user(arg); rank >= 0 {
			if _, ok := ch.members[user]; ok {
				ch.members[user] = withSign(s.net.signs, ch.members[user], s.net.signs[rank], add)
				levels[user] = s.net.level(ch.members[user])
			}
		}
		if m == 'k' && add && arg != "" && arg != "*" {
			ch.key = arg
			s.storeKey(ctx, id, arg)
		}
	}
	if len(levels) > 0 {
		s.emit(&network.Roles{Head: s.head(in, network.ChatKey{ID: id}), Levels: levels}, nil)
	}
}

// withSign is have with or without one sign, in the order of all.
func withSign(all, have string, sign byte, add bool) string {
	var now []byte
	for _, one := range []byte(all) {
		if one == sign && add || one != sign && strings.IndexByte(have, one) >= 0 {
			now = append(now, one)
		}
	}
	return string(now)
}

// invited is INVITE.
func (s *session) invited(in *incoming) {
	if !s.isMe(in.p.at(0)) {
		return
	}
	name := in.p.at(1)
	if ch := s.chans[s.net.casemap.chat(name)]; ch != nil && !ch.in && ch.auto {
		s.tryJoin(ch, time.Now())
		return
	}
	s.service(network.ChatKey{}, in.nick()+" invites you to "+name+"; to accept: join "+name)
}
