package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/ircuser"
)

// Where people are: a channel on two IRC networks, a chat on memnet.
const (
	harbor = "#harbor"
	lake   = "#lake"
	pond   = network.ChatID("pond")
)

// A meeting is a Matrix room in which three networks meet.
type meeting struct {
	stage
	room  id.RoomID
	addrs [2]string     // of the IRC servers
	mia   *ircuser.User // on the first
	noa   *ircuser.User // on the second
	pond  *memnet.Server
}

func (m *meeting) window() window { return window{m.you, m.room} }

// pia is the one on memnet.
func (m *meeting) pia() memnet.User { return m.pond.User("pia") }

// startHub starts everything below dir. The operators of both IRC networks have
// agreed that what is said on one is carried to the other: without that Causeway
// lets only one of them into a room.
func startHub(ctx context.Context, dir string, log *slog.Logger) (_ demo, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	m := &meeting{stage: stage{dir: dir}}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	first, err := m.irc("Harbor")
	if err != nil {
		return nil, err
	}
	second, err := m.irc("Lake")
	if err != nil {
		return nil, err
	}
	m.addrs = [2]string{first.Addr(), second.Addr()}
	if m.mia, err = m.person(ctx, first, "mia", harbor); err != nil {
		return nil, err
	}
	if m.noa, err = m.person(ctx, second, "noa", lake); err != nil {
		return nil, err
	}
	m.pond = memnet.New(memnet.Options{Name: "Pond", Relay: "relay"})
	m.pond.Channel(pond, "pia")
	err = m.causeway(ctx, log, []bridge.Network{
		{ID: "irc.harbor", Section: section("Harbor", first, ", hub_with: [irc.lake]")},
		{ID: "irc.lake", Section: section("Lake", second, ", hub_with: [irc.harbor]")},
	}, m.pond.Connector("mem.pond"))
	if err != nil {
		return nil, err
	}
	if err := m.meet(ctx); err != nil {
		return nil, err
	}
	return m, errors.Join(hears(ctx, m.mia, harbor), hears(ctx, m.noa, lake))
}

// meet makes the room and brings the networks into it, as its moderator does.
func (m *meeting) meet(ctx context.Context) (err error) {
	if m.room, err = m.you.CreateRoom(ctx, "Town", id.UserID(m.folder.Bot)); err != nil {
		return err
	}
	if _, err := m.you.Wait(ctx, 0, m.byBot(m.room)); err != nil {
		return fmt.Errorf("no greeting of the bot: %w", err)
	}
	for _, to := range []string{"irc.harbor " + harbor, "irc.lake " + lake, "mem.pond " + string(pond)} {
		if err := until(ctx, func() error { return m.command(ctx, "plumb "+to+" confirm", "is bridged to") }); err != nil {
			return err
		}
		name, _, _ := strings.Cut(to, " ")
		if err := m.command(ctx, "hub set "+name+" reactions relay", "from now on"); err != nil {
			return err
		}
	}
	return nil
}

// command tells the bot something, whose answer must contain want.
func (m *meeting) command(ctx context.Context, text, want string) error {
	mark := m.you.Mark()
	if _, err := m.you.Text(ctx, m.room, "!cw "+text); err != nil {
		return err
	}
	e, err := m.you.Wait(ctx, mark, m.byBot(m.room))
	if err != nil {
		return fmt.Errorf("no answer to %q: %w", text, err)
	}
	if body := e.Content.AsMessage().Body; !strings.Contains(body, want) {
		return fmt.Errorf("%s: the bot says %q", text, body)
	}
	return nil
}

func (m *meeting) invitation() string {
	return fmt.Sprintf(hubInvitation, m.hs.URL(), userName, userPassword, m.addrs[0], harbor, m.addrs[1], lake)
}

const hubInvitation = `  Matrix   homeserver %s, user %s, password %s, room Town
  IRC      server %s without TLS, any nick; then: /join %s
  IRC      server %s without TLS, any nick; then: /join %s
"!cw hub" in the room says how its networks fare.
`
