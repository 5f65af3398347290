package portal

import (
	"context"
	"time"

	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// bridgeKey is the state key of what a room says about its portal: it may have several.
func bridgeKey(p store.Portal) string {
	key := "chat.causeway." + string(p.Network) + "/" + string(p.Chat.ID)
	if len(key) > 250 {
		key = key[:250]
	}
	return key
}

// bridgeInfo is the state that tells clients what the room is bridged to
// (MSC2346), and what can be said there as far as that is known.
func (s *Service) bridgeInfo(p store.Portal, chat network.Chat, ops *network.Ops) []*event.Event {
	key := bridgeKey(p)
	content := s.bridgeContent(p, chat.Name)
	out := []*event.Event{
		{Type: event.StateBridge, StateKey: &key, Content: event.Content{Parsed: content}},
		{Type: event.StateHalfShotBridge, StateKey: &key, Content: event.Content{Parsed: content}},
	}
	if chat.Features.Once != "" && ops != nil {
		can := capabilities(chat.Features, ops)
		can.ID = can.GetID()
		out = append(out, &event.Event{Type: event.StateBeeperRoomFeatures, StateKey: &key, Content: event.Content{Parsed: can}})
	}
	return out
}

func (s *Service) bridgeContent(p store.Portal, name string) *event.BridgeEventContent {
	info := network.Info{ID: p.Network, Name: string(p.Network)}
	if c := s.logins.Connector(p.Network); c != nil {
		info = c.Info()
	}
	return &event.BridgeEventContent{
		BridgeBot: s.hs.BotID(), Creator: s.hs.BotID(),
		Protocol: event.BridgeInfoSection{ID: info.Protocol, DisplayName: info.Name, ExternalURL: info.URL, AvatarURL: id.ContentURIString(info.Icon)},
		Channel:  event.BridgeInfoSection{ID: string(p.Chat.ID), DisplayName: name},
	}
}

// renameBridge says what the chat is called now where the room says what it is
// bridged to.
func (s *Service) renameBridge(ctx context.Context, p store.Portal, name string) error {
	content := s.bridgeContent(p, name)
	for _, kind := range []event.Type{event.StateBridge, event.StateHalfShotBridge} {
		if _, err := s.hs.SendState(ctx, roomID(p), s.hs.BotID(), kind, bridgeKey(p), content, time.Time{}); err != nil {
			return s.remove(err)
		}
	}
	return nil
}

// serviceMembers is the state by which clients leave the bot out when they name and
// picture a room after those in it, and the ghosts of people who are in it themselves.
func (s *Service) serviceMembers(p store.Portal, own []network.UserID) *event.Event {
	content := &event.ElementFunctionalMembersContent{ServiceMembers: []id.UserID{s.hs.BotID()}}
	for _, u := range own {
		content.Add(s.ghostOf(p.Network, u))
	}
	return &event.Event{Type: event.StateElementFunctionalMembers, StateKey: new(string), Content: event.Content{Parsed: content}}
}

// showCapabilities says in the room what can be said there, if that is news.
func (s *Service) showCapabilities(ctx context.Context, p store.Portal, f network.Features, ops *network.Ops) error {
	can := capabilities(f, ops)
	can.ID = can.GetID()
	if f.Once == "" || can.ID == p.Info.Shown {
		return nil
	}
	if _, err := s.hs.SendState(ctx, roomID(p), s.hs.BotID(), event.StateBeeperRoomFeatures, bridgeKey(p), can, time.Time{}); err != nil && !harmless(err) {
		return err
	}
	_, err := s.update(ctx, p.ID, func(p *store.Portal) { p.Info.Shown, p.Info.Features = can.ID, f })
	return err
}

// capabilities is what a chat can carry, in the form that clients read
// (com.beeper.room_features).
func capabilities(f network.Features, ops *network.Ops) *event.RoomFeatures {
	can := func(ok bool, other event.CapabilitySupportLevel) event.CapabilitySupportLevel {
		if ok {
			return event.CapLevelFullySupported
		}
		return other
	}
	out := &event.RoomFeatures{
		Formatting: formatting(f.Formatting), File: files(f), MaxTextLength: f.MaxText,
		State: event.StateFeatureMap{}, MemberActions: event.MemberFeatureMap{},
		LocationMessage: event.CapLevelPartialSupport, Poll: event.CapLevelPartialSupport,
		Thread:   can(f.Threads, event.CapLevelPartialSupport),
		Reply:    can(!f.Quotes, event.CapLevelPartialSupport),
		Edit:     can(ops.Edit != nil, event.CapLevelPartialSupport), // else it is a message that says so
		Delete:   can(ops.Redact != nil, event.CapLevelRejected),
		Reaction: can(ops.React != nil, event.CapLevelDropped),

		ReadReceipts: ops.MarkRead != nil, TypingNotifications: ops.Type != nil,
	}
	if ops.Edit != nil && f.EditWindow > 0 {
		window := jsontime.S(f.EditWindow)
		out.EditMaxAge = &window
	}
	for kind, ok := range map[string]bool{
		event.StateRoomName.Type: ops.EditChat != nil, event.StateTopic.Type: ops.EditChat != nil,
		event.StateRoomAvatar.Type: ops.EditChat != nil, event.StatePinnedEvents.Type: ops.Pin != nil,
	} {
		out.State[kind] = &event.StateFeatures{Level: can(ok, event.CapLevelDropped)}
	}
	out.MemberActions[event.MemberActionLeave] = can(ops.Leave != nil, event.CapLevelDropped)
	for _, a := range []event.MemberAction{event.MemberActionKick, event.MemberActionBan} {
		out.MemberActions[a] = can(ops.SetMember != nil, event.CapLevelDropped)
	}
	return out
}

// formatting is which kinds of text survive.
func formatting(kinds []markup.Kind) event.FormattingFeatureMap {
	names := map[markup.Kind][]event.FormattingFeature{
		markup.Bold: {event.FmtBold}, markup.Italic: {event.FmtItalic}, markup.Underline: {event.FmtUnderline}, markup.Strike: {event.FmtStrikethrough},
		markup.Code: {event.FmtInlineCode}, markup.CodeBlock: {event.FmtCodeBlock}, markup.Quote: {event.FmtBlockquote},
		markup.Link: {event.FmtInlineLink}, markup.Mention: {event.FmtUserLink}, markup.ChatLink: {event.FmtRoomLink}, markup.Everyone: {event.FmtAtRoomMention},
		markup.List: {event.FmtUnorderedList, event.FmtOrderedList}, markup.Emoji: {event.FmtCustomEmoji}, markup.Spoiler: {event.FmtSpoiler},
		markup.Colour: {event.FmtTextForegroundColor}, markup.Heading: {event.FmtHeaders}, markup.Rule: {event.FmtHorizontalLine},
	}
	out := event.FormattingFeatureMap{}
	for _, k := range kinds {
		for _, name := range names[k] {
			out[name] = event.CapLevelFullySupported
		}
	}
	return out
}

// files is which files are taken, for each kind that clients send.
func files(f network.Features) event.FileFeatureMap {
	one := &event.FileFeatures{MimeTypes: map[string]event.CapabilitySupportLevel{}, Caption: event.CapLevelFullySupported, MaxCaptionLength: f.MaxText, MaxSize: max(f.MaxFile, 0)}
	switch {
	case f.MaxFile < 0:
		one.MimeTypes["*/*"], one.Caption = event.CapLevelRejected, 0
	case f.MIME == nil:
		one.MimeTypes["*/*"] = event.CapLevelFullySupported
	default:
		for _, m := range f.MIME {
			one.MimeTypes[m] = event.CapLevelFullySupported
		}
	}
	out := event.FileFeatureMap{}
	for _, kind := range []event.MessageType{event.MsgImage, event.MsgVideo, event.MsgAudio, event.MsgFile, event.CapMsgVoice, event.CapMsgSticker, event.CapMsgGIF} {
		out[kind] = one
	}
	return out
}
