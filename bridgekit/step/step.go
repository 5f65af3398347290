package step

import "slices"

// A Name is one of the constants below.
type Name string

// Steps of the store.
const (
	// Migrating: between two migrations of the schema, or before the first.
	Migrating Name = "store.migrating"
	// Committing: a group of writes is done and not committed.
	Committing Name = "store.committing"
	// Committed: a group is committed, and nobody has been told.
	Committed Name = "store.committed"
)

// Steps of the journal.
const (
	// Appended: entries are durable, and whoever brought them has no
	// acknowledgement.
	Appended Name = "journal.appended"
	// Withdrawing: an undelivered entry is being withdrawn or replaced by one
	// that is appended in the same transaction.
	Withdrawing Name = "journal.withdrawing"
	// Begun: it is durable that a call begins that cannot be recognised when it
	// is repeated.
	Begun Name = "journal.begun"
	// Handled: an entry was delivered, and its end is not queued to be written.
	Handled Name = "journal.handled"
)

// Steps from the network to Matrix.
const (
	// InSent: the homeserver has an event, and its row of the map is not stored.
	InSent Name = "in.sent"
	// InBetween: a part of a message is in the room and the next one is not.
	InBetween Name = "in.between"
	// InEdited: an edit is in the room, and its entry has not ended.
	InEdited Name = "in.edited"
	// InRedacted: an event is redacted and still in the map.
	InRedacted Name = "in.redacted"
	// InReacted: reactions are in the room, or gone, and not stored.
	InReacted Name = "in.reacted"
	// InCrossing: an event is in a room of several networks, and its copies for the
	// others are not stored.
	InCrossing Name = "in.crossing"
	// InCrossed: they are, and the entry has not ended.
	InCrossed Name = "in.crossed"
)

// Steps of a room in the making.
const (
	// RoomMaking: it is stored that the room is being made, and it is not.
	RoomMaking Name = "room.making"
	// RoomMade: the homeserver has the room, and its ID is not stored.
	RoomMade Name = "room.made"
	// RoomStored: its ID is stored, and its set-up is not done.
	RoomStored Name = "room.stored"
	// RoomFurnished: the set-up is done and not stored as done.
	RoomFurnished Name = "room.furnished"
	// Rerouted: events that waited for a room are in its portal's lane too.
	Rerouted Name = "room.rerouted"
)

// Steps of a room that is filled with its chat's past.
const (
	// FillStored: a page of the past is stored, and not shown.
	FillStored Name = "fill.stored"
	// FillSent: the room has an event of the past, and that is not stored.
	FillSent Name = "fill.sent"
	// FillShown: all of the past is in the room, and that is not stored.
	FillShown Name = "fill.shown"
)

// Steps from Matrix to the network.
const (
	// OutCalling: a call to the network is about to begin.
	OutCalling Name = "out.calling"
	// OutSent: the network has a message, and nothing of that is stored.
	OutSent Name = "out.sent"
	// OutChanged: the network has carried out an edit, a redaction or a
	// reaction, and nothing of that is stored.
	OutChanged Name = "out.changed"
)

// Steps of a start and a stop.
const (
	// StartOpened: the database is open, and nothing runs.
	StartOpened Name = "start.opened"
	// StartLoaded: logins and portals are loaded, and nothing runs.
	StartLoaded Name = "start.loaded"
	// StartReady: the homeserver was reached and the bot is there.
	StartReady Name = "start.ready"
	// StopBegun: the process stops, takes nothing new, and still delivers what is
	// on its way.
	StopBegun Name = "stop.begun"
	// StopQuiet: nothing is delivered any more; the database is still open.
	StopQuiet Name = "stop.quiet"
)

// Hub lists the steps of rooms of several networks, which are not among All.
func Hub() []Name { return []Name{InCrossing, InCrossed} }

// All lists the steps that a room of one network can reach.
func All() []Name {
	return slices.Concat(
		[]Name{Migrating, Committing, Committed},
		[]Name{Appended, Withdrawing, Begun, Handled},
		[]Name{InSent, InBetween, InEdited, InRedacted, InReacted},
		[]Name{RoomMaking, RoomMade, RoomStored, RoomFurnished, Rerouted},
		[]Name{FillStored, FillSent, FillShown},
		[]Name{OutCalling, OutSent, OutChanged},
		[]Name{StartOpened, StartLoaded, StartReady, StopBegun, StopQuiet},
	)
}

// A Hook is told that a step is reached, by many goroutines at once. Nil does
// nothing.
type Hook func(Name)

// At calls the hook.
func (h Hook) At(n Name) {
	if h != nil {
		h(n)
	}
}
