package bridgekit

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/portal"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// publisher sets up links that the public may fetch, if there is a public
// listener: of the homeserver's media for o, and of documents for clients.
func (b *Bridge) publisher(o *portal.Options) func(ctx context.Context, key string, p network.Page) (string, time.Time, error) {
	if b.opts.Config.Public.URL == "" {
		return nil
	}
	o.Link = func(ctx context.Context, uri id.ContentURI, name, mime string, file []byte) (string, time.Time, error) {
		return b.publish(ctx, "media "+uri.String(), store.Page{Name: name, MIME: mime, Data: file, Media: uri.String()})
	}
	return func(ctx context.Context, key string, p network.Page) (string, time.Time, error) {
		return b.publish(ctx, "page "+key, store.Page{Name: p.Name, MIME: p.MIME, Data: p.Data})
	}
}

// publish stores a page under the ID of its key, for as long as links live.
func (b *Bridge) publish(ctx context.Context, key string, p store.Page) (string, time.Time, error) {
	c := b.opts.Config
	p.ID, p.Until = web.NewID(c.Key.For(config.KeyLinks), key), time.Now().Add(c.Limits.LinkExpiry)
	if err := b.db.SavePage(ctx, p); err != nil {
		return "", time.Time{}, err
	}
	return web.Link(c.Public.URL, p.ID, p.Name), p.Until, nil
}
