package network

import (
	"context"
	"io"
	"time"
)

// Optional operations. A Client offers each by having the method; Resolve finds
// them. Errors are as for the required methods: Rejected for a target that does
// not exist (ErrNoMessage for a message), Unavailable while not connected. A call that repeats an earlier one
// (the same TxnID) and finds its effect there succeeds. Where only the connection shows
// that the network has no such operation, the error wraps errors.ErrUnsupported: the core
// does what it does without the method.
type (
	// An Editor replaces the content of a message.
	Editor interface {
		Edit(ctx context.Context, e OutgoingEdit) (Sent, error)
	}
	// A Redactor removes a message.
	Redactor interface {
		Redact(ctx context.Context, r OutgoingRedaction) error
	}
	// A Reactor adds and removes reactions.
	Reactor interface {
		React(ctx context.Context, r OutgoingReaction) error
	}
	// A Typer shows that this login's person types, for about the given time; 0 stops it.
	Typer interface {
		Type(ctx context.Context, chat ChatID, d time.Duration) error
	}
	// A Receipter marks everything up to a message as read.
	Receipter interface {
		MarkRead(ctx context.Context, chat ChatID, upTo Ref) error
	}
	// A Historian pages through a chat's past.
	Historian interface {
		// History returns a page of at most limit events, oldest first, that
		// lies directly before the page that returned cursor; an empty cursor
		// starts at the newest. An empty next cursor means that there is no more.
		// Each event has the key, the IDs and the time that it had or would have
		// had when it was delivered live, and Head.History is set. Messages of
		// threads are among the others, in the order of time, as far as the
		// network can tell them: what a thread began with comes before its replies.
		// A message that was edited has its last content; one that was removed is
		// left out. Reactions may follow the messages they are on.
		History(ctx context.Context, chat ChatID, cursor string, limit int) (events []Event, next string, err error)
	}
	// A Lister pages through a chat's members.
	Lister interface {
		// Members returns a page; an empty next cursor means that there is no more.
		Members(ctx context.Context, chat ChatID, cursor string) (page []Member, next string, err error)
	}
	// A Searcher finds chats by a part of their name.
	Searcher interface {
		Search(ctx context.Context, query string, limit int) ([]Found, error)
	}
	// A Joiner enters a chat that a person named ("#go", "#go key").
	Joiner interface {
		Join(ctx context.Context, name string) (Chat, error)
	}
	// A Creator makes a chat with this login in it. A name that is taken, or that
	// the network does not take, is of kind Rejected.
	Creator interface {
		Create(ctx context.Context, c NewChat) (Chat, error)
	}
	// A Starter opens the direct chat with a person whom somebody named.
	Starter interface {
		Start(ctx context.Context, user string) (Chat, error)
	}
	// A Leaver leaves a chat for good.
	Leaver interface {
		Leave(ctx context.Context, chat ChatID, reason string) error
	}
	// A Moderator changes another person's membership: Left is a kick, and of somebody
	// who is banned the end of that ban.
	Moderator interface {
		SetMember(ctx context.Context, chat ChatID, m Member) error
	}
	// A ChatEditor changes a chat; nil fields stay as they are.
	ChatEditor interface {
		EditChat(ctx context.Context, chat ChatID, c OutgoingChat) error
	}
	// A Pinner pins a message of a chat, or unpins it. Pins tells of the result.
	Pinner interface {
		Pin(ctx context.Context, p OutgoingPin) error
	}
	// A MediaOpener fetches the bytes of a received medium.
	MediaOpener interface {
		OpenMedia(ctx context.Context, m Media) (io.ReadCloser, error)
	}
	// An EmojiOpener fetches the picture of a custom emoji that was in a text or a
	// reaction. It works as long as the network has the picture, also when nothing
	// is called so any more. Kind Rejected: it cannot be had.
	EmojiOpener interface {
		OpenEmoji(ctx context.Context, id EmojiID) (io.ReadCloser, error)
	}
	// An EmojiLister lists the custom emoji that this login may use, in any order.
	// EmojiChanged says that there are others.
	EmojiLister interface {
		ListEmoji(ctx context.Context) ([]Emoji, error)
	}
	// A Finder tells whether an earlier Send arrived. Sent.Parts is what was
	// found; empty means that it did not arrive.
	Finder interface {
		Find(ctx context.Context, m Outgoing) (Sent, error)
	}
	// A Linker knows the addresses under which people of the network open its
	// messages and chats.
	Linker interface {
		// LinkTo is the address of a message, or of a chat if l has no message.
		// Kind Rejected: it has none. What ReadLink reads of it is l.
		LinkTo(ctx context.Context, l Link) (string, error)
		// ReadLink tells where an address leads; false if not to a message or chat
		// of this network. It does not block, and need not know whether there is
		// such a one.
		ReadLink(address string) (Link, bool)
	}
	// A Pinger finds out whether the login still works, all the way to the
	// network and back: that there is a connection does not mean it. Kind
	// LoggedOut: it needs its person. The core asks every few minutes while the
	// login is online, and gives a connection up that does not answer twice.
	Pinger interface {
		Ping(ctx context.Context) error
	}
)

// Found is a chat that a search found.
type Found struct {
	Name    string // what Joiner takes
	ID      ChatID // the chat's, if Joiner takes that too; then it is quicker
	Topic   string
	Members int
	Private bool // only who was invited finds it
}

// A NewChat is one to make.
type NewChat struct {
	Name    string // as a person wrote it; the network may change how it is spelt
	Private bool   // only who is invited finds it
}

// A Link is where an address of a network leads: to a message, or to a chat.
type Link struct {
	Chat    ChatID
	Message MessageID // empty: the chat
}

// OutgoingChat is a change of a chat.
type OutgoingChat struct {
	Txn      TxnID
	Name     *string
	Topic    *string
	Purpose  *string        // if the chat's Features have purposes
	Avatar   *Media         // its bytes come from Source
	Expiry   *time.Duration // how long new messages live; 0: for ever
	Archived *bool          // if the chat's Features have archives
	// Persona is who does it, for a relayed person.
	Persona *Persona
}

// OutgoingPin pins a message, or unpins it if Remove is set.
type OutgoingPin struct {
	Txn     TxnID
	Chat    ChatID
	Target  Ref
	Remove  bool
	Persona *Persona // who does it, for a relayed person
}

// Ops are the operations of one client as functions; a nil one is not
// supported. The four required ones are never nil.
type Ops struct {
	Run  func(ctx context.Context, s Sink) error
	Send func(ctx context.Context, m Outgoing) (Sent, error)
	Chat func(ctx context.Context, id ChatID) (Chat, error)
	User func(ctx context.Context, id UserID) (User, error)

	Edit      func(ctx context.Context, e OutgoingEdit) (Sent, error)
	Redact    func(ctx context.Context, r OutgoingRedaction) error
	React     func(ctx context.Context, r OutgoingReaction) error
	Type      func(ctx context.Context, chat ChatID, d time.Duration) error
	MarkRead  func(ctx context.Context, chat ChatID, upTo Ref) error
	History   func(ctx context.Context, chat ChatID, cursor string, limit int) ([]Event, string, error)
	Members   func(ctx context.Context, chat ChatID, cursor string) ([]Member, string, error)
	Search    func(ctx context.Context, query string, limit int) ([]Found, error)
	Join      func(ctx context.Context, name string) (Chat, error)
	Create    func(ctx context.Context, c NewChat) (Chat, error)
	Start     func(ctx context.Context, user string) (Chat, error)
	Leave     func(ctx context.Context, chat ChatID, reason string) error
	SetMember func(ctx context.Context, chat ChatID, m Member) error
	EditChat  func(ctx context.Context, chat ChatID, c OutgoingChat) error
	Pin       func(ctx context.Context, p OutgoingPin) error
	OpenMedia func(ctx context.Context, m Media) (io.ReadCloser, error)
	OpenEmoji func(ctx context.Context, id EmojiID) (io.ReadCloser, error)
	ListEmoji func(ctx context.Context) ([]Emoji, error)
	Find      func(ctx context.Context, m Outgoing) (Sent, error)
	LinkTo    func(ctx context.Context, l Link) (string, error) // with ReadLink, or neither
	ReadLink  func(address string) (Link, bool)
	Ping      func(ctx context.Context) error
}

// Resolve finds the operations of c. It is the only place in the repository
// that asserts an optional interface.
func Resolve(c Client) Ops {
	ops := Ops{Run: c.Run, Send: c.Send, Chat: c.Chat, User: c.User}
	if c, ok := c.(Editor); ok {
		ops.Edit = c.Edit
	}
	if c, ok := c.(Redactor); ok {
		ops.Redact = c.Redact
	}
	if c, ok := c.(Reactor); ok {
		ops.React = c.React
	}
	if c, ok := c.(Typer); ok {
		ops.Type = c.Type
	}
	if c, ok := c.(Receipter); ok {
		ops.MarkRead = c.MarkRead
	}
	if c, ok := c.(Historian); ok {
		ops.History = c.History
	}
	if c, ok := c.(Lister); ok {
		ops.Members = c.Members
	}
	resolveChats(c, &ops)
	if c, ok := c.(MediaOpener); ok {
		ops.OpenMedia = c.OpenMedia
	}
	if c, ok := c.(EmojiOpener); ok {
		ops.OpenEmoji = c.OpenEmoji
	}
	if c, ok := c.(EmojiLister); ok {
		ops.ListEmoji = c.ListEmoji
	}
	if c, ok := c.(Finder); ok {
		ops.Find = c.Find
	}
	if c, ok := c.(Linker); ok {
		ops.LinkTo, ops.ReadLink = c.LinkTo, c.ReadLink
	}
	if c, ok := c.(Pinger); ok {
		ops.Ping = c.Ping
	}
	return ops
}

// resolveChats is Resolve for the operations on chats.
func resolveChats(c Client, ops *Ops) {
	if c, ok := c.(Searcher); ok {
		ops.Search = c.Search
	}
	if c, ok := c.(Joiner); ok {
		ops.Join = c.Join
	}
	if c, ok := c.(Creator); ok {
		ops.Create = c.Create
	}
	if c, ok := c.(Starter); ok {
		ops.Start = c.Start
	}
	if c, ok := c.(Leaver); ok {
		ops.Leave = c.Leave
	}
	if c, ok := c.(Moderator); ok {
		ops.SetMember = c.SetMember
	}
	if c, ok := c.(ChatEditor); ok {
		ops.EditChat = c.EditChat
	}
	if c, ok := c.(Pinner); ok {
		ops.Pin = c.Pin
	}
}

// Names lists the supported optional operations in a fixed order, for tests and
// for people.
func (o Ops) Names() []string {
	var names []string
	for _, op := range []struct {
		name string
		has  bool
	}{
		{"edit", o.Edit != nil}, {"redact", o.Redact != nil}, {"react", o.React != nil},
		{"type", o.Type != nil}, {"read", o.MarkRead != nil}, {"history", o.History != nil},
		{"members", o.Members != nil}, {"search", o.Search != nil}, {"join", o.Join != nil},
		{"create", o.Create != nil}, {"start", o.Start != nil}, {"leave", o.Leave != nil}, {"moderate", o.SetMember != nil},
		{"edit-chat", o.EditChat != nil}, {"pin", o.Pin != nil}, {"media", o.OpenMedia != nil},
		{"emoji", o.OpenEmoji != nil}, {"emoji-list", o.ListEmoji != nil}, {"find", o.Find != nil}, {"link", o.LinkTo != nil}, {"ping", o.Ping != nil},
	} {
		if op.has {
			names = append(names, op.name)
		}
	}
	return names
}
