package network

import (
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// Content is what a message says, in either direction.
type Content struct {
	// Parts are shown one after another; each becomes an event of its own.
	// There is at least one.
	Parts  []Part `json:"parts"`
	Reply  *Ref   `json:"reply,omitempty"`
	Thread *Ref   `json:"thread,omitempty"` // the message that the thread began with
	// Broadcast: a message of a thread is shown in the chat too (incoming).
	Broadcast bool `json:"broadcast,omitempty"`
	// Quote is what Reply points at, for networks that can only show it as
	// text; set for outgoing messages if Features.Quotes asks for it.
	Quote *Quote `json:"quote,omitempty"`
	// Expiry is how long the message lives from when it was sent (Head.At); 0 is
	// for ever. Where people's programs count from reading, this is the longest
	// that the core lets it live in Matrix.
	Expiry time.Duration `json:"expiry,omitempty"`
	// Persona is whom to show as the sender: of a relayed message (out), or of
	// a bot that speaks under many names (in).
	Persona *Persona `json:"persona,omitempty"`
}

// A Style says how a text is meant.
type Style string

const (
	Normal Style = ""
	Notice Style = "notice" // automatic text, which no bot answers: m.notice, IRC NOTICE
	Emote  Style = "emote"  // "/me": m.emote, CTCP ACTION
)

// A Part is one piece of a message. Exactly one of Media, Location, Contact and
// Poll may be set; Text is then its caption. Otherwise Text is the message.
type Part struct {
	Style    Style       `json:"style,omitempty"`
	Text     markup.Body `json:"text,omitempty"`
	Media    *Media      `json:"media,omitempty"`
	Location *Location   `json:"location,omitempty"`
	Contact  *Contact    `json:"contact,omitempty"`
	Poll     *Poll       `json:"poll,omitempty"`
}

// Text makes a content of one unformatted text.
func Text(s string) Content { return Rich(markup.Plain(s)) }

// Rich makes a content of one text.
func Rich(b markup.Body) Content { return Content{Parts: []Part{{Text: b}}} }

// A MediaKind says how a file is shown.
type MediaKind string

const (
	File    MediaKind = "file"
	Image   MediaKind = "image"
	Video   MediaKind = "video"
	Audio   MediaKind = "audio"
	Voice   MediaKind = "voice" // a voice message
	Sticker MediaKind = "sticker"
)

// Media is a file. Its bytes are fetched late: an incoming one through
// MediaOpener by Ref, an outgoing one through Source.
type Media struct {
	Kind     MediaKind     `json:"kind"`
	Name     string        `json:"name,omitempty"`
	MIME     string        `json:"mime,omitempty"`
	Size     int64         `json:"size,omitempty"` // bytes; 0 if unknown
	Width    int           `json:"w,omitempty"`    // pixels
	Height   int           `json:"h,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`
	Waveform []int         `json:"waveform,omitempty"`
	Animated bool          `json:"animated,omitempty"`

	// Ref is what the connector needs to fetch the bytes again later, until Until.
	Ref   []byte    `json:"ref,omitempty"`
	Until time.Time `json:"until,omitzero"` // zero: for ever

	Source Source `json:"-"` // outgoing only
}

// An Emoji is a custom emoji: a picture that people use like a character. In a
// text it is a markup.Emoji with ID and Name; a reaction with it is called by its Name.
type Emoji struct {
	ID EmojiID
	// Name is its shortcode between colons, ":party:". No two emoji of a network
	// have the same one at a time. It may change, and then ID may stay.
	Name string
}

// A Location is a place.
type Location struct {
	Lat  float64 `json:"lat"`
	Lon  float64 `json:"lon"`
	Name string  `json:"name,omitempty"`
}

// A Contact is somebody's card.
type Contact struct {
	Name  string `json:"name"`
	VCard string `json:"vcard,omitempty"` // RFC 6350
}

// A Poll is a question with answers.
type Poll struct {
	Question string       `json:"question"`
	Answers  []PollAnswer `json:"answers"`
	Max      int          `json:"max"` // how many one person may choose
	Hidden   bool         `json:"hidden,omitempty"`
}

// A PollAnswer is one answer to choose.
type PollAnswer struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// A Persona is the face of a relayed sender. Every field is plain text from a
// stranger: a connector escapes it and never lets it pass for someone else.
type Persona struct {
	MXID   string `json:"mxid,omitempty"`   // Matrix user ID of the sender
	Name   string `json:"name,omitempty"`   // display name, made unique in the room by the core
	Avatar string `json:"avatar,omitempty"` // a public link, may be empty
	// Network is the name of the network that the sender is on, for people;
	// empty for people of Matrix.
	Network string `json:"network,omitempty"`
	// Bridged: the sender is on another network, here or through another bridge.
	// A connector shows them and never makes an account or connection for them.
	Bridged bool `json:"bridged,omitempty"`
}

// A Quote is the message that a reply answers, as far as it can be shown as text.
type Quote struct {
	Name string      `json:"name"` // who said it
	User UserID      `json:"user,omitempty"`
	Text markup.Body `json:"text,omitempty"`
}
