package slack

import (
	"slices"
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

// TestPreviewsOfOurs: a message of another channel that Slack shows below a link which
// was sent from here is no edit of what was sent.
func TestPreviewsOfOurs(t *testing.T) {
	w, c, ops := listening(t)
	sent, err := ops.Send(t.Context(), network.Outgoing{Txn: "00000000000000000000000000000001", Chat: network.ChatID(w.main), Content: network.Text("look")})
	if err != nil {
		t.Fatal(err)
	}
	unfurled := slackfake.JSON{"attachments": []any{slackfake.JSON{"is_msg_unfurl": true, "text": "said there", "author_name": "Bob", "fallback": "said there", "id": 1}}}
	w.Change(w.main, string(sent.Parts[0][0]), unfurled)
	theirs := w.Say(w.main, w.bob, "look here")
	w.Change(w.main, theirs, unfurled)
	c.mark(w, "end")
	edits := eventsOf[*network.Edit](c)
	if i := slices.IndexFunc(edits, func(e *network.Edit) bool { return string(e.Target.ID) == theirs }); len(edits) != 1 || i != 0 {
		t.Errorf("the edits are %+v", edits)
	}
}
