package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/markup/html"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// What an edge carries follows from its policy, and nothing goes back where it came
// from.
func TestRoutes(t *testing.T) {
	consent := Consents{Needs: map[network.NetworkID]string{"irc.a": "irc", "irc.b": "irc", "irc.c": "irc"}, With: map[network.NetworkID][]network.NetworkID{"irc.a": {"irc.b"}, "irc.b": {"irc.a"}, "irc.c": {"irc.a"}}}
	all := []Edge{{1, "irc.a", nil}, {2, "irc.b", &Policy{}}, {3, "irc.c", nil}, {4, "slack.x", &Policy{Direction: In}}, {5, "slack.y", &Policy{Direction: Out}}, {6, "mem.z", &Policy{Direction: None}}}
	want := map[int64][]int64{1: {2, 5}, 2: {1, 5}, 3: {5}, 4: {1, 2, 3, 5}, 5: nil, 6: nil}
	for _, from := range all {
		var got []int64
		for _, e := range Routes(from, all, consent.Agreed) {
			got = append(got, e.Portal)
		}
		if d := cmp.Diff(want[from.Portal], got); d != "" {
			t.Errorf("from %s: %s", from.Network, d)
		}
	}
	if n, refused := consent.Refused("irc.c", []network.NetworkID{"slack.x", "irc.a"}); !refused || n != "irc.a" {
		t.Errorf("refused %v because of %q", refused, n)
	}
}

// Settings are shown as they are set, and what is no setting is refused.
func TestPolicySet(t *testing.T) {
	var p *Policy
	for _, set := range [][2]string{{"direction", "in"}, {"joins", "yes"}, {"files", "link"}, {"reactions", "relay"}, {"moderators", "redact,ban"}, {"gone", "kick"}} {
		var err error
		if p, err = p.Set(set[0], set[1]); err != nil {
			t.Fatal(err)
		}
		if got := p.Values()[set[0]]; got != set[1] {
			t.Errorf("%s is %q after it was set to %q", set[0], got, set[1])
		}
	}
	if p.Hears() || !p.Heard() || !p.ShowsJoins() || !p.Links() || p.ReactionsAs() != RelayReactions || !p.May(Ban) || p.May(Kick) || !p.KicksGone() || (*Policy)(nil).KicksGone() {
		t.Errorf("policy is %+v", p)
	}
	for _, bad := range [][2]string{{"colour", "red"}, {"direction", "up"}, {"joins", ""}, {"moderators", "redact,fly"}, {"moderators", ""}, {"gone", "away"}} {
		if _, err := p.Set(bad[0], bad[1]); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
	none, err := p.Set("moderators", "none")
	if err != nil || none.May(Redact) || !p.May(Redact) || !(*Policy)(nil).May(Redact) {
		t.Errorf("moderators: %v %v", none, err)
	}
}

// What a room says holds there, below it what the configuration says for its network, and
// below that what is built in; a setting that is left to others is as if it was never made.
func TestPolicyOver(t *testing.T) {
	set := func(p *Policy, name, value string) *Policy {
		t.Helper()
		p, err := p.Set(name, value)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var room, file *Policy
	for _, x := range []struct {
		of          **Policy
		name, value string
		want, why   string
	}{
		{&room, "gone", "default", "stay", ""},
		{&file, "gone", "kick", "kick", FromFile},
		{&room, "gone", "stay", "stay", FromRoom},
		{&room, "gone", "default", "kick", FromFile},
		{&file, "reactions", "thread", "thread", FromFile},
		{&room, "reactions", "ignore", "ignore", FromRoom},
		{&file, "moderators", "redact,kick", "redact,kick", FromFile},
		{&room, "moderators", "none", "none", FromRoom},
		{&room, "moderators", "default", "redact,kick", FromFile},
		{&file, "moderators", "none", "none", FromFile},
		{&file, "moderators", "default", "redact", ""},
		{&room, "joins", "yes", "yes", FromRoom},
		{&room, "direction", "in", "in", FromRoom},
		{&room, "direction", "default", "both", ""},
	} {
		before := *x.of
		*x.of = set(*x.of, x.name, x.value)
		if before != nil && before == *x.of {
			t.Errorf("%s %s changed what was there", x.name, x.value)
		}
		if got, why := room.Over(file).Values()[x.name], room.Why(file)[x.name]; got != x.want || why != x.why {
			t.Errorf("after %s %s it is %q because of %q, want %q because of %q", x.name, x.value, got, why, x.want, x.why)
		}
	}
	if !room.Over(file).ShowsJoins() || room.Over(file).ReactionsAs() != NoReactions || !room.Over(file).KicksGone() {
		t.Errorf("it is %+v", room.Over(file))
	}
}

// Names that could pass for others, or do harm, are shown so that they do not.
func TestShow(t *testing.T) {
	taken := map[string]bool{}
	for _, look := range append(Looks("Alice"), Looks("paypal")...) {
		taken[look] = true
	}
	for name, want := range map[string]string{
		"Bob":                      "Bob",
		"  Bob\t\n Smith ":         "Bob Smith",
		"Alice":                    "Alice (@x:test)",
		"ALICE":                    "ALICE (@x:test)",
		"Al\u200bice":              "Alice (@x:test)",
		"Аlice":                    "Аlice (@x:test)",  // Cyrillic А
		"раураl":                   "раураl (@x:test)", // Cyrillic but for the l
		"ｐａｙｐａｌ":                   "ｐａｙｐａｌ (@x:test)",
		"Al1ce":                    "Al1ce (@x:test)",
		"Борис":                    "Борис",
		"Борис Smith":              "Борис Smith",
		"\u202eecilA":              "ecilA",
		"<Alice> hello\u2028<Bob>": "Alice hello Bob",
		"\u0007bell":               "bell",
		"":                         "x",
		"\u3164\u200b":             "x",
		strings.Repeat("a", 100):   strings.Repeat("a", 64) + "…",
		"Z" + strings.Repeat("\u0335\u0334\u0333", 20): "Z\u0335\u0334",
	} {
		got := Show(name, "@x:test", "", func(s string) bool { return taken[s] })
		if got.Name != want {
			t.Errorf("%q is shown as %q, not %q", name, got.Name, want)
		}
	}
}

// Names that look alike have a look in common, in whatever script they are written, and
// others do not.
func TestLooks(t *testing.T) {
	for name, all := range map[string][]string{
		"Alice":   {"ALICE", "alice", "A1ice", "A|ice", "Αlice", "Аlісе", "ɑlice", "ᎪliⅭe", "𝐀𝐥𝐢𝐜𝐞", "𝔄𝔩𝔦𝔠𝔢", "Ⓐⓛⓘⓒⓔ", "Ａｌｉｃｅ", "A l i c e", "Àlïçé", "Alıce", "A\u2113ice"},
		"Bob":     {"ꓐꓳꓐ", "ΒΟΒ", "ВОВ", "𝖡𝗈𝖻", "вов", "B0b"},
		"mary":    {"rnary", "ⅿary", "mаry"},
		"Bjørn":   {"Bjorn", "B\u0458\u00f8rn"},
		"cocopop": {"сосорор", "ϲοϲορορ"},
		"Борис":   {"Борис", "БОРИС", "борис"},
	} {
		for _, other := range all {
			a, b := Looks(name), Looks(other)
			if !slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) }) {
				t.Errorf("%q and %q are %q and %q", name, other, a, b)
			}
		}
	}
	seen := map[string]string{}
	for _, name := range []string{"Bob", "Rob", "Anna", "Hanna", "Олег", "Oleg", "Ольга", "Иван", "李", "王", "مريم", "محمد", "שרה", "דוד", "さくら", "ゆき", "Mia", "Mio", "👍", "👎"} {
		looks := Looks(name)
		if len(looks) == 0 {
			t.Errorf("%q looks like nothing", name)
		}
		for _, s := range looks {
			if seen[s] != "" {
				t.Errorf("%q and %q are %q", name, seen[s], s)
			}
			seen[s] = name
		}
	}
}

// Whatever a name is, what is shown of it is one line without anything hidden, and
// cleaning it again changes nothing.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"Bob", "\u202eevil", "a\u0300\u0301\u0302\u0303", "👩‍👩‍👧", "\xff\xfe", strings.Repeat("é", 80)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := Clean(name)
		if strings.ContainsFunc(got, func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '<' || r == '>' || r == '\u2028'
		}) {
			t.Errorf("%q is cleaned to %q", name, got)
		}
		if again := Clean(got); again != got {
			t.Errorf("%q is cleaned to %q and then to %q", name, got, again)
		}
		if !slices.Equal(Looks(name), Looks(got)) {
			t.Errorf("%q and %q look alike and are different", name, got)
		}
	})
}

// A format is a tree into which names are put as text.
func TestFormat(t *testing.T) {
	who := Identity{Name: "*Bob* <b>", MXID: "@bob:test", Network: "Slack"}
	for text, want := range map[string]string{
		"<{name}> ":                   "&lt;*Bob* &lt;b&gt;&gt; ",
		"<b>{name}</b> ({network}): ": "<strong>*Bob* &lt;b&gt;</strong> (Slack): ",
		"<code>{mxid}</code> ":        "<code>@bob:test</code> ",
		"{name}":                      "*Bob* &lt;b&gt;",
		"":                            "",
	} {
		f, err := ParseFormat(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		body := f.Expand(who)
		got, _ := html.Render(append(body, markup.Node{Kind: markup.Text, Text: "."}))
		if got != want+"." {
			t.Errorf("%q becomes %q, not %q", text, got, want+".")
		}
	}
	for _, bad := range []string{"{nick}", "{name", "a\nb", "<h1>{name}</h1>", `<a href="https://x.test">{name}</a>`} {
		if _, err := ParseFormat(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// Patterns and lines of ban lists.
func TestPatterns(t *testing.T) {
	for _, one := range []struct {
		pattern, text string
		want          bool
	}{
		{"@_slack_*:x.test", "@_slack_U1:x.test", true}, {"@_slack_*:x.test", "@slack:x.test", false}, {"a*b*c", "abbc", true}, {"a*b*c", "acb", false},
		{"*", "", true}, {"", "a", false}, {"a*a", "a", false}, {"a**c", "abc", true}, {"a", "a", true},
	} {
		if got := Match(one.pattern, one.text); got != one.want {
			t.Errorf("%q fits %q: %v", one.pattern, one.text, got)
		}
	}
	b := Bridges{"@_slack_*:x.test": Ignore, "@_*:x.test": Relay}
	for mxid, want := range map[string]string{"@_slack_a:x.test": "ignore true", "@_irc_a:x.test": "relay true", "@a:x.test": "relay false"} {
		m, bridged := b.Of(mxid)
		if got := fmt.Sprint(m, " ", bridged); got != want {
			t.Errorf("%s: %s", mxid, got)
		}
	}
	isNetwork := func(s string) bool { return s == "irc.a" }
	var good []string
	for _, s := range []Banned{"@a:b.test", "@*:b.test", "irc.a/x*", "@*:*", "irc.b/x", "irc.a/*", "nobody", "@a", "irc.a/"} {
		if s.Check(isNetwork) == nil {
			good = append(good, string(s))
		}
	}
	if !slices.Equal(good, []string{"@a:b.test", "@*:b.test", "irc.a/x*"}) {
		t.Errorf("accepted are %q", good)
	}
	if !Banned("irc.a/x*").Fits("@g:h", "irc.a", "xy") || Banned("irc.a/x*").Fits("@g:h", "irc.b", "xy") || !Banned("@*:b.test").Fits("@q:b.test", "", "") {
		t.Error("a line does not fit as it should")
	}
}
