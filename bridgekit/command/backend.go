package command

import (
	"context"
	"encoding/json"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Backend is all that commands need of the rest of Causeway. Its methods are
// called concurrently. The words that people see come from an error's
// network.Error, matrix.Error or journal.ErrNoEntry; causes go to the log.
type Backend interface {
	// Networks are the configured networks in the configuration's order.
	Networks() []network.Info
	// Flows are the ways to log in to a network.
	Flows(n network.NetworkID) []network.LoginFlow

	// AddLogin stores and starts a login, or renews the one with its ID.
	AddLogin(ctx context.Context, owner id.UserID, n network.NetworkID, l network.Login) error
	// Logins are the logins of an owner, oldest first; everybody's, without
	// the relays of the configuration, if owner is "".
	Logins(owner id.UserID) []LoginView
	// Relays are the logins of the configuration, which have no owner.
	Relays() []LoginView
	// RemoveLogin ends and deletes a login of owner.
	RemoveLogin(ctx context.Context, owner id.UserID, n network.NetworkID, l network.LoginID) error

	// Search finds at most limit chats, through a login of owner or the relay.
	Search(ctx context.Context, owner id.UserID, n network.NetworkID, query string, limit int) ([]network.Found, error)
	// Join enters a chat and invites owner to its portal.
	Join(ctx context.Context, owner id.UserID, n network.NetworkID, name string) (Joined, error)
	// Start opens the direct chat with a remote person and invites owner to its portal.
	Start(ctx context.Context, owner id.UserID, n network.NetworkID, user string) (Joined, error)

	// Create makes a chat and invites owner to its portal.
	Create(ctx context.Context, owner id.UserID, n network.NetworkID, c network.NewChat) (Joined, error)

	Life
	// Plumb bridges room to a chat. The caller has checked owner's power there.
	Plumb(ctx context.Context, owner id.UserID, room id.RoomID, n network.NetworkID, chat string) (Joined, error)
	// Portals are what a room is bridged to.
	Portals(ctx context.Context, room id.RoomID) ([]PortalView, error)
	// PreviewUnbridge says what Unbridge would do. It changes nothing.
	PreviewUnbridge(ctx context.Context, room id.RoomID) (Preview, error)
	// Unbridge ends all portals of a room. With deleteRoom everybody leaves it.
	Unbridge(ctx context.Context, owner id.UserID, room id.RoomID, deleteRoom bool) error
	// SetRelay has a login speak for people without one in room: l, or the relay
	// of the configuration if l is "". by, who wants it, uses a login of their own,
	// or any if they are an administrator or "", who runs the program.
	SetRelay(ctx context.Context, by id.UserID, room id.RoomID, n network.NetworkID, l network.LoginID) error
	// UnsetRelay ends that.
	UnsetRelay(ctx context.Context, room id.RoomID, n network.NetworkID) error

	Hub

	// Queue lists at most limit undelivered entries, oldest first: the failed
	// ones, or all.
	Queue(ctx context.Context, all bool, limit int) ([]journal.Item, error)
	// QueueItem describes one entry; journal.ErrNoEntry if there is none.
	QueueItem(ctx context.Context, entry int64) (journal.Item, error)
	// RetryEntry queues a failed entry again; journal.ErrNoEntry if there is none.
	RetryEntry(ctx context.Context, entry int64) error
	// DropEntry gives a failed entry up; journal.ErrNoEntry if there is none.
	DropEntry(ctx context.Context, entry int64) error

	// People are those about whom something is stored or whom the configuration
	// names, in no order.
	People(ctx context.Context) ([]PersonView, error)
	// Rooms are the portals that have a room, oldest first.
	Rooms(ctx context.Context) ([]RoomView, error)
	// Health is how each part fares.
	Health(ctx context.Context) ([]HealthItem, error)
	// Puppet asks whether Causeway may speak as somebody: a matrix.PuppetState,
	// and why not.
	Puppet(ctx context.Context, user id.UserID) (state, why string, err error)
	// SetPuppet stores whether somebody wants that.
	SetPuppet(ctx context.Context, user id.UserID, on bool) error
	// Footprint counts what is stored about somebody.
	Footprint(ctx context.Context, user id.UserID) (Footprint, error)
	// Forget removes it.
	Forget(ctx context.Context, user id.UserID) error
	// Export is what is stored about somebody, as a JSON object.
	Export(ctx context.Context, user id.UserID) (json.RawMessage, error)

	// Level is what somebody may do.
	Level(user id.UserID) config.Level
	// Moderator reports whether user may change a room's settings (its state
	// events), false also if that cannot be found out.
	Moderator(ctx context.Context, room id.RoomID, user id.UserID) bool

	// Version is the program's version.
	Version() string

	// Reply sends a notice of the bot to room, as an answer to an event unless
	// that is "". Two calls with the same key send it once.
	Reply(ctx context.Context, room id.RoomID, to id.EventID, body markup.Body, key []byte) error
	// SendFile sends a file of the bot to room. Two calls with the same key send
	// it once.
	SendFile(ctx context.Context, room id.RoomID, name, mime string, data []byte, key []byte) error
	// RedactEvent removes an event with the power of the bot.
	RedactEvent(ctx context.Context, room id.RoomID, event id.EventID, reason string) error
}

type (
	// A LoginView is a login as people see it.
	LoginView struct {
		Network network.NetworkID
		ID      network.LoginID
		Name    string // for people: "alice on Libera.Chat"
		Owner   id.UserID
		State   network.LoginState
		Since   time.Time // of its status
		// Answered is when the network last said that the login works; zero if
		// it was not asked, or cannot be.
		Answered time.Time
	}

	// Joined is the chat that was entered and its room.
	Joined struct {
		Room id.RoomID
		Name string
	}

	// A PortalView is one of a room's portals as people see it.
	PortalView struct {
		Network network.NetworkID
		Name    string    // of the chat: "#go"
		Owner   id.UserID // whose private chat it is; "" for a shared one
		Relay   bool      // people without a login speak through a relay
		// Through is the relay's name and RelayOwner whose it is, if it is not the
		// network's own.
		Through    string
		RelayOwner id.UserID
		// State is how the connection fares that carries it.
		State network.LoginState
		// Waiting is how many entries are undelivered, both ways.
		Waiting int
	}

	// A Preview says what unbridging a room would do.
	Preview struct {
		Portals []PortalView
		Ghosts  int // bridged people who would leave the room
		Waiting int // undelivered entries that would be given up
		// Made: Causeway made the room, so it may be deleted.
		Made bool
	}
)
