package matrixtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// syncFilter is what a filter can change here.
type syncFilter struct {
	Room struct {
		Timeline struct {
			Limit int `json:"limit"`
		} `json:"timeline"`
	} `json:"room"`
}

func filterID(i int) string { return strconv.Itoa(i) }

// sync serves GET /sync. Presence, unread counts and room summaries are not in it.
func (c *call) sync() (any, *Error) {
	limit, err := c.timelineLimit()
	if err != nil {
		return nil, err
	}
	since, err := parseToken(c.query.Get("since"), 0)
	if err != nil {
		return nil, err
	}
	timeout, err := c.intQuery("timeout", 0)
	if err != nil {
		return nil, err
	}
	s := syncer{call: c, since: since, limit: limit, full: c.query.Get("full_state") == "true"}
	timer := time.NewTimer(time.Duration(timeout) * time.Millisecond)
	defer timer.Stop()
	first := -1
	for expired := timeout == 0; ; {
		c.hs.mu.Lock()
		out, news := s.build()
		wake, restarts := c.hs.wakeup(), c.hs.restarts
		c.hs.mu.Unlock()
		if first < 0 {
			first = restarts
		}
		switch {
		case restarts != first:
			panic(http.ErrAbortHandler)
		case news || expired || since == 0:
			return out, nil
		}
		select {
		case <-wake:
		case <-timer.C:
			expired = true
		case <-c.r.Context().Done():
			panic(http.ErrAbortHandler)
		case <-c.hs.done:
			panic(http.ErrAbortHandler)
		}
	}
}

// timelineLimit reads the filter: an ID or an object.
func (c *call) timelineLimit() (int, *Error) {
	raw := []byte(c.query.Get("filter"))
	if len(raw) > 0 && raw[0] != '{' {
		n, err := strconv.Atoi(string(raw))
		c.hs.mu.Lock()
		filters := c.auth.user.filters
		c.hs.mu.Unlock()
		if err != nil || n < 0 || n >= len(filters) {
			return 0, badRequest(codeInvalidParam, "No such filter")
		}
		raw = filters[n]
	}
	var f syncFilter
	if len(raw) > 0 {
		if err := decodeObject(raw, &f); err != nil {
			return 0, err
		}
	}
	setDefault(&f.Room.Timeline.Limit, 20)
	return f.Room.Timeline.Limit, nil
}

// A syncer builds one answer. Its methods are called under Server.mu.
type syncer struct {
	*call
	since int64
	limit int
	full  bool
}

type events struct {
	Events []json.RawMessage `json:"events"`
}

type timeline struct {
	Events  []json.RawMessage `json:"events"`
	Limited bool              `json:"limited"`
	Prev    string            `json:"prev_batch"`
}

type joinedSync struct {
	State       events   `json:"state"`
	Timeline    timeline `json:"timeline"`
	Ephemeral   events   `json:"ephemeral"`
	AccountData events   `json:"account_data"`
}

// build returns the answer and whether there is any news in it.
func (s syncer) build() (any, bool) {
	me := s.auth.user
	join, invite, knock, leave := map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}
	for rm := range me.rooms {
		e := rm.get("m.room.member", me.id)
		switch {
		case e.membership == "join":
			if j, news := s.joined(rm); news {
				join[rm.id] = j
			}
		case e.Pos <= s.since:
		case e.membership == "invite":
			invite[rm.id] = map[string]any{"invite_state": events{append(rm.preview(), stripped(e))}}
		case e.membership == "knock":
			knock[rm.id] = map[string]any{"knock_state": events{append(rm.preview(), stripped(e))}}
		case s.since > 0:
			leave[rm.id] = s.left(rm, e)
		}
	}
	data := s.data(me.data)
	out := map[string]any{
		"next_batch":   token(s.hs.pos),
		"rooms":        map[string]any{"join": join, "invite": invite, "knock": knock, "leave": leave},
		"account_data": events{data},
	}
	keys := s.crypto(out)
	return out, keys || len(join)+len(invite)+len(knock)+len(leave)+len(data) > 0
}

// encodeRoom leaves out the room ID, which stands in the key.
func (s syncer) encodeRoom(list []*Event) []json.RawMessage {
	out := make([]json.RawMessage, len(list))
	for i, e := range list {
		out[i] = appendEvent(nil, e, eventForm{now: s.hs.nowMS(), scope: s.auth.scope()})
	}
	return out
}

func (s syncer) joined(rm *room) (joinedSync, bool) {
	i, _ := rm.find(s.since + 1)
	list := rm.timeline[i:]
	whole := s.since == 0 || s.full || newlyJoined(list, s.auth.user.id)
	if whole {
		list = rm.timeline
	}
	limited := len(list) > s.limit
	if limited {
		list = list[len(list)-s.limit:]
	}
	start := s.hs.pos + 1
	if len(list) > 0 {
		start = list[0].Pos
	}
	var state []*Event
	if whole || limited {
		for _, e := range rm.stateEvents() {
			if e.Pos < start && (whole || e.Pos > s.since) {
				state = append(state, e)
			}
		}
	}
	j := joinedSync{
		State:       events{s.encodeRoom(state)},
		Timeline:    timeline{Events: s.encodeRoom(list), Limited: limited, Prev: token(start - 1)},
		Ephemeral:   events{s.ephemeral(rm)},
		AccountData: events{s.data(s.auth.user.roomData[rm.id])},
	}
	return j, len(list)+len(state)+len(j.Ephemeral.Events)+len(j.AccountData.Events) > 0
}

// newlyJoined says whether somebody was not in the room before these events.
func newlyJoined(list []*Event, userID string) bool {
	for _, e := range list {
		if e.membership != "" && *e.StateKey == userID {
			return e.prev == nil || e.prev.membership != "join"
		}
	}
	return false
}

// left shows the room up to the end of one's membership.
func (s syncer) left(rm *room, end *Event) any {
	from, _ := rm.find(s.since + 1)
	to, _ := rm.find(end.Pos)
	list := rm.timeline[from : to+1]
	if len(list) > s.limit {
		list = list[len(list)-s.limit:]
	}
	return map[string]any{
		"state":        events{[]json.RawMessage{}},
		"timeline":     timeline{Events: s.encodeRoom(list), Prev: token(list[0].Pos - 1)},
		"account_data": events{[]json.RawMessage{}},
	}
}

func (s syncer) ephemeral(rm *room) []json.RawMessage {
	out := []json.RawMessage{}
	if rm.typingPos > s.since && (s.since > 0 || len(rm.typing) > 0) {
		out = append(out, ephemeral("m.typing", "", rm.typingContent()))
	}
	news := map[receiptID]receipt{}
	for id, r := range rm.receipts {
		if r.pos > s.since && (id.typ != "m.read.private" || id.user == s.auth.user.id) {
			news[id] = r
		}
	}
	if len(news) > 0 {
		out = append(out, ephemeral("m.receipt", "", receiptContent(news)))
	}
	return out
}

func (s syncer) data(list map[string]accountData) []json.RawMessage {
	out := []json.RawMessage{}
	for typ, d := range list {
		if d.pos > s.since {
			out = append(out, mustJSON(map[string]any{"type": typ, "content": d.content}))
		}
	}
	slices.SortFunc(out, func(a, b json.RawMessage) int { return strings.Compare(string(a), string(b)) })
	return out
}
