package slackfake_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestConversation: a bot makes a channel, changes it, and hears of it.
func TestConversation(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	for name, want := range map[string]string{"general": "name_taken", "": "invalid_name_required", "Upper Case": "invalid_name_specials", strings.Repeat("x", 81): "invalid_name_maxlength"} {
		_, err := r.api.CreateConversationContext(r.ctx, slack.CreateConversationParams{ChannelName: name})
		r.fails(err, want)
	}
	c, err := r.api.CreateConversationContext(r.ctx, slack.CreateConversationParams{ChannelName: "team", IsPrivate: true})
	r.ok(err)
	if !c.IsPrivate || !c.IsMember || c.Creator != r.bot.User {
		t.Errorf("%+v", c)
	}
	_, err = r.api.InviteUsersToConversationContext(r.ctx, c.ID, r.alice, r.bob)
	r.ok(err)
	if m := next[*slackevents.MemberJoinedChannelEvent](l); m.User != r.alice || m.Inviter != r.bot.User || m.ChannelType != "G" {
		t.Errorf("%+v", m)
	}
	_, err = r.api.InviteUsersToConversationContext(r.ctx, c.ID, r.alice)
	r.fails(err, "already_in_channel")
	r.ok(r.api.KickUserFromConversationContext(r.ctx, c.ID, r.bob))
	if m := next[*slackevents.MemberLeftChannelEvent](l); m.User != r.bob {
		t.Errorf("%+v", m)
	}
	_, err = r.api.RenameConversationContext(r.ctx, c.ID, "crew")
	r.ok(err)
	if m := next[*slackevents.GroupRenameEvent](l); m.Channel.Name != "crew" {
		t.Errorf("%+v", m)
	}
	_, err = r.api.SetTopicOfConversationContext(r.ctx, c.ID, "sea")
	r.ok(err)
	_, err = r.api.SetPurposeOfConversationContext(r.ctx, c.ID, "sailing")
	r.ok(err)
	_, err = r.api.SetTopicOfConversationContext(r.ctx, c.ID, strings.Repeat("x", 251))
	r.fails(err, "too_long")
	info, err := r.api.GetConversationInfoContext(r.ctx, &slack.GetConversationInfoInput{ChannelID: c.ID, IncludeNumMembers: true})
	r.ok(err)
	if info.Name != "crew" || info.Topic.Value != "sea" || info.Purpose.Value != "sailing" || info.NumMembers != 2 || !slices.Contains(info.PreviousNames, "team") {
		t.Errorf("%+v", info)
	}
	r.ok(r.api.ArchiveConversationContext(r.ctx, c.ID))
	next[*slackevents.GroupArchiveEvent](l)
	r.fails(r.api.UnArchiveConversationContext(r.ctx, c.ID), "not_in_channel")
	r.ok(r.client(r.UserToken(r.app, r.alice)).UnArchiveConversationContext(r.ctx, c.ID))
	next[*slackevents.GroupUnarchiveEvent](l)
	_, err = r.api.LeaveConversationContext(r.ctx, c.ID)
	r.ok(err)
	if m := next[*slackevents.GroupLeftEvent](l); m.Channel != c.ID {
		t.Errorf("%+v", m)
	}
	_, err = r.api.GetConversationInfoContext(r.ctx, &slack.GetConversationInfoInput{ChannelID: c.ID})
	r.fails(err, "channel_not_found")
	var texts []string
	for _, m := range r.Messages(c.ID) {
		texts = append(texts, m["subtype"].(string))
	}
	if got := strings.Join(texts, " "); got != "channel_join channel_join channel_name channel_topic channel_purpose channel_archive channel_unarchive channel_leave" {
		t.Errorf("said: %s", got)
	}
}

// TestListScopes: one kind of conversations that the scopes do not allow spoils the list.
func TestListScopes(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	list := func(limit int, types ...string) error {
		_, _, err := r.api.GetConversationsContext(r.ctx, &slack.GetConversationsParameters{Limit: limit, Types: types})
		return err
	}
	r.fails(list(1000, "public_channel"), "invalid_limit")
	r.fails(list(999, "channels"), "invalid_types")
	r.SetScopes(r.bot.Token, "channels:read", "channels:history", "im:write", "channels:manage")
	r.ok(list(999, "public_channel"))
	r.fails(list(999, "public_channel", "private_channel"), "missing_scope")
	_, err := r.api.CreateConversationContext(r.ctx, slack.CreateConversationParams{ChannelName: "secret", IsPrivate: true})
	r.fails(err, "missing_scope")
	_, _, _, err = r.api.OpenConversationContext(r.ctx, &slack.OpenConversationParameters{Users: []string{r.alice, r.bob}})
	r.fails(err, "missing_scope")
	_, _, _, err = r.api.OpenConversationContext(r.ctx, &slack.OpenConversationParameters{Users: []string{r.alice}})
	r.ok(err)
	other := r.AddChannel(slackfake.Channel{Name: "other", Members: []string{r.alice}})
	_, err = r.api.GetConversationHistoryContext(r.ctx, &slack.GetConversationHistoryParameters{ChannelID: other})
	r.fails(err, "not_in_channel")
	_, err = r.client(r.UserToken(r.app, r.bob)).GetConversationHistoryContext(r.ctx, &slack.GetConversationHistoryParameters{ChannelID: other})
	r.ok(err)
}

func TestPublicChannel(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	id := r.Create(slackfake.Channel{Name: "open", Members: []string{r.alice}})
	if m := next[*slackevents.ChannelCreatedEvent](l); m.Channel.ID != id || m.Channel.Creator != r.alice {
		t.Errorf("%+v", m)
	}
	_, err := r.api.GetConversationHistoryContext(r.ctx, &slack.GetConversationHistoryParameters{ChannelID: id})
	r.fails(err, "not_in_channel")
	for _, want := range []string{"", "already_in_channel"} {
		_, warning, _, err := r.api.JoinConversationContext(r.ctx, id)
		r.ok(err)
		if warning != want {
			t.Errorf("warning %q, want %q", warning, want)
		}
	}
	if m := next[*slackevents.MemberJoinedChannelEvent](l); m.User != r.bot.User || m.ChannelType != "C" {
		t.Errorf("%+v", m)
	}
	members, _, err := r.api.GetUsersInConversationContext(r.ctx, &slack.GetUsersInConversationParameters{ChannelID: id})
	r.ok(err)
	if !slices.Equal(members, []string{r.alice, r.bot.User}) {
		t.Errorf("%v", members)
	}
	r.Kick(id, r.bot.User, r.alice)
	if m := next[*slackevents.ChannelLeftEvent](l); m.Channel != id {
		t.Errorf("%+v", m)
	}
	r.DeleteChannel(id)
	next[*slackevents.ChannelDeletedEvent](l)
}

func TestDirectChats(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	im, _, open, err := r.api.OpenConversationContext(r.ctx, &slack.OpenConversationParameters{Users: []string{r.alice}, ReturnIM: true})
	r.ok(err)
	if open || im.User != r.alice || !im.IsIM {
		t.Errorf("%v %+v", open, im)
	}
	next[*slackevents.ImCreatedEvent](l)
	again, _, open, err := r.api.OpenConversationContext(r.ctx, &slack.OpenConversationParameters{Users: []string{r.alice}})
	r.ok(err)
	if !open || again.ID != im.ID {
		t.Errorf("%v %+v", open, again)
	}
	group, _, _, err := r.api.OpenConversationContext(r.ctx, &slack.OpenConversationParameters{Users: []string{r.alice, r.bob}, ReturnIM: true})
	r.ok(err)
	if !group.IsMpIM {
		t.Errorf("%+v", group)
	}
	r.Say(im.ID, r.alice, "psst")
	if m := next[*slackevents.MessageEvent](l); m.ChannelType != "im" || m.Text != "psst" {
		t.Errorf("%+v", m)
	}
	r.Say(group.ID, r.alice, "you two")
	if m := next[*slackevents.MessageEvent](l); m.ChannelType != "mpim" {
		t.Errorf("%+v", m)
	}
	list, _, err := r.api.GetConversationsForUserContext(r.ctx, &slack.GetConversationsForUserParameters{Types: []string{"im", "mpim"}})
	r.ok(err)
	if len(list) != 2 {
		t.Errorf("%d direct chats", len(list))
	}
}

func TestReactionsAndPins(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	ts := r.Say(r.general, r.alice, "look")
	item := slack.NewRefToMessage(r.general, ts)
	r.ok(r.api.AddReactionContext(r.ctx, "wave::skin-tone-2", item))
	if m := next[*slackevents.ReactionAddedEvent](l); m.User != r.bot.User || m.Reaction != "wave::skin-tone-2" || m.Item.Timestamp != ts || m.ItemUser != r.alice {
		t.Errorf("%+v", m)
	}
	r.fails(r.api.AddReactionContext(r.ctx, "wave::skin-tone-2", item), "already_reacted")
	r.fails(r.api.AddReactionContext(r.ctx, "not a name", item), "invalid_name")
	r.React(r.general, ts, r.bob, "tada")
	got, err := r.api.GetReactionsContext(r.ctx, item, slack.NewGetReactionsParameters())
	r.ok(err)
	if len(got.Reactions) != 2 || got.Reactions[1].Name != "tada" || got.Reactions[1].Users[0] != r.bob {
		t.Errorf("%+v", got.Reactions)
	}
	r.ok(r.api.RemoveReactionContext(r.ctx, "wave::skin-tone-2", item))
	next[*slackevents.ReactionRemovedEvent](l)
	r.fails(r.api.RemoveReactionContext(r.ctx, "wave::skin-tone-2", item), "no_reaction")

	r.ok(r.api.AddPinContext(r.ctx, r.general, item))
	if m := next[*slackevents.PinAddedEvent](l); m.Channel != r.general || m.Item.Message.Timestamp != ts {
		t.Errorf("%+v", m)
	}
	r.fails(r.api.AddPinContext(r.ctx, r.general, item), "already_pinned")
	pins, _, err := r.api.ListPinsContext(r.ctx, r.general)
	r.ok(err)
	if len(pins) != 1 || pins[0].Message.Timestamp != ts {
		t.Errorf("%+v", pins)
	}
	r.Unpin(r.general, ts, r.alice)
	next[*slackevents.PinRemovedEvent](l)
	r.fails(r.api.RemovePinContext(r.ctx, r.general, item), "no_pin")

	id := r.AddBookmark(r.general, r.alice, slackfake.Bookmark{Title: "wiki", Link: "https://example.org"})
	marks, err := r.api.ListBookmarksContext(r.ctx, r.general)
	r.ok(err)
	if len(marks) != 1 || marks[0].ID != id || marks[0].Link != "https://example.org" {
		t.Errorf("%+v", marks)
	}
	r.ok(r.api.RemoveBookmarkContext(r.ctx, r.general, id))
	if left := r.Bookmarks(r.general); len(left) != 0 {
		t.Errorf("%v", left)
	}
}

func TestConnect(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	far := r.AddTeam(slackfake.Team{Name: "Far", Domain: "far", Enterprise: "E1", EnterpriseName: "Corp"})
	dave := r.AddUser(slackfake.User{Team: far, Name: "dave"})
	if dave[0] != 'W' {
		t.Errorf("a user of an organisation is %s", dave)
	}
	_, err := r.api.GetUserInfoContext(r.ctx, dave)
	r.fails(err, "user_not_visible")
	r.Share(r.general, far)
	next[*slackevents.ChannelSharedEvent](l)
	r.Join(r.general, dave, r.alice)
	next[*slackevents.MemberJoinedChannelEvent](l)
	u, err := r.api.GetUserInfoContext(r.ctx, dave)
	r.ok(err)
	if !u.IsStranger || u.TeamID != far || u.Enterprise.EnterpriseID != "E1" {
		t.Errorf("%+v", u)
	}
	next[*slackevents.MessageEvent](l) // that dave joined
	r.Say(r.general, dave, "from afar")
	if m := next[*slackevents.MessageEvent](l); m.UserTeam != far {
		t.Errorf("%+v", m)
	}
	bot := r.Install(r.app, far)
	who, err := r.client(bot.Token).AuthTestContext(r.ctx)
	r.ok(err)
	if who.TeamID != far || who.EnterpriseID != "E1" {
		t.Errorf("%+v", who)
	}
	info, err := r.api.GetConversationInfoContext(r.ctx, &slack.GetConversationInfoInput{ChannelID: r.general})
	r.ok(err)
	if !info.IsExtShared || !slices.Contains(info.SharedTeamIDs, far) {
		t.Errorf("%+v", info)
	}
	r.ChangeID(r.general, "C0CONNECT")
	if m := next[*slackevents.ChannelIDChangedEvent](l); m.OldChannelID != r.general || m.NewChannelID != "C0CONNECT" {
		t.Errorf("%+v", m)
	}
}
