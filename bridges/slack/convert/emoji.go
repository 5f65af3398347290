package convert

import (
	_ "embed"
	"sort"
	"strconv"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// emojiTable is the list of Slack's names, which come from emoji-datasource
// (licence in emoji.LICENSE; TestEmojiTable makes the file from its emoji.json).
// A line is a name, the emoji, and a word: "tone" if a skin tone may follow, "alias"
// if the emoji has another name that Slack prefers. Lines are sorted; there is a
// line feed before the first and after the last.
//
//go:embed emoji.txt
var emojiTable string

// variation asks for the colourful form of a character.
const variation = "\ufe0f"

// EmojiText is an emoji by its name in Slack ("+1::skin-tone-3"): the Unicode
// emoji, or ":name:" and false if it is none of the standard ones.
func EmojiText(name string) (emoji string, standard bool) {
	name = strings.Trim(name, ":")
	if emoji, _, ok := emojiLine(name); ok {
		return emoji, true
	}
	base, tone, _ := strings.Cut(name, "::skin-tone-")
	emoji, kind, ok := emojiLine(base)
	n, err := strconv.Atoi(tone)
	switch {
	case !ok:
		return ":" + name + ":", false
	case err != nil || !strings.HasPrefix(kind, "tone"):
		return emoji, true
	}
	return toned(emoji, n), true
}

// ReactionName is the name in Slack of a reaction: of a Unicode emoji, or of a
// custom one that is written as its ":name:" and that custom knows.
func ReactionName(key string, custom func(name string) bool) (name string, ok bool) {
	if name, ok := EmojiName(key); ok {
		return name, true
	}
	if !strings.HasPrefix(key, ":") || emojiEnd(key, 0) != len(key) {
		return "", false
	}
	name = strings.Trim(key, ":")
	if _, standard := EmojiText(name); standard {
		return name, true
	}
	return name, custom != nil && custom(name)
}

// emojiLine looks a name up.
func emojiLine(name string) (emoji, kind string, ok bool) {
	if name == "" || strings.ContainsAny(name, "\t\n") {
		return "", "", false
	}
	t := emojiTable
	// The last line that does not come after name begins before i.
	i := sort.Search(len(t)-1, func(i int) bool {
		start := strings.LastIndexByte(t[:i+1], '\n') + 1
		line, _, _ := strings.Cut(t[start:], "\t")
		return line > name
	})
	end := strings.LastIndexByte(t[:i], '\n')
	if end < 0 {
		return "", "", false
	}
	line, _, _ := strings.Cut(t[end+1:], "\n")
	fields := strings.Split(line, "\t")
	if len(fields) != 3 || fields[0] != name {
		return "", "", false
	}
	return fields[1], fields[2], true
}

// toned is an emoji with a skin tone from 2 to 6.
func toned(emoji string, tone int) string {
	r := []rune(emoji)
	if tone < 2 || tone > 6 || len(r) == 0 {
		return emoji
	}
	return string(r[0]) + string(rune(0x1f3fb+tone-2)) + strings.TrimPrefix(string(r[1:]), variation)
}

// EmojiName is the name in Slack of a Unicode emoji, with or without variation
// selectors, with "::skin-tone-2" to 6; false if Slack has none.
func EmojiName(emoji string) (name string, ok bool) {
	bare, tone := "", 0
	for _, r := range emoji {
		switch {
		case r == '\ufe0f':
		case r >= 0x1f3fb && r <= 0x1f3ff && bare != "" && tone == 0:
			tone = int(r-0x1f3fb) + 2
		default:
			bare += string(r)
		}
	}
	if bare == "" || strings.ContainsAny(bare, "\t\n") {
		return "", false
	}
	if name, _, ok := emojiBare(strings.ReplaceAll(emoji, variation, "")); ok {
		return name, true
	}
	name, kind, ok := emojiBare(bare)
	if !ok || tone == 0 || kind != "tone" {
		return "", false
	}
	return name + "::skin-tone-" + strconv.Itoa(tone), true
}

// emojiBare looks up an emoji without variation selectors.
func emojiBare(bare string) (name, kind string, ok bool) {
	first := string([]rune(bare)[:1])
	for at := 0; ; {
		i := strings.Index(emojiTable[at:], "\t"+first)
		if i < 0 {
			return "", "", false
		}
		at += i + 1
		emoji, rest, _ := strings.Cut(emojiTable[at:], "\t")
		kind, _, _ := strings.Cut(rest, "\n")
		if strings.ReplaceAll(emoji, variation, "") == bare && !strings.HasSuffix(kind, "alias") {
			start := strings.LastIndexByte(emojiTable[:at], '\n') + 1
			name, _, _ := strings.Cut(emojiTable[start:], "\t")
			return name, kind, true
		}
	}
}

// Standard is EmojiText that knows the workspace's aliases of standard emoji.
func (l Lookup) Standard(name string) (emoji string, ok bool) {
	name = strings.Trim(name, ":")
	if emoji, ok := EmojiText(name); ok {
		return emoji, true
	}
	base, tone, toned := strings.Cut(name, "::")
	if base = ask(l.Alias, base, ""); base == "" {
		return "", false
	}
	if toned && !strings.Contains(base, "::") {
		base += "::" + tone
	}
	return EmojiText(base)
}

// emoji is the node for an emoji by its name: Unicode, a custom one, or its name.
func (l Lookup) emoji(name string) markup.Node {
	name = strings.Trim(name, ":")
	if s, ok := l.Standard(name); ok {
		return text(s)
	}
	name, _, _ = strings.Cut(name, "::")
	if name == "" {
		return text("")
	}
	if url := ask(l.Emoji, name, ""); url != "" {
		return markup.Node{Kind: markup.Emoji, URL: url, Text: ":" + name + ":"}
	}
	return text(":" + name + ":")
}

// codepoints reads Slack's notation of an emoji, "1f44d-1f3fb".
func codepoints(s string) string {
	var w strings.Builder
	for _, hex := range strings.Split(s, "-") {
		n, err := strconv.ParseUint(hex, 16, 32)
		if err != nil || n == 0 || n > 0x10ffff || n >= 0xd800 && n < 0xe000 {
			return ""
		}
		w.WriteRune(rune(n))
	}
	return w.String()
}
