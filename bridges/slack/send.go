package slack

import (
	"context"
	"net/url"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// Send implements network.Client.
func (c *Client) Send(ctx context.Context, m network.Outgoing) (network.Sent, error) {
	var sent network.Sent
	acc, err := c.account(ctx)
	if err != nil {
		return sent, err
	}
	if err := checkChat(m.Chat); err != nil {
		return sent, err
	}
	for i := max(m.From, 0); i < len(m.Parts); i++ {
		ids, at, err := c.sendPart(ctx, acc, &m, i)
		if err != nil {
			return sent, err
		}
		sent.Parts = append(sent.Parts, ids)
		if sent.At.IsZero() {
			sent.At = at
		}
	}
	return sent, nil
}

// sendPart sends one part and returns the IDs of the messages that it became.
func (c *Client) sendPart(ctx context.Context, acc *account, m *network.Outgoing, i int) ([]network.MessageID, time.Time, error) {
	if m.Parts[i].Media != nil {
		id, err := c.sendFile(ctx, acc, m, i)
		if err != nil {
			return nil, time.Time{}, err
		}
		return []network.MessageID{id}, convert.TS(id).Time(), nil
	}
	drafts := convert.Part(m.Parts[i], c.options(ctx, acc, m, i))
	if len(drafts) == 0 {
		return nil, time.Time{}, network.Errorf(network.Rejected, "this message has no text", "send: part %d is empty", i)
	}
	ids, err := c.restOf(ctx, m, i, len(drafts))
	if err != nil {
		return nil, time.Time{}, err
	}
	for k := len(ids); k < len(drafts); k++ {
		args := c.arguments(ctx, acc, m, drafts[k])
		c.sign(args, mark{Txn: m.Txn, Part: i, Piece: k, Of: len(drafts)})
		if c.unmarked(drafts[k]) {
			if err := c.noteTry(ctx, m, i); err != nil {
				return nil, time.Time{}, err
			}
		}
		id, err := c.post(ctx, acc, drafts[k], args)
		if err != nil {
			return nil, time.Time{}, err
		}
		c.tries.ours(m.Chat, id)
		c.conn.dir.noteSent(string(m.Chat), convert.TS(id))
		if ids = append(ids, id); len(drafts) > 1 {
			if err := c.noteRest(ctx, m, i, ids); err != nil {
				return nil, time.Time{}, err
			}
		}
	}
	if len(drafts) > 1 {
		if err := c.noteRest(ctx, m, i, nil); err != nil { // it is only remembered for longer
			c.host.Log.Warn("what was sent of a long text is remembered for longer", "err", err)
		}
	}
	return ids, convert.TS(ids[0]).Time(), nil
}

// options are how the parts of m are to be written.
func (c *Client) options(ctx context.Context, acc *account, m *network.Outgoing, i int) convert.Options {
	// chat.meMessage knows no threads: https://docs.slack.dev/reference/methods/chat.meMessage.
	o := convert.Options{Everyone: true, Relayed: m.Persona != nil || c.thread(m) != ""}
	o.Emoji = c.conn.dir.namer(ctx, acc)
	if i == 0 && c.thread(m) == "" {
		o.Quote = m.Quote
	}
	return o
}

// arguments are those of a message in the chat of m.
func (c *Client) arguments(ctx context.Context, acc *account, m *network.Outgoing, d convert.Draft) url.Values {
	args := url.Values{"channel": {string(m.Chat)}, "text": {d.Text}, "unfurl_links": {"true"}}
	if len(d.Blocks) > 0 {
		args.Set("blocks", string(d.Blocks))
	}
	if root := c.thread(m); root != "" {
		args.Set("thread_ts", root)
	}
	c.wear(ctx, acc, m, args)
	return args
}

// sign puts our mark on a message. Slack takes metadata of apps alone
// (metadata_must_be_sent_from_app, https://docs.slack.dev/reference/methods/chat.postMessage);
// what a browser posts has an ID of the browser's instead.
func (c *Client) sign(args url.Values, m mark) {
	if c.cred.Kind != kindPerson {
		args.Set("metadata", m.metadata())
		return
	}
	args.Set("client_msg_id", m.clientID())
	c.echoes.add(m.clientID(), m.Txn)
}

// thread is the ts of the thread that m goes to; empty: to the channel.
func (c *Client) thread(m *network.Outgoing) string {
	switch {
	case m.Thread != nil:
		return string(m.Thread.ID)
	case m.Reply != nil && c.set.Replies == repliesThread && isMessage(m.Reply.ID):
		return string(m.Reply.ID)
	}
	return ""
}

// wear gives a message the face of who is relayed, if the app may.
func (c *Client) wear(ctx context.Context, acc *account, m *network.Outgoing, args url.Values) {
	if m.Persona == nil || !acc.may("chat:write.customize") || c.cred.Kind != kindApp {
		return
	}
	face := c.face(ctx, acc, *m.Persona)
	args.Set("username", face.Username)
	if face.IconURL != "" {
		args.Set("icon_url", face.IconURL)
	}
}

// post posts one draft and the reactions that belong to it.
func (c *Client) post(ctx context.Context, acc *account, d convert.Draft, args url.Values) (network.MessageID, error) {
	var out struct {
		TS convert.TS `json:"ts"`
	}
	method := "chat.postMessage"
	if d.Me { // it takes no metadata and no thread
		method = "chat.meMessage"
		args = url.Values{"channel": args["channel"], "text": {d.Text}}
	}
	if _, err := acc.answer(ctx, method, args, &out); err != nil {
		return "", lost(err, method)
	}
	if !out.TS.Valid() {
		return "", network.Errorf(network.Unsure, "Slack did not say what became of this", "%s: ts %q", method, out.TS)
	}
	for _, name := range d.Reactions {
		err := acc.call(ctx, "reactions.add", url.Values{"channel": args["channel"], "timestamp": {string(out.TS)}, "name": {name}}, nil)
		if err != nil {
			c.host.Log.Warn("an answer of a poll has no emoji", "err", err)
		}
	}
	return out.TS.ID(), nil
}
