package irc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/ergochat/irc-go/ircmsg"
)

// An incoming is one message with what is often asked about it.
type incoming struct {
	*ircmsg.Message
	p       params
	label   string // of the command of ours that it answers
	history bool   // from CHATHISTORY
	batch   *batch // a finished batch of history
}

// nick is the sender's nick, empty for a server.
func (in *incoming) nick() string {
	nick, _, person := strings.Cut(in.Source, "!")
	if !person && strings.Contains(nick, ".") {
		return ""
	}
	return nick
}

func (in *incoming) tag(name string) string {
	_, value := in.GetTag(name)
	return value
}

// at is when it happened by the server's clock, and whether the server said so.
func (in *incoming) at() (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, in.tag("time"))
	if err != nil {
		return time.Now(), false
	}
	return t, true
}

// handle takes one line from the server. An error ends the connection.
func (s *session) handle(ctx context.Context, m *ircmsg.Message) error {
	if has, id := m.GetTag("batch"); has && m.Command != "BATCH" {
		if b := s.batches[id]; b != nil {
			b.add(m)
			return nil
		}
	}
	if m.Command == "BATCH" {
		return s.batch(ctx, m)
	}
	_, label := m.GetTag("label")
	return s.event(ctx, &incoming{Message: m, p: m.Params, label: label})
}

// event takes one message that is not part of a batch any more.
func (s *session) event(ctx context.Context, in *incoming) error {
	s.notePerson(in)
	s.noteClock(in)
	if s.answerAsks(in) {
		return nil
	}
	switch in.Command {
	case "PING":
		data, err := encodeLine(nil, "PONG", in.p.last())
		if err == nil {
			s.out.hurry(data)
		}
	case "PONG":
		if !strings.HasPrefix(in.p.last(), pingToken) {
			s.out.pong()
		}
	case "ERROR":
		return errorLine(in.p.last())
	case "KILL":
		if s.isMe(in.p.at(0)) {
			return killed(in.p.last())
		}
	case "ACK":
		s.out.acked(in.label)
	case "FAIL":
		s.failReply(in)
	case "PRIVMSG", "NOTICE":
		s.message(in)
	case "TAGMSG":
		s.tags(in)
	case "REDACT":
		s.redacted(in)
	case "CAP":
		s.capability(in)
	default:
		if !s.chatEvent(ctx, in) {
			s.numeric(ctx, in)
		}
	}
	return nil
}

// chatEvent takes what changes a chat or a person; false if in is none of that.
func (s *session) chatEvent(ctx context.Context, in *incoming) bool {
	switch in.Command {
	case "JOIN":
		s.joined(ctx, in)
	case "PART":
		s.parted(in)
	case "KICK":
		s.kicked(in)
	case "QUIT":
		s.quit(in)
	case "NICK":
		s.renamed(in)
	case "MODE":
		s.moded(ctx, in)
	case "TOPIC":
		s.topic(in, s.net.casemap.chat(in.p.at(0)), in.p.at(1))
	case "INVITE":
		s.invited(in)
	case "WALLOPS", "GLOBOPS":
		s.service(network.ChatKey{}, "wallops from "+in.nick()+": "+in.p.last())
	case "AWAY", "ACCOUNT", "CHGHOST", "SETNAME", "WARN", "NOTE", "AUTHENTICATE":
	default:
		return false
	}
	return true
}

// capability is CAP NEW, DEL, ACK and NAK after signing in.
func (s *session) capability(in *incoming) {
	switch strings.ToUpper(in.p.at(1)) {
	case "NEW":
		s.caps.take(in.Message)
		for _, list := range s.caps.request() {
			s.command("CAP", "REQ", list)
		}
	case "ACK":
		// What proofs and echoes rest on stays as it was at the start.
		for _, name := range strings.Fields(in.p.last()) {
			if name != capEcho && name != capLabels && name != capBatch {
				s.caps.set(name)
			}
		}
	case "DEL":
		s.caps.del(in.p.last())
	}
}

// isMe reports whether a nick is ours.
func (s *session) isMe(nick string) bool {
	return s.net.casemap.fold(nick) == s.net.casemap.fold(s.nick)
}

// chatKey is the chat of a channel or of a person.
func (s *session) chatKey(name string) network.ChatKey {
	key := network.ChatKey{ID: s.net.casemap.chat(name)}
	if !s.net.channel(name) {
		key.Login = s.c.login.ID
	}
	return key
}

// head is the head of an event that in tells about.
func (s *session) head(in *incoming, chat network.ChatKey) network.Head {
	at, _ := in.at()
	h := network.Head{Chat: chat, Key: in.tag("msgid"), At: at, History: in.history}
	if nick := in.nick(); nick != "" {
		h.Sender = s.net.casemap.user(nick)
	}
	return h
}

// emit hands on an event of a chat, behind what is still missing from its past
// and behind the changes of members that came before it.
func (s *session) emit(ev network.Event, cursor map[string][]byte) {
	id := ev.Base().Chat.ID
	if s.into != nil {
		*s.into = append(*s.into, ev)
		return
	}
	if c := s.catching[id]; c != nil && !ev.Base().History {
		c.hold(ev, cursor)
		return
	}
	if s.holding && ev.Base().Chat.Login != "" && !ev.Base().History {
		s.catchingFor(id).hold(ev, cursor)
		return
	}
	if !network.Ephemeral(ev) {
		s.flushChat(id)
	}
	s.deliver(ev, cursor)
}

// failReply is a standard reply, https://ircv3.net/specs/extensions/standard-replies:
// the command, a code, context and a text.
func (s *session) failReply(in *incoming) {
	command, code, text := in.p.at(0), in.p.at(1), in.p.last()
	if command == "CHATHISTORY" {
		s.historyFailed(in)
		return
	}
	kind := network.Rejected
	if code == "RATE_LIMITED" || strings.Contains(code, "THROTTLE") {
		kind = network.RateLimited
	}
	err := network.Errorf(kind, text, "FAIL %s %s %s", command, code, text)
	if kind == network.RateLimited {
		err.Wait = seconds(text, 10*time.Second)
	}
	if code == "UNKNOWN_MSGID" {
		err.Err = fmt.Errorf("%w: %w", network.ErrNoMessage, err.Err)
	}
	if in.label != "" && s.out.refused(in.label, "", err) {
		return
	}
	for _, target := range in.p[min(2, len(in.p)):] {
		if s.out.refused("", s.net.casemap.fold(target), err) {
			return
		}
	}
	s.service(network.ChatKey{}, text)
}
