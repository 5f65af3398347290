package portal

import (
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// pictures knows the pictures that people whom a relay speaks for have in rooms, and
// the links by which networks may fetch them.
type pictures struct {
	mu    sync.Mutex // guards what follows
	of    map[id.UserID]string
	links map[string]pictureLink // by mxc URI
}

// A pictureLink is made anew after some time, so that it stays good for the rest of
// its life after it was given away.
type pictureLink struct {
	url   string
	renew time.Time
}

// put notes somebody's picture in a room, which key names, see memberName.
func (p *pictures) put(key id.UserID, uri string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[id.UserID]string{}
	}
	makeRoom(p.of, maxCached)
	p.of[key] = uri
}

func (p *pictures) get(key id.UserID) (uri string, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	uri, known = p.of[key]
	return uri, known
}

func (p *pictures) link(uri string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.links[uri]; time.Now().Before(l.renew) {
		return l.url
	}
	return ""
}

func (p *pictures) linked(uri, url string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links == nil {
		p.links = map[string]pictureLink{}
	}
	makeRoom(p.links, maxCached)
	p.links[uri] = pictureLink{url, time.Now().Add(time.Until(until) / 2)}
}

// picture is a public link to the sender's picture, for networks that show whom the
// relay speaks for; empty if there is none, or no public listener. That it fails
// does not keep the message back.
func (o *outbound) picture(ctx context.Context) string {
	if o.opts.Link == nil || !o.showsPersonas(ctx) {
		return ""
	}
	key := memberName(o.evt.Room, o.evt.Sender)
	uri, known := o.pictures.get(key)
	if !known {
		var c struct {
			Avatar string `json:"avatar_url"`
		}
		if err := o.hs.State(ctx, o.evt.Room, event.StateMember, string(o.evt.Sender), &c); err != nil {
			o.log.Debug("read a relayed person's picture", "entry", o.e.ID, "err", err)
			return ""
		}
		uri = c.Avatar
		o.pictures.put(key, uri)
	}
	at, err := id.ParseContentURI(uri)
	if err != nil || at.IsEmpty() {
		return ""
	}
	if url := o.pictures.link(uri); url != "" {
		return url
	}
	url, until, err := o.opts.Link(ctx, at, "picture", "", nil)
	if err != nil {
		o.log.Debug("link a relayed person's picture", "entry", o.e.ID, "err", err)
		return ""
	}
	o.pictures.linked(uri, url, until)
	return url
}
