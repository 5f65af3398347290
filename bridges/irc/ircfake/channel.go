package ircfake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A channel has members with their prefixes ("@+").
type channel struct {
	name    string
	topic   string
	by      string
	at      time.Time
	key     string
	limit   int
	flags   map[byte]bool // imnstrC…
	bans    []string
	invited map[string]bool
	members map[*user]string
}

// order are the members by nick.
func (ch *channel) order() []*user {
	var all []*user
	for u := range ch.members {
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b *user) int { return strings.Compare(a.nick, b.nick) })
	return all
}

// isChannel reports whether a name is that of a channel.
func isChannel(name string) bool {
	return len(name) > 1 && (name[0] == '#' || name[0] == '&') && !strings.ContainsAny(name, " ,\x07\r\n")
}

// here finds a channel of which u is a member, or answers why not.
func (c *call) here(name string) *channel {
	ch := c.chans[c.fold(name)]
	if ch == nil {
		c.numeric(c.u, "403", visible(name), "No such channel")
		return nil
	}
	if _, ok := ch.members[c.u]; !ok {
		c.numeric(c.u, "442", ch.name, "You're not on that channel")
		return nil
	}
	return ch
}

// toAll tells every member of ch, with a tag of the time.
func (s *Server) toAll(ch *channel, source, command string, params ...string) {
	tags := s.stamp("")
	for _, u := range ch.order() {
		s.tell(u, tags, source, command, params...)
	}
}

// stamp are the tags of something that happens now.
func (s *Server) stamp(account string) map[string]string {
	tags := map[string]string{"time": s.now().Format("2006-01-02T15:04:05.000Z")}
	if account != "" {
		tags["account"] = account
	}
	return tags
}

func (c *call) join() {
	keys := strings.Split(c.arg(1), ",")
	for i, name := range strings.Split(c.arg(0), ",") {
		key := ""
		if i < len(keys) {
			key = keys[i]
		}
		c.joinOne(name, key)
	}
}

func (c *call) joinOne(name, key string) {
	if !isChannel(name) {
		c.numeric(c.u, "403", visible(name), "No such channel")
		return
	}
	ch := c.chans[c.fold(name)]
	if ch == nil {
		ch = &channel{name: name, members: map[*user]string{}, flags: map[byte]bool{'n': true, 't': true}, invited: map[string]bool{}}
		c.chans[c.fold(name)] = ch
	}
	if _, in := ch.members[c.u]; in {
		return
	}
	if numeric, text := c.barred(ch, key); numeric != "" {
		c.numeric(c.u, numeric, ch.name, text)
		return
	}
	ch.members[c.u] = ""
	if len(ch.members) == 1 || slices.Contains(c.cfg.Ops, c.u.nick) {
		ch.members[c.u] = "@"
	}
	delete(ch.invited, c.fold(c.u.nick))
	account := c.u.account
	if account == "" {
		account = "*"
	}
	tags := c.stamp(c.u.account)
	for _, u := range ch.order() {
		if u.conn != nil && u.conn.caps["extended-join"] {
			c.tell(u, tags, c.u.mask(), "JOIN", ch.name, account, c.u.real)
		} else {
			c.tell(u, tags, c.u.mask(), "JOIN", ch.name)
		}
	}
	if ch.topic != "" {
		c.topicReply(c.u, ch)
	}
	c.names(c.u, ch.name)
}

// barred says with a numeric why u may not join ch.
func (c *call) barred(ch *channel, key string) (numeric, text string) {
	invited := ch.invited[c.fold(c.u.nick)]
	switch {
	case c.u.conn == nil && key == "force":
	case slices.ContainsFunc(ch.bans, func(mask string) bool { return match(c.fold(mask), c.fold(c.u.mask())) }):
		return "474", "Cannot join channel (+b)"
	case ch.flags['i'] && !invited:
		return "473", "Cannot join channel (+i)"
	case ch.key != "" && ch.key != key:
		return "475", "Cannot join channel (+k)"
	case ch.limit > 0 && len(ch.members) >= ch.limit:
		return "471", "Cannot join channel (+l)"
	case ch.flags['r'] && c.u.account == "":
		return "477", "Cannot join channel (+r): you need to be identified"
	}
	return "", ""
}

// match compares a mask with "*" in it.
func match(mask, s string) bool {
	head, tail, star := strings.Cut(mask, "*")
	if !star {
		return mask == s
	}
	rest, ok := strings.CutPrefix(s, head)
	for i := 0; ok && i <= len(rest); i++ {
		if match(tail, rest[i:]) {
			return true
		}
	}
	return false
}

// names sends RPL_NAMREPLY.
func (s *Server) names(u *user, name string) {
	ch := s.chans[s.fold(name)]
	if ch != nil {
		var names []string
		for _, m := range ch.order() {
			prefix := ch.members[m]
			if len(prefix) > 1 && (u.conn == nil || !u.conn.caps["multi-prefix"]) {
				prefix = prefix[:1]
			}
			names = append(names, prefix+m.nick)
		}
		for chunk := range slices.Chunk(names, 10) {
			s.numeric(u, "353", "=", ch.name, strings.Join(chunk, " "))
		}
		name = ch.name
	}
	s.numeric(u, "366", visible(name), "End of /NAMES list")
}

func (c *call) part() {
	for _, name := range strings.Split(c.arg(0), ",") {
		if ch := c.here(name); ch != nil {
			params := []string{ch.name}
			if c.arg(1) != "" {
				params = append(params, c.arg(1))
			}
			c.toAll(ch, c.u.mask(), "PART", params...)
			c.remove(ch, c.u)
		}
	}
}

// remove takes u out of ch and forgets an empty channel.
func (s *Server) remove(ch *channel, u *user) {
	delete(ch.members, u)
	if len(ch.members) == 0 {
		delete(s.chans, s.fold(ch.name))
	}
}

// leaveAll makes u quit: everybody who shares a channel is told once.
func (s *Server) leaveAll(u *user, reason string) {
	tags := s.stamp("")
	told := map[*user]bool{u: true}
	for _, ch := range s.channelsOf(u) {
		for _, m := range ch.order() {
			if !told[m] {
				told[m] = true
				s.tell(m, tags, u.mask(), "QUIT", visible(reason))
			}
		}
		s.remove(ch, u)
	}
}

// channelsOf are the channels of u by name.
func (s *Server) channelsOf(u *user) []*channel {
	var all []*channel
	for _, ch := range s.chans {
		if _, ok := ch.members[u]; ok {
			all = append(all, ch)
		}
	}
	slices.SortFunc(all, func(a, b *channel) int { return strings.Compare(a.name, b.name) })
	return all
}

// rename changes a nick: u and everybody who shares a channel are told once.
func (s *Server) rename(u *user, nick string) {
	tags, old := s.stamp(u.account), u.mask()
	told := map[*user]bool{u: true}
	s.tell(u, tags, old, "NICK", nick)
	for _, ch := range s.channelsOf(u) {
		for _, m := range ch.order() {
			if !told[m] {
				told[m] = true
				s.tell(m, tags, old, "NICK", nick)
			}
		}
	}
	delete(s.users, s.fold(u.nick))
	u.nick = nick
	s.users[s.fold(nick)] = u
}

// operator finds a channel in which u is operator, or answers why not.
func (c *call) operator(name string) *channel {
	ch := c.here(name)
	if ch != nil && !strings.ContainsAny(ch.members[c.u], "@%") {
		c.numeric(c.u, "482", ch.name, "You're not channel operator")
		return nil
	}
	return ch
}

func (c *call) kick() {
	ch := c.operator(c.arg(0))
	if ch == nil {
		return
	}
	victim := c.users[c.fold(c.arg(1))]
	if victim == nil {
		c.numeric(c.u, "401", visible(c.arg(1)), "No such nick")
		return
	}
	if _, ok := ch.members[victim]; !ok {
		c.numeric(c.u, "441", victim.nick, ch.name, "They aren't on that channel")
		return
	}
	reason := c.arg(2)
	if reason == "" {
		reason = c.u.nick
	}
	c.toAll(ch, c.u.mask(), "KICK", ch.name, victim.nick, reason)
	c.remove(ch, victim)
}

func (c *call) topic() {
	ch := c.here(c.arg(0))
	if ch == nil {
		return
	}
	if len(c.m.Params) == 1 {
		if ch.topic == "" {
			c.numeric(c.u, "331", ch.name, "No topic is set")
			return
		}
		c.topicReply(c.u, ch)
		return
	}
	if ch.flags['t'] && c.operator(ch.name) == nil {
		return
	}
	ch.topic, ch.by, ch.at = c.arg(1), c.u.nick, c.now()
	if len(ch.topic) > c.cfg.TopicLen {
		ch.topic = ch.topic[:c.cfg.TopicLen]
	}
	c.toAll(ch, c.u.mask(), "TOPIC", ch.name, ch.topic)
}

func (s *Server) topicReply(u *user, ch *channel) {
	s.numeric(u, "332", ch.name, ch.topic)
	s.numeric(u, "333", ch.name, ch.by, strconv.FormatInt(ch.at.Unix(), 10))
}

func (c *call) invite() {
	nick, name := c.arg(0), c.arg(1)
	guest := c.users[c.fold(nick)]
	if guest == nil {
		c.numeric(c.u, "401", visible(nick), "No such nick")
		return
	}
	ch := c.here(name)
	if ch == nil {
		return
	}
	if _, in := ch.members[guest]; in {
		c.numeric(c.u, "443", guest.nick, ch.name, "is already on channel")
		return
	}
	ch.invited[c.fold(guest.nick)] = true
	c.tell(guest, c.stamp(""), c.u.mask(), "INVITE", guest.nick, ch.name)
	c.numeric(c.u, "341", guest.nick, ch.name)
}

// isupport sends RPL_ISUPPORT.
func (c *call) isupport() {
	tokens := []string{
		"CASEMAPPING=" + c.cfg.CaseMapping, "CHANTYPES=#&", "PREFIX=(ohv)@%+", "STATUSMSG=@%+", "MODES=4",
		"CHANMODES=b,k,l,imnstr", "NETWORK=" + c.cfg.Network, fmt.Sprint("NICKLEN=", c.cfg.NickLen),
		fmt.Sprint("LINELEN=", c.cfg.LineLen), fmt.Sprint("TOPICLEN=", c.cfg.TopicLen), "ELIST=M",
	}
	if slices.Contains(c.cfg.Caps, "draft/chathistory") {
		tokens = append(tokens, fmt.Sprint("CHATHISTORY=", c.cfg.History), "MSGREFTYPES=msgid,timestamp")
	}
	tokens = append(tokens, c.cfg.ISupport...)
	for chunk := range slices.Chunk(tokens, 6) {
		c.numeric(c.u, "005", append(slices.Clone(chunk), "are supported by this server")...)
	}
}
