package main

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/ircuser"
)

// A pair is a Matrix room and the IRC channel that it is bridged to, in which two
// people are.
type pair struct {
	*stage
	room id.RoomID
	addr string        // of the IRC server
	mia  *ircuser.User // sees what IRC people see
	joe  *ircuser.User
}

func (p *pair) window() window { return window{p.you, p.room} }

// open starts the IRC server, and has people in the channel.
func (p *pair) open(ctx context.Context) (bridge.Network, error) {
	server, err := p.irc("Demo")
	if err != nil {
		return bridge.Network{}, err
	}
	p.addr = server.Addr()
	if p.mia, err = p.person(ctx, server, "mia", channel); err != nil {
		return bridge.Network{}, err
	}
	if p.joe, err = p.person(ctx, server, "joe", channel); err != nil {
		return bridge.Network{}, err
	}
	return bridge.Network{ID: "irc.demo", Section: section("Demo", server, "")}, nil
}

// enter follows the channel's alias: it leads somewhere as soon as Causeway has
// connected to IRC.
func (p *pair) enter(ctx context.Context) error {
	err := until(ctx, func() (err error) {
		p.room, err = p.you.Join(ctx, alias)
		return err
	})
	if err != nil {
		return err
	}
	return hears(ctx, p.mia, channel)
}

func (p *pair) invitation() string {
	return fmt.Sprintf(pairInvitation, p.hs.URL(), userName, userPassword, channel, p.addr, channel, p.folder.Bot)
}

const pairInvitation = `  Matrix   homeserver %s, user %s, password %s, room %s
  IRC      server %s without TLS, any nick; then: /join %s
To have a nick of your own on IRC, write "login" to %s.
`
