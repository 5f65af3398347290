package conversation

import (
	"context"
	"fmt"
	"strings"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// A dead is a dead letter. Its target is the event that it carries, or the one that
// it changes.
type dead struct {
	id             int64
	target, reason string
}

// letters are the dead letters.
func (s *Stage) letters() (all []dead, err error) {
	db, err := s.database()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.Query("SELECT id, target, reason FROM entry WHERE state = 4 ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("look for dead letters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d dead
		if err := rows.Scan(&d.id, &d.target, &d.reason); err != nil {
			return nil, err
		}
		d.target = strings.TrimLeft(d.target, "=~") // what it makes, or changes
		all = append(all, d)
	}
	return all, rows.Err()
}

// unknowable is in the words for what InspIRCd may have got, or not.
const unknowable = "nobody can tell whether it arrived"

// byHand does what the bot asks for: of what nobody can tell whether it arrived,
// somebody looks whether it did, and has it sent again or given up.
func (s *Stage) byHand(ctx context.Context) error {
	all, err := s.letters()
	if err != nil || len(all) == 0 {
		return err
	}
	talk, err := s.talk(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		if !strings.Contains(d.reason, unknowable) {
			continue // Compare finds it
		}
		command, answer := fmt.Sprintf("queue drop %d", d.id), "is given up"
		there, err := s.arrived(d)
		if err != nil {
			return err
		}
		if err := s.nameless(d); err != nil {
			return err
		}
		if !there {
			command, answer = fmt.Sprintf("queue retry %d", d.id), "is queued again"
		}
		s.opts.Say("by hand: %s", command)
		if err := s.tell(ctx, talk, command, answer); err != nil {
			return err
		}
	}
	return s.until(ctx, "what was sent again has arrived", func() error {
		n, err := s.entries("< 4")
		if err == nil && len(n) > 0 {
			err = errNotYet
		}
		return err
	})
}

// arrived looks on InspIRCd.
func (s *Stage) arrived(d dead) (bool, error) {
	room, err := s.matrix.view()
	if err != nil {
		return false, err
	}
	there, err := s.View(Insp)
	if err != nil {
		return false, err
	}
	if r, ok := room.reactions[id.EventID(d.target)]; ok {
		return there.Marks[r.on][r.Mark] > 0, nil
	}
	i := room.byID[d.target]
	if i == nil || i.Removed {
		return true, nil // nobody misses it
	}
	shown := there.find(i.N)
	return shown != nil && last(there, shown) == last(room.View, i), nil
}

// nameless notes which message it is that Causeway does not know the ID of.
func (s *Stage) nameless(d dead) error {
	room, err := s.matrix.view()
	if err != nil {
		return err
	}
	if i := room.byID[d.target]; i != nil {
		s.unnamed[i.N] = true
	}
	return nil
}

// last is the newest revision of a message that a side shows.
func last(v *View, i *Item) int {
	if e := v.Edits[i.N]; len(e) > 0 {
		return e[len(e)-1].Rev
	}
	return i.Rev
}

// talk opens your direct chat with the bot.
func (s *Stage) talk(ctx context.Context) (id.RoomID, error) {
	you := s.matrix.crowd["you"].user
	resp, err := you.Client.CreateRoom(ctx, &mautrix.ReqCreateRoom{IsDirect: true, Preset: "trusted_private_chat", Invite: []id.UserID{s.matrix.bot}})
	if err != nil {
		return "", fmt.Errorf("talk with the bot: %w", err)
	}
	return resp.RoomID, s.answered(ctx, resp.RoomID, 0, "Hello")
}

// tell tells the bot something in the direct chat and waits for its answer.
func (s *Stage) tell(ctx context.Context, talk id.RoomID, text, answer string) error {
	you := s.matrix.crowd["you"].user
	mark := you.Mark()
	if _, err := you.Text(ctx, talk, text); err != nil {
		return err
	}
	return s.answered(ctx, talk, mark, answer)
}

// answered waits for words of the bot.
func (s *Stage) answered(ctx context.Context, talk id.RoomID, mark int, words string) error {
	return s.until(ctx, "the bot says "+words, func() error {
		for _, e := range s.matrix.crowd["you"].user.Since(mark) {
			if e.RoomID == talk && e.Sender == s.matrix.bot && e.Type == event.EventMessage && strings.Contains(e.Content.AsMessage().Body, words) {
				return nil
			}
		}
		return errNotYet
	})
}
