package slack

import (
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestLinks: Slack says where a message is; where it does not, the address is made.
func TestLinks(t *testing.T) {
	w, _, ops := listening(t)
	root := w.Say(w.main, w.bob, "root")
	reply := w.Reply(w.main, w.carol, root, "reply", false)
	elsewhere := w.AddChannel(slackfake.Channel{Name: "elsewhere", Kind: slackfake.Private, Members: []string{w.bob}})
	hidden := w.Say(elsewhere, w.bob, "hidden")
	short := func(ts string) string { return ts[:len(ts)-7] + ts[len(ts)-6:] }
	for want, l := range map[string]network.Link{
		"/archives/" + w.main: {Chat: network.ChatID(w.main)},
		"/archives/" + w.main + "/p" + short(root) + "?thread_ts=" + root + "&cid=" + w.main:  {Chat: network.ChatID(w.main), Message: network.MessageID(root)},
		"/archives/" + w.main + "/p" + short(reply) + "?thread_ts=" + root + "&cid=" + w.main: {Chat: network.ChatID(w.main), Message: network.MessageID(reply)},
		"/archives/" + elsewhere + "/p" + short(hidden):                                       {Chat: network.ChatID(elsewhere), Message: network.MessageID(hidden)},
	} {
		got, err := ops.LinkTo(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		if want = "https://test.slack.com" + want; got != want {
			t.Errorf("the link is %s, want %s", got, want)
		}
		if back, ok := ops.ReadLink(got); !ok || back != l {
			t.Errorf("%s leads to %+v", got, back)
		}
	}
	for _, l := range []network.Link{{Chat: "nowhere"}, {Chat: network.ChatID(w.main), Message: "nothing"}} {
		if _, err := ops.LinkTo(t.Context(), l); network.KindOf(err) != network.Rejected && network.KindOf(err) != network.Gone {
			t.Errorf("a link to %+v: %v", l, err)
		}
	}
	w.Break(slackfake.Fault{Method: "chat.getPermalink", Error: "internal_error"})
	if _, err := ops.LinkTo(t.Context(), network.Link{Chat: network.ChatID(w.main), Message: network.MessageID(root)}); network.KindOf(err) != network.Unavailable {
		t.Errorf("while Slack is out of order: %v", err)
	}
}

// TestPreviewsOfOurs: what Slack shows below a link that was sent from here, by whichever
// kind of login, is no edit of what was sent. Below what somebody said on Slack it is one,
// if readers elsewhere cannot fetch it: a message of another channel, or what an app knows.
func TestPreviewsOfOurs(t *testing.T) {
	for kind, login := range map[string]func(*world, *site) network.Login{
		"app":    func(w *world, _ *site) network.Login { return w.appLogin() },
		"user":   func(w *world, _ *site) network.Login { return w.userLogin(w.carol) },
		"person": func(w *world, _ *site) network.Login { return w.personLogin() },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slackfake.Config{})
			s := w.publish(w.socket() + w.signsIn())
			c := newCore(t, s.conn, login(w, s))
			ops, _ := c.run()
			other, _ := s.relay(t).started() // it hears all of it too
			sent, err := ops.Send(t.Context(), network.Outgoing{Txn: txn(1), Chat: network.ChatID(w.main), Content: network.Text("look at https://tracker.test/7")})
			if err != nil {
				t.Fatal(err)
			}
			theirs := w.Say(w.main, w.bob, "look here: https://tracker.test/7")
			for _, a := range []slackfake.JSON{
				{"from_url": "https://tracker.test/7", "original_url": "https://tracker.test/7", "title": "Page", "fallback": "Page", "id": 1},
				{"is_msg_unfurl": true, "text": "said there", "author_name": "Bob", "fallback": "said there", "id": 1},
				{"is_app_unfurl": true, "from_url": "https://tracker.test/7", "title": "Ticket 7", "fields": []any{slackfake.JSON{"title": "Status", "value": "open"}}, "id": 1},
			} {
				for _, id := range []string{string(sent.Parts[0][0]), theirs} {
					w.Change(w.main, id, slackfake.JSON{"attachments": []any{a}})
				}
			}
			w.Change(w.main, theirs, slackfake.JSON{"reply_count": 3, "subscribed": true})
			w.Say(w.main, w.bob, "end")
			for who, c := range map[string]*core{"the login": c, "the bot": other} {
				c.wait("the end", func() bool { all := c.texts(w.main); return len(all) > 0 && all[len(all)-1] == "end" })
				var got []string
				for _, e := range eventsOf[*network.Edit](c) {
					if string(e.Target.ID) != theirs {
						t.Errorf("to %s it is an edit of what was sent: %q", who, textOf(e.Content))
					}
					got = append(got, textOf(e.Content))
				}
				if len(got) != 2 || !strings.Contains(got[0], "said there") || !strings.Contains(got[1], "Status") || !strings.Contains(got[1], "open") {
					t.Errorf("to %s the edits are %q", who, got)
				}
			}
		})
	}
}
