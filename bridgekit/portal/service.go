package portal

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/turns"
)

// Options configure a Service. DB, Homeserver, Log, Permissions, Facts, Addressed,
// Command and Secret are required.
type Options struct {
	DB          *store.DB
	Homeserver  *matrix.Homeserver
	Log         *slog.Logger
	Permissions config.Permissions
	// Steps is told which steps a delivery reaches.
	Steps step.Hook
	// Eager is how many members a chat may have for all its ghosts to join at
	// once; above it, ghosts join when they first speak.
	Eager int
	// Remake lets the next message make a room anew that the homeserver has
	// purged; else that takes a command.
	Remake bool
	// History is how much of the past a new room gets.
	History History
	// Spaces: people get a space for each network and login.
	Spaces bool
	// NewSenders is how many people a minute may become themselves on the other
	// side of a portal; 0: any number. MaxPortals is how many rooms one person's
	// logins may have; 0: any number.
	NewSenders, MaxPortals int
	// Presence is how many changes of people's presence a second the homeserver is
	// told at most; 0: none.
	Presence int
	// Filters say which chats get rooms, Logout what becomes of them.
	Filters config.Filters
	Logout  config.Logout
	Facts   *store.Facts
	// Policies are which chats are bridged without anybody's asking.
	Policies []BulkWish
	// Delivery says how people learn what became of what they wrote.
	Delivery Delivery
	// Canary is told the marks of what the bot sends to itself, see
	// matrix.CanaryType, and of what it encrypts; Heard that a process which stands
	// by has taken a transaction. Both may be nil.
	Canary func(mark string)
	Heard  func()
	// Hub is about rooms of several networks, and about who is relayed.
	Hub HubOptions
	// Link publishes a medium of the homeserver for everyone who has the
	// link; nil if there is no public listener.
	// file is what a message says of an encrypted one, nil for others.
	Link func(ctx context.Context, uri id.ContentURI, name, mime string, file []byte) (url string, until time.Time, err error)
	// Cipher decrypts; nil: encrypted messages fail.
	Cipher Cipher
	// Encryption says which rooms are encrypted.
	Encryption config.EncryptionMode
	// RoomChanged is told of an event that says how a room is encrypted, or that
	// somebody came or went who gets keys; may be nil.
	RoomChanged func(ctx context.Context, room id.RoomID, t event.Type) error
	// Addressed reports whether a message is for the bot.
	Addressed func(c Command) bool
	// Command does what a message for the bot says. An error means that its
	// answer could not be sent.
	Command func(ctx context.Context, c Command) error
	// Secret takes the answer to a question that must not be stored; it
	// reports whether it was one.
	Secret func(ctx context.Context, c Command) bool
}

// History is how much of a chat's past its room gets.
type History struct {
	Messages int           // of a new room; 0: none
	Wait     time.Duration // for the network to hand them over; 0: until it has
	CatchUp  int           // messages that fill a gap at most; 0: none
}

// A Command is a message that may be for the bot.
type Command struct {
	Room       id.RoomID
	Event      id.EventID
	Sender     id.UserID
	Body       string
	Type       event.MessageType
	Mentioned  bool // m.mentions names the bot
	Management bool // the room is the sender's management room
	Portal     bool // the room has portals
	Key        []byte
}

// A Service runs all portals of a process. Connect it to its journal and
// logins before anything runs.
type Service struct {
	db     *store.DB
	hs     *matrix.Homeserver
	log    *slog.Logger
	opts   Options
	j      *journal.Journal
	logins *login.Manager

	began time.Time // when this process did

	portals   *cache
	messages  *messageMap
	making    *making
	sends     sends
	joins     *joiner
	names     nameCache
	pictures  pictures
	pictured  pictured
	tasks     *background
	eph       ephemeral
	presences *presences
	packs     *packs
	deeds     deeds
	newcomers newcomers
	forgotten forgotten
	after     *aftermath
	vanish    *vanishing
	clean     *cleaner
	arrived   *arrivals
	bulk      *bulk
	merges    merged

	crossings crossings
	bans      banList
	banned    bannedPeople
	faces     faces

	updates turns.Turns[int64] // a portal's row is changed by one at a time
	levels  turns.Turns[int64] // and its room's power levels
	// held while a login that was not known to be in a chat is stored to be
	entering sync.Mutex

	keys sync.Mutex // held while it changes what was set aside for want of a key

	mu         sync.Mutex           // guards what follows
	management map[string]id.UserID // by room; nil until loaded
	kinds      map[int64]network.ChatKind
	personas   map[loginChat]bool  // see showsPersonas
	versions   map[versioned]int64 // see superseded
}

// New makes a service.
func New(o Options) *Service {
	s := &Service{db: o.DB, hs: o.Homeserver, log: o.Log, opts: o, began: time.Now()}
	s.portals = newCache(o.DB)
	s.messages = newMessageMap(o.DB)
	s.joins = newJoiner(s)
	s.tasks = newBackground()
	s.eph.tasks = s.tasks
	s.presences = newPresences(s, o.Presence)
	s.packs = newPacks(s)
	s.after = &aftermath{s: s}
	s.making = &making{s: s}
	s.vanish = newVanishing(s)
	s.clean = newCleaner(s)
	s.arrived = newArrivals(s)
	s.bulk = newBulk(s)
	s.bans.db = o.DB
	return s
}

// Load reads what has to be known before anything is delivered. It is called
// once, before the journal runs.
func (s *Service) Load(ctx context.Context) error {
	if err := s.merges.load(ctx, s.db); err != nil {
		return err
	}
	if err := s.loadPeople(ctx); err != nil {
		return err
	}
	return s.making.load(ctx)
}

// Connect gives the service the parts that call it.
func (s *Service) Connect(j *journal.Journal, logins *login.Manager) { s.j, s.logins = j, logins }

// Run does what may take its time: it brings ghosts into rooms and keeps
// ephemeral state. It returns when ctx is done.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.joins.run(ctx) })
	g.Go(func() error { return s.tasks.run(ctx) })
	g.Go(func() error { return s.vanish.run(ctx) })
	g.Go(func() error { return s.clean.run(ctx) })
	g.Go(func() error { return s.arrived.run(ctx) })
	g.Go(func() error { return s.bulk.run(ctx) })
	g.Go(func() error { return s.presences.run(ctx) })
	g.Go(func() error { return s.packs.run(ctx) })
	g.Go(func() error { return s.listen(ctx) })
	g.Go(func() error {
		return s.db.Patiently(ctx, "look for keys that have come", s.resumeAside)
	})
	return g.Wait()
}

// update changes a portal's row: f gets the current one. Many portals' rows are
// changed at once, so that they share commits.
func (s *Service) update(ctx context.Context, portalID int64, f func(p *store.Portal)) (store.Portal, error) {
	return s.updateAlso(ctx, portalID, f, nil)
}

// updateAlso is update, and does also in the same transaction.
func (s *Service) updateAlso(ctx context.Context, portalID int64, f func(p *store.Portal), also func(tx *store.Tx) error) (store.Portal, error) {
	done, err := s.updates.Take(ctx, portalID)
	if err != nil {
		return store.Portal{}, err
	}
	defer done()
	p, ok, err := s.portals.get(ctx, portalID)
	if err == nil && !ok {
		err = fmt.Errorf("portal %d was deleted", portalID)
	}
	if err != nil {
		return p, err
	}
	room := p.Room
	f(&p)
	// It is waited for in any case: the row in memory is the one that is stored.
	err = s.db.Write(context.WithoutCancel(ctx), 1, func(tx *store.Tx) error {
		if p.Room != room {
			if err := tx.Unplace(p.ID); err != nil {
				return err
			}
		}
		if err := tx.SavePortal(p); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
	if err != nil {
		s.portals.forget(p)
		return p, err
	}
	s.portals.put(p)
	return p, nil
}

// features are what a portal's chat can carry.
func features(p store.Portal) network.Features { return p.Info.Features }
