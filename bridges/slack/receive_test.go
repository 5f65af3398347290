package slack

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// listening is the app's core on a fake of its own.
func listening(t *testing.T) (*world, *core, network.Ops) {
	t.Helper()
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.appLogin())
	ops, _ := c.run()
	return w, c, ops
}

// mark says a word in the main channel and waits for it: what happened there before
// was delivered then.
func (c *core) mark(w *world, word string) {
	c.t.Helper()
	w.Say(w.main, w.bob, word)
	c.wait("the word "+word, func() bool { return slices.Contains(c.texts(w.main), word) })
}

// eventsOf are the delivered events of a type.
func eventsOf[E network.Event](c *core) []E {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []E
	for _, ev := range c.events {
		if e, ok := ev.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

// TestEditsAreThoseOfPeople: what Slack adds to a message is no edit unless it shows.
func TestEditsAreThoseOfPeople(t *testing.T) {
	w, c, _ := listening(t)
	id := w.Say(w.main, w.bob, "helo https://example.org")
	w.Change(w.main, id, slackfake.JSON{"attachments": []any{slackfake.JSON{
		"from_url": "https://example.org", "original_url": "https://example.org", "title": "Example", "fallback": "Example", "id": 1,
	}}})
	w.Edit(w.main, id, "hello https://example.org")
	w.Edit(w.main, id, "hello again https://example.org")
	c.mark(w, "end")
	edits := eventsOf[*network.Edit](c)
	if len(edits) != 2 || edits[0].Key == edits[1].Key || edits[0].Version >= edits[1].Version || textOf(edits[1].Content) != "hello again https://example.org" {
		for _, e := range edits {
			t.Errorf("of %d edits: %+v", len(edits), *e)
		}
	}
	for _, e := range edits {
		if string(e.Sender) != w.bob || string(e.Target.ID) != id {
			t.Errorf("an edit of %s by %s", e.Target.ID, e.Sender)
		}
	}
}

// TestThreads: replies say what they are in, also those that are shown in the channel
// too, which come once; a deleted beginning is deleted.
func TestThreads(t *testing.T) {
	w, c, _ := listening(t)
	root := w.Say(w.main, w.bob, "root")
	w.Reply(w.main, w.carol, root, "reply", false)
	w.Reply(w.main, w.carol, root, "to all", true)
	w.Delete(w.main, root)
	c.mark(w, "end")
	c.mu.Lock()
	if got := c.texts(w.main); !slices.Equal(got, []string{"root", "reply", "to all", "end"}) {
		t.Errorf("it came as %q", got)
	}
	c.mu.Unlock()
	for _, m := range eventsOf[*network.Message](c) {
		in := m.Thread != nil && string(m.Thread.ID) == root
		if in != (textOf(m.Content) == "reply" || textOf(m.Content) == "to all") {
			t.Errorf("%q is in the thread %+v", textOf(m.Content), m.Thread)
		}
		if m.Broadcast != (textOf(m.Content) == "to all") {
			t.Errorf("%q is for the channel too: %v", textOf(m.Content), m.Broadcast)
		}
	}
	if gone := eventsOf[*network.Redaction](c); len(gone) != 1 || string(gone[0].Target.ID) != root {
		t.Errorf("deleted was %+v", gone)
	}
}

// TestChannelChanges: name, topic, purpose, archiving, and its end.
func TestChannelChanges(t *testing.T) {
	w, c, _ := listening(t)
	w.SetTopic(w.main, w.bob, "a &lt;topic&gt;")
	w.SetPurpose(w.main, w.bob, "a purpose")
	w.Rename(w.main, w.bob, "renamed")
	w.Archive(w.main, w.bob)
	w.Unarchive(w.main, w.bob)
	c.mark(w, "end")
	var name, topic, purpose string
	var archived []bool
	for _, e := range eventsOf[*network.ChatChange](c) {
		if e.Purpose != nil {
			purpose = *e.Purpose
		}
		if e.Archived != nil && string(e.Sender) == w.bob {
			archived = append(archived, *e.Archived)
		}
		if e.Name != nil {
			name = *e.Name
		}
		if e.Topic != nil {
			topic = *e.Topic
		}
	}
	if name != "renamed" || topic != "a <topic>" || purpose != "a purpose" {
		t.Errorf("name %q, topic %q, purpose %q", name, topic, purpose)
	}
	// By an event and by a message, of which the latter can be read later too.
	if !slices.Equal(archived, []bool{true, true, false, false}) {
		t.Errorf("archived: %v", archived)
	}
	w.DeleteChannel(w.main)
	c.wait("the channel's end", func() bool {
		return slices.ContainsFunc(c.events, func(ev network.Event) bool { _, ok := ev.(*network.ChatClosed); return ok })
	})
}

// TestBotsHaveTheirOwnNames: an app that posts under a name is shown under it.
func TestBotsHaveTheirOwnNames(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.appLogin())
	ops, stop := c.run()
	other := w.Install(w.AddApp(slackfake.App{Name: "Weather"}), "")
	w.AddEmoji("cloud9", "https://emoji.example/cloud9.png")
	post := func(text string, more slackfake.JSON) string {
		m := slackfake.JSON{"text": text, "subtype": "bot_message", "bot_id": other.Bot, "user": nil}
		maps.Copy(m, more)
		return w.Post(w.main, other.User, m)
	}
	face := slackfake.JSON{"username": "Forecast", "icons": slackfake.JSON{"image_48": "https://a.example/48.png"}}
	first := post("rain", face)
	post("more rain", face)
	post("clouds", slackfake.JSON{"username": "Forecast", "icons": slackfake.JSON{"emoji": ":cloud9:"}})
	post("robots", slackfake.JSON{"username": "Forecast", "icons": slackfake.JSON{"emoji": ":robot_face:"}})
	post("plain", nil)
	w.Edit(w.main, first, "heavy rain")
	w.Delete(w.main, first)
	c.mark(w, "end")
	all := eventsOf[*network.Message](c)
	shown := func(ops network.Ops) (out []string) {
		t.Helper()
		for _, m := range all[:5] {
			u, err := ops.User(t.Context(), m.Sender)
			if err != nil || !u.Bot {
				t.Errorf("who said %q is %+v, %v", textOf(m.Content), u, err)
			}
			picture := convert.FileRef{}
			if u.Avatar != nil {
				if picture, err = convert.ParseFileRef(u.Avatar.Ref); err != nil || !picture.Public {
					t.Errorf("the picture is %+v, %v", picture, err)
				}
			}
			out = append(out, u.Name+" "+picture.URL)
		}
		return out
	}
	want := []string{"Forecast https://a.example/48.png", "Forecast https://a.example/48.png", "Forecast https://emoji.example/cloud9.png", "Forecast 🤖 ", "Weather https://a.slack-edge.com/80588/img/plugins/app/bot_36.png"}
	if got := shown(ops); !slices.Equal(got, want) {
		t.Errorf("they are %q", got)
	}
	if all[0].Sender != all[1].Sender || all[0].Sender == all[2].Sender || string(all[4].Sender) != other.Bot || textOf(all[0].Content) != "rain" {
		t.Errorf("the senders are %s, %s, %s, %s", all[0].Sender, all[1].Sender, all[2].Sender, all[4].Sender)
	}
	if e := eventsOf[*network.Edit](c); len(e) != 1 || e[0].Sender != all[0].Sender {
		t.Errorf("the edits are %+v", e)
	}
	if r := eventsOf[*network.Redaction](c); len(r) != 1 || r[0].Sender != all[0].Sender {
		t.Errorf("the removals are %+v", r)
	}
	stop()
	c.mu.Lock()
	c.states = nil // of the run before
	c.mu.Unlock()
	again, _ := c.run() // after a restart nobody has to say anything for them to be known
	if got := shown(again); !slices.Equal(got, want) {
		t.Errorf("after a restart they are %q", got)
	}
	if err := again.SetMember(t.Context(), network.ChatID(w.main), network.Member{User: all[0].Sender, Membership: network.Left}); network.KindOf(err) != network.Rejected {
		t.Errorf("a face that is put out: %v", err)
	}
}

// TestBotsHaveManyNames: a bot with a name for each message gets no account for each.
func TestBotsHaveManyNames(t *testing.T) {
	w, c, _ := listening(t)
	other := w.Install(w.AddApp(slackfake.App{Name: "Build"}), "")
	senders := map[network.UserID]int{}
	for i := range maxFaces + 3 {
		w.Post(w.main, other.User, slackfake.JSON{"text": "done", "subtype": "bot_message", "bot_id": other.Bot, "user": nil, "username": fmt.Sprint("Build ", i)})
	}
	c.mark(w, "end")
	var last *network.Message
	for _, m := range eventsOf[*network.Message](c) {
		if textOf(m.Content) != "end" {
			senders[m.Sender]++
			last = m
		}
	}
	if len(senders) != maxFaces+1 || senders[network.UserID(other.Bot)] != 3 || textOf(last.Content) != fmt.Sprintf("Build %d: done", maxFaces+2) {
		t.Errorf("%d senders; the last one says %q", len(senders), textOf(last.Content))
	}
}

// TestFilesOfOtherWorkspaces are shown by their ID alone, and asked for.
func TestFilesOfOtherWorkspaces(t *testing.T) {
	w, c, ops := listening(t)
	w.Upload(w.main, w.bob, "look", slackfake.File{Name: "a.txt", Mime: "text/plain", Content: []byte("content"), Hidden: true})
	c.mark(w, "end")
	p := eventsOf[*network.Message](c)[0].Parts[0]
	if p.Media == nil || p.Media.Name != "a.txt" || p.Text.String() != "look" {
		t.Fatalf("the part is %+v", p)
	}
	r, err := ops.OpenMedia(t.Context(), *p.Media)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil || string(data) != "content" || r.Close() != nil {
		t.Errorf("read %q, %v", data, err)
	}
	// Who may not read it gets a page to sign in, with status 200.
	w.SetScopes(w.bot.Token, "chat:write", "channels:history")
	if _, err := ops.OpenMedia(t.Context(), *p.Media); network.KindOf(err) != network.Rejected || !strings.Contains(network.UserText(err), "files:read") {
		t.Errorf("without the right to read files: %v", err)
	}
}

// TestFilesAreAskedAboutOnce: not for what is no edit, and once for what is one.
func TestFilesAreAskedAboutOnce(t *testing.T) {
	w, c, _ := listening(t)
	w.Upload(w.main, w.bob, "lok", slackfake.File{Name: "a.txt", Mime: "text/plain", Content: []byte("content"), Hidden: true})
	c.mark(w, "came")
	id := string(eventsOf[*network.Message](c)[0].ID)
	asked := w.Calls("files.info")
	w.Change(w.main, id, slackfake.JSON{"reply_count": 1})
	c.mark(w, "changed")
	if n := w.Calls("files.info") - asked; n != 0 {
		t.Errorf("asked %d times for no edit", n)
	}
	w.Edit(w.main, id, "look")
	c.mark(w, "edited")
	if n := w.Calls("files.info") - asked; n != 1 {
		t.Errorf("asked %d times for an edit", n)
	}
	edits := eventsOf[*network.Edit](c)
	if len(edits) != 1 || edits[0].Parts[0].Media == nil || edits[0].Parts[0].Media.Name != "a.txt" || textOf(edits[0].Content) != "look" {
		t.Errorf("the edits are %+v", edits)
	}
}

// TestSlowChatSlowsNobody: what a message in one channel needs does not come, and the
// other channel goes on.
func TestSlowChatSlowsNobody(t *testing.T) {
	w, c, _ := listening(t)
	w.Break(slackfake.Fault{Method: "files.info", Hang: true})
	w.Upload(w.second, w.bob, "slow", slackfake.File{Name: "a.txt", Content: []byte("x"), Hidden: true})
	for _, word := range []string{"one", "two", "three"} {
		c.mark(w, word)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := c.texts(w.second); len(got) != 0 {
		t.Errorf("the slow channel has %q already", got)
	}
}

// TestNothingIsUnacknowledged: what is not shown is acknowledged too, else Slack would
// switch the events off.
func TestNothingIsUnacknowledged(t *testing.T) {
	w, c, _ := listening(t)
	w.AddEmoji("party", w.URL()+"/party.png")
	w.CreateUsergroup(slackfake.Usergroup{Name: "Team", Handle: "team"})
	w.Command(w.app, w.main, w.bob, "/hello", "world")
	w.Huddle(w.main, w.bob)
	w.ChangeUser(w.bob, func(u *slackfake.User) { u.RealName = "Bob the Builder" })
	c.mark(w, "end")
	ctx := t.Context()
	if err := w.Wait(ctx, func() bool { return w.Pending(w.app) == 0 }); err != nil {
		t.Errorf("%d envelopes were not acknowledged: %v", w.Pending(w.app), err)
	}
	if u := w.Unknown(); len(u) > 0 {
		t.Errorf("Slack knows nothing of %v", u)
	}
	changed := eventsOf[*network.UserChanged](c)
	if len(changed) == 0 || string(changed[0].User) != w.bob {
		t.Errorf("changed users are %+v", changed)
	}
}

// TestMissingScopesAreNamed: the state says what does not work.
func TestMissingScopesAreNamed(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	w.SetScopes(w.bot.Token, slices.DeleteFunc(slackfake.AllScopes(), func(s string) bool { return s == "chat:write.customize" })...)
	c := newCore(t, w.connector(""), w.appLogin())
	ops, _ := c.run()
	c.mu.Lock()
	last := c.states[len(c.states)-1]
	c.mu.Unlock()
	if last.Status != network.Limited || !strings.Contains(last.Words, "chat:write.customize") {
		t.Errorf("the state is %+v", last)
	}
	chat, err := ops.Chat(t.Context(), network.ChatID(w.main))
	if err != nil || chat.Features.Personas {
		t.Errorf("the chat shows personas: %v, %v", chat.Features.Personas, err)
	}
}

// TestListsWithoutAScope: without the scope for private channels the public ones are
// listed all the same, though Slack refuses a list that asks for both.
func TestListsWithoutAScope(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	w.SetScopes(w.bot.Token, slices.DeleteFunc(slackfake.AllScopes(), func(s string) bool { return s == "groups:read" })...)
	ops, _ := newCore(t, w.connector(""), w.appLogin()).run()
	found, err := ops.Search(t.Context(), "", 10)
	if err != nil || len(found) != 1 || found[0].Name != "#main" {
		t.Errorf("found %+v, %v", found, err)
	}
	w.SetScopes(w.bot.Token, "chat:write")
	ops, _ = newCore(t, w.connector(""), w.appLogin()).run()
	if _, err := ops.Search(t.Context(), "", 10); !strings.Contains(network.UserText(err), "channels:read") {
		t.Errorf("without any scope to list: %v", err)
	}
}

// TestSocketModeSwitchedOff: that is said, and it is no login that has ended.
func TestSocketModeSwitchedOff(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.appLogin())
	c.run()
	w.Disable(w.app)
	said := func(status network.Status, words string) func() bool {
		return func() bool {
			last := c.states[len(c.states)-1]
			return last.Status == status && strings.Contains(last.Words, words)
		}
	}
	c.wait("the state that Slack told", said(network.Offline, "Socket Mode is switched off"))
	again := newCore(t, c.conn, c.login)
	if err := again.open().Run(t.Context(), again); network.KindOf(err) != network.Unavailable || !strings.Contains(network.UserText(err), "Socket Mode") {
		t.Errorf("a socket while it is switched off: %v", err)
	}
	w.Enable(w.app)
	newCore(t, c.conn, c.login).run()
}

// TestDeadTokenIsNoticed by asking, although the socket still stands.
func TestDeadTokenIsNoticed(t *testing.T) {
	w, _, ops := listening(t)
	if err := ops.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Break(slackfake.Fault{Method: "auth.test", Error: "account_inactive"})
	if err := ops.Ping(t.Context()); network.KindOf(err) != network.LoggedOut || !strings.Contains(network.UserText(err), "deactivated") {
		t.Errorf("a ping says %v", err)
	}
}

// TestAliasesOfStandardEmoji: what the workspace calls by another name is the standard
// emoji, in texts and as a reaction, live and read later.
func TestAliasesOfStandardEmoji(t *testing.T) {
	w, c, ops := listening(t)
	w.AddEmoji("yes", "alias:thumbsup")
	w.AddEmoji("sure", "alias:yes")
	w.AddEmoji("lost", "alias:nosuch")
	ts := w.Say(w.main, w.bob, "well :sure:, :yes::skin-tone-3: and :lost:")
	w.React(w.main, ts, w.carol, "sure")
	w.React(w.main, ts, w.carol, "yes")
	w.React(w.main, ts, w.bob, "lost")
	c.mark(w, "end")
	if got, want := c.texts(w.main)[0], "well 👍, 👍🏼 and :lost:"; got != want {
		t.Errorf("the text is %q, want %q", got, want)
	}
	var emoji []string
	for _, r := range eventsOf[*network.Reaction](c) {
		emoji = append(emoji, r.Emoji+string(r.Custom))
	}
	if want := []string{"👍", "👍", ":lost:"}; !slices.Equal(emoji, want) {
		t.Errorf("reactions %q, want %q", emoji, want)
	}
	past, _, err := ops.History(t.Context(), network.ChatID(w.main), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range past {
		if set, ok := ev.(*network.ReactionSet); ok && !slices.Equal(set.Emoji[network.UserID(w.carol)], []string{"👍"}) {
			t.Errorf("reactions that were read: %v", set.Emoji)
		}
	}
}

// TestCanvas: a canvas is a file of what it says, with a link; voice is voice.
func TestCanvas(t *testing.T) {
	w, c, ops := listening(t)
	w.Upload(w.main, w.bob, "", slackfake.File{Name: "plan", Title: "The plan", Mode: "quip", Mime: "application/vnd.slack-docs", Content: []byte("<h1>The plan</h1>")})
	w.Upload(w.main, w.bob, "", slackfake.File{
		Name: "audio_message.m4a", Mime: "audio/mp4", Content: []byte("sound"),
		Extra: slackfake.JSON{"subtype": "slack_audio", "duration_ms": 2500, "audio_wave_samples": []int{0, 50, 100}},
	})
	c.mark(w, "end")
	all := eventsOf[*network.Message](c)
	p := all[0].Parts[0]
	if p.Media == nil || p.Media.Name != "The plan.html" || p.Media.MIME != "text/html" || p.Media.Size != 0 || !strings.Contains(p.Text.String(), "The plan (https://") {
		t.Fatalf("the canvas is %+v", p)
	}
	r, err := ops.OpenMedia(t.Context(), *p.Media)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(r); err != nil || string(data) != "<h1>The plan</h1>" || r.Close() != nil {
		t.Errorf("the canvas says %q, %v", data, err)
	}
	v := all[1].Parts[0].Media
	if v == nil || v.Kind != network.Voice || v.Duration != 2500*time.Millisecond || !slices.Equal(v.Waveform, []int{0, 512, 1024}) {
		t.Errorf("the voice message is %+v", v)
	}
}
