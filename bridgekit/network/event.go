package network

import "time"

// An Event is something that happened on a network: one of the structs of this
// file. Events marshal with MarshalEvent.
type Event interface {
	// Base is the event's head.
	Base() *Head
}

// Head is common to all events.
type Head struct {
	Chat ChatKey `json:"chat"`
	// Key names the happening, unique in its chat and stable when the network
	// delivers it again; not just the message's ID: the second edit is another
	// happening. Empty if the network has no such identity; the core then
	// takes every delivery for a new happening.
	Key    string `json:"key,omitempty"`
	Order  int64  `json:"order,omitempty"` // the network's own order in the chat; 0 if none
	Sender UserID `json:"sender,omitempty"`
	// At is the network's time of it; zero if it tells none. Where IDs are per
	// login, Sender and At, the same for all logins and in Sent, are what the core knows
	// a message by that several logins deliver.
	At time.Time `json:"at,omitzero"`
	// Txn is set if the network says that this is the echo of our own call.
	Txn TxnID `json:"txn,omitempty"`
	// History: it happened while nobody was looking; no notifications.
	History bool `json:"history,omitempty"`
}

// Base returns h.
func (h *Head) Base() *Head { return h }

type (
	// A Message is a new message, or the full content of a known one
	// (an upsert: networks that fill a message in later).
	Message struct {
		Head
		ID  MessageID   `json:"id,omitempty"`
		Alt []MessageID `json:"alt,omitempty"`
		Content
	}

	// An Edit replaces a message's content.
	Edit struct {
		Head
		Target Ref `json:"target"`
		// Version grows with each edit of the target, if the network counts them.
		Version int64 `json:"version,omitempty"`
		Content
	}

	// A Redaction removes a message or a part of one.
	Redaction struct {
		Head
		Target Ref    `json:"target"`
		Reason string `json:"reason,omitempty"`
		// Moderated: the network lets nobody but moderators do this to what Sender
		// said, and does not tell which of them it was.
		Moderated bool `json:"moderated,omitempty"`
	}

	// A Reaction is added by Head.Sender, or removed.
	Reaction struct {
		Head
		Target Ref    `json:"target"`
		Emoji  string `json:"emoji"`
		Remove bool   `json:"remove,omitempty"`
		// Custom is the picture, if Emoji is the Name of a custom emoji.
		Custom EmojiID `json:"custom,omitempty"`
	}

	// A ReactionSet is the full list of reactions of a message.
	ReactionSet struct {
		Head
		Target Ref                 `json:"target"`
		Emoji  map[UserID][]string `json:"emoji"`
		// Custom are the pictures of those in Emoji that are Names of custom emoji.
		Custom map[string]EmojiID `json:"custom,omitempty"`
	}

	// A Vote is Head.Sender's choice in a poll, replacing an earlier one.
	Vote struct {
		Head
		Target  Ref      `json:"target"`
		Answers []string `json:"answers"`
	}

	// PollClosed ends a poll.
	PollClosed struct {
		Head
		Target Ref `json:"target"`
	}

	// A Receipt says that Head.Sender has read up to a message. Ephemeral.
	Receipt struct {
		Head
		UpTo Ref `json:"up_to"`
	}

	// Typing says that Head.Sender types, or stopped. Ephemeral.
	Typing struct {
		Head
		For time.Duration `json:"for"` // 0: stopped
	}

	// Presence of Head.Sender; Words is their status text. Head.Chat is zero. Ephemeral.
	Presence struct {
		Head
		Online bool   `json:"online"`
		Words  string `json:"words,omitempty"`
	}

	// A ChatChange is a changed name, topic, purpose, avatar or time to live of
	// new messages (0: for ever), other bookmarks (all there are), or that the chat
	// was archived or is not any more; nil fields are unchanged. The core shows what
	// differs from before, so what may have changed can be told again.
	ChatChange struct {
		Head
		Expiry   *time.Duration `json:"expiry,omitempty"`
		Name     *string        `json:"name,omitempty"`
		Topic    *string        `json:"topic,omitempty"`
		Purpose  *string        `json:"purpose,omitempty"`
		Avatar   *Media         `json:"avatar,omitempty"`
		Archived *bool          `json:"archived,omitempty"`

		Bookmarks *[]Bookmark `json:"bookmarks,omitempty"`
	}

	// A ChatKept says how this login's person keeps the chat from now on. Without
	// a portal's room it is nothing: Client.Chat tells it when there is one.
	ChatKept struct {
		Head
		Kept
	}

	// ChatAppeared says that there is a chat that Searcher finds and did not find
	// before, though this login need not be in it. Head.Chat is zero.
	ChatAppeared struct {
		Head
		Name string `json:"name"` // as Searcher has it
	}

	// ChatMoved says that Head.Chat is known by another key from now on.
	ChatMoved struct {
		Head
		To ChatKey `json:"to"`
	}

	// ChatClosed says that this login is out of the chat, or that it is gone.
	ChatClosed struct {
		Head
		Reason string `json:"reason,omitempty"`
	}

	// A MemberChange changes who is in a chat. If Full, Members are all there
	// are, and everybody else left.
	MemberChange struct {
		Head
		Members []Member `json:"members"`
		Full    bool     `json:"full,omitempty"`
	}

	// Roles changes people's Matrix power levels (0 to 99).
	Roles struct {
		Head
		Levels map[UserID]int `json:"levels"`
	}

	// UserChanged says that a person has another name or avatar. Head.Chat is zero.
	UserChanged struct {
		Head
		User UserID `json:"user"`
	}

	// UserMerged says that two user IDs are one person. Head.Chat is zero.
	UserMerged struct {
		Head
		From UserID `json:"from"`
		Into UserID `json:"into"`
	}

	// Pins are all pinned messages of a chat.
	Pins struct {
		Head
		Pinned []Ref `json:"pinned"`
	}

	// EmojiChanged says that EmojiLister lists others than before. Head.Chat is
	// zero. Ephemeral: the core asks at each connection too.
	EmojiChanged struct {
		Head
	}

	// A ServiceNotice is a text of the network itself: a call, a service
	// message, the MOTD. With a zero Head.Chat it goes to the login's
	// management room, else to the chat's room.
	ServiceNotice struct {
		Head
		Content
	}

	// A Gap says that messages may be missing, and why.
	Gap struct {
		Head
		From   time.Time `json:"from,omitzero"`
		To     time.Time `json:"to,omitzero"`
		Reason string    `json:"reason"`
	}
)

// Ephemeral reports whether ev is never stored.
func Ephemeral(ev Event) bool {
	switch ev.(type) {
	case *Receipt, *Typing, *Presence, *EmojiChanged:
		return true
	}
	return false
}
