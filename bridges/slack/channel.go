package slack

import (
	"context"
	"errors"
	"net/url"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// longestTopic is how many characters a topic or a description has at most.
const longestTopic = 250

// EditChat implements network.ChatEditor.
func (c *Client) EditChat(ctx context.Context, chat network.ChatID, e network.OutgoingChat) error {
	acc, err := c.account(ctx)
	if err != nil {
		return err
	}
	if err := checkChat(chat); err != nil {
		return err
	}
	if e.Avatar != nil || e.Expiry != nil {
		return network.Errorf(network.Rejected, "channels on Slack have no picture, and no time after which messages vanish", "edit chat")
	}
	if err := errors.Join(short("topic", e.Topic), short("description", e.Purpose)); err != nil {
		return err
	}
	if e.Archived != nil && !*e.Archived { // else nothing else could be changed
		if err := c.unarchive(ctx, acc, chat); err != nil {
			return err
		}
	}
	if e.Topic != nil {
		if err := acc.call(ctx, "conversations.setTopic", url.Values{"channel": {string(chat)}, "topic": {escape(*e.Topic)}}, nil); err != nil {
			return err
		}
	}
	if e.Purpose != nil {
		if err := acc.call(ctx, "conversations.setPurpose", url.Values{"channel": {string(chat)}, "purpose": {escape(*e.Purpose)}}, nil); err != nil {
			return err
		}
	}
	if e.Name != nil {
		if err := acc.call(ctx, "conversations.rename", url.Values{"channel": {string(chat)}, "name": {channelName(*e.Name)}}, nil); err != nil {
			return err
		}
	}
	if e.Archived == nil || !*e.Archived {
		return nil
	}
	err = acc.call(ctx, "conversations.archive", url.Values{"channel": {string(chat)}}, nil)
	if refusal(err) == "already_archived" {
		return nil // it is so
	}
	return err
}

// short refuses a text that Slack has no room for.
func short(what string, text *string) error {
	if text == nil || len([]rune(*text)) <= longestTopic {
		return nil
	}
	return network.Errorf(network.Rejected, "a "+what+" on Slack has at most 250 characters", "edit chat: %d bytes of %s", len(*text), what)
}

// unarchive ends that a channel is archived. Slack does not let apps do it
// (https://docs.slack.dev/reference/methods/conversations.unarchive).
func (c *Client) unarchive(ctx context.Context, acc *account, chat network.ChatID) error {
	err := acc.call(ctx, "conversations.unarchive", url.Values{"channel": {string(chat)}}, nil)
	switch refusal(err) {
	case "not_archived":
		return nil // it is so
	case "not_in_channel":
		return network.Errorf(network.Rejected, "Slack lets no app end this: a member of the channel has to, on Slack or with a login of their own", "unarchive: %w", err)
	}
	return err
}

// Create implements network.Creator.
func (c *Client) Create(ctx context.Context, n network.NewChat) (network.Chat, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return network.Chat{}, err
	}
	args := url.Values{"name": {channelName(n.Name)}}
	if n.Private {
		args.Set("is_private", "true")
	}
	var out struct {
		Channel conversation `json:"channel"`
	}
	if err := acc.call(ctx, "conversations.create", args, &out); err != nil {
		return network.Chat{}, err
	}
	return c.describe(ctx, acc, out.Channel), nil
}

// channelWords says why a channel cannot be made or changed; "" for other errors.
func channelWords(code string) string {
	switch code {
	case "name_taken":
		return "a channel of this name exists already"
	case "invalid_name_required", "invalid_name_maxlength", "invalid_name_specials", "invalid_name_punctuation":
		return "Slack does not take this name: letters, digits, hyphens and underscores, at most 80"
	case "not_authorized":
		return "only who made the channel and the workspace's administrators may do this"
	case "cant_archive_general":
		return "the channel of everybody cannot be archived"
	case "cant_invite_self", "cant_invite":
		return "this person cannot be invited"
	case "user_is_deactivated", "user_disabled":
		return "this person's account was deactivated"
	case "user_is_ultra_restricted", "user_is_restricted":
		return "this person is a guest of the workspace, whom its administrators invite"
	}
	return ""
}
