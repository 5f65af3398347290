package slack

import (
	"context"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// altered is a change of the conversation that Slack tells as a message. Changes of
// members, names and archiving have events of their own, which say more.
func (t *translator) altered(_ context.Context, m *convert.Message, chat string, past bool) []network.Event {
	if past {
		return nil
	}
	change := m.Change()
	head := t.head(chat, messageKey(m.TS), t.senderOf(m), m.TS)
	switch {
	case change.Topic != nil:
		return []network.Event{&network.ChatChange{Head: head, Topic: change.Topic}}
	case change.Purpose != nil:
		words := "The description of this channel is now: " + *change.Purpose
		if *change.Purpose == "" {
			words = "The description of this channel was removed."
		}
		return []network.Event{&network.ServiceNotice{Head: head, Content: network.Text(words)}}
	}
	return nil
}
