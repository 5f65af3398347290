package slackfake_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

func TestTokens(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	for token, code := range map[string]string{"": "not_authed", "xoxb-wrong": "invalid_auth", r.appToken: "not_allowed_token_type"} {
		_, err := r.client(token).AuthTestContext(r.ctx)
		r.fails(err, code)
	}
	r.SetScopes(r.bot.Token, "chat:write")
	_, err := r.api.GetUserInfoContext(r.ctx, r.alice)
	r.fails(err, "missing_scope")
	res, err := http.PostForm(r.APIURL()+"users.info", url.Values{"token": {r.bot.Token}, "user": {r.alice}})
	r.ok(err)
	r.ok(res.Body.Close())
	if got := res.Header.Get("X-OAuth-Scopes"); got != "chat:write" {
		t.Errorf("X-OAuth-Scopes: %q", got)
	}
	_, _, err = r.api.PostMessageContext(r.ctx, r.general, slack.MsgOptionText("x", false), slack.MsgOptionUsername("Carol"))
	r.fails(err, "missing_scope")
	for _, code := range []string{"token_revoked", "account_inactive"} {
		r.Refuse(r.bot.Token, code)
		_, err = r.api.AuthTestContext(r.ctx)
		r.fails(err, code)
	}
	r.Refuse(r.bot.Token, "")
	_, err = r.api.AuthTestContext(r.ctx)
	r.ok(err)
	token, cookie := r.Session(r.alice)
	_, err = r.client(token).AuthTestContext(r.ctx)
	r.fails(err, "invalid_auth")
	who, err := r.session(token, cookie).AuthTestContext(r.ctx)
	r.ok(err)
	if who.UserID != r.alice || who.BotID != "" {
		t.Errorf("%+v", who)
	}
	r.ChangeUser(r.alice, func(u *slackfake.User) { u.Deleted = true })
	_, err = r.session(token, cookie).AuthTestContext(r.ctx)
	r.fails(err, "account_inactive")
}

func TestPostRefused(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	archived := r.AddChannel(slackfake.Channel{Name: "old", Archived: true, Members: []string{r.bot.User}})
	locked := r.AddChannel(slackfake.Channel{Name: "news", ReadOnly: true, Members: []string{r.bot.User}})
	other := r.AddChannel(slackfake.Channel{Name: "other", Members: []string{r.alice}})
	text := slack.MsgOptionText("x", false)
	person := r.client(r.UserToken(r.app, r.bob))
	for _, one := range []struct {
		api     *slack.Client
		channel string
		option  slack.MsgOption
		want    string
	}{
		{r.api, "C404", text, "channel_not_found"},
		{r.api, archived, text, "is_archived"},
		{r.api, locked, text, "restricted_action_read_only_channel"},
		{person, other, text, "not_in_channel"},
		{r.api, other, text, ""}, // chat:write.public
		{r.api, r.general, slack.MsgOptionText("", false), "no_text"},
		{r.api, r.general, slack.MsgOptionText(strings.Repeat("ö", 40001), false), "msg_too_long"},
		{r.api, r.general, slack.MsgOptionText(strings.Repeat("ö", 40000), false), ""},
		{r.api, r.general, slack.MsgOptionBlocks(slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", strings.Repeat("x", 3001), false, false), nil, nil)), "invalid_blocks"},
		{r.api, r.general, slack.MsgOptionBlocks(slack.NewDividerBlock()), ""},
		{r.api, r.general, slack.MsgOptionCompose(text, slack.MsgOptionTS("1.000000")), "cannot_reply_to_message"},
	} {
		_, _, err := one.api.PostMessageContext(r.ctx, one.channel, one.option)
		if got := ""; err != nil {
			if got = err.Error(); got != one.want {
				t.Errorf("%s: %q, want %q", one.channel, got, one.want)
			}
		} else if one.want != "" {
			t.Errorf("%s: posted, want %s", one.channel, one.want)
		}
	}
}

func TestChat(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	meta := slack.SlackMetadata{EventType: "causeway", EventPayload: map[string]any{"txn": "T1"}}
	_, ts, err := r.api.PostMessageContext(r.ctx, r.general, slack.MsgOptionText("frist", false), slack.MsgOptionMetadata(meta), slack.MsgOptionIconURL("https://example.org/a.png"), slack.MsgOptionUsername("Carol"))
	r.ok(err)
	if m := next[*slackevents.MessageEvent](l); m.Message.Metadata.EventPayload["txn"] != "T1" {
		t.Errorf("%+v", m.Message.Metadata)
	}
	if posted := r.Message(r.general, ts); posted["icons"].(map[string]any)["image_48"] != "https://example.org/a.png" || posted["username"] != "Carol" {
		t.Errorf("%v", posted)
	}
	for _, all := range []bool{false, true} {
		h, err := r.api.GetConversationHistoryContext(r.ctx, &slack.GetConversationHistoryParameters{ChannelID: r.general, IncludeAllMetadata: all})
		r.ok(err)
		if got := h.Messages[0].Metadata.EventPayload["txn"]; (got == "T1") != all {
			t.Errorf("include_all_metadata %v: %v", all, got)
		}
	}
	r.SetScopes(r.bot.Token, "channels:history", "chat:write")
	h, err := r.api.GetConversationHistoryContext(r.ctx, &slack.GetConversationHistoryParameters{ChannelID: r.general, IncludeAllMetadata: true})
	r.ok(err)
	if m := h.Messages[0].Metadata; m.EventType != "causeway" || m.EventPayload != nil {
		t.Errorf("without the scope: %+v", m)
	}
	_, _, _, err = r.api.UpdateMessageContext(r.ctx, r.general, ts, slack.MsgOptionText("first", false))
	r.ok(err)
	if m := next[*slackevents.MessageEvent](l); m.SubType != "message_changed" || m.Message.Text != "first" || m.PreviousMessage.Text != "frist" || m.Message.Edited == nil {
		t.Errorf("%+v", m)
	}
	said := r.Say(r.general, r.alice, "hers")
	next[*slackevents.MessageEvent](l)
	_, _, _, err = r.api.UpdateMessageContext(r.ctx, r.general, said, slack.MsgOptionText("mine", false))
	r.fails(err, "cant_update_message")
	_, _, err = r.api.DeleteMessageContext(r.ctx, r.general, said)
	r.fails(err, "cant_delete_message")
	_, _, err = r.api.DeleteMessageContext(r.ctx, r.general, ts)
	r.ok(err)
	if m := next[*slackevents.MessageEvent](l); m.SubType != "message_deleted" || m.DeletedTimeStamp != ts || m.PreviousMessage.Text != "first" {
		t.Errorf("%+v", m)
	}
	_, _, err = r.api.DeleteMessageContext(r.ctx, r.general, ts)
	r.fails(err, "message_not_found")
	link, err := r.api.GetPermalinkContext(r.ctx, &slack.PermalinkParameters{Channel: r.general, Ts: said})
	r.ok(err)
	if want := "https://test.slack.com/archives/" + r.general + "/p" + strings.Replace(said, ".", "", 1); link != want {
		t.Errorf("%s, want %s", link, want)
	}
	_, err = r.api.PostEphemeralContext(r.ctx, r.general, r.alice, slack.MsgOptionText("only you", false))
	r.ok(err)
	if e := r.Ephemeral(); len(e) != 1 || e[0]["user"] != r.alice || len(r.Texts(r.general)) != 1 {
		t.Errorf("%v", e)
	}
}

func TestMentionAndMetadataEvents(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	r.Say(r.general, r.alice, "<@"+r.bot.User+"> hello")
	if m := next[*slackevents.AppMentionEvent](l); m.User != r.alice || m.Channel != r.general {
		t.Errorf("%+v", m)
	}
	meta := slack.SlackMetadata{EventType: "causeway", EventPayload: map[string]any{"txn": "T1"}}
	_, ts, err := r.api.PostMessageContext(r.ctx, r.general, slack.MsgOptionText("x", false), slack.MsgOptionMetadata(meta))
	r.ok(err)
	if m := next[*slackevents.MessageMetadataPostedEvent](l); m.MessageTimestamp != ts || m.Metadata.EventPayload["txn"] != "T1" {
		t.Errorf("%+v", m)
	}
}

func TestThreads(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	root := r.Say(r.general, r.alice, "root")
	var want []string
	for range 5 {
		want = append(want, r.Reply(r.general, r.bob, root, "reply", false))
	}
	shown := r.Reply(r.general, r.bob, root, "for all", true)
	for range 6 {
		next[*slackevents.MessageEvent](l)
	}
	if m := next[*slackevents.MessageEvent](l); m.SubType != "thread_broadcast" || m.Root == nil || m.Root.Timestamp != root {
		t.Errorf("%+v", m)
	}
	var seen []string
	p := &slack.GetConversationRepliesParameters{ChannelID: r.general, Timestamp: root, Limit: 2}
	for {
		list, more, cursor, err := r.api.GetConversationRepliesContext(r.ctx, p)
		r.ok(err)
		if list[0].Timestamp != root || list[0].ReplyCount != 6 || list[0].LatestReply != shown {
			t.Fatalf("root %+v", list[0])
		}
		for _, m := range list[1:] {
			seen = append(seen, m.Timestamp)
		}
		if p.Cursor = cursor; !more {
			break
		}
	}
	if got, want := strings.Join(seen, " "), strings.Join(append(want, shown), " "); got != want {
		t.Errorf("replies %s, want %s", got, want)
	}
	h, err := r.api.GetConversationHistoryContext(r.ctx, &slack.GetConversationHistoryParameters{ChannelID: r.general})
	r.ok(err)
	if len(h.Messages) != 2 {
		t.Errorf("%d messages in the channel", len(h.Messages))
	}
	r.Delete(r.general, root)
	if m := next[*slackevents.MessageEvent](l); m.SubType != "message_changed" || m.Message.SubType != "tombstone" {
		t.Errorf("%+v", m)
	}
	_, _, _, err = r.api.GetConversationRepliesContext(r.ctx, &slack.GetConversationRepliesParameters{ChannelID: r.general, Timestamp: "1.000000"})
	r.fails(err, "thread_not_found")
}

func TestEditWindow(t *testing.T) {
	now := newClock()
	r := newRig(t, slackfake.Config{Now: now.Now, Team: slackfake.Team{EditWindow: time.Minute}})
	_, ts, err := r.api.PostMessageContext(r.ctx, r.general, slack.MsgOptionText("x", false))
	r.ok(err)
	_, _, _, err = r.api.UpdateMessageContext(r.ctx, r.general, ts, slack.MsgOptionText("y", false))
	r.ok(err)
	now.Add(2 * time.Minute)
	_, _, _, err = r.api.UpdateMessageContext(r.ctx, r.general, ts, slack.MsgOptionText("z", false))
	r.fails(err, "edit_window_closed")
}

// TestUpdates: what https://docs.slack.dev/reference/methods/chat.update says.
func TestUpdates(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	section := slack.MsgOptionBlocks(slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", "in a block", false, false), nil, nil))
	_, ts, err := r.api.PostMessageContext(r.ctx, r.general, section)
	r.ok(err)
	update := func(o ...slack.MsgOption) error {
		_, _, _, err := r.api.UpdateMessageContext(r.ctx, r.general, ts, o...)
		return err
	}
	r.fails(update(slack.MsgOptionText(strings.Repeat("ö", 4001), false)), "msg_too_long")
	r.ok(update(slack.MsgOptionText(strings.Repeat("ö", 4000), false), section))
	r.ok(update(slack.MsgOptionText("the text alone", false)))
	m := r.Message(r.general, ts)
	if blocks := fmt.Sprint(m["blocks"]); strings.Contains(blocks, "in a block") {
		t.Errorf("the blocks stayed: %s", blocks)
	}
	edited, _ := m["edited"].(map[string]any)
	if at, _ := edited["ts"].(string); edited["user"] != r.bot.Bot || !strings.HasSuffix(at, ".000000") {
		t.Errorf("edited: %v", edited)
	}
	var many []slack.Block
	for range 45 {
		many = append(many, slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", strings.Repeat("x", 300), false, false), nil, nil))
	}
	_, _, err = r.api.PostMessageContext(r.ctx, r.general, slack.MsgOptionBlocks(many...))
	r.fails(err, "msg_blocks_too_long")
	r.Archive(r.general, r.alice)
	r.fails(update(slack.MsgOptionText("too late", false)), "is_inactive")
}

// TestMetadataOfSessions: only apps may post metadata; a session has client_msg_id.
func TestMetadataOfSessions(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	api := r.session(r.Session(r.alice))
	text := slack.MsgOptionText("x", false)
	meta := slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "causeway", EventPayload: map[string]any{"txn": "T1"}})
	_, _, err := api.PostMessageContext(r.ctx, r.general, text, meta)
	r.fails(err, "metadata_must_be_sent_from_app")
	_, _, err = r.client(r.UserToken(r.app, r.alice)).PostMessageContext(r.ctx, r.general, text, meta)
	r.ok(err)
	own := slack.UnsafeMsgOptionEndpoint(r.APIURL()+"chat.postMessage", func(v url.Values) { v.Set("client_msg_id", "mine") })
	_, _, err = api.PostMessageContext(r.ctx, r.general, text, own)
	r.ok(err)
	h, err := api.GetConversationHistoryContext(r.ctx, &slack.GetConversationHistoryParameters{ChannelID: r.general})
	r.ok(err)
	if h.Messages[0].ClientMsgID != "mine" {
		t.Errorf("%+v", h.Messages[0])
	}
}
