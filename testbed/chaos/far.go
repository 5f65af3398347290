package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
)

// A far is the network of a run, with the people on it. Its methods may be called
// by the director and all speakers at once.
type far interface {
	id() network.NetworkID
	features() network.Features
	// title is what Causeway calls it, if notices have that.
	title() string
	// net is the network of a side, if there are several.
	net(s side) far
	// bears is the account that somebody on the other side of a chat has here, by their
	// Matrix ID or the name that another network has for them: "" if what they do
	// beside talking does not show.
	bears(c *chat, s side, who string) string
	// inBook is what the book calls somebody of the network, by what is in their ghost's name.
	inBook(id string) string
	// threads reports whether an answer is one in the thread of what was said first.
	threads() bool
	// tell fills in what a child has to know: where the network is, and the
	// accounts on it.
	tell(s *spec) error

	// chats are those of every run, made on the network, and another makes one more.
	chats() ([]*chat, error)
	another(n int) (*chat, error)
	// begin has something be said in each chat, so that there are rooms. Causeway
	// runs by then.
	begin(ctx context.Context, w *world) error

	// ready waits, not for long, until something can be said in a chat that
	// Causeway will hear; false if it cannot.
	ready(ctx context.Context, c *chat) bool
	// takes reports whether people of a side do a deed; a plain text takes the place
	// of others.
	takes(s side, d deed) bool
	// do does something in a chat, whose mutex is held, on its side that this network
	// is.
	do(w *world, c *chat, s side, who network.UserID, d deed, choice int) error
	// reaches reports whether there is something on this network that leads to a
	// step.
	reaches(s step.Name) bool

	// view is what a chat shows to somebody who is on the network and not
	// Causeway; lines are the same in words.
	view(c *chat) *view
	lines(c *chat) []string
	// bare is a text of Causeway's on the network, which came back from there, without
	// what it puts before it for people.
	bare(text string) string
	// waiting is how much has happened on it, in any words, and how much of it
	// waits for Causeway. all is false if nobody can tell.
	waiting(all []*chat) (came string, waits int, known bool)
	// heard settles what of the chats nobody could know before Causeway had
	// stopped.
	heard(ctx context.Context, db *sql.DB, all []*chat) error

	// play plays one of the network's faults to its end.
	play(ctx context.Context, w *world, r round) error

	close() error
}

// The networks that a run may have.
const (
	memNetwork   = "memnet"
	ircNetwork   = "irc"
	slackNetwork = "slack"
)

// openFar starts the network of a plan.
func openFar(ctx context.Context, p plan) (far, error) {
	switch p.Far {
	case memNetwork:
		if len(p.Hub) > 0 {
			return newHubs(p)
		}
		return newMem("mem.test", p.Net, "alice", "bob")
	case ircNetwork:
		return newIRC(ctx)
	case slackNetwork:
		return newSlack(p)
	}
	return nil, fmt.Errorf("nobody has a network %q", p.Far)
}
