package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/child"
	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/homeserver/inprocess"
	"github.com/causeway-chat/causeway/testbed/ircuser"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// Who is who.
const (
	domain       = "localhost"
	userName     = "you"
	userPassword = "causeway"
	channel      = "#causeway"
	alias        = "#_cw_irc.demo_=23causeway:" + domain
	relay        = "causeway"
)

// startTime is how long starting may take; it takes about a second, and longer
// where there is other work.
const startTime = 2 * time.Minute

// A stage is all that runs with every kind of demo: a homeserver, Causeway, and
// one person on Matrix. What else is started for it ends with it.
type stage struct {
	dir    string
	hs     *homeserver.Server
	folder *bridge.Folder
	bridge *bridge.Running
	you    *matrixuser.User
	ends   []func() error // the last one first
}

// close ends what was started: Causeway before those it talks to.
func (s *stage) close() error {
	var errs []error
	for _, end := range slices.Backward(s.ends) {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// ended is closed when Causeway has ended.
func (s *stage) ended() <-chan struct{} { return s.bridge.Ended() }

// end has something end with the stage that cannot fail to.
func (s *stage) end(f func()) {
	s.ends = append(s.ends, func() error { f(); return nil })
}

// irc starts an IRC network.
func (s *stage) irc(name string) (*ircfake.Server, error) {
	set := ircfake.Modern()
	set.Network = name
	server, err := ircfake.Start(set)
	if err != nil {
		return nil, fmt.Errorf("start IRC server: %w", err)
	}
	s.end(server.Close)
	return server, nil
}

// section is an IRC network in the configuration; more are other keys of it.
func section(name string, server *ircfake.Server, more string) string {
	// Nobody is flooded here, so there is no need to be slow.
	return fmt.Sprintf(`{name: %s, server: %q, nick: %s, tls: false, flood: {lines: 50, burst: 50}%s}`, name, server.Addr(), relay, more)
}

// person connects somebody to an IRC server and has them join a channel.
func (s *stage) person(ctx context.Context, server *ircfake.Server, nick, channel string) (*ircuser.User, error) {
	u, err := ircuser.Dial(ctx, ircuser.Options{Addr: server.Addr(), Nick: nick, Caps: []string{"message-tags", "echo-message"}})
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", nick, err)
	}
	s.end(u.Close)
	return u, u.Join(ctx, channel)
}

// hears waits until the relay is in u's channel: it hears nothing before.
func hears(ctx context.Context, u *ircuser.User, channel string) error {
	_, err := u.Wait(ctx, 0, func(l ircuser.Line) bool {
		return l.Command == "JOIN" && l.Nick() == relay && len(l.Params) > 0 && l.Params[0] == channel
	})
	if err != nil {
		return fmt.Errorf("the relay does not come to %s: %w", channel, err)
	}
	return nil
}

// causeway starts the homeserver and Causeway, which joins it to the networks of
// the configuration and to those that none can name, and has you sign in.
func (s *stage) causeway(ctx context.Context, log *slog.Logger, configured []bridge.Network, more ...network.Connector) error {
	addr, err := child.FreeAddr()
	if err != nil {
		return err
	}
	s.folder, err = bridge.Write(bridge.Options{
		Dir: filepath.Join(s.dir, "causeway"), Homeserver: "http://" + addr, Domain: domain, Admin: "@" + userName + ":" + domain, Networks: configured,
	})
	if err != nil {
		return err
	}
	s.hs, err = homeserver.Start(ctx, homeserver.Options{
		Dir: filepath.Join(s.dir, "homeserver"), Addr: addr, Name: domain, Registrations: s.folder.Registrations,
		Users: []homeserver.User{{Name: userName, Password: userPassword}}, Launch: inprocess.Launch,
	})
	if err != nil {
		return err
	}
	s.ends = append(s.ends, func() error { return s.hs.Stop(context.Background()) })
	if s.bridge, err = s.folder.Start(ctx, log, more...); err != nil {
		return err
	}
	s.ends = append(s.ends, s.bridge.Stop)
	if s.you, err = matrixuser.Login(ctx, s.hs.URL(), userName, userPassword); err != nil {
		return err
	}
	s.end(s.you.Close)
	return nil
}

// byBot matches what the bot says in a room.
func (s *stage) byBot(room id.RoomID) func(e matrixuser.Event) bool {
	return func(e matrixuser.Event) bool {
		return e.RoomID == room && e.Sender.String() == s.folder.Bot && e.Type == event.EventMessage
	}
}

// until repeats what needs Causeway to have connected, until it is done.
func until(ctx context.Context, try func() error) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}
