package network

import (
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// A ChatKind says what a chat is.
type ChatKind string

const (
	Group   ChatKind = "group"   // several people
	Direct  ChatKind = "direct"  // two people
	Channel ChatKind = "channel" // joinable by anyone who finds it
)

// A Chat describes a conversation. Empty fields are unknown or not set.
type Chat struct {
	Key   ChatKey
	Kind  ChatKind
	Name  string
	Topic string
	// Purpose describes the chat, where a network keeps that beside its topic.
	Purpose string
	Avatar  *Media
	Other   UserID // the other person of a Direct chat

	// Expiry is how long new messages live; 0: for ever.
	Expiry time.Duration
	// Archived: nobody may say anything in it until somebody ends that.
	Archived bool

	// Members is roughly how many people are in it.
	Members int
	// Levels maps roles of people to Matrix power levels (0 to 99); people who
	// are not in it have the default.
	Levels   map[UserID]int
	Features Features
	// Kept is how this login's person keeps the chat; nil if the network does
	// not tell.
	Kept *Kept
}

// A Bookmark is a link that a chat keeps for all who are in it.
type Bookmark struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// A Tag is where a person has put a chat in their list.
type Tag string

const (
	TagNone      Tag = ""
	TagFavourite Tag = "favourite"
	TagLow       Tag = "low" // archived, hidden, below the others
)

// Kept is how a login's person keeps a chat for themselves. It goes to the rooms of
// their own Matrix account, where Causeway can act for it.
type Kept struct {
	Muted bool `json:"muted,omitempty"`
	Tag   Tag  `json:"tag,omitempty"`
}

// A User describes a person.
type User struct {
	ID     UserID
	Name   string
	Avatar *Media
	Bot    bool
	// Moderates: the person moderates all chats that are Features.Moderated, as who
	// administers a workspace does. nil: not known, or nobody does on this network.
	Moderates *bool
	// Identifiers are URIs by which the person is known elsewhere (tel:, irc://).
	Identifiers []string
}

// A Membership is a person's standing in a chat.
type Membership string

const (
	Joined  Membership = "join"
	Left    Membership = "leave"
	Invited Membership = "invite"
	Banned  Membership = "ban"
)

// A Member is a person's standing in a chat, or a change of it.
type Member struct {
	User       UserID     `json:"user"`
	Membership Membership `json:"membership"`
	Name       string     `json:"name,omitempty"`
	By         UserID     `json:"by,omitempty"` // who did it, if not themselves
	Reason     string     `json:"reason,omitempty"`
}

// How a network's message IDs relate to its logins.
type IDs string

const (
	IDsShared   IDs = "shared"    // all logins see the same ID
	IDsPerLogin IDs = "per-login" // each login sees its own
	IDsNone     IDs = "none"      // messages have no ID
)

// How sure a repeated Send is not to appear twice.
type Once string

const (
	OnceAlways Once = "always" // the network recognises the TxnID
	OnceFind   Once = "find"   // Finder can tell whether it arrived
	OnceNever  Once = "never"  // nobody can tell
)

// Features are what a chat can carry and how much of it. The core checks them
// before a call, degrades what cannot be shown, and publishes them.
type Features struct {
	IDs  IDs
	Once Once

	MaxText    int           // bytes of plain text of one message; 0: no limit
	MaxFile    int64         // bytes; 0: no limit, -1: no files
	MIME       []string      // accepted types; nil: all
	EditWindow time.Duration // 0: no limit
	Formatting []markup.Kind // what survives; nil: nothing

	Quotes  bool // replies are shown as text: fill Content.Quote
	OldText bool // edits are shown as text: fill OutgoingEdit.Old
	Threads bool
	// Personas: Content.Persona is shown as the sender of what the login sends to
	// whom the chat is described; else the core prefixes the text.
	Personas bool

	// Expiries: the chat has a setting for how long messages live, and takes
	// Content.Expiry. What expired stays there unless the core redacts it, if
	// ExpiryByCore.
	Expiries     bool
	ExpiryByCore bool

	// Purposes: the chat has a description beside its topic. Archives: it can be
	// archived, and that can be ended. EditChat sets both.
	Purposes bool
	Archives bool
	// Moderated: who moderates the whole network does so in the chat (User.Moderates).
	Moderated bool

	// JoinersSeePast: who joins may read what was said before.
	JoinersSeePast bool
	// ReadOnly: this login may not speak.
	ReadOnly bool
}
