package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/ircuser"
)

// A pair is a Matrix room and the IRC channel that it is bridged to, in which two
// people are.
type pair struct {
	stage
	addr string        // of the IRC server
	mia  *ircuser.User // sees what IRC people see
	joe  *ircuser.User
}

// startPair starts everything below dir.
func startPair(ctx context.Context, dir string, log *slog.Logger) (_ demo, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	p := &pair{stage: stage{dir: dir}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	server, err := p.irc("Demo")
	if err != nil {
		return nil, err
	}
	p.addr = server.Addr()
	if p.mia, err = p.person(ctx, server, "mia", channel); err != nil {
		return nil, err
	}
	if p.joe, err = p.person(ctx, server, "joe", channel); err != nil {
		return nil, err
	}
	if err := p.causeway(ctx, log, []bridge.Network{{ID: "irc.demo", Section: section("Demo", server, "")}}); err != nil {
		return nil, err
	}
	// The alias leads somewhere as soon as Causeway has connected to IRC.
	err = until(ctx, func() error {
		p.room, err = p.you.Join(ctx, alias)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, hears(ctx, p.mia, channel)
}

func (p *pair) invitation() string {
	return fmt.Sprintf(pairInvitation, p.hs.URL(), userName, userPassword, channel, p.addr, channel, p.folder.Bot)
}

const pairInvitation = `  Matrix   homeserver %s, user %s, password %s, room %s
  IRC      server %s without TLS, any nick; then: /join %s
To have a nick of your own on IRC, write "login" to %s.
`
