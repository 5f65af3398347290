package slackfake

import "slices"

// A pin holds a message.
type pin struct {
	ts, by string
	at     int64
}

// pin pins a message, and reports whether it was not.
func (s *Server) pin(c *channel, m *message, by string) bool {
	if slices.ContainsFunc(c.pins, func(p pin) bool { return p.ts == m.ts }) {
		return false
	}
	p := pin{m.ts, by, s.now()}
	c.pins = append([]pin{p}, c.pins...)
	m.body["pinned_to"], m.body["pinned_info"] = []string{c.ID}, JSON{"channel": c.ID, "pinned_by": by, "pinned_ts": p.at}
	s.pinned(c, m, "pin_added", p)
	return true
}

// unpin ends it, and reports whether it was pinned.
func (s *Server) unpin(c *channel, m *message, by string) bool {
	i := slices.IndexFunc(c.pins, func(p pin) bool { return p.ts == m.ts })
	if i < 0 {
		return false
	}
	p := c.pins[i]
	c.pins = slices.Delete(c.pins, i, i+1)
	delete(m.body, "pinned_to")
	delete(m.body, "pinned_info")
	s.pinned(c, m, "pin_removed", pin{p.ts, by, p.at})
	return true
}

func (s *Server) pinned(c *channel, m *message, kind string, p pin) {
	e := JSON{
		"type": kind, "user": p.by, "channel_id": c.ID, "item": s.pinItem(c, m, p), "pin_count": len(c.pins),
		"pinned_info": JSON{"channel": c.ID, "pinned_by": p.by, "pinned_ts": p.at}, "has_pins": len(c.pins) > 0,
	}
	if author := m.author(); author != "" {
		e["item_user"] = author
	}
	s.emit(event{body: e, channel: c, members: true, scopes: []string{"pins:read"}})
}

func (s *Server) pinItem(c *channel, m *message, p pin) JSON {
	return JSON{
		"type": "message", "channel": c.ID, "created": p.at, "created_by": p.by,
		"message": with(shown(m), JSON{"permalink": s.permalink(c, m, c.Team)}),
	}
}

// Pin plays a user who pins a message.
func (s *Server) Pin(channel, ts, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	s.pin(c, must(c.byTS, ts), must(s.users, user).ID)
}

// Unpin plays a user who takes a pin away.
func (s *Server) Unpin(channel, ts, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	s.unpin(c, must(c.byTS, ts), must(s.users, user).ID)
}

// Pins are the ts of the pinned messages, newest first.
func (s *Server) Pins(channel string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, p := range must(s.chans, channel).pins {
		out = append(out, p.ts)
	}
	return out
}

func pinMethods() map[string]method {
	write := []string{"pins:write"}
	return map[string]method{
		"pins.add":    {tier: tier2, scopes: write, run: pinsAdd},
		"pins.remove": {tier: tier2, scopes: write, run: pinsRemove},
		"pins.list":   {tier: tier2, scopes: []string{"pins:read"}, run: pinsList},
	}
}

// pinnable is the message that a call pins.
func (c *call) pinnable() (*channel, *message, error) {
	if c.str("timestamp") == "" {
		return nil, nil, fail("no_item_specified")
	}
	ch, m, err := c.message("timestamp")
	switch {
	case err != nil:
		return nil, nil, err
	case ch.Archived:
		return nil, nil, fail("is_archived")
	case !ch.has(c.tok.user):
		return nil, nil, fail("not_in_channel")
	}
	return ch, m, nil
}

func pinsAdd(c *call) (JSON, error) {
	ch, m, err := c.pinnable()
	switch {
	case err != nil:
		return nil, err
	case len(ch.pins) >= 100:
		return nil, fail("too_many_pins")
	case !c.s.pin(ch, m, c.tok.user):
		return nil, fail("already_pinned")
	}
	return nil, nil
}

func pinsRemove(c *call) (JSON, error) {
	ch, m, err := c.pinnable()
	if err == nil && !c.s.unpin(ch, m, c.tok.user) {
		err = fail("no_pin")
	}
	return nil, err
}

func pinsList(c *call) (JSON, error) {
	ch, err := c.conversation()
	if err != nil {
		return nil, err
	}
	items := []JSON{}
	for _, p := range ch.pins {
		if m := ch.byTS[p.ts]; m != nil {
			items = append(items, c.s.pinItem(ch, m, p))
		}
	}
	return JSON{"items": items}, nil
}
