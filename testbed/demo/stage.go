package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"maunium.net/go/mautrix/id"

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

// startTime is how long starting may take; it takes about a second.
const startTime = 30 * time.Second

// A stage is all that runs: three servers, one person on Matrix and two on IRC.
type stage struct {
	hs     *homeserver.Server
	irc    *ircfake.Server
	folder *bridge.Folder
	bridge *bridge.Running
	you    *matrixuser.User
	mia    *ircuser.User // sees what IRC people see
	joe    *ircuser.User
	room   id.RoomID
}

// start starts everything below dir.
func start(ctx context.Context, dir string, log *slog.Logger) (s *stage, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	s = &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := s.servers(ctx, dir); err != nil {
		return s, err
	}
	if s.bridge, err = s.folder.Start(ctx, log); err != nil {
		return s, err
	}
	return s, s.people(ctx)
}

// servers starts what Causeway joins, and writes its configuration.
func (s *stage) servers(ctx context.Context, dir string) (err error) {
	if s.irc, err = ircfake.Start(ircfake.Modern()); err != nil {
		return fmt.Errorf("start IRC server: %w", err)
	}
	addr, err := child.FreeAddr()
	if err != nil {
		return err
	}
	s.folder, err = bridge.Write(bridge.Options{
		Dir: filepath.Join(dir, "causeway"), Homeserver: "http://" + addr, Domain: domain, Admin: "@" + userName + ":" + domain,
		Networks: []bridge.Network{{ID: "irc.demo", Section: fmt.Sprintf(
			// Nobody is flooded here, so there is no need to be slow.
			`{name: Demo, server: %q, nick: %s, tls: false, flood: {lines: 50, burst: 50}}`, s.irc.Addr(), relay)}},
	})
	if err != nil {
		return err
	}
	s.hs, err = homeserver.Start(ctx, homeserver.Options{
		Dir: filepath.Join(dir, "homeserver"), Addr: addr, Name: domain, Registrations: s.folder.Registrations,
		Users: []homeserver.User{{Name: userName, Password: userPassword}}, Launch: inprocess.Launch,
	})
	return err
}

// people has everybody come in: the two on IRC, then the one on Matrix, through
// the room's alias.
func (s *stage) people(ctx context.Context) (err error) {
	if s.mia, err = s.person(ctx, "mia"); err != nil {
		return err
	}
	if s.joe, err = s.person(ctx, "joe"); err != nil {
		return err
	}
	if s.you, err = matrixuser.Login(ctx, s.hs.URL(), userName, userPassword); err != nil {
		return err
	}
	// The alias leads somewhere as soon as Causeway has connected to IRC.
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if s.room, err = s.you.Join(ctx, alias); err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

// person connects somebody to the IRC server and has them join the channel.
func (s *stage) person(ctx context.Context, nick string) (*ircuser.User, error) {
	u, err := ircuser.Dial(ctx, ircuser.Options{Addr: s.irc.Addr(), Nick: nick, Caps: []string{"message-tags", "echo-message"}})
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", nick, err)
	}
	return u, u.Join(ctx, channel)
}

// close ends what was started: Causeway before those it talks to.
func (s *stage) close() error {
	var errs []error
	if s.you != nil {
		s.you.Close()
	}
	if s.bridge != nil {
		errs = append(errs, s.bridge.Stop())
	}
	if s.hs != nil {
		errs = append(errs, s.hs.Stop(context.Background()))
	}
	for _, u := range []*ircuser.User{s.mia, s.joe} {
		if u != nil {
			u.Close()
		}
	}
	if s.irc != nil {
		s.irc.Close()
	}
	return errors.Join(errs...)
}
