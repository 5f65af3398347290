package slackfake

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxText   = 40000 // how long a message may be
	maxUpdate = 4000  // and what it is changed to
	// maxBlocks is how long the blocks of a message may be together, which Slack does not
	// document: https://github.com/slackapi/bolt-js/issues/2509.
	maxBlocks = 13200
)

// chatMethods are those about messages.
func chatMethods() map[string]method {
	write := []string{"chat:write"}
	return map[string]method{
		"chat.postMessage":   {tier: posting, scopes: write, run: postMessage},
		"chat.postEphemeral": {tier: tier4, scopes: write, run: postEphemeral},
		"chat.update":        {tier: tier3, scopes: write, run: chatUpdate},
		"chat.delete":        {tier: tier3, scopes: write, run: chatDelete},
		"chat.meMessage":     {tier: tier3, scopes: write, run: meMessage},
		"chat.getPermalink":  {run: getPermalink},
	}
}

// content is what a call says: text, blocks, attachments, metadata.
func (c *call) content() (JSON, error) {
	out := JSON{"text": escaped(c.str("text"))}
	if utf8.RuneCountInString(c.str("text")) > maxText {
		return nil, fail("msg_too_long")
	}
	var blocks, attachments []any
	given, err := c.json("blocks", &blocks)
	if err != nil {
		return nil, fail("invalid_blocks_format")
	}
	if given {
		if err := checkBlocks(blocks); err != nil {
			return nil, err
		}
		if raw, err := json.Marshal(blocks); err == nil && utf8.RuneCount(raw) > maxBlocks {
			return nil, fail("msg_blocks_too_long")
		}
		out["blocks"] = c.s.named(blocks)
	}
	if given, err = c.json("attachments", &attachments); err != nil {
		return nil, fail("invalid_attachments")
	} else if given {
		out["attachments"] = attachments
	}
	if markdown := c.str("markdown_text"); markdown != "" {
		if len(blocks) > 0 || c.str("text") != "" {
			return nil, fail("markdown_text_conflict")
		}
		out["text"] = escaped(markdown)
	}
	if out["text"] == "" && len(blocks) == 0 && len(attachments) == 0 {
		return nil, fail("no_text")
	}
	var metadata JSON
	if given, err = c.json("metadata", &metadata); err != nil {
		return nil, fail("invalid_metadata_format")
	} else if given {
		if !eventType.MatchString(str(metadata, "event_type")) || metadata["event_payload"] == nil {
			return nil, fail("invalid_metadata_schema")
		}
		out["metadata"] = metadata
	}
	return out, nil
}

// eventType is what the type of metadata may be.
var eventType = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

var control = regexp.MustCompile(`<(?:[@#!]|https?:|mailto:|tel:)[^<>]+>|&(?:amp|lt|gt);`)

// escaped is a text as Slack keeps it: &, < and > that mean nothing are escaped, so that
// a quote begins with &gt;.
func escaped(text string) string {
	special := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	var out strings.Builder
	at := 0
	for _, m := range control.FindAllStringIndex(text, -1) {
		out.WriteString(special.Replace(text[at:m[0]]))
		out.WriteString(text[m[0]:m[1]])
		at = m[1]
	}
	out.WriteString(special.Replace(text[at:]))
	return out.String()
}

// conversation is the one that the call is about, if the token may know of it.
func (c *call) conversation() (*channel, error) {
	id := c.str("channel")
	ch := c.s.chans[id]
	if ch == nil || ch.deleted || ch.private() && !ch.has(c.tok.user) || !c.s.inTeam(ch, c.tok.team) {
		return nil, fail("channel_not_found")
	}
	return ch, nil
}

// writable is the conversation that a call writes to.
func (c *call) writable() (*channel, error) {
	if u := c.s.users[c.str("channel")]; u != nil && u.Team == c.tok.team { // a user stands for the direct chat
		return c.s.direct(c.tok.team, c.tok.user, u.ID), nil
	}
	ch, err := c.conversation()
	switch {
	case err != nil:
		return nil, err
	case ch.Archived:
		return nil, fail("is_archived")
	case !ch.has(c.tok.user) && (ch.Kind != Public || c.tok.kind != botToken || !c.tok.has("chat:write.public")):
		return nil, fail("not_in_channel")
	case ch.ReadOnly:
		return nil, fail("restricted_action_read_only_channel")
	}
	return ch, nil
}

func (s *Server) inTeam(c *channel, team string) bool {
	for _, t := range c.teams() {
		if t == team {
			return true
		}
	}
	return false
}

// direct is the direct chat of two users, made if there is none.
func (s *Server) direct(team, a, b string) *channel {
	for _, c := range s.list {
		if c.Kind == IM && c.Team == team && c.has(a) && c.has(b) && (a != b || len(c.Members) == 1) {
			return c
		}
	}
	members := []string{a, b}
	if a == b {
		members = members[:1]
	}
	return s.addChannel(Channel{Kind: IM, Team: team, Members: members})
}

func postMessage(c *call) (JSON, error) {
	ch, err := c.writable()
	if err != nil {
		return nil, err
	}
	fields, err := c.content()
	if err != nil {
		return nil, err
	}
	if root := c.str("thread_ts"); root != "" {
		m := ch.byTS[root]
		if m == nil {
			return nil, fail("cannot_reply_to_message")
		}
		if m.thread() != "" { // a reply to a reply is one to the root
			root = m.thread()
		}
		fields["thread_ts"] = root
		if c.bool("reply_broadcast") {
			fields["subtype"] = "thread_broadcast"
		}
	}
	if err := c.signed(fields); err != nil {
		return nil, err
	}
	m := c.s.post(ch, fields)
	return JSON{"channel": ch.ID, "ts": m.ts, "message": c.tok.readable(m.body)}, nil
}

// signed says in fields who writes: the token's user, with another face if the call
// gives one.
func (c *call) signed(fields JSON) error {
	fields["team"] = c.tok.team
	if c.tok.kind == sessionToken {
		// https://docs.slack.dev/reference/methods/chat.postMessage: of apps alone.
		if fields["metadata"] != nil {
			return fail("metadata_must_be_sent_from_app")
		}
		fields["user"], fields["client_msg_id"] = c.tok.user, c.str("client_msg_id")
		if fields["client_msg_id"] == "" {
			fields["client_msg_id"] = c.s.clientID()
		}
		return nil
	}
	bot := c.s.botOf(c.tok)
	fields["app_id"], fields["bot_id"] = c.tok.app.ID, bot
	name, url, emoji := c.str("username"), c.str("icon_url"), c.str("icon_emoji")
	if name == "" && url == "" && emoji == "" {
		fields["user"] = c.tok.user
		fields["bot_profile"] = c.s.botProfile(c.tok.app, bot, c.tok.team)
		return nil
	}
	if !c.tok.has("chat:write.customize") {
		return &failure{code: "missing_scope", more: JSON{"needed": "chat:write.customize", "provided": join(c.tok.scopes)}}
	}
	delete(fields, "team")
	if fields["subtype"] == nil {
		fields["subtype"] = "bot_message"
	}
	if name == "" {
		name = c.tok.app.Name
	}
	fields["username"] = name
	switch {
	case emoji != "":
		fields["icons"] = JSON{"emoji": emoji}
	case url != "":
		fields["icons"] = JSON{"image_36": url, "image_48": url, "image_72": url}
	}
	return nil
}

// botOf is the bot ID that an app's messages have.
func (s *Server) botOf(t *token) string {
	if t.bot != "" {
		return t.bot
	}
	if in := t.app.installs[t.team]; in != nil {
		return in.bot
	}
	return "B" + t.app.ID[1:]
}

func (s *Server) botProfile(a *app, bot, team string) JSON {
	icon := "https://a.slack-edge.com/80588/img/plugins/app/bot_36.png"
	return JSON{
		"id": bot, "deleted": false, "name": a.Name, "updated": 1600000000, "app_id": a.ID, "team_id": team,
		"icons": JSON{"image_36": icon, "image_48": icon, "image_72": icon},
	}
}
