package slack

import (
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestEditChannel: topic, description, name and archiving go out; what Slack refuses is
// said in words.
func TestEditChannel(t *testing.T) {
	w, _, ops := listening(t)
	text := func(s string) *string { return &s }
	yes, no := true, false
	edit := func(c network.OutgoingChat) error { return ops.EditChat(t.Context(), network.ChatID(w.main), c) }
	refused := func(err error, words string) {
		t.Helper()
		if network.KindOf(err) != network.Rejected || !strings.Contains(network.UserText(err), words) {
			t.Errorf("refused by %v, want %q", err, words)
		}
	}
	if err := edit(network.OutgoingChat{Topic: text("a & b"), Purpose: text("<c>")}); err != nil {
		t.Fatal(err)
	}
	if c := w.Channel(w.main); c.Topic != "a &amp; b" || c.Purpose != "&lt;c&gt;" {
		t.Errorf("the channel is %+v", c)
	}
	refused(edit(network.OutgoingChat{Purpose: text(strings.Repeat("x", 251))}), "a description on Slack")
	refused(edit(network.OutgoingChat{Name: text("second")}), "exists already")
	refused(edit(network.OutgoingChat{Name: text("other")}), "only who made the channel")
	for range 2 { // as often as it is asked for
		if err := edit(network.OutgoingChat{Archived: &yes}); err != nil {
			t.Fatal(err)
		}
	}
	if !w.Channel(w.main).Archived {
		t.Error("the channel is not archived")
	}
	refused(edit(network.OutgoingChat{Topic: text("x")}), "archived")
	refused(edit(network.OutgoingChat{Archived: &no}), "Slack lets no app end this")
	w.Unarchive(w.main, w.bob)
	if err := edit(network.OutgoingChat{Archived: &no}); err != nil {
		t.Errorf("to unarchive what is not archived: %v", err)
	}
	w.SetScopes(w.bot.Token, "channels:read", "chat:write")
	refused(edit(network.OutgoingChat{Archived: &yes}), "channels:manage")
}

// TestPersonUnarchives what an app cannot.
func TestPersonUnarchives(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	w.Archive(w.main, w.bob)
	ops, _ := newCore(t, w.connector(""), w.personLogin()).run()
	no := false
	if err := ops.EditChat(t.Context(), network.ChatID(w.main), network.OutgoingChat{Archived: &no}); err != nil {
		t.Fatal(err)
	}
	if w.Channel(w.main).Archived {
		t.Error("the channel is archived still")
	}
}

// TestArchivedWhileAway: what happened to a channel while nobody listened is read in
// its history.
func TestArchivedWhileAway(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.appLogin())
	_, stop := c.run()
	c.mark(w, "before")
	stop()
	w.SetPurpose(w.main, w.bob, "ships")
	w.Archive(w.main, w.bob)
	c.run()
	c.wait("the purpose and the archiving", func() bool {
		purpose, archived := false, false
		for _, ev := range c.events {
			if e, ok := ev.(*network.ChatChange); ok {
				purpose = purpose || e.Purpose != nil && *e.Purpose == "ships"
				archived = archived || e.Archived != nil && *e.Archived
			}
		}
		return purpose && archived
	})
}

// TestChannelAppears: the app hears of public channels that others make, not of
// private ones.
func TestChannelAppears(t *testing.T) {
	w, c, _ := listening(t)
	w.Create(slackfake.Channel{Name: "secret", Kind: slackfake.Private, Members: []string{w.bob}})
	w.Create(slackfake.Channel{Name: "team-a", Members: []string{w.bob}})
	c.wait("the channel", func() bool {
		return slices.ContainsFunc(c.events, func(ev network.Event) bool { _, ok := ev.(*network.ChatAppeared); return ok })
	})
	for _, e := range eventsOf[*network.ChatAppeared](c) {
		if e.Name != "#team-a" || !e.Chat.IsZero() {
			t.Errorf("there appeared %+v", e)
		}
	}
}
