package convert

// EmojiText is an emoji by its name in Slack ("+1::skin-tone-3"): the Unicode
// emoji, or ":name:" if there is none.
func EmojiText(name string) (s string, standard bool) { return ":" + name + ":", false }

// EmojiName is the name in Slack of a Unicode emoji.
func EmojiName(emoji string) (name string, ok bool) { return "", false }
