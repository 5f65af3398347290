package conversation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
	"github.com/causeway-chat/causeway/testbed/gate"
	"github.com/causeway-chat/causeway/testbed/ircd"
	"github.com/causeway-chat/causeway/testbed/ircuser"
)

const (
	channel  = "#town"
	relay    = "relay"    // nick of Causeway's connections
	ircUser  = "causeway" // and their user name
	observer = "olga"     // is in the channel from the beginning and says nothing
)

// An ircSide is an IRC network with its people. Causeway comes through the gate.
type ircSide struct {
	side   Side
	keeps  bool // what is said while Causeway is away can be had later
	gate   *gate.Gate
	close_ func() error
	crowd  map[string]*ircuser.User // by nick
	script *Script

	// life is held for reading by who needs Causeway to be there, and for writing
	// while it is away.
	life sync.RWMutex

	// stored waits until Causeway has a message, by its ID.
	stored func(ctx context.Context, id string) error
	// shown waits until an act has its effect in the room.
	shown func(ctx context.Context, a Act) error
}

// startInsp starts InspIRCd.
func startInsp(ctx context.Context) (*ircSide, error) {
	s, err := ircd.Start(ctx, ircd.InspIRCd, ircd.Options{})
	if err != nil {
		return nil, err
	}
	return newIRCSide(ctx, &ircSide{side: Insp, close_: s.Close}, s.Addr())
}

// startFake starts the server with everything.
func startFake(ctx context.Context) (*ircSide, error) {
	s, err := ircfake.Start(ircfake.Modern())
	if err != nil {
		return nil, err
	}
	return newIRCSide(ctx, &ircSide{side: Fake, keeps: true, close_: func() error { s.Close(); return nil }}, s.Addr())
}

// newIRCSide brings the people to a server.
func newIRCSide(ctx context.Context, s *ircSide, addr string) (_ *ircSide, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.crowd = map[string]*ircuser.User{}
	if s.gate, err = gate.New(addr); err != nil {
		return s, err
	}
	for _, nick := range append([]string{observer}, people(s.side)...) {
		u, err := ircuser.Dial(ctx, ircuser.Options{Addr: addr, Nick: nick, Caps: []string{"message-tags", "server-time", "echo-message", "draft/message-redaction"}})
		if err != nil {
			return s, err
		}
		s.crowd[nick] = u
		if err := u.Join(ctx, channel); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *ircSide) close() error {
	for _, u := range s.crowd {
		u.Close()
	}
	if s.gate != nil {
		s.gate.Close()
	}
	return s.close_()
}

func (s *ircSide) lines() []ircuser.Line { return s.crowd[observer].Since(0) }

// causeways reports whether a line is by Causeway's connection.
func causeways(l ircuser.Line) bool {
	_, rest, _ := strings.Cut(l.Source, "!")
	user, _, _ := strings.Cut(rest, "@")
	return strings.TrimPrefix(user, "~") == ircUser
}

// gone waits until Causeway's connection is seen to leave, from a mark on.
func (s *ircSide) gone(ctx context.Context, mark int) error {
	_, err := s.crowd[observer].Wait(ctx, mark, func(l ircuser.Line) bool { return causeways(l) && (l.Command == "QUIT" || l.Command == "PART") })
	return err
}

// back waits until it is seen to come, from a mark on.
func (s *ircSide) back(ctx context.Context, mark int) error {
	_, err := s.crowd[observer].Wait(ctx, mark, func(l ircuser.Line) bool { return causeways(l) && l.Command == "JOIN" })
	return err
}

// do carries out an act. What is not in the server's history is waited for, so that
// Causeway was there to hear it.
func (s *ircSide) do(ctx context.Context, a Act) error {
	if !s.keeps || !a.Kind.makes() {
		s.life.RLock()
		defer s.life.RUnlock()
	}
	switch a.Kind {
	case Reply:
		target, err := s.id(a.Of)
		if err != nil {
			return err
		}
		return s.say(ctx, a, map[string]string{"+draft/reply": target})
	case Remove:
		target, err := s.id(a.Of)
		if err != nil {
			return err
		}
		if err := s.crowd[a.Who].Send("REDACT", channel, target); err != nil {
			return err
		}
		return s.shown(ctx, a)
	case React, Unreact:
		on, tag := a.Of, "+draft/react"
		if a.Kind == Unreact {
			on, tag = s.script.Acts[a.Of].Of, "+draft/unreact"
		}
		target, err := s.id(on)
		if err != nil {
			return err
		}
		if err := s.crowd[a.Who].SendTagged(map[string]string{"+draft/reply": target, tag: a.Emoji}, "TAGMSG", channel); err != nil {
			return err
		}
		return s.shown(ctx, a)
	}
	return s.say(ctx, a, nil)
}

// id is a message's ID here. Whoever acts sees it.
func (s *ircSide) id(n int) (string, error) {
	v, err := s.view()
	if err != nil {
		return "", err
	}
	i := v.find(n)
	if i == nil {
		return "", fmt.Errorf("%s: message %d is not there any more", s.side, n)
	}
	return i.ID, nil
}

// say says a line, and waits until it is said, and where nothing is kept, until
// Causeway has it.
func (s *ircSide) say(ctx context.Context, a Act, tags map[string]string) error {
	u, text := s.crowd[a.Who], s.script.Text(a.N, 0)
	mark := u.Mark()
	if err := u.SendTagged(tags, "PRIVMSG", channel, text); err != nil {
		return err
	}
	echo, err := u.Wait(ctx, mark, ircuser.Said(a.Who, channel, text))
	if err != nil || s.keeps {
		return err
	}
	_, id := echo.GetTag("msgid")
	return s.stored(ctx, id)
}
