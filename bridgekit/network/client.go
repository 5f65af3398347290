package network

import (
	"context"
	"time"
)

// A Client is one login's live connection. See the package comment for who
// calls what when.
type Client interface {
	// Run connects and delivers what happens to s until ctx is done, the
	// connection is lost for good, or Deliver failed. Its first report to
	// s.State is Connecting. It never returns nil; when ctx is done it
	// returns, within a second, an error that wraps ctx.Err(). A lost
	// connection is an error of kind Unavailable, a login that needs its
	// person one of kind LoggedOut.
	Run(ctx context.Context, s Sink) error

	// Send sends one message, beginning with part m.From. What it returns is
	// valid also beside an error: the parts that were sent before it. Before
	// Run has connected it returns an error of kind Unavailable.
	Send(ctx context.Context, m Outgoing) (Sent, error)

	// Chat describes a chat. Kind Gone: there is no such chat for this login.
	Chat(ctx context.Context, id ChatID) (Chat, error)

	// User describes a person. Kind Rejected: there is no such person.
	User(ctx context.Context, id UserID) (User, error)
}

// A Sink takes what happens on a network. Its methods may be called
// concurrently, but the order of events is the order of Deliver calls.
type Sink interface {
	// Deliver stores b's events and cursors in one transaction. When it
	// returns nil they are on disk: now acknowledge them to the network.
	// Otherwise nothing of b is stored; stop delivering and return from Run.
	// Ephemeral events (Typing, Presence, Receipt) are never stored.
	Deliver(ctx context.Context, b Batch) error

	// State tells how the login fares. It does not block.
	State(s LoginState)
}

// A Batch is what one call of Deliver stores.
type Batch struct {
	Events []Event
	// Cursor are positions to keep, by name. They commit with the events.
	Cursor map[string][]byte
}

// A Status is how a login fares.
type Status string

const (
	Connecting Status = "connecting" // not usable yet; sends wait
	Online     Status = "online"     // connected
	Limited    Status = "limited"    // connected, but something does not work: see the words
	Offline    Status = "offline"    // lost; it will be tried again
	Dead       Status = "dead"       // needs its person: signed out, banned, wrong password
)

// A LoginState is a login's status in words that its person understands.
type LoginState struct {
	Status Status `json:"status"`
	Words  string `json:"words,omitempty"` // what is wrong and what to do; empty when Online
	// User is the login's own user ID from now on; empty if unchanged. A
	// message from it is the login's own.
	User UserID `json:"user,omitempty"`
}

// Outgoing is a message to send to a chat.
type Outgoing struct {
	Txn  TxnID
	Chat ChatID
	From int // the first part that was not sent yet
	// Since is when the first attempt to send it can have been, at the earliest, by
	// our clock: a Finder need not look further back. Zero: nobody knows.
	Since time.Time
	Content
}

// Sent says what became of an outgoing message.
type Sent struct {
	// Parts holds for each part that was sent, beginning with Outgoing.From,
	// the IDs of the remote messages that carry it: several if the network
	// had to split it, none if the network has no IDs.
	Parts [][]MessageID
	At    time.Time // the network's time; zero if unknown
	// Note tells the sender what was changed on the way ("shortened; full
	// text at …"); empty if nothing.
	Note string
}

// OutgoingEdit replaces the content of a message.
type OutgoingEdit struct {
	Txn    TxnID
	Chat   ChatID
	Target Ref
	// Old is the text before, if the chat's Features ask for it; else nil.
	Old *Content
	Content
}

// OutgoingRedaction removes a message, or one part of it.
type OutgoingRedaction struct {
	Txn     TxnID
	Chat    ChatID
	Target  Ref
	Reason  string
	Persona *Persona // who does it, for a relayed person
}

// OutgoingReaction adds or removes a reaction.
type OutgoingReaction struct {
	Txn     TxnID
	Chat    ChatID
	Target  Ref
	Key     string // the emoji
	Remove  bool
	Persona *Persona
}
