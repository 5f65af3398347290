package memnet

import (
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Options say what kind of network a Server is. The zero value is the strongest.
type Options struct {
	// Name is for people; empty means "Memnet".
	Name string

	// Features of chats that have no others (SetFeatures); the zero value means
	// DefaultFeatures. IDs and Once decide how the network behaves: with
	// OnceFind it does not recognise a repeated send but can be asked, with
	// OnceNever neither.
	Features *network.Features

	// Basic clients have the four required operations only.
	Basic bool

	// NoRedelivery: what is said while an account has no connection is lost to
	// it, and what was not acknowledged is too.
	NoRedelivery bool

	// Cursors: clients deliver a cursor with each batch and show the stored one
	// when they connect, so that what was stored but not acknowledged is not
	// delivered again.
	Cursors bool

	// Echo says how an account's own messages come back to it.
	Echo Echo

	// History: the network keeps what it has delivered, and delivers again what
	// lies behind the cursor that a client shows, however old. Needs Cursors.
	History bool

	// Relay is the account to offer in Info.Relay; empty: none.
	Relay network.UserID

	// Consent is Info.Consent.
	Consent bool

	// RelayPersonas: nobody but the relay shows people under their own names, whatever
	// Features say.
	RelayPersonas bool

	// Batch is how many events one Deliver carries at most; 0 means 64.
	Batch int

	// Keep is how many messages a chat keeps at least; 0 means all. Benchmarks
	// set it to bound memory.
	Keep int
}

// Echo is how an account's own messages come back.
type Echo string

// Echoes.
const (
	EchoTxn  Echo = ""     // with the transaction ID
	EchoID   Echo = "id"   // recognisable by the ID that Send returns only
	EchoNone Echo = "none" // not at all
)

// DefaultFeatures is a network that can do everything, with limits that are
// easy to reach in tests: texts of 4,000 bytes and files of 16 MiB.
func DefaultFeatures() network.Features {
	return network.Features{
		IDs: network.IDsShared, Once: network.OnceAlways,
		MaxText: 4000, MaxFile: 16 << 20, EditWindow: 48 * time.Hour,
		Formatting: []markup.Kind{
			markup.Text, markup.Bold, markup.Italic, markup.Strike, markup.Underline, markup.Code, markup.Spoiler,
			markup.Colour, markup.Link, markup.Mention, markup.Everyone, markup.ChatLink, markup.Emoji,
			markup.CodeBlock, markup.Quote, markup.List, markup.Item, markup.Heading, markup.Rule, markup.Paragraph,
		},
		Threads: true, Personas: true, JoinersSeePast: true, Expiries: true, Purposes: true, Archives: true, Moderated: true,
	}
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "Memnet"
	}
	if o.Features == nil {
		f := DefaultFeatures()
		o.Features = &f
	}
	if o.Batch == 0 {
		o.Batch = 64
	}
	return o
}
