package journal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// A Lane names an ordered stream of entries. It is made by LaneOf.
type Lane int64

// A Way says what a lane carries.
type Way int64

const (
	In      Way = iota // network to Matrix, by portal number
	Out                // Matrix to network, by portal number
	Account            // what concerns a login itself, by login number
	Control            // events outside of portals: commands and invites, by a hash of the room
)

// LaneOf is the lane of something's number in one way.
func LaneOf(number int64, w Way) Lane { return Lane(number<<2 | int64(w)) }

// Way is what the lane carries.
func (l Lane) Way() Way { return Way(l & 3) }

// Number is the portal's or login's number.
func (l Lane) Number() int64 { return int64(l) >> 2 }

// State is an entry's state, see the package comment.
type State int

const (
	Stored State = iota
	Running
	Waiting
	Parked
	Failed
	Done
)

// String is the state in lower case.
func (s State) String() string {
	names := [...]string{"stored", "running", "waiting", "parked", "failed", "done"}
	if s < 0 || int(s) >= len(names) {
		return fmt.Sprintf("state %d", int(s))
	}
	return names[s]
}

// A Draft is an entry to append.
type Draft struct {
	Lane Lane
	// Key names the happening; nil lets Append assign one, so that every call
	// appends. See Key.
	Key  []byte
	Kind string // for people and metrics: "message", "m.room.message"
	// Makes names the message that the entry brings into being, Changes the one
	// it changes; "" if there is none. They connect entries of one lane.
	Makes, Changes string
	Payload        []byte
	// Value is what Payload stands for, if the caller has it: the first delivery
	// gets it, unless it reads the entry from the database. It is not stored.
	Value any
	// Fate says what becomes of undelivered entries that make or change the
	// message named by Changes.
	Fate Fate
}

// A Fate is what an appended entry does to undelivered entries of its lane, see
// the package comment. The zero Fate does nothing. If the entry that makes the
// message is still undelivered, the appended one is done with it.
type Fate struct {
	// Withdraw wipes them: the message never leaves.
	Withdraw bool
	// Replace turns the making entry's payload into a new one. It is called
	// inside the transaction and must be pure.
	Replace func(old []byte) ([]byte, error)
}

func (f Fate) none() bool { return !f.Withdraw && f.Replace == nil }

// Key hashes the names of a happening into an entry's key. The parts are
// length-prefixed: ("a","bc") and ("ab","c") differ.
func Key(parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)[:16]
}

// randomKey is the key of a happening that has no identity.
func randomKey() []byte {
	k := make([]byte, 16)
	rand.Read(k)
	return k
}

// An Entry is one happening on its way. A handler gets it and may keep nothing
// of it after it returned.
type Entry struct {
	ID       int64
	Lane     Lane
	Key      []byte
	Kind     string
	Payload  []byte
	Value    any // Draft.Value; nil if it has to be had from Payload
	Attempts int // earlier deliveries that failed
	Created  time.Time
	// Recovered: an earlier process may have delivered it. Look before
	// delivering; report with Fresh if it was not there.
	Recovered bool
	// Tried: an earlier attempt may have delivered it, see Outcome.Unsure.
	Tried bool
	// Repeated: a handler may have got it before, whatever came of it.
	Repeated bool

	state State
	begun bool // Begin was called
	due   time.Time
	lane  *lane
	j     *Journal
}

// size is roughly what the entry takes in memory, with Value.
func (e *Entry) size() int { return 512 + 2*len(e.Payload) }

// Fresh reports that a recovered entry had not been delivered, so that the ones
// behind it need no look.
func (e *Entry) Fresh() {
	e.j.mu.Lock()
	defer e.j.mu.Unlock()
	e.lane.clean = true
}

// Begin makes it durable that delivery starts, for networks that cannot
// recognise a repetition: after a crash the entry comes back with Recovered set
// and MayHaveLeft true.
func (e *Entry) Begin(ctx context.Context) error {
	e.begun = true
	e.j.mu.Lock()
	before := e.j.records[e.Lane]
	e.j.mu.Unlock()
	err := e.j.db.Write(ctx, 1, func(tx *store.Tx) error {
		if before.missing() { // it would be stored later, over this
			return errBehind
		}
		_, err := tx.Exec("UPDATE entry SET state = ?, due = 0, changed = ? WHERE id = ?", Running, time.Now().UnixMilli(), e.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("mark entry as running: %w", err)
	}
	e.j.opts.Steps.At(step.Begun)
	return nil
}

// MayHaveLeft reports that an earlier process had begun to deliver e and did not
// finish, as Begin recorded it.
func (e *Entry) MayHaveLeft() bool { return e.state == Running }

// An Outcome is what a handler decides about an entry. The zero Outcome means
// delivered.
type Outcome struct {
	// State is Done, Waiting, Parked or Failed; the zero value is Done.
	state State
	wait  time.Duration
	free  bool // costs no attempt
	cause string
	still func() bool
	err   error
	words string
	maybe bool
	apply func(tx *store.Tx) error
	more  []Draft // appended with the end of the entry
}

// Delivered finishes the entry. apply, which may be nil, runs in the same
// transaction; like any Op it may run more than once.
func Delivered(apply func(tx *store.Tx) error) Outcome {
	return Outcome{state: Done, apply: apply}
}

// RetryLater tries again after a growing wait; after a limited number of
// attempts the entry fails with words.
func RetryLater(err error, words string) Outcome {
	return Outcome{state: Waiting, err: err, words: words}
}

// RetryIn tries again after wait; it costs no attempt.
func RetryIn(wait time.Duration, err error) Outcome {
	return Outcome{state: Waiting, wait: wait, free: true, err: err}
}

// Unsure says that the attempt may have delivered the entry all the same: the
// next one gets it with Tried set, and what changes the message comes after it.
func (o Outcome) Unsure() Outcome {
	o.maybe = true
	return o
}

// Park waits for Wake(cause) and costs no attempt. still is asked once more
// after the entry is parked, so that a Wake in between is not missed; nil
// means yes.
func Park(cause string, still func() bool, err error) Outcome {
	return Outcome{state: Parked, cause: cause, still: still, err: err}
}

// Fail makes the entry a dead letter: words say to a person why, err is for the log.
func Fail(err error, words string) Outcome {
	return Outcome{state: Failed, err: err, words: words}
}
