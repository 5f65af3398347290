package slack

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// speaks is the name under which somebody who is relayed appears.
func (w *world) speaks(ops network.Ops, n int, mxid, name string) string {
	w.t.Helper()
	c := network.Text(fmt.Sprint("hello ", n))
	c.Persona = &network.Persona{MXID: mxid, Name: name}
	sent, err := ops.Send(w.t.Context(), w.outgoing(n, c))
	if err != nil {
		w.t.Fatal(err)
	}
	m := w.Message(w.main, string(sent.Parts[0][0]))
	if m["user"] != nil && m["user"] != w.bot.User || m["bot_id"] != w.bot.Bot {
		w.t.Errorf("%q is said by %v, %v", name, m["user"], m["bot_id"])
	}
	return fmt.Sprint(m["username"])
}

// TestRelayedPeopleAreNoMembers: nobody who is relayed appears under the name of somebody
// of the workspace, though nobody has heard of them yet, nor under that of the app or of
// Slackbot; and the list of all people is read once.
func TestRelayedPeopleAreNoMembers(t *testing.T) {
	t.Parallel()
	w, ops := running(t, "")
	w.AddUser(slackfake.User{Name: "eve", RealName: "Eve Moneypenny"})
	for i := range 1200 { // more than a page
		w.AddUser(slackfake.User{Name: fmt.Sprint("member", i), RealName: fmt.Sprint("Member Number ", i)})
	}
	const mxid = "@mallory:evil.example"
	for i, name := range []string{
		"Eve Moneypenny", "eve", "EVE  MONEYPENNY", "Eve\u200b Moneypenny\u202e", "Еvе Моnеуреnnу", "Member Number 1199", "member1199",
		"Bob Builder", "B0b Bui1der", "Slackbot", "sIackbot", "Sl\u00e0ckbot", "Slack", "Causeway", "causeway ", "Сausеway", "...",
	} {
		if got := w.speaks(ops, i, mxid, name); !strings.HasSuffix(got, " ("+mxid+")") {
			t.Errorf("%q appears as %q", name, got)
		}
	}
	if got := w.speaks(ops, 90, mxid, "Mallory"); got != "Mallory" {
		t.Errorf("Mallory appears as %q", got)
	}
	if n := w.Calls("users.list"); n != 2 {
		t.Errorf("the list of all was read with %d calls", n)
	}
	later := w.AddUser(slackfake.User{Name: "zed", RealName: "Zed"})
	w.ChangeUser(later, func(u *slackfake.User) { u.RealName = "Mallory" })
	if _, err := ops.User(t.Context(), network.UserID(later)); err != nil { // as when they speak
		t.Fatal(err)
	}
	if got := w.speaks(ops, 91, mxid, "Mallory"); got != "Mallory ("+mxid+")" {
		t.Errorf("after a member is called so, Mallory appears as %q", got)
	}
}

// TestRosterUnknown: where the list of all people cannot be read, everybody who is relayed
// has their Matrix ID behind their name, and it is not asked for again with each message.
func TestRosterUnknown(t *testing.T) {
	t.Parallel()
	w, ops := running(t, "")
	w.Break(slackfake.Fault{Method: "users.list", Error: "missing_scope"})
	for i := range 3 {
		if got := w.speaks(ops, i, "@ada:x.example", "Ada"); got != "Ada (@ada:x.example)" {
			t.Errorf("Ada appears as %q", got)
		}
	}
	if n := w.Calls("users.list"); n != 1 {
		t.Errorf("the list was asked for %d times", n)
	}
}

// TestRosterDisguise: a name that people take for somebody's is known for it, and two long
// Matrix IDs do not become one behind a name.
func TestRosterDisguise(t *testing.T) {
	t.Parallel()
	as := map[rune][]rune{
		'a': []rune("аɑａ𝐚á"), 'c': []rune("сϲｃⅽ"), 'e': []rune("еｅ𝐞é"), 'i': []rune("іıｉⅰ1lI"), 'l': []rune("1Iⅼｌ"),
		'o': []rune("оοｏ0ö"), 'p': []rune("рρｐ"), 's': []rune("ѕｓ5"), 'b': []rune("Ьｂ"), 'k': []rune("𝐤ｋ"),
	}
	unseen := []rune("\u200b\u200c\u200d\u2060\ufeff\u00ad\u202a\u202e\u2066\u2069\u061c\u0301\u0323 \t.-")
	rapid.Check(t, func(t *rapid.T) {
		victim := rapid.SampledFrom([]string{"alice", "bob.builder", "Slackbot", "Kim Possible", "Борис", "山田 太郎"}).Draw(t, "victim")
		var b strings.Builder
		for _, r := range victim {
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 0:
				if like := as[unicode.ToLower(r)]; like != nil {
					r = rapid.SampledFrom(like).Draw(t, "like")
				}
			case 1:
				r = unicode.ToUpper(r)
			}
			b.WriteRune(r)
			if rapid.IntRange(0, 3).Draw(t, "more") == 0 {
				b.WriteRune(rapid.SampledFrom(unseen).Draw(t, "unseen"))
			}
		}
		if !alike(victim, b.String()) {
			t.Fatalf("%q does not look like %q: %q, %q", b.String(), victim, looks(b.String()), looks(victim))
		}
	})
}
