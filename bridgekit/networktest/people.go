package networktest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// peopleCases are the rules about what is told of people beside what they say: who
// they are, whether they are there, what they have read, and who moderates.
func peopleCases() []Case {
	return []Case{
		{"NamesArrive", needsRename, with(namesArrive)},
		{"PresenceArrives", needsPresence, with(presenceArrives)},
		{"ReadingArrives", needsReadIn, with(readingArrives)},
		{"OwnReadingArrives", needsOwnRead, with(ownReadingArrives)},
		{"ReadIsMarked", needsReadOut, with(readIsMarked)},
		{"ModeratorsAreTold", needsModerators, with(moderatorsAreTold)},
		{"ModeratedRemovalArrives", needsModeration, with(moderatedRemovalArrives)},
		{"BanIsDone", needsKickOut, with(banIsDone)},
	}
}

func needsRename(n Needs) string {
	if n.Acts.Rename == nil {
		return "nobody takes another name"
	}
	return ""
}

func needsPresence(n Needs) string {
	if n.Acts.Appear == nil {
		return "no presence"
	}
	return ""
}

func needsReadIn(n Needs) string {
	if n.Acts.Read == nil {
		return "nothing is told of what others have read"
	}
	return ""
}

func needsOwnRead(n Needs) string {
	if n.Acts.ReadElsewhere == nil {
		return "nothing is told of what our account has read"
	}
	return ""
}

func needsReadOut(n Needs) string {
	if n.Ops.MarkRead == nil || n.Acts.ReadUpTo == nil {
		return "no read marker of ours"
	}
	return ""
}

func needsModerators(n Needs) string {
	if n.Acts.SetModerates == nil {
		return "nobody moderates the whole network"
	}
	return ""
}

func needsModeration(n Needs) string {
	if n.Acts.Moderate == nil {
		return "no removals by moderators"
	}
	return needsIDs(n)
}

// namesArrive: that a person has another name is delivered, and User tells the new one.
func namesArrive(ctx context.Context, s *session) error {
	for _, name := range []string{"Bob Ünïcode", "Bob the Second"} {
		s.sink.set(func(k *sink) { k.events = nil })
		if err := s.acts.Rename(ctx, name); err != nil {
			return fmt.Errorf("harness: rename: %w", err)
		}
		err := s.changed(ctx, func(u network.User) error {
			if u.Name != name {
				return fmt.Errorf("what User returns has the name %q, want %q", u.Name, name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// changed waits until it is delivered that the other person changed, and User tells
// them as right has them: what was delivered may be about an earlier change.
func (s *session) changed(ctx context.Context, right func(u network.User) error) error {
	err := s.sink.wait(ctx, "that the other person changed", func(k *sink) bool {
		_, ok := find(k, func(e *network.UserChanged) bool { return e.User == s.traits.Other })
		return ok
	})
	if err != nil {
		return err
	}
	var wrong error
	err = poll(ctx, func() (bool, error) {
		u, err := s.ops().User(ctx, s.traits.Other)
		wrong = right(u)
		return wrong == nil, err
	})
	if err != nil && wrong != nil {
		return fmt.Errorf("%w: %w", wrong, err)
	}
	return err
}

// presenceArrives: whether a person who spoke is there, and their status text, are
// delivered when they change.
func presenceArrives(ctx context.Context, s *session) error {
	if _, err := s.ops().User(ctx, s.traits.Other); err != nil { // as the core does for who is shown
		return fmt.Errorf("user: %w", err)
	}
	if err := s.says(ctx, s.traits.Main.ID, "hello"); err != nil {
		return err
	}
	if err := s.hears(ctx, s.traits.Main.ID, "hello"); err != nil {
		return err
	}
	for _, want := range []network.Presence{{Online: false, Words: "at lunch & more"}, {Online: true, Words: "back"}, {Online: true}} {
		if err := s.acts.Appear(ctx, want.Online, want.Words); err != nil {
			return fmt.Errorf("harness: appear: %w", err)
		}
		err := s.sink.wait(ctx, fmt.Sprintf("the presence %v, %q", want.Online, want.Words), func(k *sink) bool {
			for _, ev := range slices.Backward(k.passing) {
				if p, ok := ev.(*network.Presence); ok && p.Sender == s.traits.Other {
					return p.Online == want.Online && p.Words == want.Words && p.Chat.IsZero()
				}
			}
			return false
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readingArrives: how far another person has read is delivered.
func readingArrives(ctx context.Context, s *session) error {
	sent, err := s.send(ctx, "read this")
	if err != nil {
		return err
	}
	id := sent.Parts[0][0]
	if err := s.acts.Read(ctx, s.traits.Main.ID, id); err != nil {
		return fmt.Errorf("harness: read: %w", err)
	}
	return s.sawRead(ctx, s.traits.Other, id)
}

// ownReadingArrives: how far our account has read with another program is delivered.
func ownReadingArrives(ctx context.Context, s *session) error {
	id, err := s.Say(ctx, s.traits.Main.ID, "read this")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	if err := s.hears(ctx, s.traits.Main.ID, "read this"); err != nil {
		return err
	}
	if err := s.acts.ReadElsewhere(ctx, s.traits.Main.ID, id); err != nil {
		return fmt.Errorf("harness: read elsewhere: %w", err)
	}
	return s.sawRead(ctx, s.self(), id)
}

// sawRead waits until somebody has read up to a message of the main chat.
func (s *session) sawRead(ctx context.Context, user network.UserID, id network.MessageID) error {
	return s.sink.wait(ctx, fmt.Sprintf("that %s has read up to %s", user, id), func(k *sink) bool {
		_, ok := find(k, func(r *network.Receipt) bool {
			return r.Chat == s.traits.Main && r.Sender == user && r.UpTo.ID == id
		})
		return ok
	})
}

// readIsMarked: the network holds as read by our account what was marked, and another
// message after it once that is marked too.
func readIsMarked(ctx context.Context, s *session) error {
	main := s.traits.Main.ID
	for i, text := range []string{"one", "two"} {
		id, err := s.Say(ctx, main, text)
		if err != nil {
			return fmt.Errorf("harness: say: %w", err)
		}
		if err := s.hears(ctx, main, []string{"one", "two"}[:i+1]...); err != nil {
			return err
		}
		if err := s.ops().MarkRead(ctx, main, network.Whole(id)); err != nil {
			return fmt.Errorf("mark as read: %w", err)
		}
		var got network.MessageID
		err = poll(ctx, func() (bool, error) {
			var err error
			got, err = s.acts.ReadUpTo(ctx, main)
			return got == id, err
		})
		if err != nil {
			return fmt.Errorf("the network holds as read up to %q, want %q: %w", got, id, err)
		}
	}
	return nil
}

// moderatorsAreTold: that somebody moderates the network, or does not any more, is
// delivered as a change of them, and User tells which it is.
func moderatorsAreTold(ctx context.Context, s *session) error {
	chat, err := s.ops().Chat(ctx, s.traits.Main.ID)
	if err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	if !chat.Features.Moderated {
		return errors.New("the chat is described as one that is not moderated, on a network with moderators")
	}
	for _, on := range []bool{true, false} {
		s.sink.set(func(k *sink) { k.events = nil })
		if err := s.acts.SetModerates(ctx, on); err != nil {
			return fmt.Errorf("harness: set moderates: %w", err)
		}
		err := s.changed(ctx, func(u network.User) error {
			if u.Moderates == nil || *u.Moderates != on {
				return fmt.Errorf("what User returns does not say whether they moderate (%v)", on)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// moderatedRemovalArrives: what a moderator removes of our account is not taken for
// something that our account removed itself.
func moderatedRemovalArrives(ctx context.Context, s *session) error {
	sent, err := s.send(ctx, "not allowed")
	if err != nil {
		return err
	}
	id := sent.Parts[0][0]
	if err := s.acts.Moderate(ctx, s.traits.Main.ID, id); err != nil {
		return fmt.Errorf("harness: moderate: %w", err)
	}
	var got *network.Redaction
	err = s.sink.wait(ctx, "the removal", func(k *sink) bool {
		r, ok := find(k, func(r *network.Redaction) bool { return r.Chat == s.traits.Main && r.Target.ID == id })
		if ok {
			got = r
		}
		return ok
	})
	if err == nil && !got.Moderated && got.Sender == s.self() {
		err = errors.New("what a moderator removed of ours arrives as removed by ourselves")
	}
	return err
}

// banIsDone: who is banned is out of the chat, and that it ends is no error.
func banIsDone(ctx context.Context, s *session) error {
	m := network.Member{User: s.traits.Other, Membership: network.Banned, Reason: "test"}
	if err := s.ops().SetMember(ctx, s.traits.Main.ID, m); err != nil {
		return fmt.Errorf("ban: %w", err)
	}
	err := poll(ctx, func() (bool, error) {
		now, err := s.acts.Standing(ctx, s.traits.Main.ID, m.User)
		return now == network.Left || now == network.Banned, err
	})
	if err != nil {
		return fmt.Errorf("the banned person is still in the chat: %w", err)
	}
	m.Membership = network.Left
	if err := s.ops().SetMember(ctx, s.traits.Main.ID, m); err != nil {
		return fmt.Errorf("end the ban: %w", err)
	}
	return nil
}
