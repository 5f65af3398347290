package convert

import (
	"encoding/json"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// makeEmoji writes emoji.txt from the emoji.json of the npm package
// emoji-datasource, whose path is in CAUSEWAY_EMOJI.
func makeEmoji(t *testing.T, path string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type form struct{ Unified string }
	var all []struct {
		Unified   string
		ShortName string          `json:"short_name"`
		Names     []string        `json:"short_names"`
		Tones     map[string]form `json:"skin_variations"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range all {
		kind := "-"
		if e.Tones["1F3FB"].Unified != "" {
			kind = "tone"
		}
		for _, name := range e.Names {
			k := kind
			if name != e.ShortName {
				k = strings.TrimPrefix(kind+"-alias", "--")
			}
			lines = append(lines, name+"\t"+codepoints(e.Unified)+"\t"+k)
		}
		for key, f := range e.Tones {
			if a, b, two := strings.Cut(key, "-"); two {
				lines = append(lines, e.ShortName+"::skin-tone-"+toneNumber(t, a)+"-"+toneNumber(t, b)+"\t"+codepoints(f.Unified)+"\t-")
			}
		}
	}
	sort.Slice(lines, func(i, j int) bool { // as names, not as lines: a tab is less than all of a name
		return lines[i][:strings.Index(lines[i], "\t")] < lines[j][:strings.Index(lines[j], "\t")]
	})
	if err := os.WriteFile("emoji.txt", []byte("\n"+strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func toneNumber(t *testing.T, hex string) string {
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(int(n-0x1f3fb) + 2)
}

// TestEmojiTable: every name is found, and every emoji's name leads back to it,
// with all of its skin tones and without variation selectors.
func TestEmojiTable(t *testing.T) {
	if path := os.Getenv("CAUSEWAY_EMOJI"); path != "" {
		makeEmoji(t, path)
		t.Fatal("emoji.txt is written; run the test again without CAUSEWAY_EMOJI")
	}
	lines := strings.Split(strings.Trim(emojiTable, "\n"), "\n")
	var names []string
	for _, line := range lines {
		f := strings.Split(line, "\t")
		if len(f) != 3 {
			t.Fatalf("line %q", line)
		}
		names = append(names, f[0])
		if got, ok := EmojiText(f[0]); !ok || got != f[1] {
			t.Errorf("%s is %q %v, not %q", f[0], got, ok, f[1])
		}
		name, ok := EmojiName(f[1])
		if back, _ := EmojiText(name); !ok || back != f[1] {
			t.Errorf("%q is called %q %v, which is %q", f[1], name, ok, back)
		}
		if bare, _ := EmojiName(strings.ReplaceAll(f[1], variation, "")); bare != name {
			t.Errorf("%q without selectors is called %q", f[1], bare)
		}
		for tone := 2; tone <= 6 && strings.HasPrefix(f[2], "tone"); tone++ {
			want := f[0] + "::skin-tone-" + strconv.Itoa(tone)
			emoji, ok := EmojiText(want)
			if again, _ := EmojiName(emoji); !ok || f[2] == "tone" && again != want {
				t.Errorf("%s is %q, which is called %s", want, emoji, again)
			}
		}
	}
	if len(names) < 1900 || !slices.IsSorted(names) {
		t.Errorf("%d names, sorted: %v", len(names), slices.IsSorted(names))
	}
}

func TestEmoji(t *testing.T) {
	for name, want := range map[string]string{
		"+1": "👍", ":thumbsup:": "👍", "+1::skin-tone-3": "👍🏼", "heart": "❤️", "wave::skin-tone-6": "👋🏿", "flag-de": "🇩🇪", "de": "🇩🇪",
		"handshake::skin-tone-2-3": "🫱🏻‍🫲🏼", "male-detective::skin-tone-4": "🕵🏽‍♂️", "heart::skin-tone-3": "❤️", "+1::skin-tone-9": "👍", "zzz": "💤",
	} {
		if got, ok := EmojiText(name); !ok || got != want {
			t.Errorf("%s is %q %v, not %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "partyparrot", "::", "a\tb", "\n", "~~~", "!"} {
		if got, ok := EmojiText(name); ok {
			t.Errorf("%q is %q", name, got)
		}
	}
	for emoji, want := range map[string]string{"👍": "+1", "👍🏼": "+1::skin-tone-3", "❤": "heart", "❤️": "heart", "1️⃣": "one", "🕵🏽‍♂️": "male-detective::skin-tone-4", "🏻": "skin-tone-2"} {
		if got, ok := EmojiName(emoji); !ok || got != want {
			t.Errorf("%q is %q %v, not %q", emoji, got, ok, want)
		}
	}
	for _, emoji := range []string{"", "a", "ok", "👍👍", "😀🏻", "\ufe0f", "\xff", "\t", ":+1:"} {
		if got, ok := EmojiName(emoji); ok {
			t.Errorf("%q is called %q", emoji, got)
		}
	}
	if got, ok := EmojiText("partyparrot"); ok || got != ":partyparrot:" {
		t.Errorf("%q %v", got, ok)
	}
	parrot := func(name string) bool { return name == "partyparrot" }
	for key, want := range map[string]string{"👍🏼": "+1::skin-tone-3", ":partyparrot:": "partyparrot", ":+1:": "+1", ":wave::skin-tone-2:": "wave::skin-tone-2"} {
		if got, ok := ReactionName(key, parrot); !ok || got != want {
			t.Errorf("reaction %q is %q %v", key, got, ok)
		}
	}
	for _, key := range []string{"", ":other:", "partyparrot", "ok", "mxc://x/y", ":a b:", "::", ":"} {
		if got, ok := ReactionName(key, parrot); ok {
			t.Errorf("reaction %q is %q", key, got)
		}
	}
	l := Lookup{Emoji: func(name string) (string, bool) { return "mxc://x/" + name, name == "partyparrot" }}
	if n := l.emoji("partyparrot"); n.Kind != markup.Emoji || n.URL != "mxc://x/partyparrot" || n.Text != ":partyparrot:" {
		t.Errorf("%+v", n)
	}
	if n := l.emoji("unknown"); n.Kind != markup.Text || n.Text != ":unknown:" {
		t.Errorf("%+v", n)
	}
}

// What the workspace calls a custom emoji is one in a text, on its own only.
func TestEmojiInText(t *testing.T) {
	o := Options{Emoji: func(_, shortcode string) (string, bool) { return "partyparrot", shortcode == ":partyparrot:" }}
	text := func(s string) string { return `{"text":"` + s + `","type":"text"}` }
	const parrot = `{"name":"partyparrot","type":"emoji"}`
	for in, want := range map[string]string{
		":partyparrot:":                      parrot,
		"a :partyparrot:!":                   text("a ") + "," + parrot + "," + text("!"),
		":partyparrot: :partyparrot:":        parrot + "," + text(" ") + "," + parrot,
		"(:partyparrot:) :other: :smile:":    text("(") + "," + parrot + "," + text(") :other: :smile:"),
		"a:partyparrot: :partyparrot:b":      text("a:partyparrot: :partyparrot:b"),
		"::partyparrot:: 10:30 : ":           text("::partyparrot:: 10:30 : "),
		"ü:partyparrot: → :partyparrot:":     text("ü:partyparrot: → ") + "," + parrot,
		"see https://a.b/:partyparrot:/ now": text("see ") + `,{"type":"link","url":"https://a.b/:partyparrot:/"},` + text(" now"),
	} {
		drafts := Text(markup.Plain(in), o)
		if len(drafts) != 1 {
			t.Fatalf("%q: %d drafts", in, len(drafts))
		}
		if got := string(drafts[0].Blocks); !strings.Contains(got, `"elements":[`+want+`],"type":"rich_text_section"`) {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
	code := Text(markup.Body{{Kind: markup.Code, Text: ":partyparrot:"}}, o)
	if strings.Contains(string(code[0].Blocks), `"emoji"`) {
		t.Errorf("code has an emoji: %s", code[0].Blocks)
	}
}
