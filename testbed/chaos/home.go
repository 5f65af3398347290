package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/registration"
)

// A home is the homeserver of a run, with the people on it. Its methods may be
// called by the director and all speakers at once.
type home interface {
	// reach is the base URL at which Causeway reaches it.
	reach() string
	// installed are the registrations that it has: Causeway's, and that for double
	// puppets.
	installed() (main, puppet registration.Registration)

	// do makes a request of a person or the bot: path is below /_matrix/client/v3.
	// While the homeserver is away it waits.
	do(who, method, path string, in, out any) error
	// upload takes a file of a person and returns its mxc:// URI.
	upload(who, name string, data []byte) (uri string, err error)
	// seal is an event as somebody sends it into a room, which encrypts it if the room
	// is encrypted.
	seal(who, room, kind string, content any) (sealedKind string, sealed any, err error)
	// attach uploads somebody's file for a room and returns what a message says of
	// it, and attached is the file that a message is about, nil if there is none.
	attach(who, room, name string, data []byte) (object, error)
	attached(e *matrixtest.Event) []byte
	// open waits until people can speak.
	open(ctx context.Context) error

	// rooms are those that anybody of ours has to do with, and room shows one, as
	// somebody in it sees it who is neither Causeway nor asks it.
	rooms() []string
	room(id string) room
	// file is the content of an upload; nil if there is none.
	file(uri string) []byte

	// pushed is how much has been pushed to Causeway, in any words, and how much
	// waits for that. all is false if nobody can tell.
	pushed() (came string, waits int, all bool)
	// late reports whether it pushes events in another order than that of the room,
	// after a restart.
	late() bool

	// play plays one of the homeserver's faults to its end.
	play(ctx context.Context, r round) error
	// hang has it answer nothing until heal, and away has nobody reach it.
	hang(r round) (heal func())
	away() (heal func())
	// loseRooms has answers about new rooms be lost until heal.
	loseRooms() (heal func())

	close() error
}

// A room is what somebody in it sees of it.
type room interface {
	Membership(who string) string             // "" for none
	OfType(kind string) []*matrixtest.Event   // that were not removed, in order
	Event(id string) *matrixtest.Event        // nil: there is none
	State(kind, key string) *matrixtest.Event // likewise
	timeline() []*matrixtest.Event            // all, in order
}

// powerIn is somebody's power level in a room.
func powerIn(r room, who string) int {
	var levels struct{ Users map[string]int }
	if e := r.State("m.room.power_levels", ""); e == nil || e.Decode(&levels) != nil {
		return 0
	}
	return levels.Users[who]
}

// The homeservers that a run may have.
const (
	fakeHome     = "fake"
	dendriteHome = "dendrite"
	synapseHome  = "synapse"
)

// openHome starts the homeserver of a plan. What it has for Causeway goes to
// pushes.
func openHome(ctx context.Context, p plan, dir string, pushes http.Handler) (home, error) {
	switch p.Home {
	case fakeHome:
		f, err := newFake(p, pushes)
		if err != nil || !p.Encrypted {
			return f, err
		}
		return newSealed(ctx, f, dir)
	case dendriteHome, synapseHome:
		return newReal(ctx, p, dir, pushes)
	}
	return nil, fmt.Errorf("nobody has a homeserver %q", p.Home)
}

// people are those with accounts on the homeserver; all but eve have some on the
// network, too.
func people() []string { return []string{"alice", "bob", "eve"} }

func mxid(name string) string { return "@" + name + ":" + domain }

// registrationsFor are what the homeserver gets that reaches Causeway at url.
func registrationsFor(url string) (main, puppet registration.Registration) {
	o := registration.Options{URL: url, Domain: domain, Prefix: "_cw_", Bot: "causeway"}
	main = registration.New(o)
	o.URL = ""
	return main, registration.NewDoublePuppet(o)
}
