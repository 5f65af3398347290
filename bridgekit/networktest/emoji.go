package networktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// emojiCases are the rules about custom emoji.
func emojiCases() []Case {
	return []Case{
		{"EmojiArrives", needsEmoji, with(emojiArrives)},
		{"EmojiReactionArrives", needsEmojiReaction, with(emojiReactionArrives)},
		{"EmojiChangesArrive", needsEmojiList, with(emojiChangesArrive)},
		{"EmojiIsSent", needsEmojiOut, with(emojiIsSent)},
		{"UnknownEmojiIsRejected", needsOpenEmoji, with(unknownEmoji)},
	}
}

func needsEmoji(n Needs) string {
	if n.Acts.AddEmoji == nil || n.Acts.SayEmoji == nil {
		return "no custom emoji from others"
	}
	return needsOpenEmoji(n)
}

func needsEmojiReaction(n Needs) string {
	if n.Acts.AddEmoji == nil || n.Acts.React == nil {
		return "no reactions with custom emoji"
	}
	return ""
}

func needsEmojiList(n Needs) string {
	if n.Acts.AddEmoji == nil || n.Acts.RemoveEmoji == nil || n.Ops.ListEmoji == nil {
		return "no list of custom emoji"
	}
	return ""
}

func needsEmojiOut(n Needs) string {
	if n.Acts.AddEmoji == nil || n.Acts.Emoji == nil || n.Ops.ListEmoji == nil {
		return "no custom emoji to others"
	}
	return ""
}

func needsOpenEmoji(n Needs) string {
	if n.Ops.OpenEmoji == nil {
		return "no pictures of custom emoji"
	}
	return ""
}

// party is a custom emoji and its picture.
const party = ":party-time:"

func partyPicture() []byte { return append([]byte("\x89PNG\r\n\x1a\n"), content(3000)...) }

func emojiArrives(ctx context.Context, s *session) error {
	chat, picture := s.traits.Main.ID, partyPicture()
	if err := s.acts.AddEmoji(ctx, party, picture); err != nil {
		return fmt.Errorf("harness: add emoji: %w", err)
	}
	id, err := s.acts.SayEmoji(ctx, chat, party)
	if err != nil {
		return fmt.Errorf("harness: say emoji: %w", err)
	}
	var said network.Content
	err = s.sink.wait(ctx, "the emoji", func(k *sink) bool {
		m, ok := find(k, func(m *network.Message) bool { return m.ID == id && m.Chat.ID == chat })
		if ok {
			said = m.Content
		}
		return ok
	})
	if err != nil {
		return err
	}
	var got []markup.Node
	markup.Walk(said.Parts[0].Text, func(n markup.Node) bool {
		if n.Kind == markup.Emoji {
			got = append(got, n)
		}
		return true
	})
	if len(got) != 1 || got[0].Text != party || got[0].URL == "" {
		return fmt.Errorf("a text with the emoji %s has the emoji %+v", party, got)
	}
	if err := s.shows(ctx, network.EmojiID(got[0].URL), picture); err != nil {
		return err
	}
	if s.acts.RemoveEmoji == nil {
		return nil
	}
	if err := s.acts.RemoveEmoji(ctx, party); err != nil { // what was said stays said
		return fmt.Errorf("harness: remove emoji: %w", err)
	}
	return s.shows(ctx, network.EmojiID(got[0].URL), picture)
}

// shows fetches an emoji's picture and compares it.
func (s *session) shows(ctx context.Context, id network.EmojiID, want []byte) error {
	r, err := s.ops().OpenEmoji(ctx, id)
	if err != nil {
		return fmt.Errorf("open emoji %q: %w", id, err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read emoji %q: %w", id, err)
	}
	if !bytes.Equal(data, want) {
		return fmt.Errorf("the picture of emoji %q has %d bytes; want %d others", id, len(data), len(want))
	}
	return nil
}

func emojiReactionArrives(ctx context.Context, s *session) error {
	chat := s.traits.Main.ID
	if err := s.acts.AddEmoji(ctx, party, partyPicture()); err != nil {
		return fmt.Errorf("harness: add emoji: %w", err)
	}
	id, err := s.Say(ctx, chat, "nice?")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	if err := s.acts.React(ctx, chat, id, party, false); err != nil {
		return fmt.Errorf("harness: react: %w", err)
	}
	var emoji string
	var custom network.EmojiID
	err = s.sink.wait(ctx, "the reaction", func(k *sink) bool {
		one, ok := find(k, func(e *network.Reaction) bool { return has(e.Target, id) && e.Sender == s.traits.Other })
		if ok {
			emoji, custom = one.Emoji, one.Custom
			return true
		}
		set, ok := find(k, func(e *network.ReactionSet) bool { return has(e.Target, id) && len(e.Emoji[s.traits.Other]) == 1 })
		if ok {
			emoji = set.Emoji[s.traits.Other][0]
			custom = set.Custom[emoji]
		}
		return ok
	})
	if err != nil {
		return err
	}
	if emoji != party || custom == "" {
		return fmt.Errorf("a reaction with the emoji %s arrived as %q with the picture %q", party, emoji, custom)
	}
	return nil
}

// listed waits until the list has an emoji, or not any more, and returns its ID.
func (s *session) listed(ctx context.Context, want bool) (id network.EmojiID, err error) {
	err = poll(ctx, func() (bool, error) {
		all, err := s.ops().ListEmoji(ctx)
		if err != nil {
			return false, fmt.Errorf("list emoji: %w", err)
		}
		at := slices.IndexFunc(all, func(e network.Emoji) bool { return e.Name == party })
		if at >= 0 {
			id = all[at].ID
		}
		return at >= 0 == want, nil
	})
	if err != nil {
		return "", fmt.Errorf("%s in the list of emoji: want %v: %w", party, want, err)
	}
	return id, nil
}

// emojiChangesArrive: the list is current when the change has been told.
func emojiChangesArrive(ctx context.Context, s *session) error {
	for n, f := range []func() error{
		func() error { return s.acts.AddEmoji(ctx, party, partyPicture()) },
		func() error { return s.acts.RemoveEmoji(ctx, party) },
	} {
		if err := f(); err != nil {
			return fmt.Errorf("harness: change emoji: %w", err)
		}
		err := s.sink.wait(ctx, "the change of the emoji", func(k *sink) bool {
			told := 0
			for _, ev := range k.passing {
				if _, ok := ev.(*network.EmojiChanged); ok {
					told++
				}
			}
			return told > n
		})
		if err != nil {
			return err
		}
		if _, err := s.listed(ctx, n == 0); err != nil {
			return err
		}
	}
	return nil
}

func emojiIsSent(ctx context.Context, s *session) error {
	chat := s.traits.Main.ID
	if err := s.acts.AddEmoji(ctx, party, partyPicture()); err != nil {
		return fmt.Errorf("harness: add emoji: %w", err)
	}
	id, err := s.listed(ctx, true)
	if err != nil {
		return err
	}
	m := s.plain("")
	m.Parts = []network.Part{{Text: markup.Body{
		{Kind: markup.Text, Text: "look "}, {Kind: markup.Emoji, URL: string(id), Text: party}, {Kind: markup.Text, Text: " there"},
	}}}
	if _, err := s.ops().Send(ctx, m); err != nil {
		return fmt.Errorf("send an emoji: %w", err)
	}
	var names []string
	err = poll(ctx, func() (bool, error) {
		var err error
		names, err = s.acts.Emoji(ctx, chat)
		return len(names) > 0, err
	})
	if err != nil {
		return fmt.Errorf("no emoji arrived: %w", err)
	}
	if !slices.Equal(names, []string{party}) {
		return fmt.Errorf("sent the emoji %s, the network holds %q", party, names)
	}
	return nil
}

func unknownEmoji(ctx context.Context, s *session) error {
	r, err := s.ops().OpenEmoji(ctx, "no such emoji")
	if err == nil {
		_, err = io.ReadAll(r)
		err = errors.Join(err, r.Close())
	}
	return kind("open an emoji that does not exist", err, network.Rejected, network.Gone)
}
