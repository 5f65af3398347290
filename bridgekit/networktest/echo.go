package networktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// echoCases are the rules about our own messages coming back.
func echoCases() []Case {
	return []Case{
		{"EchoIsMatched", nil, with(echoIsMatched)},
		{"OtherDeviceIsOurs", needsOtherDevice, with(otherDeviceIsOurs)},
	}
}

func needsOtherDevice(n Needs) string {
	if n.Acts.OtherDevice == nil {
		return "the account has one device only"
	}
	return ""
}

// echoIsMatched: if the network returns what we said, the core can tell that it
// is ours, and which Send it was.
func echoIsMatched(ctx context.Context, s *session) error {
	txns := map[network.TxnID]string{}
	ids := map[network.MessageID]string{}
	for i := range 10 {
		m := s.plain(fmt.Sprintf("mine %d", i))
		txns[m.Txn] = fmt.Sprintf("mine %d", i)
		sent, err := s.ops().Send(ctx, m)
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		for _, id := range slices.Concat(sent.Parts...) {
			ids[id] = txns[m.Txn]
		}
	}
	if err := s.mark(ctx, "done"); err != nil {
		return err
	}
	self := s.self()
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	for _, m := range s.sink.messages(s.traits.Main.ID) {
		text := said(m.Content)
		if !strings.HasPrefix(text, "mine") {
			continue
		}
		if m.Sender != self {
			return fmt.Errorf("the echo of %q is from %q, and we are %q", text, m.Sender, self)
		}
		if m.Txn != "" && txns[m.Txn] != text {
			return fmt.Errorf("the echo of %q has the transaction ID of %q", text, txns[m.Txn])
		}
		if m.Txn == "" && ids[m.ID] != text {
			return fmt.Errorf("the echo of %q has no transaction ID and the ID %q, which is not what Send returned", text, m.ID)
		}
	}
	return nil
}

func otherDeviceIsOurs(ctx context.Context, s *session) error {
	chat := s.traits.Main.ID
	if _, err := s.acts.OtherDevice(ctx, chat, "from the train"); err != nil {
		return fmt.Errorf("harness: other device: %w", err)
	}
	self := s.self()
	err := s.sink.wait(ctx, "the message from the other device, sent by "+string(self), func(k *sink) bool {
		return k.heard(chat, self) == "from the train"
	})
	if err != nil {
		return err
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	m, _ := find(s.sink, func(m *network.Message) bool { return m.Sender == self })
	if m.Txn != "" {
		return fmt.Errorf("what another device sent has our transaction ID %q", m.Txn)
	}
	return nil
}
