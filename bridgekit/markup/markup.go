package markup

import "strings"

// A Kind says what a Node is.
type Kind string

// Inline kinds.
const (
	Text      Kind = "text"      // Node.Text; "\n" in it is a line break
	Bold      Kind = "bold"      // children
	Italic    Kind = "italic"    // children
	Strike    Kind = "strike"    // children
	Underline Kind = "underline" // children
	Code      Kind = "code"      // Node.Text, monospace, one line
	Spoiler   Kind = "spoiler"   // children; Node.Text is the reason, may be empty
	Colour    Kind = "colour"    // children; Node.FG and Node.BG
	Link      Kind = "link"      // children; Node.URL
	Mention   Kind = "mention"   // a person: Node.User; Node.Text is the name to show
	Everyone  Kind = "everyone"  // the whole chat (@room); Node.Text is what was written
	ChatLink  Kind = "chatlink"  // a chat: Node.Chat; Node.Text is the name to show
	Emoji     Kind = "emoji"     // a custom emoji: Node.URL names the image, Node.Text is its :shortcode:
)

// Block kinds. A block stands on lines of its own.
const (
	CodeBlock Kind = "codeblock" // Node.Text; Node.Lang may name the language
	Quote     Kind = "quote"     // children
	List      Kind = "list"      // children are Items; Node.Ordered, Node.Start
	Item      Kind = "item"      // children; only inside List
	Heading   Kind = "heading"   // children; Node.Level 1 to 6
	Rule      Kind = "rule"      // a horizontal line
	Paragraph Kind = "paragraph" // children
)

// A Node is one element of a rich text. Which fields count depends on Kind;
// the others are zero. Nodes are plain values: they compare with
// reflect.DeepEqual and marshal to JSON.
type Node struct {
	Kind     Kind   `json:"k"`
	Text     string `json:"t,omitempty"`
	URL      string `json:"url,omitempty"`
	User     string `json:"user,omitempty"` // remote user ID, or a Matrix user ID if MXID
	Chat     string `json:"chat,omitempty"` // remote chat ID, or a Matrix room ID or alias if MXID
	MXID     bool   `json:"mxid,omitempty"` // User or Chat is a Matrix identifier
	Via      string `json:"via,omitempty"`  // a server by which a Matrix room of Chat can be found
	Lang     string `json:"lang,omitempty"`
	FG       string `json:"fg,omitempty"` // "#rrggbb" or empty
	BG       string `json:"bg,omitempty"` // "#rrggbb" or empty
	Ordered  bool   `json:"ordered,omitempty"`
	Start    int    `json:"start,omitempty"` // first number of an ordered list; 0 means 1
	Level    int    `json:"level,omitempty"`
	Children []Node `json:"c,omitempty"`
}

// A Body is a whole rich text.
type Body []Node

// Plain makes a Body of unformatted text. Empty text makes an empty Body.
func Plain(text string) Body {
	if text == "" {
		return nil
	}
	return Body{{Kind: Text, Text: text}}
}

// Block reports whether k stands on lines of its own.
func (k Kind) Block() bool {
	switch k {
	case CodeBlock, Quote, List, Item, Heading, Rule, Paragraph:
		return true
	}
	return false
}

// String is the text without formatting, as a network without any would show it.
func (b Body) String() string {
	var w plainWriter
	w.nodes(b)
	return strings.Trim(w.String(), "\n")
}
