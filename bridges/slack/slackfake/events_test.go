package slackfake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestEvents: what people do comes as the events that slack-go knows, in the order in
// which it happened, and nothing else comes.
func TestEvents(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	w := r.raw()
	ts := r.Past(r.general, r.alice, slackfake.JSON{"text": "old", "ts": "1600000000.000100"})
	var file string
	group := r.AddUsergroup(slackfake.Usergroup{Handle: "crew"})
	private := r.AddChannel(slackfake.Channel{Kind: slackfake.Private, Name: "private", Members: []string{r.alice, r.bot.User}})
	away := r.AddChannel(slackfake.Channel{Kind: slackfake.Private, Name: "away", Members: []string{r.alice}})
	for _, one := range []struct {
		act  func()
		want []string
	}{
		{func() { r.Say(r.general, r.alice, "x") }, []string{"message"}},
		{func() { r.Say(away, r.alice, "not for the bot") }, nil},
		{func() { r.Edit(r.general, ts, "new") }, []string{"message:message_changed"}},
		{func() { r.Change(r.general, ts, slackfake.JSON{"attachments": []any{}}) }, []string{"message:message_changed"}},
		{func() { r.Post(r.general, r.alice, slackfake.JSON{"text": "waves", "subtype": "me_message"}) }, []string{"message:me_message"}},
		{func() { r.Reply(r.general, r.alice, ts, "y", false) }, []string{"message"}},
		{func() { r.Reply(r.general, r.alice, ts, "z", true) }, []string{"message:thread_broadcast"}},
		{func() { r.React(r.general, ts, r.bob, "wave") }, []string{"reaction_added"}},
		{func() { r.Unreact(r.general, ts, r.bob, "wave") }, []string{"reaction_removed"}},
		{func() { r.Pin(r.general, ts, r.bob) }, []string{"pin_added"}},
		{func() { r.Unpin(r.general, ts, r.bob) }, []string{"pin_removed"}},
		{func() { r.Upload(r.general, r.bob, "", slackfake.File{Name: "a.txt", Content: []byte("a")}) }, []string{"message:file_share", "file_shared"}},
		{func() { file = fileOf(r, r.general); r.RenameFile(file, "b") }, []string{"file_change"}},
		{func() { r.DeleteFile(file) }, []string{"message:message_changed", "file_deleted"}},
		{func() { r.Leave(r.general, r.bob) }, []string{"member_left_channel", "message:channel_leave"}},
		{func() { r.Join(r.general, r.bob, r.alice) }, []string{"member_joined_channel", "message:channel_join"}},
		{func() { r.SetTopic(r.general, r.bob, "t") }, []string{"message:channel_topic"}},
		{func() { r.SetPurpose(r.general, r.bob, "p") }, []string{"message:channel_purpose"}},
		{func() { r.Rename(r.general, r.bob, "all") }, []string{"channel_rename", "message:channel_name"}},
		{func() { r.Archive(r.general, r.bob) }, []string{"channel_archive", "message:channel_archive"}},
		{func() { r.Unarchive(r.general, r.bob) }, []string{"channel_unarchive", "message:channel_unarchive"}},
		{func() { r.Rename(private, r.alice, "secret") }, []string{"group_rename", "message:channel_name"}},
		{func() { r.Rename(away, r.alice, "gone") }, nil},
		{func() { r.Huddle(r.general, r.bob) }, []string{"message:huddle_thread", "user_change", "user_huddle_changed", "message:message_changed"}},
		{func() { r.LeaveHuddle(r.general, r.bob) }, []string{"user_change", "user_huddle_changed", "message:message_changed"}},
		{func() { r.ChangeUsergroup(group, func(g *slackfake.Usergroup) { g.Users = []string{r.bot.User} }) }, []string{"subteam_updated", "subteam_members_changed", "subteam_self_added"}},
		{func() { r.ChangeUser(r.bob, func(u *slackfake.User) { u.Avatar = "https://example.org/b.png" }) }, []string{"user_change", "user_profile_changed"}},
		{func() { r.ChangeUser(r.bob, func(u *slackfake.User) { u.Deleted = true }) }, []string{"user_change"}},
		{func() { r.Typing(r.general, r.alice, "") }, nil},
		{func() { r.Read(r.general, r.alice, ts) }, nil},
		{func() { r.Delete(r.general, ts) }, []string{"message:message_changed"}}, // it has replies
		{func() { r.Kick(private, r.bot.User, r.alice) }, []string{"member_left_channel", "group_left"}},
	} {
		one.act()
		r.AddEmoji("end", "alias:wave") // comes after all that
		var got []string
		for {
			m := w.read()
			w.ack(m)
			event := m["payload"].(map[string]any)["event"].(map[string]any)
			kind := event["type"].(string)
			if kind == "emoji_changed" {
				break
			}
			if sub, ok := event["subtype"].(string); ok {
				kind += ":" + sub
			}
			got = append(got, kind)
			if _, known := slackevents.EventsAPIInnerEventMapping[slackevents.EventsAPIType(event["type"].(string))]; !known {
				t.Errorf("slack-go does not know %s", kind)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(one.want) {
			t.Errorf("got %v, want %v", got, one.want)
		}
	}
}

// fileOf is the first file in a conversation.
func fileOf(r *rig, channel string) string {
	for _, m := range r.Messages(channel) {
		if list, ok := m["files"].([]any); ok {
			return list[0].(map[string]any)["id"].(string)
		}
	}
	r.t.Fatal("no file")
	return ""
}

// TestSubscriptions: an app gets what its manifest asks for.
func TestSubscriptions(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	app := r.AddApp(slackfake.App{Events: []string{"message.im"}})
	bot := r.Install(app, "")
	im := r.AddChannel(slackfake.Channel{Kind: slackfake.IM, Members: []string{r.alice, bot.User}})
	r.Join(r.general, bot.User, "")
	r.Say(r.general, r.alice, "x")
	if n := r.Pending(app); n != 0 {
		t.Errorf("%d events", n)
	}
	r.Say(im, r.alice, "y")
	if n := r.Pending(app); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestEscaping(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	for text, want := range map[string]string{
		"a & b":                    "a &amp; b",
		"1 < 2 > 0":                "1 &lt; 2 &gt; 0",
		"<@U1> <https://x.y|x> <!": "<@U1> <https://x.y|x> &lt;!",
		"&lt;safe&gt; &amp;":       "&lt;safe&gt; &amp;",
	} {
		_, ts, err := r.api.PostMessageContext(r.ctx, r.general, slack.MsgOptionText(text, false))
		r.ok(err)
		if got := r.Message(r.general, ts)["text"]; got != want {
			t.Errorf("%q is kept as %q, want %q", text, got, want)
		}
	}
}

// TestLarge: a workspace of 2,000 channels and 20,000 people pages in tens of calls.
func TestLarge(t *testing.T) {
	now := newClock()
	r := newRig(t, slackfake.Config{Limits: true, Now: now.Now})
	var people []string
	for range 20_000 {
		people = append(people, r.AddUser(slackfake.User{}))
	}
	for i := range 2000 {
		r.AddChannel(slackfake.Channel{Members: people[i : i+50], Archived: i%2 == 0})
	}
	huge := r.AddChannel(slackfake.Channel{Name: "all", Members: append([]string{r.bot.User}, people...)})
	pages, n := 0, 0
	p := &slack.GetConversationsParameters{Limit: 200, ExcludeArchived: true}
	for {
		list, cursor, err := r.api.GetConversationsContext(r.ctx, p)
		r.ok(err)
		now.Add(3 * time.Second) // tier 2
		pages, n = pages+1, n+len(list)
		if p.Cursor = cursor; cursor == "" {
			break
		}
	}
	if n != 1002 || pages != 11 {
		t.Errorf("%d channels in %d pages", n, pages)
	}
	members := 0
	q := &slack.GetUsersInConversationParameters{ChannelID: huge, Limit: 1000}
	for {
		list, cursor, err := r.api.GetUsersInConversationContext(r.ctx, q)
		r.ok(err)
		members += len(list)
		if q.Cursor = cursor; cursor == "" {
			break
		}
	}
	if members != 20_001 || r.Calls("conversations.members") != 21 {
		t.Errorf("%d members in %d calls", members, r.Calls("conversations.members"))
	}
	if got := r.call("users.list", map[string]any{}); got["error"] != "limit_required" {
		t.Errorf("users.list without a limit: %v", got["error"])
	}
}
