package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
)

const (
	defaultPrefix = "!cw"
	commandTime   = time.Minute      // a command that takes longer is given up
	answerTime    = 10 * time.Minute // a question that stays unanswered longer ends the conversation
	lastTime      = 5 * time.Second  // for last words when the process ends
	keptEvents    = 4096             // IDs of events with secrets that are remembered
	keptReplies   = 256              // replies kept for another try
	insistTries   = 20               // of a notice; with the pauses between them, about an hour
	longestPause  = 5 * time.Minute  // between such tries
)

// Options configure a Commander. Backend, Log and Bot are required.
type Options struct {
	Backend Backend
	Log     *slog.Logger
	Bot     id.UserID
	// Name is the bot's display name; some clients write it for a mention.
	Name string
	// Own reports whether a user is one of ours, whose events are never
	// answered: a ghost. The bot always is.
	Own func(user id.UserID) bool
	// Prefix is what commands begin with outside of management rooms; default "!cw".
	Prefix string
}

// Incoming is a message that may be for the bot.
type Incoming struct {
	Room   id.RoomID
	Event  id.EventID
	Sender id.UserID
	Body   string // the plain text of the message
	Type   event.MessageType
	// Mentioned: the event's m.mentions (Matrix spec 11.31) names the bot.
	Mentioned  bool
	Management bool // Room is a direct chat with the bot
	Portal     bool // Room is bridged
	// Key is that of the journal entry. Replies have keys made from it, so an
	// entry that is delivered twice is answered once.
	Key []byte
}

// A Commander reads commands and does them. Its methods may be called
// concurrently.
type Commander struct {
	opts  Options
	b     Backend
	log   *slog.Logger
	table []command

	jobs  chan func(ctx context.Context) // what Run runs in goroutines
	ended chan struct{}                  // closed when Run returns

	mu     sync.Mutex // guards what follows, and what conversations wait for
	talks  map[place]*conversation
	taken  recent                 // events whose secret was taken out
	plans  map[place]*plan        // what people are about to plumb
	unsent map[string]markup.Body // by entry key: replies of commands that are done
}

// A place is where somebody talks with the bot.
type place struct {
	room id.RoomID
	user id.UserID
}

// New makes a Commander. Until Run is called, logins wait.
func New(o Options) *Commander {
	if o.Prefix == "" {
		o.Prefix = defaultPrefix
	}
	return &Commander{
		opts: o, b: o.Backend, log: o.Log, table: commands(),
		jobs: make(chan func(context.Context)), ended: make(chan struct{}),
		talks: map[place]*conversation{}, plans: map[place]*plan{}, unsent: map[string]markup.Body{},
	}
}

// Run runs conversations until ctx is done, and returns when all have ended. It
// is called once.
func (c *Commander) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	defer close(c.ended)
	for {
		select {
		case job := <-c.jobs:
			running.Go(func() { job(ctx) })
		case <-ctx.Done():
			return fmt.Errorf("commands: %w", ctx.Err())
		}
	}
}

var errStopping = errors.New("the commander has stopped")

// background runs job in a goroutine of Run.
func (c *Commander) background(ctx context.Context, job func(ctx context.Context)) error {
	select {
	case c.jobs <- job:
		return nil
	case <-c.ended:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Handle does what a message says and answers it, or gives it to the
// conversation that waits for it. It returns once the command is done, a minute
// at most, but does not wait for a login. An error means that the answer could
// not be sent: call it again with the same Incoming, which does not do the
// command again as long as the process lives.
func (c *Commander) Handle(ctx context.Context, in Incoming) error {
	if !c.answers(in) || c.isTaken(in.Event) {
		return nil
	}
	text, addressed := c.strip(in)
	if !addressed && c.answer(ctx, in, text) {
		return nil
	}
	if !addressed && (!in.Management || text == "") {
		return nil
	}
	body, again := c.kept(in.Key)
	if !again {
		var err error
		if body, err = c.execute(ctx, in, text); err != nil {
			return err
		}
	}
	if len(body) == 0 {
		return nil
	}
	if err := c.b.Reply(ctx, in.Room, in.Event, body, journal.Key("reply", string(in.Key))); err != nil {
		c.keep(in.Key, body)
		return fmt.Errorf("reply to command: %w", err)
	}
	return nil
}

// Addressed reports whether a message is for the bot and not for the room, so
// that it must not be bridged.
func (c *Commander) Addressed(in Incoming) bool {
	if !c.answers(in) {
		return false
	}
	if _, addressed := c.strip(in); addressed || in.Management {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.talks[place{in.Room, in.Sender}]
	return v != nil && v.asks
}

// answers reports whether the bot answers this kind of message of this sender.
func (c *Commander) answers(in Incoming) bool {
	if in.Type != event.MsgText || in.Sender == c.opts.Bot || c.opts.Own != nil && c.opts.Own(in.Sender) {
		return false
	}
	return c.b.Level(in.Sender) > config.LevelBlock
}

// kept takes out the reply to an entry that was done but not answered.
func (c *Commander) kept(key []byte) (markup.Body, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, ok := c.unsent[string(key)]
	delete(c.unsent, string(key))
	return body, ok
}

func (c *Commander) keep(key []byte, body markup.Body) {
	if len(key) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.unsent) >= keptReplies {
		for k := range c.unsent { // any one will do
			delete(c.unsent, k)
			break
		}
	}
	c.unsent[string(key)] = body
}

func (c *Commander) isTaken(ev id.EventID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken.has(ev)
}

// recent is a bounded set of event IDs; the oldest are forgotten.
type recent struct {
	set  map[id.EventID]bool
	ring []id.EventID
	next int
}

func (r *recent) has(ev id.EventID) bool { return r.set[ev] }

// add reports whether ev is new.
func (r *recent) add(ev id.EventID) bool {
	if r.set[ev] {
		return false
	}
	if r.set == nil {
		r.set, r.ring = map[id.EventID]bool{}, make([]id.EventID, keptEvents)
	}
	delete(r.set, r.ring[r.next])
	r.ring[r.next] = ev
	r.next = (r.next + 1) % len(r.ring)
	r.set[ev] = true
	return true
}
