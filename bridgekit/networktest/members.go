package networktest

import (
	"context"
	"errors"
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// memberCases are the rules about who is in a chat, and about its topic.
func memberCases() []Case {
	return []Case{
		{"MembersListedOnce", needsMembers, with(membersListedOnce)},
		{"JoinAndLeaveArrive", needsJoinIn, with(joinAndLeaveArrive)},
		{"KickIsDone", needsKickOut, with(kickIsDone)},
		{"TopicArrives", needsTopicIn, with(topicArrives)},
		{"TopicIsSet", needsTopicOut, with(topicIsSet)},
	}
}

func needsMembers(n Needs) string {
	if n.Ops.Members == nil {
		return "no list of members"
	}
	return ""
}

func needsJoinIn(n Needs) string {
	if n.Acts.Join == nil || n.Acts.Leave == nil {
		return "nobody can enter or leave"
	}
	return ""
}

func needsKickOut(n Needs) string {
	if n.Ops.SetMember == nil || n.Acts.Standing == nil {
		return "no moderation"
	}
	return ""
}

func needsTopicIn(n Needs) string {
	if n.Acts.SetTopic == nil {
		return "no topics by others"
	}
	return ""
}

func needsTopicOut(n Needs) string {
	if n.Ops.EditChat == nil || n.Acts.Topic == nil {
		return "no topics by us"
	}
	return ""
}

func membersListedOnce(ctx context.Context, s *session) error {
	want := map[network.UserID]bool{s.self(): true, s.traits.Other: true}
	if s.acts.Join != nil {
		third, err := s.acts.Join(ctx, s.traits.Main.ID)
		if err != nil {
			return fmt.Errorf("harness: join: %w", err)
		}
		want[third] = true
		if err := s.sawMember(ctx, third, network.Joined); err != nil {
			return err
		}
	}
	seen := map[network.UserID]bool{}
	for cursor, pages := "", 0; ; pages++ {
		page, next, err := s.ops().Members(ctx, s.traits.Main.ID, cursor)
		if err != nil {
			return fmt.Errorf("members: %w", err)
		}
		for _, m := range page {
			if seen[m.User] {
				return fmt.Errorf("member %q is listed twice", m.User)
			}
			if m.Membership == network.Joined {
				seen[m.User] = true
			}
		}
		if next == "" {
			break
		}
		if pages > 1000 {
			return errors.New("the list of members does not end")
		}
		cursor = next
	}
	for user := range want {
		if !seen[user] {
			return fmt.Errorf("member %q is not listed, only %v", user, seen)
		}
	}
	return nil
}

// sawMember waits for a person's change of membership in the main chat.
func (s *session) sawMember(ctx context.Context, user network.UserID, want network.Membership) error {
	return s.sink.wait(ctx, fmt.Sprintf("membership %s of %s", want, user), func(k *sink) bool {
		_, ok := find(k, func(e *network.MemberChange) bool {
			listed := false
			for _, m := range e.Members {
				if m.User == user {
					listed = true
					if e.Chat == s.traits.Main && m.Membership == want {
						return true
					}
				}
			}
			return e.Full && !listed && want == network.Left
		})
		return ok
	})
}

func joinAndLeaveArrive(ctx context.Context, s *session) error {
	user, err := s.acts.Join(ctx, s.traits.Main.ID)
	if err != nil {
		return fmt.Errorf("harness: join: %w", err)
	}
	if err := s.sawMember(ctx, user, network.Joined); err != nil {
		return err
	}
	s.sink.set(func(k *sink) { k.events = nil })
	if err := s.acts.Leave(ctx, s.traits.Main.ID, user); err != nil {
		return fmt.Errorf("harness: leave: %w", err)
	}
	return s.sawMember(ctx, user, network.Left)
}

func kickIsDone(ctx context.Context, s *session) error {
	err := s.ops().SetMember(ctx, s.traits.Main.ID, network.Member{
		User: s.traits.Other, Membership: network.Left, Reason: "test",
	})
	if err != nil {
		return fmt.Errorf("kick: %w", err)
	}
	err = poll(ctx, func() (bool, error) {
		now, err := s.acts.Standing(ctx, s.traits.Main.ID, s.traits.Other)
		return now == network.Left, err
	})
	if err != nil {
		return fmt.Errorf("the kicked person is still in the chat: %w", err)
	}
	return nil
}

func topicArrives(ctx context.Context, s *session) error {
	const topic = "Ünï topic; <b>&amp;</b> | http://a.example"
	if err := s.acts.SetTopic(ctx, s.traits.Main.ID, topic); err != nil {
		return fmt.Errorf("harness: set topic: %w", err)
	}
	err := s.sink.wait(ctx, "the topic", func(k *sink) bool {
		_, ok := find(k, func(e *network.ChatChange) bool {
			return e.Chat == s.traits.Main && e.Topic != nil && *e.Topic == topic
		})
		return ok
	})
	if err != nil {
		return err
	}
	chat, err := s.ops().Chat(ctx, s.traits.Main.ID)
	if err == nil && chat.Topic != topic {
		err = fmt.Errorf("what Chat returns has the topic %q, want %q", chat.Topic, topic)
	}
	return err
}

func topicIsSet(ctx context.Context, s *session) error {
	topic := "Ünï topic; <b>&amp;</b>"
	err := s.ops().EditChat(ctx, s.traits.Main.ID, network.OutgoingChat{Txn: s.txn(), Topic: &topic})
	if err != nil {
		return fmt.Errorf("set topic: %w", err)
	}
	var got string
	err = poll(ctx, func() (bool, error) {
		var err error
		got, err = s.acts.Topic(ctx, s.traits.Main.ID)
		return got == topic, err
	})
	if err != nil {
		return fmt.Errorf("the topic is %q, want %q: %w", got, topic, err)
	}
	return nil
}
