package slack

import (
	"context"
	"net/url"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Members implements network.Lister.
func (c *Client) Members(ctx context.Context, chat network.ChatID, cursor string) ([]network.Member, string, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := checkChat(chat); err != nil {
		return nil, "", err
	}
	var out struct {
		Members []string `json:"members"`
		Meta    struct {
			Next string `json:"next_cursor"`
		} `json:"response_metadata"`
	}
	args := url.Values{"channel": {string(chat)}, "limit": {"999"}}
	if cursor != "" {
		args.Set("cursor", cursor)
	}
	if err := acc.call(ctx, "conversations.members", args, &out); err != nil {
		return nil, "", err
	}
	var page []network.Member
	for _, id := range out.Members {
		page = append(page, network.Member{User: network.UserID(id), Membership: network.Joined})
	}
	return page, out.Meta.Next, nil
}

// SetMember implements network.Moderator. Slack knows no bans: a banned person is
// taken out and may come back.
func (c *Client) SetMember(ctx context.Context, chat network.ChatID, m network.Member) error {
	acc, err := c.account(ctx)
	if err != nil {
		return err
	}
	if err := checkChat(chat); err != nil {
		return err
	}
	if _, err := c.conn.dir.person(ctx, acc, string(m.User)); err != nil {
		return err
	}
	switch m.Membership {
	case network.Left, network.Banned:
		err := acc.call(ctx, "conversations.kick", url.Values{"channel": {string(chat)}, "user": {string(m.User)}}, nil)
		if code := refusal(err); code == "not_in_channel" || code == "user_not_in_channel" {
			return nil // it is so
		}
		return err
	case network.Joined, network.Invited:
		err := acc.call(ctx, "conversations.invite", url.Values{"channel": {string(chat)}, "users": {string(m.User)}}, nil)
		if refusal(err) == "already_in_channel" {
			return nil
		}
		return err
	}
	return network.Errorf(network.Rejected, "Slack knows nothing like this", "membership %q", m.Membership)
}

// Leave implements network.Leaver.
func (c *Client) Leave(ctx context.Context, chat network.ChatID, _ string) error {
	acc, err := c.account(ctx)
	if err != nil {
		return err
	}
	if err := checkChat(chat); err != nil {
		return err
	}
	method := "conversations.leave"
	if isDirect(chat) {
		method = "conversations.close"
	}
	return acc.call(ctx, method, url.Values{"channel": {string(chat)}}, nil)
}
