package conversation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

func newMatrixSide(script *Script, bot string) *matrixSide {
	return &matrixSide{crowd: map[string]*person{}, script: script, readers: people(Matrix)[:1], bot: id.UserID(bot), read: map[id.EventID]*message{}}
}

func (m *matrixSide) close() error {
	var err error
	for _, p := range m.crowd {
		p.user.Close()
		if p.nio != nil {
			err = errors.Join(err, p.nio.Close())
		}
	}
	return err
}

// isWarm reports whether a text was said before the conversation began.
func isWarm(text string) bool { return strings.HasPrefix(text, "warm ") }

// meet makes the room, brings the networks into it, and waits until everybody hears
// everybody.
func (s *Stage) meet(ctx context.Context) error {
	if err := s.room(ctx); err != nil {
		return err
	}
	for _, plumb := range []struct{ network, chat string }{{string(Insp), channel}, {string(Fake), channel}, {string(Mem), string(town)}} {
		if err := s.command(ctx, "plumb "+plumb.network+" "+plumb.chat+" confirm", "is bridged to"); err != nil {
			return err
		}
	}
	for side, as := range policies() { // in any order
		if err := s.command(ctx, "hub set "+string(side)+" reactions "+as, "from now on"); err != nil {
			return err
		}
	}
	s.matrix.readers = people(Matrix)
	if err := s.warm(ctx); err != nil {
		return err
	}
	s.matrix.from = s.matrix.crowd[people(Matrix)[0]].user.Mark()
	return nil
}

// policies are what becomes of the reactions of people who are relayed.
func policies() map[Side]string { return map[Side]string{Insp: "text", Fake: "relay", Mem: "relay"} }

// room makes the room, with the bot as a moderator.
func (s *Stage) room(ctx context.Context) error {
	you, ann := s.matrix.crowd["you"], s.matrix.crowd["ann"]
	req := &mautrix.ReqCreateRoom{Name: "Town", Preset: "private_chat", Invite: []id.UserID{s.matrix.bot, ann.user.ID()}}
	if s.opts.Encrypted {
		key := ""
		req.InitialState = []*event.Event{{Type: event.StateEncryption, StateKey: &key, Content: event.Content{Parsed: &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}}}}
	}
	resp, err := you.user.Client.CreateRoom(ctx, req)
	if err != nil {
		return fmt.Errorf("make the room: %w", err)
	}
	s.matrix.room = resp.RoomID
	var levels event.PowerLevelsEventContent // you are in it only before room version 12
	if err := you.user.Client.StateEvent(ctx, resp.RoomID, event.StatePowerLevels, "", &levels); err != nil {
		return fmt.Errorf("make the room: %w", err)
	}
	levels.SetUserLevel(s.matrix.bot, 50)
	if _, err := you.user.Client.SendStateEvent(ctx, resp.RoomID, event.StatePowerLevels, "", &levels); err != nil {
		return fmt.Errorf("make the room: %w", err)
	}
	if ann.nio != nil {
		err = ann.nio.Join(ctx, resp.RoomID.String())
	} else {
		_, err = ann.user.Join(ctx, resp.RoomID.String())
	}
	return errors.Join(err, s.acquainted(ctx))
}

// acquainted waits until those who encrypt know the bot's device: what is said before,
// Causeway cannot read.
func (s *Stage) acquainted(ctx context.Context) error {
	for name, p := range s.matrix.crowd {
		if p.nio == nil {
			continue
		}
		err := s.until(ctx, name+" knows the bot", func() error {
			ok, err := p.nio.Knows(ctx, s.matrix.room.String(), s.matrix.bot.String())
			if err == nil && !ok {
				err = errNotYet
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// command has you tell the bot something, until it answers with words: Causeway may not
// have come to a network yet.
func (s *Stage) command(ctx context.Context, text, words string) error {
	for {
		v, err := s.matrix.view()
		if err != nil {
			return err
		}
		before := len(v.said)
		if err := s.matrix.send(ctx, "you", say("!cw "+text)); err != nil {
			return err
		}
		soon, cancel := context.WithTimeout(ctx, 15*time.Second)
		err = s.until(soon, text, func() error {
			v, err := s.matrix.view()
			if err != nil {
				return err
			}
			if fresh := v.said[before:]; !slices.ContainsFunc(fresh, func(b string) bool { return strings.Contains(b, words) }) {
				return fmt.Errorf("the bot says %q (%q)", fresh, v.Strange)
			}
			return nil
		})
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		s.opts.Say("once more: %v", err)
	}
}

// warm has somebody on each side speak until everybody has heard them. What was said
// before devices knew of each other some cannot read.
func (s *Stage) warm(ctx context.Context) error {
	for n := 0; ; n++ {
		for _, side := range Sides() {
			if err := s.speak(ctx, side, fmt.Sprintf("warm %d on %s", n, side)); err != nil {
				return err
			}
		}
		soon, cancel := context.WithTimeout(ctx, 15*time.Second)
		err := s.until(soon, "everybody hears everybody", func() (err error) {
			for earlier := range n + 1 { // a slow machine hears the last one late
				if err = s.heard(earlier); err == nil {
					return nil
				}
			}
			return err
		})
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		s.opts.Say("once more: %v", err)
	}
}

// speak has the first person of a side say something that is not in the script.
func (s *Stage) speak(ctx context.Context, side Side, text string) error {
	who := people(side)[0]
	switch side {
	case Matrix:
		return s.matrix.send(ctx, who, say(text))
	case Mem:
		_, err := s.mem.net.User(network.UserID(who)).Say(town, text)
		return err
	}
	return s.irc[side].crowd[who].Say(channel, text)
}

// heard says which side has not heard one of the texts of warm.
func (s *Stage) heard(n int) error {
	for _, side := range Sides() {
		for _, by := range Sides() {
			if text := fmt.Sprintf("warm %d on %s", n, by); !s.has(side, text) {
				return fmt.Errorf("%s has not %q", side, text)
			}
		}
	}
	return nil
}

// has reports whether a side shows a text, by whomever.
func (s *Stage) has(side Side, text string) bool {
	switch side {
	case Matrix:
		for _, e := range s.matrix.crowd["you"].user.Since(0) {
			if e.RoomID != s.matrix.room || e.Type.Type != event.EventMessage.Type && e.Type.Type != event.EventEncrypted.Type {
				continue
			}
			if c, err := s.matrix.content(e); err == nil && strings.Contains(c.Body, text) {
				return true
			}
		}
		return false
	case Mem:
		for _, m := range s.mem.net.Messages(town) {
			if strings.Contains(m.Text, text) {
				return true
			}
		}
		return false
	}
	for _, l := range s.irc[side].lines() {
		if l.Command == "PRIVMSG" && strings.HasSuffix(l.Params[1], text) {
			return true
		}
	}
	return false
}

// stored waits until Causeway has a message of InspIRCd in its journal.
func (s *Stage) stored(ctx context.Context, remote string) error {
	db, err := s.database()
	if err != nil {
		return err
	}
	defer db.Close()
	return s.until(ctx, "Causeway stores "+remote, func() error {
		var portals int
		if err := db.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM portal").Scan(&portals); err != nil {
			return fmt.Errorf("look for portals: %w", err)
		}
		kind := network.EventKind(&network.Message{})
		for p := range portals + 1 {
			var n int
			if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM entry WHERE key = $1", journal.Key("in", fmt.Sprint(p), "", kind, remote)).Scan(&n); err != nil {
				return fmt.Errorf("look into the journal: %w", err)
			}
			if n > 0 {
				return nil
			}
		}
		return errNotYet
	})
}
