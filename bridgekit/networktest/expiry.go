package networktest

import (
	"context"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// expiryCases are the rules about messages that vanish.
func expiryCases() []Case {
	return []Case{
		{"ExpiryArrives", needsExpiryIn, with(expiryArrives)},
		{"ExpiryIsSent", needsLifetime, with(expiryIsSent)},
		{"ExpirySettingIsSent", needsExpirySetting, with(expirySettingIsSent)},
	}
}

func needsExpiryIn(n Needs) string {
	if n.Acts.SetExpiry == nil {
		return "messages do not vanish"
	}
	return ""
}

func needsLifetime(n Needs) string {
	if !n.Traits.Features.Expiries || n.Acts.Lifetime == nil {
		return "messages do not vanish"
	}
	return ""
}

func needsExpirySetting(n Needs) string {
	if !n.Traits.Features.Expiries || n.Acts.Expiry == nil || n.Ops.EditChat == nil {
		return "how long messages live cannot be set"
	}
	return ""
}

// expiryArrives: a chat's setting is told when it changes and by Chat, and the
// messages that are said then carry it.
func expiryArrives(ctx context.Context, s *session) error {
	const life = 24 * time.Hour
	chat := s.traits.Main.ID
	if err := s.acts.SetExpiry(ctx, chat, life); err != nil {
		return fmt.Errorf("harness: set expiry: %w", err)
	}
	err := s.sink.wait(ctx, "the setting", func(k *sink) bool {
		_, ok := find(k, func(e *network.ChatChange) bool {
			return e.Chat == s.traits.Main && e.Expiry != nil && *e.Expiry == life
		})
		return ok
	})
	if err != nil {
		return err
	}
	got, err := s.ops().Chat(ctx, chat)
	if err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	if got.Expiry != life {
		return fmt.Errorf("what Chat returns says that messages live %s, want %s", got.Expiry, life)
	}
	if err := s.says(ctx, chat, "not for long"); err != nil {
		return err
	}
	if err := s.hears(ctx, chat, "not for long"); err != nil {
		return err
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	if m := s.sink.messages(chat)[0]; m.Expiry != life || m.At.IsZero() {
		return fmt.Errorf("the message lives %s from %s, want %s from when it was said", m.Expiry, m.At, life)
	}
	return nil
}

// expiryIsSent: what Content.Expiry says is what the network holds.
func expiryIsSent(ctx context.Context, s *session) error {
	const life = 24 * time.Hour
	m := network.Outgoing{Txn: s.txn(), Chat: s.traits.Main.ID, Content: network.Text("not for long")}
	m.Expiry = life
	sent, err := s.ops().Send(ctx, m)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if len(sent.Parts) != 1 || len(sent.Parts[0]) != 1 {
		return fmt.Errorf("what Send returns has the parts %v, want one with one ID", sent.Parts)
	}
	got, err := s.acts.Lifetime(ctx, m.Chat, sent.Parts[0][0])
	if err != nil {
		return fmt.Errorf("harness: lifetime: %w", err)
	}
	if got != life {
		return fmt.Errorf("the network lets the message live %s, want %s", got, life)
	}
	return nil
}

// expirySettingIsSent: a chat can be set to a time, and back to none.
func expirySettingIsSent(ctx context.Context, s *session) error {
	for _, life := range []time.Duration{24 * time.Hour, 0} {
		err := s.ops().EditChat(ctx, s.traits.Main.ID, network.OutgoingChat{Txn: s.txn(), Expiry: &life})
		if err != nil {
			return fmt.Errorf("set expiry: %w", err)
		}
		var got time.Duration
		err = poll(ctx, func() (bool, error) {
			var err error
			got, err = s.acts.Expiry(ctx, s.traits.Main.ID)
			return got == life, err
		})
		if err != nil {
			return fmt.Errorf("messages of the chat live %s, want %s: %w", got, life, err)
		}
	}
	return nil
}
