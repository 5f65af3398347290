package irc

import (
	"context"
	"crypto/rand"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// pingToken begins what Ping asks with, so that its answer is not taken for one to
// the PINGs that tell how far the server has read.
const pingToken = "alive-"

var _ network.Pinger = (*Client)(nil)

// Ping implements network.Pinger: the server answers a PING of ours.
func (c *Client) Ping(ctx context.Context) error {
	token := pingToken + rand.Text()
	return c.ask(ctx, func(_ *session, in *incoming) (took, done bool, err error) {
		done = in.Command == "PONG" && in.p.last() == token
		return done, done, nil
	}, "PING", token)
}
