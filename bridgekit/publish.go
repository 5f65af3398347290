package bridgekit

import (
	"context"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/portal"
)

func (b *Bridge) publisher(po *portal.Options) func(ctx context.Context, key string, p network.Page) (string, time.Time, error) {
	return nil
}
