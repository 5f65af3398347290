package irc

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Limits of catching up.
const (
	historyPage  = 100  // messages to ask for at once
	historyPages = 200  // pages of one chat
	heldAtMost   = 5000 // live events that wait for the past
	historyTime  = "2006-01-02T15:04:05.000Z"
)

// A catchup fetches what was said in a chat while we were away. Live events of
// the chat wait until it is done.
type catchup struct {
	target string
	from   time.Time
	last   seen
	pages  int
	asked  bool // a page is on its way
	until  time.Time
	seen   map[string]bool // keys that were delivered
	held   []heldEvent
}

type heldEvent struct {
	ev     network.Event
	cursor map[string][]byte
}

func (c *catchup) hold(ev network.Event, cursor map[string][]byte) {
	if network.Ephemeral(ev) {
		return
	}
	c.held = append(c.held, heldEvent{ev, cursor})
}

// catchingFor is the catch-up of a chat, a waiting one if there is none yet.
func (s *session) catchingFor(id network.ChatID) *catchup {
	c := s.catching[id]
	if c == nil {
		c = &catchup{target: string(id), seen: map[string]bool{}, until: time.Now().Add(s.tune.answer)}
		s.catching[id] = c
	}
	return c
}

// missed deals with what was said in a channel while we were away: it is
// fetched, or named as a gap.
func (s *session) missed(id network.ChatID, ch *channel) {
	if !ch.portal {
		return
	}
	at, ok := s.past.seen[id]
	if since := s.past.since[id]; !ok && !since.IsZero() {
		at, ok = seen{At: since}, true
	}
	if s.caps.on[capHistory] && s.caps.on[capBatch] && ok {
		c := s.catchingFor(id)
		c.target = ch.name
		s.catchUp(id, c, at)
		return
	}
	if s.caps.on[capHistory] || s.past.alive.IsZero() {
		return // nothing was delivered yet, so nothing can be missing
	}
	if now := time.Now(); now.Sub(s.past.alive) >= s.tune.gap {
		s.gap(id, s.past.alive, now, "not connected, and this network keeps no history")
	}
}

// gap names what may be missing.
func (s *session) gap(id network.ChatID, from, to time.Time, reason string) {
	ev := &network.Gap{From: from, To: to, Reason: reason}
	ev.Head = network.Head{Chat: s.chatKey(string(id)), Key: "gap/" + strconv.FormatInt(from.UnixMilli(), 10), At: to}
	s.emit(ev, nil)
}

// missedDirect asks who wrote to us while we were away.
func (s *session) missedDirect() {
	alive := s.past.alive
	if alive.IsZero() {
		alive = s.past.since[""]
	}
	if !s.caps.on[capHistory] || !s.caps.on[capBatch] || alive.IsZero() {
		return
	}
	s.holding = true
	s.catchingFor("") // its time limit is that of the question
	from := alive.Add(-time.Minute).UTC().Format(historyTime)
	to := time.Now().Add(time.Minute).UTC().Format(historyTime)
	s.command("CHATHISTORY", "TARGETS", "timestamp="+from, "timestamp="+to, strconv.Itoa(s.page()))
}

// page is how many messages to ask for.
func (s *session) page() int {
	if s.net.history > 0 {
		return min(historyPage, s.net.history)
	}
	return historyPage
}

// catchUp begins to fetch what came after at.
func (s *session) catchUp(id network.ChatID, c *catchup, at seen) {
	c.last, c.from = at, at.At
	s.nextPage(id, c)
}

// nextPage asks for the page after c.last. A millisecond is taken back, for
// several messages can have the same time; what comes twice is left out.
func (s *session) nextPage(id network.ChatID, c *catchup) {
	if c.pages++; c.pages > historyPages || len(c.held) > heldAtMost {
		s.endCatchup(id, c, "too much was said")
		return
	}
	c.asked, c.until = true, time.Now().Add(s.tune.answer)
	at := "timestamp=" + c.last.At.Add(-time.Millisecond).UTC().Format(historyTime)
	s.command("CHATHISTORY", "AFTER", c.target, at, strconv.Itoa(s.page()))
}

// historyBatch takes a finished batch of CHATHISTORY.
func (s *session) historyBatch(b *batch) {
	if b.kind == "draft/chathistory-targets" {
		s.targets(b)
		return
	}
	id := s.net.casemap.chat(b.p.at(0))
	if c := s.catching[id]; c != nil && c.asked {
		s.pageOf(id, c, b)
		return
	}
	for _, a := range s.asks {
		in := &incoming{Message: &b.open, p: b.p, batch: b}
		if took, done, err := a.take(in); took || done {
			s.finishAsk(a, err)
			return
		}
	}
}

// pageOf takes a page of a catch-up.
func (s *session) pageOf(id network.ChatID, c *catchup, b *batch) {
	c.asked = false
	fresh := 0
	for i := range b.lines {
		in := &incoming{Message: &b.lines[i], p: b.lines[i].Params, history: true}
		key := in.tag("msgid")
		at, ok := in.at()
		if key != "" && (c.seen[key] || key == string(c.last.ID)) || !ok {
			continue
		}
		if key == "" && !at.After(c.last.At) || at.Before(c.last.At) && c.pages == 1 {
			continue // known
		}
		fresh++
		c.seen[key] = true
		c.last = seen{ID: network.MessageID(key), At: at}
		s.historic(in)
	}
	if fresh == 0 || len(b.lines) < s.page() {
		s.endCatchup(id, c, "")
		return
	}
	s.nextPage(id, c)
}

// historic delivers a message of the past.
func (s *session) historic(in *incoming) {
	switch in.Command {
	case "PRIVMSG", "NOTICE":
		s.message(in)
	case "TAGMSG":
		s.tags(in)
	case "REDACT":
		s.redacted(in)
	}
}

// endCatchup delivers what waited. A reason says that the past is not complete.
func (s *session) endCatchup(id network.ChatID, c *catchup, reason string) {
	delete(s.catching, id)
	if reason != "" && id != "" {
		s.gap(id, c.last.At, time.Now(), reason)
	}
	for _, h := range c.held {
		if key := h.ev.Base().Key; key == "" || !c.seen[key] {
			s.emit(h.ev, h.cursor)
		}
	}
}

// targets takes the answer to who wrote to us while we were away.
func (s *session) targets(b *batch) {
	s.releaseDirect()
	for i := range b.lines {
		p := params(b.lines[i].Params)
		name := p.at(1)
		if p.at(0) != "TARGETS" || s.net.channel(name) || checkNick(name) != nil || s.isMe(name) {
			continue
		}
		id := s.net.casemap.chat(name)
		at, ok := s.past.seen[id]
		if !ok {
			at = seen{At: s.past.since[""]}
		}
		c := s.catchingFor(id)
		c.target = name
		s.catchUp(id, c, at)
	}
	s.flushDirect()
}

// releaseDirect ends the holding of direct messages.
func (s *session) releaseDirect() {
	s.holding = false
	delete(s.catching, "")
}

// flushDirect delivers the direct messages that were held and belong to no
// catch-up.
func (s *session) flushDirect() {
	for id, c := range s.catching {
		if !c.asked {
			s.endCatchup(id, c, "")
		}
	}
}

// historyFailed is FAIL CHATHISTORY.
func (s *session) historyFailed(in *incoming) {
	for _, p := range in.p[min(2, len(in.p)):] {
		id := s.net.casemap.chat(p)
		if c := s.catching[id]; c != nil && c.asked {
			s.endCatchup(id, c, "the network does not give its history: "+in.p.last())
			return
		}
		if p == "TARGETS" {
			s.releaseDirect()
			s.flushDirect()
			return
		}
	}
	for _, a := range s.asks {
		if took, done, err := a.take(in); took || done {
			s.finishAsk(a, err)
			return
		}
	}
}

// expireCatchups gives up on what the server does not answer.
func (s *session) expireCatchups(now time.Time) {
	if c := s.catching[""]; c != nil && now.After(c.until) {
		s.releaseDirect()
		s.flushDirect()
	}
	for id, c := range s.catching {
		if id != "" && c.asked && now.After(c.until) {
			s.endCatchup(id, c, "the network does not give its history")
		}
	}
}

// page fetches a page of history: CHATHISTORY sub target selector limit.
func (c *Client) page(ctx context.Context, sub, target, selector string, limit int) ([]*incoming, error) {
	var lines []*incoming
	take := func(s *session, in *incoming) (took, done bool, err error) {
		if in.Command == "FAIL" && in.p.at(0) == "CHATHISTORY" {
			for _, p := range in.p {
				if s.net.casemap.fold(p) == s.net.casemap.fold(target) {
					return true, true, network.Errorf(network.Rejected, in.p.last(), "chathistory: %s %s", in.p.at(1), in.p.last())
				}
			}
		}
		if in.batch == nil || s.net.casemap.fold(in.p.at(0)) != s.net.casemap.fold(target) {
			return false, false, nil
		}
		for i := range in.batch.lines {
			m := &in.batch.lines[i]
			lines = append(lines, &incoming{Message: m, p: m.Params, history: true})
		}
		return true, true, nil
	}
	if err := c.ask(ctx, take, "CHATHISTORY", sub, target, selector, strconv.Itoa(limit)); err != nil {
		return nil, fmt.Errorf("chathistory: %w", err)
	}
	return lines, nil
}
