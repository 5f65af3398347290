package slack

import (
	"context"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// altered is a change of the conversation that Slack tells as a message. Changes of
// members and names have events of their own, which say more; archiving has both, of
// which the message is found again after an absence.
func (t *translator) altered(_ context.Context, m *convert.Message, chat string, past bool) []network.Event {
	if past {
		return nil
	}
	change := m.Change()
	head := t.head(chat, messageKey(m.TS), t.senderOf(m), m.TS)
	if change.Topic == nil && change.Purpose == nil && change.Archived == nil {
		return nil
	}
	return []network.Event{&network.ChatChange{Head: head, Topic: change.Topic, Purpose: change.Purpose, Archived: change.Archived}}
}
