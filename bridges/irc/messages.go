package irc

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

// message is PRIVMSG and NOTICE.
func (s *session) message(in *incoming) {
	nick := in.nick()
	if nick == "" || in.p.at(0) == "*" || in.p.at(0) == "" {
		s.service(network.ChatKey{}, in.p.last())
		return
	}
	mine := s.isMe(nick)
	var txn network.TxnID
	if mine && !in.history {
		at, ok := in.at()
		if !ok {
			at = time.Time{}
		}
		txn = s.out.echoed(in.label, s.net.casemap.fold(in.p.at(0)), in.p.at(1), network.MessageID(in.tag("msgid")), at)
	}
	target, status := s.bare(in.p.at(0))
	other := nick
	if mine || s.net.channel(target) {
		other = target
	}
	chat := s.chatKey(other)
	text, style, ok := s.ctcp(in, chat, mine)
	if !ok {
		return
	}
	if in.Command == "NOTICE" && style == network.Normal {
		style = network.Notice
	}
	switch {
	case status != "":
		s.service(network.ChatKey{}, "to some of "+target+" only, from "+nick+": "+convert.Strip(text))
	case style == network.Notice && chat.Login != "" && !s.direct[chat.ID] && !in.history:
		if !mine {
			s.serviceReply(nick, text)
		}
	default:
		s.say(in, chat, text, style, txn)
	}
}

// bare is a target without the signs that address only some members, and those signs.
func (s *session) bare(target string) (name, status string) {
	name = strings.TrimLeft(target, s.net.status)
	if name != target && s.net.channel(name) {
		return name, target[:len(target)-len(name)]
	}
	return target, ""
}

// say delivers a message of a chat.
func (s *session) say(in *incoming, chat network.ChatKey, text string, style network.Style, txn network.TxnID) {
	if chat.Login != "" {
		s.direct[chat.ID] = true
	}
	body := convert.Parse(text, s.lookup(chat.ID))
	if len(body) == 0 {
		body = markup.Plain(" ") // only codes: something was said all the same
	}
	h := s.head(in, chat)
	h.Txn = txn
	m := &network.Message{Head: h, ID: network.MessageID(h.Key)}
	s.ids.add(m.ID)
	if s.into == nil && m.ID != "" {
		s.last[chat.ID] = m.ID
	}
	m.Parts = []network.Part{{Style: style, Text: body}}
	if id := first(in.tag("+draft/reply"), in.tag("+reply")); id != "" {
		ref := network.Whole(network.MessageID(id))
		m.Reply = &ref
	}
	if ch := s.chans[chat.ID]; ch != nil {
		ch.recent.add(h.Sender, text)
	}
	s.emit(m, s.seenCursor(in, chat.ID))
}

// seenCursor is the position behind in, if the server says when that was.
func (s *session) seenCursor(in *incoming, id network.ChatID) map[string][]byte {
	at, ok := in.at()
	if !ok || !s.caps.on[capHistory] {
		return nil
	}
	data, err := json.Marshal(seen{ID: network.MessageID(in.tag("msgid")), At: at})
	if err != nil {
		return nil
	}
	return map[string][]byte{seenKey(id): data}
}

// lookup finds the members of a chat by nick.
func (s *session) lookup(id network.ChatID) convert.Lookup {
	return func(word string) (string, bool) {
		user := s.net.casemap.user(word)
		if ch := s.chans[id]; ch != nil {
			_, ok := ch.members[user]
			return string(user), ok
		}
		return string(user), string(user) == string(id) || s.isMe(word)
	}
}

// ctcp reads a CTCP message: ACTION is an emote, requests are answered, the
// rest is told. ok is false if nothing is left to show as a message.
// https://modern.ircdocs.horse/ctcp
func (s *session) ctcp(in *incoming, chat network.ChatKey, mine bool) (text string, style network.Style, ok bool) {
	text = in.p.at(1)
	inner, is := strings.CutPrefix(text, "\x01")
	if !is {
		return text, network.Normal, true
	}
	command, arg, _ := strings.Cut(strings.TrimSuffix(inner, "\x01"), " ")
	command = strings.ToUpper(command)
	if command == "ACTION" {
		return arg, network.Emote, true
	}
	if mine || in.history {
		return "", "", false
	}
	nick := in.nick()
	if in.Command == "NOTICE" {
		s.service(network.ChatKey{}, nick+" answered CTCP "+command+": "+convert.Strip(arg))
		return "", "", false
	}
	if chat.Login == "" {
		return "", "", false // to everybody in a channel: not to answer is polite
	}
	if !s.answer(nick, command, arg) {
		s.service(network.ChatKey{}, nick+" sent a CTCP request that is not supported: "+convert.Strip(command))
	}
	return "", "", false
}

// answer answers a CTCP request, at most one in two seconds; false if we do not
// know it.
func (s *session) answer(nick, command, arg string) bool {
	var text string
	switch command {
	case "VERSION":
		text = "Causeway"
	case "PING":
		text = arg
	case "TIME":
		text = time.Now().UTC().Format(time.RFC1123)
	case "CLIENTINFO":
		text = "ACTION CLIENTINFO PING TIME VERSION"
	default:
		return false
	}
	if now := time.Now(); checkNick(nick) == nil && now.Sub(s.answered) >= 2*time.Second {
		s.answered = now
		if len(text) > 100 {
			text = text[:100]
		}
		s.command("NOTICE", nick, "\x01"+strings.TrimSpace(command+" "+convert.Strip(text))+"\x01")
	}
	return true
}

// serviceReply tells what somebody without a chat with us answered, most often
// NickServ and its like.
func (s *session) serviceReply(nick, text string) {
	plain := convert.Strip(text)
	s.service(network.ChatKey{}, nick+": "+plain)
	if s.net.casemap.fold(nick) != s.net.casemap.fold(s.set.NickServ) || s.joinAt.IsZero() {
		return
	}
	if low := strings.ToLower(plain); strings.Contains(low, "identified") || strings.Contains(low, "logged in") || strings.Contains(low, "accepted") {
		s.joinAt = time.Now()
		s.joinWhenReady(s.joinAt)
	}
}

// tags is TAGMSG: reactions and typing.
func (s *session) tags(in *incoming) {
	nick := in.nick()
	target, status := s.bare(in.p.at(0))
	if nick == "" || target == "" || status != "" {
		return
	}
	mine := s.isMe(nick)
	other := nick
	if mine || s.net.channel(target) {
		other = target
	}
	h := s.head(in, s.chatKey(other))
	react, unreact := first(in.tag("+draft/react"), in.tag("+react")), first(in.tag("+draft/unreact"), in.tag("+unreact"))
	if mine && !in.history {
		h.Txn = s.out.echoed(in.label, s.net.casemap.fold(in.p.at(0)), reactionText(react, unreact), "", time.Time{})
	}
	reply := first(in.tag("+draft/reply"), in.tag("+reply"))
	switch {
	case reply != "" && react+unreact != "":
		s.emit(&network.Reaction{
			Head: h, Target: network.Whole(network.MessageID(reply)),
			Emoji: convert.Clean(first(react, unreact), false), Remove: react == "",
		}, nil)
	case mine:
	case in.tag("+typing") == "active":
		s.emit(&network.Typing{Head: h, For: 6 * time.Second}, nil)
	case in.HasTag("+typing"):
		s.emit(&network.Typing{Head: h}, nil)
	}
}

// reactionText is how the echo of a reaction is known.
func reactionText(react, unreact string) string { return "\x00+" + react + "\x00-" + unreact }

// redactionText is how the echo of a redaction is known.
func redactionText(id network.MessageID) string { return "\x00x" + string(id) }

// redacted is REDACT, https://ircv3.net/specs/extensions/message-redaction.
func (s *session) redacted(in *incoming) {
	nick, target := in.nick(), in.p.at(0)
	if target == "" || in.p.at(1) == "" {
		return
	}
	other := target
	if !s.net.channel(target) && !s.isMe(nick) {
		other = nick
	}
	h := s.head(in, s.chatKey(other))
	id := network.MessageID(in.p.at(1))
	if h.Key == "" {
		h.Key = "redact/" + string(id)
	}
	if s.isMe(nick) {
		h.Txn = s.out.echoed(in.label, s.net.casemap.fold(target), redactionText(id), "", time.Time{})
	}
	s.emit(&network.Redaction{Head: h, Target: network.Whole(id), Reason: in.p.at(2)}, nil)
}
