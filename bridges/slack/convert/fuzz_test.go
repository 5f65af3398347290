package convert

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/internal/golden"
)

// seeds adds the input sections of a folder of testdata.
func seeds(f *testing.F, dir string) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txt"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no files in testdata/%s: %v", dir, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), golden.Separator)
		f.Add(input)
	}
}

// checkContent checks what holds for every content: there is a part, each says or
// is something, texts are normal, and the value can be stored.
func checkContent(t *testing.T, c network.Content) {
	if len(c.Parts) == 0 {
		t.Error("no part")
	}
	for _, p := range c.Parts {
		if len(p.Text) == 0 && p.Media == nil {
			t.Errorf("part says nothing: %+v", p)
		}
		checkNormal(t, p.Text)
		if p.Media != nil {
			if _, err := ParseFileRef(p.Media.Ref); err != nil || p.Media.Size < 0 || p.Media.Width < 0 || p.Media.Duration < 0 {
				t.Errorf("%+v, %v", p.Media, err)
			}
		}
	}
	raw, err := json.Marshal(c)
	if err != nil {
		t.Error(err)
	}
	var again network.Content
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Error(err)
	}
}

func checkNormal(t *testing.T, b markup.Body) {
	if was, is := dump(b), dump(markup.Normalize(b)); was != is {
		t.Errorf("not normal:\n%s\nis\n%s", was, is)
	}
}

// FuzzMessage: no JSON makes Parse or Content panic, and whatever can be read gives
// a content that the core can store.
func FuzzMessage(f *testing.F) {
	seeds(f, "messages")
	seeds(f, "pictures")
	f.Fuzz(func(t *testing.T, input string) {
		m, err := Parse([]byte(input))
		if err != nil {
			return
		}
		for _, l := range []Lookup{{}, known(), {Images: true}} {
			checkContent(t, m.Content(l))
			m.Rewritten(l)
		}
		m.Kind()
		m.Change()
		m.Target()
		for _, id := range m.Unchecked() {
			if err := m.SetFile(id, []byte(input)); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzBlocks is FuzzMessage for blocks.
func FuzzBlocks(f *testing.F) {
	seeds(f, "blocks")
	f.Fuzz(func(t *testing.T, input string) {
		m, err := Parse([]byte(`{"text":"x","blocks":` + input + `}`))
		if err != nil {
			return
		}
		checkContent(t, m.Content(known()))
	})
}

// FuzzMrkdwn: no text makes the reader panic or slow, and plain text is read as it
// was written.
func FuzzMrkdwn(f *testing.F) {
	seeds(f, "mrkdwn")
	f.Fuzz(func(t *testing.T, input string) {
		l := known()
		checkNormal(t, markup.Normalize(l.mrkdwn(input)))
		checkNormal(t, markup.Normalize(l.linked(input)))
		checkNormal(t, markup.Normalize(l.markdown(input)))
		got := markup.Body((Lookup{}).linked(escape(input))).String()
		if want := strings.Trim(input, "\n"); !strings.Contains(input, ":") && got != want {
			t.Errorf("%q came back as %q", want, got)
		}
	})
}

// FuzzEmoji: names and emoji of any kind.
func FuzzEmoji(f *testing.F) {
	for _, s := range []string{"+1", "wave::skin-tone-3", "👍🏽", "❤️", "", "\x00", "\t", "zzzz", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if emoji, ok := EmojiText(s); ok && emoji == "" {
			t.Errorf("%q is empty", s)
		}
		if name, ok := EmojiName(s); ok {
			if back, ok := EmojiText(name); !ok || strings.ReplaceAll(back, variation, "") != strings.ReplaceAll(s, variation, "") {
				t.Errorf("%q is called %q, which is %q", s, name, back)
			}
		}
	})
}

// TestHostile: what is made to be slow or deep is read in a moment; without care
// some of these would take hours.
func TestHostile(t *testing.T) {
	deep := func(open, closing string) string { return strings.Repeat(open, 500) + strings.Repeat(closing, 500) }
	for _, input := range []string{
		strings.Repeat("*a ", 8_000), strings.Repeat("_a*b~c`", 4_000), strings.Repeat("<", 20_000), strings.Repeat("<a|", 8_000), strings.Repeat("`a ", 8_000),
		strings.Repeat(":a", 8_000), strings.Repeat(":tada:", 3_000), strings.Repeat("```", 8_000), strings.Repeat("> a\n", 6_000), strings.Repeat("&gt;", 6_000),
		strings.Repeat("*_~a~_* ", 3_000), strings.Repeat("*a _b ", 4_000) + "_*", strings.Repeat("**", 8_000), strings.Repeat("[a](", 4_000),
	} {
		raw, err := json.Marshal(map[string]any{"text": input, "attachments": []any{map[string]any{"text": input}}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		checkContent(t, m.Content(known()))
		known().markdown(input)
	}
	for _, input := range []string{
		`{"blocks":[` + deep(`{"type":"container","child_blocks":[`, `]}`) + `]}`,
		`{"blocks":[` + deep(`{"type":"card","elements":[{"type":"card"},`, `]}`) + `]}`,
		`{"blocks":[{"type":"rich_text","elements":[` + deep(`{"type":"rich_text_section","elements":[`, `]}`) + `]}]}`,
		deep(`{"message":`, "1}"), deep(`{"attachments":[{"is_share":true,"message_blocks":[{"message":`, `}]}]}`),
	} {
		if m, err := Parse([]byte(input)); err == nil {
			checkContent(t, m.Content(known()))
		}
	}
}
