package slackfake_test

import (
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

func TestPeople(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	carol := r.JoinTeam(slackfake.User{Name: "carol", Email: "carol@example.org", Restricted: true})
	if m := next[*slackevents.TeamJoinEvent](l); m.User.ID != carol || !m.User.IsRestricted {
		t.Errorf("%+v", m)
	}
	u, err := r.api.GetUserByEmailContext(r.ctx, "carol@example.org")
	r.ok(err)
	if u.ID != carol {
		t.Errorf("%+v", u)
	}
	_, err = r.api.GetUserByEmailContext(r.ctx, "nobody@example.org")
	r.fails(err, "users_not_found")
	r.ChangeUser(carol, func(u *slackfake.User) { u.StatusText, u.StatusEmoji = "at lunch", ":taco:" })
	if m := next[*slackevents.UserStatusChangedEvent](l); m.User.Profile.StatusText != "at lunch" {
		t.Errorf("%+v", m)
	}
	r.ChangeUser(carol, func(u *slackfake.User) { u.DisplayName = "Caz" })
	if m := next[*slackevents.UserProfileChangedEvent](l); m.User.Profile.DisplayName != "Caz" {
		t.Errorf("%+v", m)
	}
	p, err := r.api.GetUserProfileContext(r.ctx, &slack.GetUserProfileParameters{UserID: carol})
	r.ok(err)
	if p.DisplayName != "Caz" || p.StatusEmoji != ":taco:" {
		t.Errorf("%+v", p)
	}
	presence, err := r.api.GetUserPresenceContext(r.ctx, carol)
	r.ok(err)
	if presence.Presence != "active" {
		t.Errorf("%+v", presence)
	}
	bot, err := r.api.GetBotInfoContext(r.ctx, slack.GetBotInfoParameters{Bot: r.bot.Bot})
	r.ok(err)
	if bot.Name != "Causeway" || bot.UserID != r.bot.User || bot.AppID != r.app {
		t.Errorf("%+v", bot)
	}
	team, err := r.api.GetTeamInfoContext(r.ctx)
	r.ok(err)
	if team.ID != r.bot.Team || team.Domain != "test" {
		t.Errorf("%+v", team)
	}
}

func TestEmojiAndGroups(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	picture := r.Picture("image/png", []byte("a picture"))
	r.AddEmoji("boat", picture)
	if m := next[*slackevents.EmojiChangedEvent](l); m.Subtype != "add" || m.Name != "boat" || m.Value != picture {
		t.Errorf("%+v", m)
	}
	r.RenameEmoji("boat", "ship")
	if m := next[*slackevents.EmojiChangedEvent](l); m.Subtype != "rename" || m.OldName != "boat" || m.NewName != "ship" {
		t.Errorf("%+v", m)
	}
	all, err := r.api.GetEmojiContext(r.ctx)
	r.ok(err)
	if len(all) != 1 || all["ship"] != picture {
		t.Errorf("%v", all)
	}
	r.RemoveEmoji("ship")
	if m := next[*slackevents.EmojiChangedEvent](l); m.Subtype != "remove" || m.Names[0] != "ship" {
		t.Errorf("%+v", m)
	}
	id := r.CreateUsergroup(slackfake.Usergroup{Handle: "crew", Users: []string{r.alice}})
	if m := next[*slackevents.SubteamCreatedEvent](l); m.Subteam.ID != id || m.Subteam.Handle != "crew" {
		t.Errorf("%+v", m)
	}
	r.ChangeUsergroup(id, func(g *slackfake.Usergroup) { g.Users = []string{r.bob} })
	next[*slackevents.SubteamUpdatedEvent](l)
	if m := next[*slackevents.SubteamMembersChangedEvent](l); m.AddedUsers[0] != r.bob || m.RemovedUsers[0] != r.alice {
		t.Errorf("%+v", m)
	}
	groups, err := r.api.GetUserGroupsContext(r.ctx, slack.GetUserGroupsOptionIncludeUsers(true))
	r.ok(err)
	if len(groups) != 1 || groups[0].Users[0] != r.bob {
		t.Errorf("%+v", groups)
	}
}

func TestRevoked(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	mine := r.UserToken(r.app, r.alice)
	r.Revoke(mine)
	if m := next[*slackevents.TokensRevokedEvent](l); m.Tokens.Oauth[0] != r.alice {
		t.Errorf("%+v", m)
	}
	_, err := r.client(mine).AuthTestContext(r.ctx)
	r.fails(err, "token_revoked")
	r.Uninstall(r.app, "")
	next[*slackevents.AppUninstalledEvent](l)
	_, err = r.api.AuthTestContext(r.ctx)
	r.fails(err, "account_inactive")
}
