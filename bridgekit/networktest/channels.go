package networktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// channelCases are the rules about chats that are made, described and archived.
func channelCases() []Case {
	return []Case{
		{"CreateWorks", needsOp("create"), with(createWorks)},
		{"PurposeArrives", needsPurposeIn, with(purposeArrives)},
		{"PurposeIsSet", needsPurposeOut, with(purposeIsSet)},
		{"ArchivingArrives", needsArchiving, with(archivingArrives)},
		{"ChatAppears", needsNewChats, with(chatAppears)},
	}
}

func needsPurposeIn(n Needs) string {
	if n.Acts.SetPurpose == nil {
		return "no purposes by others"
	}
	return ""
}

func needsPurposeOut(n Needs) string {
	if !n.Traits.Features.Purposes || n.Ops.EditChat == nil || n.Acts.Purpose == nil {
		return "no purposes by us"
	}
	return ""
}

func needsArchiving(n Needs) string {
	if n.Acts.SetArchived == nil {
		return "chats are not archived"
	}
	return ""
}

func needsNewChats(n Needs) string {
	if n.Acts.MakeChat == nil || n.Ops.Search == nil || n.Ops.Join == nil {
		return "nothing is told of new chats"
	}
	return ""
}

// createWorks: a chat is made that our account is in and others can find, or not; a
// name that is taken is rejected.
func createWorks(ctx context.Context, s *session) error {
	chat, err := s.ops().Create(ctx, network.NewChat{Name: "made-here"})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if chat.Kind != network.Channel {
		return fmt.Errorf("a chat for everybody is made as a %q", chat.Kind)
	}
	if err := s.talks(ctx, chat); err != nil {
		return err
	}
	_, err = s.ops().Create(ctx, network.NewChat{Name: "made-here"})
	if err := explained("create a chat whose name is taken", err, network.Rejected); err != nil {
		return err
	}
	private, err := s.ops().Create(ctx, network.NewChat{Name: "made-in-private", Private: true})
	if err != nil {
		return fmt.Errorf("create a private chat: %w", err)
	}
	if private.Kind == network.Channel {
		return fmt.Errorf("a private chat is made as a %q", private.Kind)
	}
	return s.talks(ctx, private)
}

// purposeArrives: the description that others give a chat is delivered, and Chat
// tells it too, apart from the topic.
func purposeArrives(ctx context.Context, s *session) error {
	const purpose = "Ünï purpose; <b>&amp;</b>"
	if err := s.acts.SetPurpose(ctx, s.traits.Main.ID, purpose); err != nil {
		return fmt.Errorf("harness: set purpose: %w", err)
	}
	err := s.sink.wait(ctx, "the purpose", func(k *sink) bool {
		_, ok := find(k, func(e *network.ChatChange) bool {
			return e.Chat == s.traits.Main && e.Purpose != nil && *e.Purpose == purpose && e.Topic == nil
		})
		return ok
	})
	if err != nil {
		return err
	}
	chat, err := s.ops().Chat(ctx, s.traits.Main.ID)
	if err == nil && (chat.Purpose != purpose || chat.Topic == purpose) {
		err = fmt.Errorf("what Chat returns has the purpose %q and the topic %q, want the purpose %q", chat.Purpose, chat.Topic, purpose)
	}
	return err
}

func purposeIsSet(ctx context.Context, s *session) error {
	purpose, got := "Ünï purpose; <b>&amp;</b>", ""
	err := s.ops().EditChat(ctx, s.traits.Main.ID, network.OutgoingChat{Txn: s.txn(), Purpose: &purpose})
	if err != nil {
		return fmt.Errorf("set purpose: %w", err)
	}
	err = poll(ctx, func() (bool, error) {
		var err error
		got, err = s.acts.Purpose(ctx, s.traits.Main.ID)
		return got == purpose, err
	})
	if err != nil {
		return fmt.Errorf("the purpose is %q, want %q: %w", got, purpose, err)
	}
	return nil
}

// archivingArrives: that a chat is archived is delivered and told by Chat; what is
// sent to it is turned down until that is over.
func archivingArrives(ctx context.Context, s *session) error {
	main := s.traits.Main
	for _, archived := range []bool{true, false} {
		if err := s.acts.SetArchived(ctx, main.ID, archived); err != nil {
			return fmt.Errorf("harness: archive (%v): %w", archived, err)
		}
		err := s.sink.wait(ctx, fmt.Sprintf("that the chat is archived: %v", archived), func(k *sink) bool {
			_, ok := find(k, func(e *network.ChatChange) bool {
				return e.Chat == main && e.Archived != nil && *e.Archived == archived
			})
			return ok
		})
		if err != nil {
			return err
		}
		chat, err := s.ops().Chat(ctx, main.ID)
		if err != nil {
			return err
		}
		if chat.Archived != archived {
			return fmt.Errorf("what Chat returns is archived: %v, want %v", chat.Archived, archived)
		}
		if !archived {
			break
		}
		_, err = s.ops().Send(ctx, s.plain("hello?"))
		if err := explained("send to an archived chat", err, network.Rejected); err != nil {
			return err
		}
	}
	_, err := s.send(ctx, "hello again")
	return err
}

// chatAppears: that somebody made a chat is delivered under the name by which it is
// found and joined.
func chatAppears(ctx context.Context, s *session) error {
	const name = "brand-new"
	if err := s.acts.MakeChat(ctx, name); err != nil {
		return fmt.Errorf("harness: make chat: %w", err)
	}
	appeared := ""
	err := s.sink.wait(ctx, "the new chat", func(k *sink) bool {
		e, ok := find(k, func(e *network.ChatAppeared) bool { return strings.Contains(e.Name, name) && e.Chat.IsZero() })
		if ok {
			appeared = e.Name
		}
		return ok
	})
	if err != nil {
		return err
	}
	found, err := s.ops().Search(ctx, name, 5)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	if !slices.ContainsFunc(found, func(f network.Found) bool { return f.Name == appeared }) {
		return fmt.Errorf("%q appeared, and the search finds %+v", appeared, found)
	}
	chat, err := s.ops().Join(ctx, appeared)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	return s.talks(ctx, chat)
}
