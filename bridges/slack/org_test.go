package slack

import (
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// A grid is an organisation with two workspaces, in both of which our app is by one
// installation. A third workspace of it is not ours.
type grid struct {
	*world
	other  string // the second workspace
	wanda  string // of it
	far    string // its channel #far
	shared string // a channel of both
}

func newGrid(t *testing.T) *grid {
	t.Helper()
	g := &grid{world: newWorld(t, slackfake.Config{Team: slackfake.Team{ID: "T0ONE", Name: "One", Domain: "one", Enterprise: "E0ORG", EnterpriseName: "The Org"}})}
	g.other = g.AddTeam(slackfake.Team{Name: "Two", Domain: "two", Enterprise: "E0ORG", EnterpriseName: "The Org"})
	g.AddTeam(slackfake.Team{Name: "Three", Domain: "three", Enterprise: "E0ORG", EnterpriseName: "The Org"})
	before := g.bot.Token
	g.bot = g.InstallOrg(g.app, "", g.other)
	g.Refuse(before, "token_revoked")
	g.wanda = g.AddUser(slackfake.User{ID: "W0WANDA", Name: "wanda", RealName: "Wanda", Email: "wanda@two.example", Team: g.other})
	g.far = g.AddChannel(slackfake.Channel{Name: "far", Team: g.other, Members: []string{g.wanda, g.bot.User}})
	g.shared = g.AddChannel(slackfake.Channel{Name: "shared", SharedWith: []string{g.other}, Members: []string{g.wanda, g.bob, g.bot.User}})
	return g
}

// TestOrganisation: an app that is in all of an organisation serves its workspaces
// through one login; lists are asked for by workspace, as Slack wants it.
func TestOrganisation(t *testing.T) {
	t.Parallel()
	g := newGrid(t)
	c := newCore(t, g.connector(""), g.appLogin())
	ops, _ := c.run()
	g.Say(g.main, g.bob, "from one")
	g.Say(g.far, g.wanda, "from two")
	g.Say(g.shared, g.wanda, "from both")
	for chat, want := range map[string]string{g.main: "from one", g.far: "from two", g.shared: "from both"} {
		c.wait(want, func() bool { return slices.Equal(c.texts(chat), []string{want}) })
	}
	if u, err := ops.User(t.Context(), network.UserID(g.wanda)); err != nil || u.Name != "Wanda" {
		t.Errorf("wanda is %+v, %v", u, err)
	}
	found, err := ops.Search(t.Context(), "", 100)
	var names []string
	for _, f := range found {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	if want := []string{"#far", "#main", "#second", "#shared"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("there are %v, want %v; %v", names, want, err)
	}
	if chat, err := ops.Join(t.Context(), "#far"); err != nil || chat.Key != (network.ChatKey{ID: network.ChatID(g.far)}) {
		t.Errorf("#far is %+v, %v", chat.Key, err)
	}
	direct, err := ops.Start(t.Context(), "@wanda")
	if err != nil || direct.Other != network.UserID(g.wanda) {
		t.Fatalf("the direct chat with wanda is with %q, %v", direct.Other, err)
	}
	for i, chat := range []network.ChatID{direct.Key.ID, network.ChatID(g.far), network.ChatID(g.shared)} {
		if _, err := ops.Send(t.Context(), network.Outgoing{Txn: txn(i), Chat: chat, Content: network.Text("hello")}); err != nil {
			t.Errorf("to %s: %v", chat, err)
		}
	}
	if unknown := g.Unknown(); len(unknown) > 0 {
		t.Errorf("Slack does not know %v", unknown)
	}
}

// TestOrganisationOAuth: with an app of an organisation Slack names no workspace when
// somebody allows it to act for them.
func TestOrganisationOAuth(t *testing.T) {
	t.Parallel()
	g := newGrid(t)
	s := g.publish(g.socket() + g.signsIn())
	g.SignIn(g.wanda)
	l, err := s.conn.withOAuth(t.Context(), &browsing{t: t})
	if err != nil {
		t.Fatal(err)
	}
	if l.ID != network.LoginID("E0ORG-"+g.wanda) || l.User != network.UserID(g.wanda) {
		t.Errorf("the login is %q of %q", l.ID, l.User)
	}
	relay, wanda := s.relay(t), newCore(t, s.conn, l)
	relay.run()
	ops, _ := wanda.run()
	g.Say(g.shared, g.bob, "to both of us")
	wanda.wait("what is said", func() bool { return slices.Equal(wanda.texts(g.shared), []string{"to both of us"}) })
	relay.wait("what is said", func() bool { return slices.Equal(relay.texts(g.shared), []string{"to both of us"}) })
	if _, err := ops.Send(t.Context(), network.Outgoing{Txn: txn(1), Chat: network.ChatID(g.far), Content: network.Text("it is me")}); err != nil {
		t.Fatal(err)
	}
	last := g.Messages(g.far)
	if got := last[len(last)-1]; got["user"] != g.wanda {
		t.Errorf("%v said %v", got["user"], got["text"])
	}
}

// TestOtherOrganisation: people and events of another organisation are refused.
func TestOtherOrganisation(t *testing.T) {
	t.Parallel()
	ours := identity{TeamID: "E0ORG", EnterpriseID: "E0ORG", OrgInstall: true}
	for name, c := range map[string]struct {
		event callback
		want  bool
	}{
		"by the installation": {callback{TeamID: "T0TWO", Authorizations: []authorization{{EnterpriseID: "E0ORG"}}}, true},
		"by the context":      {callback{TeamID: "T0TWO", ContextOrgID: "E0ORG"}, true},
		"of another":          {callback{TeamID: "T0ELSE", ContextOrgID: "E0ELSE", Authorizations: []authorization{{TeamID: "T0ELSE", EnterpriseID: "E0ELSE"}}}, false},
		"of none":             {callback{TeamID: "T0ELSE", Authorizations: []authorization{{TeamID: "T0ELSE"}}}, false},
	} {
		if got := c.event.of(&ours); got != c.want {
			t.Errorf("an event %s is ours: %v", name, got)
		}
	}
	one := identity{TeamID: "T0ONE", EnterpriseID: "E0ORG"} // an app of one workspace
	if (&callback{TeamID: "T0TWO", ContextOrgID: "E0ORG", Authorizations: []authorization{{TeamID: "T0TWO", EnterpriseID: "E0ORG"}}}).of(&one) {
		t.Error("an event of a sister workspace is ours")
	}
}

// TestSessionOfAnOrganisation: a browser's session in one of its workspaces.
func TestSessionOfAnOrganisation(t *testing.T) {
	t.Parallel()
	g := newGrid(t)
	c := newCore(t, g.connector(""), g.personLogin())
	ops, _ := c.run()
	g.Join(g.shared, g.carol, "")
	g.Say(g.shared, g.wanda, "hello carol")
	c.wait("wanda's words", func() bool { return slices.Contains(c.texts(g.shared), "hello carol") })
	if found, err := ops.Search(t.Context(), "shared", 10); err != nil || len(found) != 1 {
		t.Errorf("found %v, %v", found, err)
	}
}
