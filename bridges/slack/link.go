package slack

import (
	"context"
	"net/url"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// LinkTo implements network.Linker. Slack is asked for a message's address, which for
// a reply says what thread it is in.
func (c *Client) LinkTo(ctx context.Context, l network.Link) (string, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return "", err
	}
	if err := checkChat(l.Chat); err != nil {
		return "", err
	}
	team, err := url.Parse(acc.URL)
	if err != nil {
		return "", network.Errorf(network.Rejected, "Slack does not say where this workspace is", "auth.test: url: %w", err)
	}
	link := convert.MessageLink{Host: team.Hostname(), Channel: string(l.Chat)}
	if l.Message == "" {
		return link.String(), nil
	}
	if !isMessage(l.Message) {
		return "", network.Errorf(network.Rejected, "there is no such message", "message %q", l.Message)
	}
	link.TS = convert.TS(l.Message)
	var out struct {
		Permalink string `json:"permalink"`
	}
	err = acc.call(ctx, "chat.getPermalink", url.Values{"channel": {link.Channel}, "message_ts": {string(link.TS)}}, &out)
	if kind := network.KindOf(err); err != nil && kind != network.Rejected && kind != network.Gone {
		return "", err
	}
	if said, ok := convert.ParseMessageLink(out.Permalink); ok && said.Channel == link.Channel && said.TS == link.TS {
		return out.Permalink, nil
	}
	return link.String(), nil // the login is not in that channel: its readers may be
}

// ReadLink implements network.Linker. The workspace that an address names does not
// matter: a shared channel has one ID in all of them.
func (c *Client) ReadLink(address string) (network.Link, bool) {
	l, ok := convert.ParseMessageLink(address)
	if !ok || !isChat(network.ChatID(l.Channel)) {
		return network.Link{}, false
	}
	return network.Link{Chat: network.ChatID(l.Channel), Message: l.TS.ID()}, true
}
