package slack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// txn is a transaction ID.
func txn(n int) network.TxnID { return network.TxnID(fmt.Sprintf("%032x", n)) }

// outgoing is a message to the main channel.
func (w *world) outgoing(n int, c network.Content) network.Outgoing {
	return network.Outgoing{Txn: txn(n), Chat: network.ChatID(w.main), Content: c}
}

// sent are the messages of the main channel from our bot, in order.
func (w *world) sent() []slackfake.JSON {
	var out []slackfake.JSON
	for _, m := range w.Messages(w.main) {
		if m["bot_id"] == w.bot.Bot {
			out = append(out, m)
		}
	}
	return out
}

// running is the app's client on a fake of its own.
func running(t *testing.T, extra string) (*world, network.Ops) {
	t.Helper()
	w := newWorld(t, slackfake.Config{})
	ops, _ := newCore(t, w.connector(extra), w.appLogin()).run()
	return w, ops
}

func TestRelayedPeopleHaveTheirName(t *testing.T) {
	w, ops := running(t, "")
	if _, err := ops.User(t.Context(), network.UserID(w.bob)); err != nil { // whom we know now
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Ada": "Ada", "Bob Builder": "Bob Builder (@bob:x.example)", "BÓB  builder": "BÓB builder (@bob:x.example)"} {
		c := network.Text("hello from " + name)
		c.Persona = &network.Persona{MXID: "@bob:x.example", Name: name, Avatar: "https://m.example/a.png"}
		sent, err := ops.Send(t.Context(), w.outgoing(len(name), c))
		if err != nil {
			t.Fatal(err)
		}
		m := w.Message(w.main, string(sent.Parts[0][0]))
		if m["username"] != want {
			t.Errorf("%q speaks as %v, want %q", name, m["username"], want)
		}
		if icons, ok := m["icons"].(map[string]any); !ok || icons["image_72"] != "https://m.example/a.png" {
			t.Errorf("%q has the picture %v", name, m["icons"])
		}
		err = ops.Redact(t.Context(), network.OutgoingRedaction{Txn: txn(100 + len(name)), Chat: network.ChatID(w.main), Target: network.Whole(sent.Parts[0][0])})
		if err != nil {
			t.Errorf("what %q said cannot be removed: %v", name, err)
		}
	}
}

// TestLostAnswerIsFound: a message whose answer was lost is Unsure, and found by its mark.
func TestLostAnswerIsFound(t *testing.T) {
	for name, c := range map[string]network.Content{
		"text":   network.Text("hello"),
		"failed": network.Text("it is there all the same"),
		"thread": network.Text("in a thread"),
		"long":   network.Text(strings.Repeat("word ", 2500)),
		"emote":  {Parts: []network.Part{{Style: network.Emote, Text: network.Text("waves").Parts[0].Text}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ops := running(t, "")
			if name == "thread" {
				c.Thread = &network.Ref{ID: network.MessageID(w.Say(w.main, w.bob, "root")), Part: -1}
			}
			m := w.outgoing(1, c)
			found, err := ops.Find(t.Context(), m)
			if err != nil || len(found.Parts) > 0 {
				t.Fatalf("before it was sent, found %v, %v", found.Parts, err)
			}
			for _, method := range []string{"chat.postMessage", "chat.meMessage"} {
				f := slackfake.Fault{Method: method, Lost: true}
				if name == "failed" { // Slack may say so of what it has done
					f.Error = "fatal_error"
				}
				w.Break(f)
			}
			_, err = ops.Send(t.Context(), m)
			if network.KindOf(err) != network.Unsure {
				t.Fatalf("a lost answer gives %v", err)
			}
			w.Heal()
			if found, err = ops.Find(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if len(found.Parts) == 0 { // some of it arrived at most
				if found, err = ops.Send(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			var text strings.Builder
			for _, one := range w.Messages(w.main) {
				if one["user"] == w.bot.User {
					text.WriteString(one["text"].(string) + " ")
				}
			}
			want := c.Parts[0].Text.String()
			if got := strings.Join(strings.Fields(text.String()), " "); strings.Trim(got, "_") != strings.TrimSpace(want) {
				t.Errorf("Slack holds %d bytes, %.80q, want %d, %.80q", len(got), got, len(want), want)
			}
			if len(found.Parts) != 1 {
				t.Errorf("found %v", found.Parts)
			}
		})
	}
}

// A file is a network.Source of bytes.
type file []byte

func (f file) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f)), nil
}

func (f file) Link(context.Context) (string, time.Time, error) {
	return "", time.Time{}, network.ErrNotPublic
}

func filed(name string, data []byte, size int64) network.Content {
	return network.Content{Parts: []network.Part{{
		Text:  network.Text("look").Parts[0].Text,
		Media: &network.Media{Kind: network.File, Name: name, MIME: "text/plain", Size: size, Source: file(data)},
	}}}
}

// TestFileIsSentOnce: with its caption, also when its size is not known, in a thread,
// and when the answer to the last step was lost.
func TestFileIsSentOnce(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprint("lost ", lost), func(t *testing.T) {
			t.Parallel()
			w, ops := running(t, "")
			root := w.Say(w.main, w.bob, "root")
			c := filed("a.txt", []byte("content"), 0)
			c.Thread = &network.Ref{ID: network.MessageID(root), Part: -1}
			m := w.outgoing(1, c)
			if lost {
				w.Break(slackfake.Fault{Method: "files.completeUploadExternal", Lost: true})
			}
			sent, err := ops.Send(t.Context(), m)
			if lost {
				if network.KindOf(err) != network.Unsure {
					t.Fatalf("a lost answer gives %v", err)
				}
				for len(sent.Parts) == 0 { // Slack shows it in a moment
					if sent, err = ops.Find(t.Context(), m); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := convert.Parse([]byte(jsonText(w.Message(w.main, string(sent.Parts[0][0])))))
			if err != nil {
				t.Fatal(err)
			}
			part := got.Content(convert.Lookup{}).Parts[0]
			if part.Media == nil || part.Media.Name != "a.txt" || part.Media.Size != 7 || part.Text.String() != "look" || string(got.Thread) != root {
				t.Errorf("Slack holds %+v in thread %q with %q", part.Media, got.Thread, part.Text.String())
			}
			if n := len(w.sent()); n > 1 {
				t.Errorf("it is there %d times", n)
			}
		})
	}
}

func TestRelayedFileHasAName(t *testing.T) {
	w, ops := running(t, "")
	c := filed("a.txt", []byte("content"), 7)
	c.Persona = &network.Persona{MXID: "@ada:x.example", Name: "Ada"}
	sent, err := ops.Send(t.Context(), w.outgoing(1, c))
	if err != nil {
		t.Fatal(err)
	}
	m := w.Message(w.main, string(sent.Parts[0][0]))
	text, _ := m["text"].(string)
	if m["username"] != "Ada" && !strings.Contains(text, "Ada") {
		t.Errorf("nothing says that the file is Ada's: %v", m)
	}
}

// TestRefusalsHaveWords: what Slack refuses is said in words that name the remedy.
func TestRefusalsHaveWords(t *testing.T) {
	w, ops := running(t, "")
	archived := w.AddChannel(slackfake.Channel{Name: "old", Members: []string{w.bob, w.bot.User}, Archived: true})
	private := w.AddChannel(slackfake.Channel{Name: "secret", Kind: slackfake.Private, Members: []string{w.bob}})
	quiet := w.AddChannel(slackfake.Channel{Name: "quiet", Members: []string{w.bob, w.bot.User}, ReadOnly: true})
	for chat, want := range map[string]struct {
		kind  network.Kind
		words string
	}{
		archived: {network.Rejected, "archived"}, private: {network.Gone, "invite the app"}, quiet: {network.Rejected, "does not allow"},
	} {
		m := w.outgoing(1, network.Text("hello"))
		m.Chat = network.ChatID(chat)
		_, err := ops.Send(t.Context(), m)
		if network.KindOf(err) != want.kind || !strings.Contains(network.UserText(err), want.words) {
			t.Errorf("got %s %q, want %s with %q", network.KindOf(err), network.UserText(err), want.kind, want.words)
		}
	}
	w.SetScopes(w.bot.Token, "chat:write")
	err := ops.React(t.Context(), network.OutgoingReaction{Txn: txn(2), Chat: network.ChatID(w.main), Target: network.Whole(network.MessageID(w.Say(w.main, w.bob, "x"))), Key: "👍"})
	if network.KindOf(err) != network.Rejected || !strings.Contains(network.UserText(err), "reactions:write") {
		t.Errorf("a missing scope gives %v", err)
	}
}

// TestLongEditStaysInItsMessages: a text of several messages is edited in place.
func TestLongEditStaysInItsMessages(t *testing.T) {
	w, ops := running(t, "")
	sent, err := ops.Send(t.Context(), w.outgoing(1, network.Text(strings.Repeat("word ", 2000))))
	if err != nil {
		t.Fatal(err)
	}
	ids := sent.Parts[0]
	if len(ids) < 2 {
		t.Fatalf("it is in %d messages", len(ids))
	}
	ref := network.Ref{ID: ids[0], Alt: ids[1:], Part: -1}
	edit := network.OutgoingEdit{Txn: txn(2), Chat: network.ChatID(w.main), Target: ref, Content: network.Text(strings.Repeat("more ", 5000))}
	if sent, err = ops.Edit(t.Context(), edit); err != nil || sent.Note == "" {
		t.Errorf("an edit that is too long gives %+v, %v", sent, err)
	}
	edit.Content = network.Text("short")
	if _, err := ops.Edit(t.Context(), edit); err != nil {
		t.Fatal(err)
	}
	if all := w.sent(); len(all) != 1 || all[0]["text"] != "short" {
		t.Errorf("Slack holds %d messages, first %.60v", len(all), all)
	}
}

func TestAnswerOutsideOfAThread(t *testing.T) {
	for replies, inThread := range map[string]bool{"quote": false, "thread": true} {
		w, ops := running(t, "replies: "+replies)
		root := w.Say(w.main, w.bob, "question")
		c := network.Text("answer")
		c.Reply = &network.Ref{ID: network.MessageID(root), Part: -1}
		c.Quote = &network.Quote{Name: "Bob", User: network.UserID(w.bob), Text: network.Text("question").Parts[0].Text}
		if _, err := ops.Send(t.Context(), w.outgoing(1, c)); err != nil {
			t.Fatal(err)
		}
		m := w.sent()[0]
		text, _ := m["text"].(string)
		if (m["thread_ts"] == root) != inThread || strings.Contains(text, "question") == inThread {
			t.Errorf("with %s Slack holds %q in the thread %v", replies, text, m["thread_ts"])
		}
	}
}

// TestCustomEmoji: the workspace's own emoji are known by their names, in text and as
// reactions; what it does not have is refused, or text.
func TestCustomEmoji(t *testing.T) {
	w, ops := running(t, "")
	w.AddEmoji("parrot", "https://emoji.example/parrot.gif")
	var c network.Content
	c.Parts = []network.Part{{Text: markup.Body{{Kind: markup.Emoji, Text: ":parrot:", URL: "mxc://x/1"}}}}
	sent, err := ops.Send(t.Context(), w.outgoing(1, c))
	if err != nil {
		t.Fatal(err)
	}
	ts := string(sent.Parts[0][0])
	if text := w.Message(w.main, ts)["text"]; text != ":parrot:" {
		t.Errorf("the text is %q", text)
	}
	react := func(key string) error {
		return ops.React(t.Context(), network.OutgoingReaction{Txn: txn(2), Chat: network.ChatID(w.main), Target: network.Whole(sent.Parts[0][0]), Key: key})
	}
	if err := react(":parrot:"); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(w.Message(w.main, ts)["reactions"]); !strings.Contains(got, "parrot") {
		t.Errorf("reactions: %s", got)
	}
	if err := react(":no-such-one:"); network.KindOf(err) != network.Rejected {
		t.Errorf("an emoji that Slack does not have: %v", err)
	}
}

// TestEmoteInAThread stays in the thread, where Slack has no /me.
func TestEmoteInAThread(t *testing.T) {
	w, ops := running(t, "")
	root := w.Say(w.main, w.bob, "root")
	c := network.Content{Parts: []network.Part{{Style: network.Emote, Text: network.Text("waves").Parts[0].Text}}}
	c.Thread = &network.Ref{ID: network.MessageID(root), Part: -1}
	sent, err := ops.Send(t.Context(), w.outgoing(1, c))
	if err != nil {
		t.Fatal(err)
	}
	if m := w.Message(w.main, string(sent.Parts[0][0])); m["thread_ts"] != root || m["text"] != "_waves_" {
		t.Errorf("Slack holds %v", m)
	}
}

// TestLongCaption: what is said with a file is there to its end.
func TestLongCaption(t *testing.T) {
	w, ops := running(t, "")
	c := filed("a.txt", []byte("content"), 7)
	c.Parts[0].Text = network.Text(strings.Repeat("word ", 2500) + "end").Parts[0].Text
	sent, err := ops.Send(t.Context(), w.outgoing(1, c))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := w.Message(w.main, string(sent.Parts[0][0]))["text"].(string)
	if n := len(strings.Fields(text)); n != 2501 || !strings.HasSuffix(text, "end") {
		t.Errorf("%d words arrived", n)
	}
}
