package ircfake

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// history is CHATHISTORY, https://ircv3.net/specs/extensions/chathistory.
func (c *call) history() {
	client := c.u.conn
	if client == nil || !client.caps["draft/chathistory"] {
		c.numeric(c.u, "421", "CHATHISTORY", "Unknown command")
		return
	}
	sub := strings.ToUpper(c.arg(0))
	if sub == "TARGETS" {
		c.targets()
		return
	}
	all, ok := c.past(c.arg(1))
	if !ok {
		c.failHistory("INVALID_TARGET", "Messages could not be retrieved")
		return
	}
	limit, _ := strconv.Atoi(c.arg(len(c.m.Params) - 1))
	if limit <= 0 || limit > c.cfg.History {
		limit = c.cfg.History
	}
	from, newest := cut(all, c.arg(2))
	switch sub {
	case "LATEST":
		if !newest {
			all = all[after(all, from):]
		}
		all = all[max(0, len(all)-limit):]
	case "BEFORE":
		all = all[:before(all, from)]
		all = all[max(0, len(all)-limit):]
	case "AFTER":
		all = all[after(all, from):]
		all = all[:min(limit, len(all))]
	case "BETWEEN":
		to, _ := cut(all, c.arg(3))
		all = all[after(all, from):max(after(all, from), before(all, to))]
		all = all[:min(limit, len(all))]
	case "AROUND":
		i := before(all, from)
		if i == len(all) || from.IsZero() {
			i = len(all)
		}
		all = all[max(0, i-limit/2):min(len(all), i+(limit+1)/2)]
	default:
		c.failHistory("INVALID_PARAMS", "Unknown command")
		return
	}
	c.batchOf(c.arg(1), all)
}

func (c *call) failHistory(code, text string) {
	c.tell(c.u, nil, c.cfg.Name, "FAIL", "CHATHISTORY", code, visible(c.arg(0)), visible(c.arg(1)), text)
}

// past is what was said to a target, or between u and a person; ok is false if
// u may not read it.
func (c *call) past(target string) (all []*Line, ok bool) {
	if isChannel(target) {
		ch := c.chans[c.fold(target)]
		if ch == nil {
			return nil, false
		}
		if _, in := ch.members[c.u]; !in {
			return nil, false
		}
	}
	me, other := c.fold(c.u.nick), c.fold(target)
	for _, l := range c.said {
		from, to := c.fold(l.From), c.fold(l.Target)
		mine := to == other && (isChannel(target) || from == me) || to == me && from == other
		if mine && !l.Redacted {
			all = append(all, l)
		}
	}
	return all, true
}

// cut reads a selector; newest is true for "*".
func cut(all []*Line, sel string) (at time.Time, newest bool) {
	if id, ok := strings.CutPrefix(sel, "msgid="); ok {
		for _, l := range all {
			if l.ID == id {
				return l.At, false
			}
		}
		return time.Time{}, false
	}
	if t, ok := strings.CutPrefix(sel, "timestamp="); ok {
		at, _ = time.Parse("2006-01-02T15:04:05.000Z", t)
		return at, false
	}
	return time.Time{}, true
}

// before and after are the indexes of the first line not before, and of the
// first line after, at.
func before(all []*Line, at time.Time) int {
	i, _ := slices.BinarySearchFunc(all, at, func(l *Line, t time.Time) int { return l.At.Compare(t) })
	return i
}

func after(all []*Line, at time.Time) int {
	i, found := slices.BinarySearchFunc(all, at, func(l *Line, t time.Time) int { return l.At.Compare(t) })
	if found {
		i++
	}
	return i
}

// batchOf sends lines as a history batch.
func (c *call) batchOf(target string, all []*Line) {
	id := "H" + strconv.Itoa(c.next())
	c.tell(c.u, nil, c.cfg.Name, "BATCH", "+"+id, "chathistory", target)
	for _, l := range all {
		if l.Command == "TAGMSG" {
			continue // as servers without draft/event-playback do
		}
		tags := l.tags()
		tags["batch"] = id
		if !strings.Contains(l.Text, "\n") {
			c.tell(c.u, tags, l.Mask, l.Command, l.Target, l.Text)
			continue
		}
		sub := "N" + strconv.Itoa(c.next())
		c.tell(c.u, tags, l.Mask, "BATCH", "+"+sub, "draft/multiline", l.Target)
		for _, line := range strings.Split(l.Text, "\n") {
			c.tell(c.u, map[string]string{"batch": sub}, l.Mask, l.Command, l.Target, line)
		}
		c.tell(c.u, map[string]string{"batch": id}, c.cfg.Name, "BATCH", "-"+sub)
	}
	c.tell(c.u, nil, c.cfg.Name, "BATCH", "-"+id)
}

// targets lists with whom something was said between two times.
func (c *call) targets() {
	from, _ := cut(nil, c.arg(1))
	to, _ := cut(nil, c.arg(2))
	if to.Before(from) {
		from, to = to, from
	}
	me := c.fold(c.u.nick)
	last := map[string]time.Time{}
	for _, l := range c.said {
		if l.At.Before(from) || !l.At.Before(to) || l.Command == "TAGMSG" {
			continue
		}
		switch {
		case c.fold(l.Target) == me:
			last[l.From] = l.At
		case c.fold(l.From) == me && !isChannel(l.Target):
			last[l.Target] = l.At
		case isChannel(l.Target):
			if ch := c.chans[c.fold(l.Target)]; ch != nil {
				if _, in := ch.members[c.u]; in {
					last[ch.name] = l.At
				}
			}
		}
	}
	id := "T" + strconv.Itoa(c.next())
	c.tell(c.u, nil, c.cfg.Name, "BATCH", "+"+id, "draft/chathistory-targets")
	for name, at := range last {
		c.tell(c.u, map[string]string{"batch": id}, c.cfg.Name, "CHATHISTORY", "TARGETS", name, at.Format("2006-01-02T15:04:05.000Z"))
	}
	c.tell(c.u, nil, c.cfg.Name, "BATCH", "-"+id)
}
