package portal

import (
	"context"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// aboutMark begins the paragraph of a room's topic that holds its chat's purpose:
// Matrix has one text for both.
const aboutMark = "About:"

// roomTopic is the topic of the room of a chat with that topic and purpose.
func roomTopic(topic, purpose string) string {
	switch {
	case purpose == "":
		return topic
	case topic == "":
		return aboutMark + " " + purpose
	}
	return topic + "\n\n" + aboutMark + " " + purpose
}

// splitTopic is the opposite of roomTopic. A nil purpose: the text says nothing about
// it, as where somebody wrote a new topic over everything.
func splitTopic(text string) (topic string, purpose *string) {
	topic, about, found := strings.Cut("\n"+text, "\n"+aboutMark)
	if !found {
		return text, nil
	}
	about = strings.TrimSpace(about)
	return strings.TrimSpace(topic), &about
}

// topicOf is the topic of a portal's room.
func topicOf(p store.Portal) string { return roomTopic(p.Info.Topic, p.Info.Purpose) }

// showTopic gives a portal's room the topic that info says. In a room that somebody
// else made the bot may lack the power to, and leaves it.
func (s *Service) showTopic(ctx context.Context, p store.Portal, info store.PortalInfo, at time.Time) error {
	c := &event.TopicEventContent{Topic: roomTopic(info.Topic, info.Purpose)}
	_, err := s.hs.SendState(ctx, roomID(p), s.hs.BotID(), event.StateTopic, "", c, at)
	if err != nil && info.Plumbed && matrix.KindOf(err) == matrix.NotAllowed {
		return nil
	}
	return err
}

// changedTopic shows a topic and purpose that changed on the network.
func (x *inbound) changedTopic(ctx context.Context, c *network.ChatChange, info *store.PortalInfo) error {
	before := *info
	if c.Topic != nil {
		info.Topic = *c.Topic
	}
	if c.Purpose != nil {
		info.Purpose = *c.Purpose
	}
	if info.Topic == before.Topic && info.Purpose == before.Purpose {
		return nil
	}
	return x.showTopic(ctx, x.p, *info, c.At)
}

// setTopic is the change of a chat that a topic of the room asks for.
func (o *outbound) setTopic(text string, change *network.OutgoingChat) {
	if text == topicOf(o.p) {
		return
	}
	topic, purpose := text, (*string)(nil)
	if features(o.p).Purposes {
		topic, purpose = splitTopic(text)
	}
	if topic != o.p.Info.Topic {
		change.Topic = &topic
	}
	if purpose != nil && *purpose != o.p.Info.Purpose {
		change.Purpose = purpose
	}
}

// keepPurpose gives a room that shows one chat the topic that it has by what was
// written: the purpose comes back if it was written over. nil: go on.
func (o *outbound) keepPurpose(ctx context.Context, written string) *journal.Outcome {
	p, ok, err := o.portals.get(ctx, o.p.ID)
	if err != nil {
		return settled(dbOutcome(err))
	}
	if !ok || !features(p).Purposes || p.Info.Plumbed || written == topicOf(p) {
		return nil
	}
	if all, err := o.portals.in(ctx, p.Room); err != nil {
		return settled(dbOutcome(err))
	} else if len(all) > 1 {
		return nil
	}
	if err := o.showTopic(ctx, p, p.Info, time.Time{}); err != nil && !harmless(err) {
		return settled(o.outcome(err))
	}
	return nil
}
