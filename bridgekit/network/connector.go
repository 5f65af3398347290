package network

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"
)

// A Connector is the code for one configured network. Its methods may be
// called concurrently.
type Connector interface {
	// Info describes the network. It is constant.
	Info() Info

	// Flows are the ways to log in, the recommended one first.
	Flows() []LoginFlow

	// Probe reaches for the network without logging in (name, connection,
	// TLS) and says in a few words what it found. An error's User text names
	// the remedy. Words and an error together mean that it works, but not
	// wholly. The doctor calls it.
	Probe(ctx context.Context) (string, error)

	// Open prepares a client for l without any network traffic; errors mean
	// that l's data or the configuration cannot be used. The core opens a
	// fresh client for every Run.
	Open(ctx context.Context, h Host, l Login) (Client, error)
}

// A Constructor makes a connector from its part of the configuration. It does
// no I/O. The program has an explicit list of them, by protocol.
type Constructor func(o Options) (Connector, error)

// Options are what a Constructor gets.
type Options struct {
	ID NetworkID
	// Public is where the world reaches this network's Visits over HTTP, without a
	// slash at its end; "" if Causeway has no public address.
	Public string
	// Decode fills a pointer to a struct with yaml tags from the network's
	// part of the configuration. Unknown keys are errors that name the line.
	// Call it once.
	Decode func(into any) error
}

// Info describes a network to people and to the core.
type Info struct {
	ID       NetworkID // as in the configuration
	Protocol string    // "irc": for m.bridge (MSC2346) and bot texts
	Name     string    // for people: "Libera.Chat"
	URL      string    // where people read about it; may be empty
	Icon     string    // mxc:// or empty

	// Consent: what is said here may be carried to another network of the same
	// protocol only if the operators of both have agreed (as IRC networks demand).
	Consent bool

	// Relay is the login that the configuration provides to speak for people
	// without a login, nil if there is none. It belongs to nobody.
	Relay *Login
}

// A LoginFlow is one way to log in.
type LoginFlow struct {
	ID   string // what people type: "password"
	Name string // what it is, in a few words
	// Do asks the person through p, blocks until it is done, and returns the
	// login to store. Errors of kind Rejected carry the text to show. When ctx
	// is cancelled, Do leaves nothing behind.
	Do func(ctx context.Context, p Prompter) (Login, error)
}

// A Prompter talks to the person who is logging in, wherever they are.
type Prompter interface {
	// Ask shows the field and returns what the person answers.
	Ask(ctx context.Context, f Field) (string, error)
	// Show displays what the person must act on elsewhere, such as a QR code.
	Show(ctx context.Context, d Display) error
}

type (
	// A Field is one question.
	Field struct {
		Name   string
		Hint   string
		Secret bool // the answer is never logged or stored, and its event is redacted
		// Optional fields may be answered with "-" for nothing; Ask returns "".
		Optional bool
	}
	// A Display is something to look at.
	Display struct{ Text, QR string }
)

// A Login is one remote account.
type Login struct {
	ID   LoginID `json:"id"`
	User UserID  `json:"user"` // the account's own user ID, as other people's messages name it
	Name string  `json:"name"` // for people: "alice on Libera.Chat"
	// Data is what the connector needs to open a client again. The core
	// stores it sealed and never looks inside.
	Data []byte `json:"data,omitempty"`
}

// Host is what the core lends one client.
type Host struct {
	Log *slog.Logger // carries network and login; never log message contents
	KV  KV           // small durable values of this login, sealed at rest

	// Cursor reads a position that Sink.Deliver stored with a batch; nil if
	// there is none.
	Cursor func(ctx context.Context, name string) ([]byte, error)

	// Chats lists the chats of this login that have a portal, so that a
	// network without a server-side list (IRC) can be joined again.
	Chats func(ctx context.Context) ([]ChatKey, error)

	// Publish makes data fetchable by anyone who has the returned link, until
	// the returned time. The same key gives the same link. ErrNotPublic means
	// that Causeway has no public listener.
	Publish func(ctx context.Context, key string, p Page) (url string, until time.Time, err error)
}

// A Page is a small document to publish, at most 1 MiB.
type Page struct {
	Name string // file name in the link
	MIME string
	Data []byte
}

// ErrNotPublic is returned where a public link is needed and the configuration
// gives Causeway no public address.
var ErrNotPublic = errors.New("no public address is configured")

// KV stores small values (below 64 KiB) of one login. Its methods may be called
// concurrently, and a value is durable when Set has returned.
type KV interface {
	Get(ctx context.Context, key string) ([]byte, error) // nil, nil if there is none
	Set(ctx context.Context, key string, value []byte) error
	Delete(ctx context.Context, key string) error
}

// A Source gives the bytes of an outgoing medium.
type Source interface {
	// Open streams the content from the start; it may be called again for a retry.
	Open(ctx context.Context) (io.ReadCloser, error)
	// Link makes the content fetchable by anyone who has the link, until the
	// returned time, without any token of ours in it. ErrNotPublic if that is not possible.
	Link(ctx context.Context) (url string, until time.Time, err error)
}
