package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/ircuser"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// TestTalk has a conversation in a community channel that you enter by its
// alias; the relay speaks for you.
func TestTalk(t *testing.T) {
	everywhere(t, func(w *world) {
		room := w.join(w.you)
		for _, step := range []struct {
			name string
			do   func(w *world, room id.RoomID)
		}{
			{"text", text}, {"formatting", formatting}, {"action", action}, {"notice", notice}, {"media", media},
			{"reply", reply}, {"edit", edit}, {"redaction", redaction}, {"reaction", reaction}, {"topic", topic}, {"members", members},
		} {
			outer := w.t
			if !outer.Run(step.name, func(t *testing.T) { w.t = t; step.do(w, room) }) {
				outer.FailNow() // the next one would only wait in vain
			}
			w.t = outer
		}
	})
}

func text(w *world, room id.RoomID) {
	at, im := w.you.Mark(), w.mia.Mark()
	check(w.t, w.mia.Say(channel, "hello from IRC"))
	w.message(at, room, ghost("mia"), event.MsgText, "hello from IRC")
	w.sent(w.you.Text(w.ctx, room, "hello from Matrix, ünïcödé and 👍"))
	w.said(im, relay, "<you> hello from Matrix, ünïcödé and 👍")
	w.sent(w.you.Text(w.ctx, room, "two\r\nQUIT :lines"))
	w.said(im, relay, "<you> two")
	w.said(im, relay, "<you> QUIT :lines")
}

func formatting(w *world, room id.RoomID) {
	at, im := w.you.Mark(), w.mia.Mark()
	check(w.t, w.mia.Say(channel, "\x02bold\x02, \x1ditalic\x1d and \x0304red\x03"))
	e := w.message(at, room, ghost("mia"), event.MsgText, "bold, italic and red")
	want := `<strong>bold</strong>, <em>italic</em> and <span data-mx-color="#ff0000">red</span>`
	if c := e.Content.AsMessage(); c.Format != event.FormatHTML || c.FormattedBody != want {
		w.t.Errorf("formatted body is %q, not %q", c.FormattedBody, want)
	}
	w.sent(w.you.HTML(w.ctx, room, "bold, italic and red", `<b>bold</b>, <i>italic</i> and <font color="#ff0000">red</font>`))
	w.said(im, relay, "<you> \x02bold\x0f, \x1ditalic\x0f and \x0304red")
}

func action(w *world, room id.RoomID) {
	at, im := w.you.Mark(), w.mia.Mark()
	check(w.t, w.mia.Action(channel, "waves"))
	w.message(at, room, ghost("mia"), event.MsgEmote, "waves")
	w.sent(w.you.Emote(w.ctx, room, "waves back"))
	w.said(im, relay, "* you waves back")
}

func notice(w *world, room id.RoomID) {
	at, im := w.you.Mark(), w.mia.Mark()
	check(w.t, w.mia.Notice(channel, "take note"))
	w.message(at, room, ghost("mia"), event.MsgNotice, "take note")
	w.sent(w.you.Send(w.ctx, room, &event.MessageEventContent{MsgType: event.MsgNotice, Body: "noted"}))
	w.onIRC(w.mia, im, "NOTICE", relay, channel, "<you> noted")
}

func media(w *world, room id.RoomID) {
	im := w.mia.Mark()
	file := matrixuser.File{Name: "tide table.txt", MIME: "text/plain", Data: bytes.Repeat([]byte("high and low\n"), 1000)}
	w.sent(w.you.Media(w.ctx, room, file))
	l, err := w.mia.Wait(w.ctx, im, func(l ircuser.Line) bool {
		return l.Command == "PRIVMSG" && strings.HasPrefix(l.Params[1], "<you> sent tide table.txt (13.0 kB): ")
	})
	check(w.t, err)
	url := l.Params[1][strings.LastIndexByte(l.Params[1], ' ')+1:]
	if !strings.HasPrefix(url, w.folder.Public+"/") {
		w.t.Errorf("the link %s is not below %s", url, w.folder.Public)
	}
	w.noSecret(url)
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, url, nil)
	check(w.t, err)
	resp, err := http.DefaultClient.Do(req)
	check(w.t, err)
	data, err := io.ReadAll(resp.Body)
	check(w.t, err)
	check(w.t, resp.Body.Close())
	if resp.StatusCode != http.StatusOK || !bytes.Equal(data, file.Data) {
		w.t.Errorf("the link leads to %s with %d bytes, not to the file's %d", resp.Status, len(data), len(file.Data))
	}
	var headers bytes.Buffer
	check(w.t, resp.Header.Write(&headers))
	w.noSecret(headers.String())
}

// noSecret makes sure that no token of a registration is in what goes out.
func (w *world) noSecret(public string) {
	w.t.Helper()
	for _, path := range w.folder.Registrations {
		data, err := os.ReadFile(path)
		check(w.t, err)
		for line := range strings.Lines(string(data)) {
			if key, secret, _ := strings.Cut(strings.TrimSpace(line), ": "); strings.HasSuffix(key, "_token") && strings.Contains(public, strings.Trim(secret, `"`)) {
				w.t.Errorf("%s of %s is public", key, path)
			}
		}
	}
	if strings.Contains(public, w.you.Client.AccessToken) {
		w.t.Error("the access token is public")
	}
}

func reply(w *world, room id.RoomID) {
	at, im := w.you.Mark(), w.mia.Mark()
	check(w.t, w.mia.Say(channel, "who is there?"))
	question := w.message(at, room, ghost("mia"), event.MsgText, "who is there?")
	answer := w.sent(w.you.Reply(w.ctx, room, question.ID, "I am"))
	l := w.said(im, relay, "<you> mia: I am")
	if !w.tags {
		return
	}
	_, msgid := l.GetTag("msgid")
	check(w.t, w.mia.SendTagged(map[string]string{"+draft/reply": msgid}, "PRIVMSG", channel, "welcome"))
	e := w.message(at, room, ghost("mia"), event.MsgText, "welcome")
	if to := e.Content.AsMessage().RelatesTo.GetReplyTo(); to != answer {
		w.t.Errorf("the reply answers %q, not %q", to, answer)
	}
}

func edit(w *world, room id.RoomID) {
	im := w.mia.Mark()
	first := w.sent(w.you.Text(w.ctx, room, "the tide turns at five today"))
	w.said(im, relay, "<you> the tide turns at five today")
	w.sent(w.you.Edit(w.ctx, room, first, "the tide turns at six today"))
	w.said(im, relay, "<you> s/five/six/")
	w.sent(w.you.Edit(w.ctx, room, first, "nothing like that"))
	w.said(im, relay, "<you> * nothing like that")
}

func redaction(w *world, room id.RoomID) {
	at, im := w.you.Mark(), w.mia.Mark()
	first := w.sent(w.you.Text(w.ctx, room, "better unsaid"))
	l := w.said(im, relay, "<you> better unsaid")
	w.sent(w.you.Redact(w.ctx, room, first))
	if !w.redacts {
		w.notice(at, room, "cannot remove messages: it stays visible there")
		return
	}
	_, msgid := l.GetTag("msgid")
	_, err := w.mia.Wait(w.ctx, im, func(l ircuser.Line) bool {
		return l.Command == "REDACT" && l.Params[1] == msgid && l.Nick() == relay
	})
	check(w.t, err)
	check(w.t, w.mia.Say(channel, "a slip"))
	slip := w.message(at, room, ghost("mia"), event.MsgText, "a slip")
	check(w.t, w.mia.Send("REDACT", channel, w.lastID("a slip")))
	w.seen(at, "the redaction", func(e matrixuser.Event) bool {
		return e.Type == event.EventRedaction && e.RoomID == room && e.Redacts == slip.ID
	})
}

// lastID is the ID of a message that the server holds.
func (w *world) lastID(text string) string {
	w.t.Helper()
	for _, l := range w.irc.(fake).Said(channel) {
		if l.Text == text {
			return l.ID
		}
	}
	w.t.Fatalf("the server does not have %q", text)
	return ""
}

// reaction is one way: those of relayed people would all look like the relay's.
func reaction(w *world, room id.RoomID) {
	if !w.tags {
		return
	}
	at, im := w.you.Mark(), w.mia.Mark()
	mine := w.sent(w.you.Text(w.ctx, room, "like it?"))
	l := w.said(im, relay, "<you> like it?")
	_, msgid := l.GetTag("msgid")
	check(w.t, w.mia.SendTagged(map[string]string{"+draft/react": "🎉", "+draft/reply": msgid}, "TAGMSG", channel))
	w.reacted(at, ghost("mia"), mine, "🎉")
}

// reacted waits until you saw a reaction.
func (w *world) reacted(mark int, who id.UserID, to id.EventID, emoji string) {
	w.t.Helper()
	w.seen(mark, "the reaction", func(e matrixuser.Event) bool {
		r := e.Content.AsReaction().RelatesTo
		return e.Type == event.EventReaction && e.Sender == who && r.EventID == to && r.Key == emoji
	})
}

func topic(w *world, room id.RoomID) {
	at := w.you.Mark()
	check(w.t, w.mia.Topic(w.ctx, channel, "low tide"))
	w.seen(at, "the topic", func(e matrixuser.Event) bool {
		return e.Type == event.StateTopic && e.RoomID == room && e.Content.AsTopic().Topic == "low tide"
	})
}

func members(w *world, room id.RoomID) {
	at := w.you.Mark()
	joe := w.person("joe", channel)
	w.member(at, room, ghost("joe"), event.MembershipJoin)

	check(w.t, joe.SetNick(w.ctx, "Joey"))
	w.member(at, room, ghost("joe"), event.MembershipLeave)
	e := w.member(at, room, ghost("joey"), event.MembershipJoin)
	if name := e.Content.AsMember().Displayname; name != "Joey" {
		w.t.Errorf("after the change of nick the name is %q", name)
	}
	check(w.t, joe.Say(channel, "same person"))
	w.message(at, room, ghost("joey"), event.MsgText, "same person")

	check(w.t, joe.Part(w.ctx, channel))
	w.member(at, room, ghost("joey"), event.MembershipLeave)

	at = w.you.Mark()
	check(w.t, joe.Join(w.ctx, channel))
	w.member(at, room, ghost("joey"), event.MembershipJoin)
	check(w.t, w.mia.Kick(w.ctx, channel, "Joey", "enough"))
	w.member(at, room, ghost("joey"), event.MembershipLeave)

	at = w.you.Mark()
	check(w.t, joe.Join(w.ctx, channel))
	w.member(at, room, ghost("joey"), event.MembershipJoin)
	check(w.t, joe.Quit(w.ctx, "good night"))
	w.member(at, room, ghost("joey"), event.MembershipLeave)
}
