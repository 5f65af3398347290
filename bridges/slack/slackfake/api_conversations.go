package slackfake

import (
	"encoding/base64"
	"slices"
	"strings"
)

// conversationMethods are those about conversations that read.
func conversationMethods() map[string]method {
	return map[string]method{
		"conversations.list":    {tier: tier2, scopes: []string{"*:read"}, run: conversationsList},
		"users.conversations":   {tier: tier3, scopes: []string{"*:read"}, run: conversationsList},
		"conversations.info":    {tier: tier3, scopes: []string{"*:read"}, run: conversationsInfo},
		"conversations.history": {tier: history, scopes: []string{"*:history"}, run: conversationsHistory},
		"conversations.replies": {tier: history, scopes: []string{"*:history"}, run: conversationsReplies},
	}
}

// page cuts a list at a cursor that the last page named. What is above most is refused
// (https://docs.slack.dev/reference/methods/conversations.list).
func page[T any](c *call, list []T, def, most int) ([]T, JSON, error) {
	limit, err := c.number("limit", def, most+1)
	if err != nil {
		return nil, nil, err
	}
	if limit > most {
		return nil, nil, fail("invalid_limit")
	}
	start := 0
	if cursor := c.str("cursor"); cursor != "" {
		raw, err := base64.StdEncoding.DecodeString(cursor)
		n, ok := strings.CutPrefix(string(raw), "offset:")
		if err != nil || !ok {
			return nil, nil, fail("invalid_cursor")
		}
		for _, r := range n {
			start = start*10 + int(r-'0')
		}
	}
	start = min(start, len(list))
	end := min(start+limit, len(list))
	next := ""
	if end < len(list) {
		next = base64.StdEncoding.EncodeToString([]byte("offset:" + itoa(end)))
	}
	return list[start:end], JSON{"next_cursor": next}, nil
}

func conversationsList(c *call) (JSON, error) {
	kinds := c.words("types")
	if kinds == nil {
		kinds = []string{"public_channel"}
	}
	for _, kind := range kinds { // one that is not allowed spoils all
		scope := map[string]string{"public_channel": "channels:read", "private_channel": "groups:read", "im": "im:read", "mpim": "mpim:read"}[kind]
		if scope == "" {
			return nil, fail("invalid_types")
		}
		if !c.tok.has(scope) {
			return nil, &failure{code: "missing_scope", more: JSON{"needed": scope, "provided": join(c.tok.scopes)}}
		}
	}
	of := c.tok.user
	mine := c.name == "users.conversations"
	if u := c.str("user"); mine && u != "" {
		of = u
	}
	var list []*channel
	for _, ch := range c.s.list {
		kind := map[Kind]string{Public: "public_channel", Private: "private_channel", IM: "im", MPIM: "mpim"}[ch.Kind]
		switch {
		case ch.deleted || !slices.Contains(kinds, kind) || !c.s.inTeam(ch, c.tok.team):
		case ch.private() && !ch.has(c.tok.user) || mine && !ch.has(of):
		default:
			list = append(list, ch)
		}
	}
	list, meta, err := page(c, list, 100, 999)
	out := []JSON{}
	for _, ch := range list {
		if ch.Archived && c.bool("exclude_archived") {
			continue // left out of the page, which is shorter for it
		}
		o := c.s.channelJSON(ch, c.tok.user, c.tok.team)
		switch {
		case mine:
			delete(o, "is_member")
		case ch.Kind == Public || ch.Kind == Private:
			o["num_members"] = len(ch.Members)
		}
		out = append(out, o)
	}
	return JSON{"channels": out, "response_metadata": meta}, err
}

func conversationsInfo(c *call) (JSON, error) {
	ch, err := c.conversation()
	if err != nil {
		return nil, err
	}
	o := c.s.channelJSON(ch, c.tok.user, c.tok.team)
	if c.bool("include_num_members") {
		o["num_members"] = len(ch.Members)
	}
	if ch.has(c.tok.user) {
		read := ch.read[c.tok.user]
		if read == "" {
			read = "0000000000.000000"
		}
		o["last_read"] = read
		if ch.Kind == IM || ch.Kind == MPIM {
			o["is_open"] = !ch.closed[c.tok.user]
		}
	}
	return JSON{"channel": o}, nil
}

// span is what oldest, latest and inclusive say about a ts.
func (c *call) span(ts string) bool {
	oldest, latest := padded(c.str("oldest")), padded(c.str("latest"))
	if c.bool("inclusive") {
		return (oldest == "" || ts >= oldest) && (latest == "" || ts <= latest)
	}
	return (oldest == "" || ts > oldest) && (latest == "" || ts < latest)
}

// padded is a time as a ts, which may be given without a fraction.
func padded(ts string) string {
	if ts == "" || ts == "0" || ts == "now" {
		return ""
	}
	whole, part, _ := strings.Cut(ts, ".")
	return strings.Repeat("0", max(0, 10-len(whole))) + whole + "." + (part + "000000")[:6]
}

// before is the ts that a cursor of history says, which comes before all that was seen.
func (c *call) before() (string, error) {
	cursor := c.str("cursor")
	if cursor == "" {
		return "", nil
	}
	raw, err := base64.StdEncoding.DecodeString(cursor)
	ts, ok := strings.CutPrefix(string(raw), "next_ts:")
	if err != nil || !ok {
		return "", fail("invalid_cursor")
	}
	return ts, nil
}

// seen is a message as history shows it to the caller.
func (c *call) seen(m *message) JSON {
	if c.bool("include_all_metadata") {
		return c.tok.readable(m.body)
	}
	return shown(m)
}

// historyPage is the limit of a page.
func (c *call) historyPage() (int, error) {
	if c.tok.app != nil && c.tok.app.Distributed {
		return c.number("limit", 15, 15)
	}
	return c.number("limit", 100, 999)
}

// readable is the conversation that a call reads: "only user tokens can access public
// channels they are not in" (https://docs.slack.dev/reference/methods/conversations.history).
func (c *call) readable() (*channel, error) {
	ch, err := c.conversation()
	if err == nil && !ch.has(c.tok.user) && c.tok.kind == botToken {
		err = fail("not_in_channel")
	}
	return ch, err
}

func conversationsHistory(c *call) (JSON, error) {
	ch, err := c.readable()
	if err != nil {
		return nil, err
	}
	limit, err := c.historyPage()
	if err != nil {
		return nil, err
	}
	before, err := c.before()
	if err != nil {
		return nil, err
	}
	out, more := []JSON{}, false
	for _, m := range slices.Backward(ch.messages) {
		if !m.listed() || !c.span(m.ts) || before != "" && m.ts >= before {
			continue
		}
		if more = len(out) == limit; more {
			break
		}
		out = append(out, c.seen(m))
	}
	res := JSON{"messages": out, "has_more": more, "pin_count": len(ch.pins), "channel_actions_ts": nil, "channel_actions_count": 0}
	if more {
		res["response_metadata"] = JSON{"next_cursor": base64.StdEncoding.EncodeToString([]byte("next_ts:" + str(out[len(out)-1], "ts")))}
	}
	return res, nil
}
