package slack

import (
	"context"
	"net/url"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// maxFile is the largest file that Slack takes, in bytes.
const maxFile = 1 << 30

// conversation is a conversation as Slack tells of it.
type conversation struct {
	ID, Name   string
	User       string // the other of a direct message
	Creator    string
	IsIM       bool `json:"is_im"`
	IsMPIM     bool `json:"is_mpim"`
	IsPrivate  bool `json:"is_private"`
	IsArchived bool `json:"is_archived"`
	IsMember   bool `json:"is_member"`
	IsReadOnly bool `json:"is_read_only"`
	NumMembers int  `json:"num_members"`
	Topic      struct {
		Value string
	}
	Purpose struct {
		Value string
	}
}

// about is what is found in searches: its topic, or else its description.
func (c *conversation) about() string {
	return unescape(firstOf(c.Topic.Value, c.Purpose.Value))
}

// conversation asks for a conversation.
func (a *api) conversation(ctx context.Context, id string) (conversation, error) {
	var out struct {
		Channel conversation `json:"channel"`
	}
	err := a.call(ctx, "conversations.info", url.Values{"channel": {id}, "include_num_members": {"true"}}, &out)
	return out.Channel, err
}

// Chat implements network.Client.
func (c *Client) Chat(ctx context.Context, id network.ChatID) (network.Chat, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return network.Chat{}, err
	}
	if err := checkChat(id); err != nil {
		return network.Chat{}, &network.Error{Kind: network.Gone, User: network.UserText(err), Err: err}
	}
	if acc.pace.busy("conversations.info") {
		if found, ok := c.conn.dir.listed(ctx, acc, string(id)); ok {
			return c.describe(ctx, acc, found), nil
		}
	}
	found, err := acc.conversation(ctx, string(id))
	if err != nil {
		return network.Chat{}, err
	}
	return c.describe(ctx, acc, found), nil
}

// describe turns what Slack tells of a conversation into a chat.
func (c *Client) describe(ctx context.Context, acc *account, found conversation) network.Chat {
	chat := network.Chat{
		Key: chatKey(found.ID, c.login.ID), Kind: network.Group, Name: found.Name,
		Topic: unescape(found.Topic.Value), Purpose: unescape(found.Purpose.Value), Archived: found.IsArchived,
		Members: found.NumMembers, Features: c.features(acc),
	}
	chat.Features.ReadOnly = found.IsArchived || found.IsReadOnly
	switch {
	case found.IsIM:
		chat.Features.Purposes, chat.Features.Archives, chat.Features.Moderated = false, false, false
		chat.Kind, chat.Name, chat.Other = network.Direct, "", network.UserID(found.User)
		chat.Members = 2
	case found.IsMPIM:
		chat.Name = c.groupName(ctx, acc, found)
		chat.Features.JoinersSeePast, chat.Features.Archives, chat.Features.Moderated = false, false, false
	default:
		c.conn.dir.named(found.ID, found.Name)
		if !found.IsPrivate {
			chat.Kind = network.Channel
		}
		if c.set.MuteChannels && c.cred.Kind != kindApp {
			chat.Kept = &network.Kept{Muted: true}
		}
		chat.Levels = map[network.UserID]int{}
		if found.Creator != "" {
			chat.Levels[network.UserID(found.Creator)] = 50
		}
	}
	return chat
}

// groupName is the name of a group message, which has none but that of its members,
// as in mpdm-alice--bob--carol-1.
func (c *Client) groupName(_ context.Context, _ *account, found conversation) string {
	name, ok := strings.CutPrefix(found.Name, "mpdm-")
	if !ok {
		return found.Name
	}
	if i := strings.LastIndex(name, "-"); i > 0 {
		name = name[:i]
	}
	return strings.Join(strings.Split(name, "--"), ", ")
}

// features are what a conversation can carry.
func (c *Client) features(acc *account) network.Features {
	return network.Features{
		IDs: network.IDsShared, Once: network.OnceFind, MaxFile: maxFile,
		Formatting: []markup.Kind{
			markup.Bold, markup.Italic, markup.Strike, markup.Code, markup.CodeBlock, markup.Link, markup.Mention, markup.Everyone,
			markup.ChatLink, markup.Emoji, markup.Quote, markup.List, markup.Item, markup.Heading, markup.Paragraph, markup.Underline,
		},
		Quotes: c.set.Replies != repliesThread, Threads: true, JoinersSeePast: true, Purposes: true, Archives: true, Moderated: true,
		Personas: c.cred.Kind == kindApp && acc.may("chat:write.customize"),
	}
}

// may reports whether an app has a scope; true where Slack does not say.
func (a *account) may(name string) bool {
	return len(lacking(a.Scopes, []scope{{name: name}})) == 0
}

// unescape undoes the escapes of Slack's texts.
func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// escape is the opposite of unescape.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// User implements network.Client.
func (c *Client) User(ctx context.Context, id network.UserID) (network.User, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return network.User{}, err
	}
	if isFace(string(id)) {
		return c.storedFace(ctx, string(id))
	}
	p, err := c.conn.dir.person(ctx, acc, string(id))
	if err != nil {
		return network.User{}, err
	}
	u := network.User{ID: id, Name: p.Name, Bot: p.Bot, Moderates: moderates(p, &acc.identity)}
	if p.Gone {
		u.Name += " (deactivated)"
	}
	if p.Email != "" {
		u.Identifiers = append(u.Identifiers, "mailto:"+p.Email)
	}
	if p.Avatar != "" {
		u.Avatar = avatar(p.Avatar)
	}
	return u, nil
}

// moderates reports whether a person is an owner or administrator of a login's
// workspace; nil: not known. Who is one of another workspace, with which channels are
// shared, is none here. An app in a whole organisation has channels of many
// workspaces, and users.info does not tell of which somebody is an administrator.
// https://docs.slack.dev/reference/objects/user-object
func moderates(p person, who *identity) *bool {
	if p.Handle == "" && !p.Bot || who.wide() { // a profile tells nothing of it
		return nil
	}
	is := p.Admin && !p.Gone && !p.Bot && (p.Team == "" || p.Team == who.TeamID)
	return &is
}
