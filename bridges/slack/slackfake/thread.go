package slackfake

import "encoding/base64"

// conversationsReplies pages a thread from its beginning; each page has the root.
func conversationsReplies(c *call) (JSON, error) {
	ch, err := c.readable()
	if err != nil {
		return nil, err
	}
	if c.s.cfg.NoBotThreads && c.tok.kind == botToken && (ch.Kind == Public || ch.Kind == Private) {
		return nil, fail("not_allowed_token_type")
	}
	root := ch.byTS[c.str("ts")]
	if root == nil {
		return nil, fail("thread_not_found")
	}
	if root.reply() {
		root = ch.byTS[root.thread()]
	}
	limit, err := c.historyPage()
	if err != nil {
		return nil, err
	}
	after, err := c.before()
	if err != nil {
		return nil, err
	}
	out, more := []JSON{c.seen(root)}, false
	for _, m := range ch.messages {
		if !m.reply() || m.thread() != root.ts || !c.span(m.ts) || m.ts <= after {
			continue
		}
		if more = len(out) > limit; more {
			break
		}
		out = append(out, c.seen(m))
	}
	res := JSON{"messages": out, "has_more": more}
	if more {
		res["response_metadata"] = JSON{"next_cursor": base64.StdEncoding.EncodeToString([]byte("next_ts:" + str(out[len(out)-1], "ts")))}
	}
	return res, nil
}
