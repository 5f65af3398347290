package portal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/turns"
)

const (
	// maxEmoji is how large the picture of a custom emoji may be, in bytes.
	maxEmoji = 1 << 20
	// emojiWithin is how long an event may wait for the pictures in it, all together.
	// What is not there then is shown by its name.
	emojiWithin = 20 * time.Second
	// emojiAgain is how long a picture that could not be had is not asked for again.
	emojiAgain = 10 * time.Minute
	// emojiOfText is how many different custom emoji of one text are pictures.
	emojiOfText = 50
	// emojiURI is how long the address of a picture is taken for, in bytes, before
	// the picture is uploaded.
	emojiURI = 300
)

// errNoPicture is that a custom emoji's picture could not be had a while ago.
var errNoPicture = errors.New("the picture could not be had")

// pictured brings the pictures of custom emoji to the homeserver, each once. It may
// be used concurrently.
type pictured struct {
	one turns.Turns[emojiKey] // one at a time uploads a picture

	mu     sync.Mutex             // guards failed
	failed map[emojiKey]time.Time // when it may be asked for again
}

type emojiKey struct {
	network network.NetworkID
	id      network.EmojiID
}

func (p *pictured) mayAsk(k emojiKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !time.Now().Before(p.failed[k])
}

func (p *pictured) fails(k emojiKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = map[emojiKey]time.Time{}
	}
	makeRoom(p.failed, maxCached)
	p.failed[k] = time.Now().Add(emojiAgain)
}

// showEmoji is where the picture of a custom emoji is on the homeserver. It is
// uploaded when it is first shown. ops may be nil: then it has to be there.
func (s *Service) showEmoji(ctx context.Context, n network.NetworkID, e network.Emoji, ops *network.Ops) (uri string, err error) {
	k := emojiKey{n, e.ID}
	done, err := s.pictured.one.Take(ctx, k)
	if err != nil {
		return "", err
	}
	defer done()
	known, ok, err := s.db.Emoji(ctx, n, e.ID)
	if err != nil || ok {
		return known.URI, err
	}
	if ops == nil || ops.OpenEmoji == nil || !s.pictured.mayAsk(k) {
		return "", errNoPicture
	}
	uri, err = s.uploadEmoji(ctx, e, ops)
	if err != nil {
		if !passing(ctx, err) {
			s.pictured.fails(k)
		}
		return "", err
	}
	if err := s.db.SaveEmoji(ctx, store.Emoji{Network: n, Emoji: e, URI: uri}); err != nil {
		return "", err
	}
	s.packs.changed(n)
	return uri, nil
}

// passing reports whether what failed may work in a moment. What takes too long does not.
func passing(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return !errors.Is(ctx.Err(), context.DeadlineExceeded)
	}
	n, m := network.KindOf(err), matrix.KindOf(err)
	return n == network.Unavailable || n == network.RateLimited || m == matrix.Down || m == matrix.RateLimited
}

// uploadEmoji uploads a custom emoji's picture as the bot.
func (s *Service) uploadEmoji(ctx context.Context, e network.Emoji, ops *network.Ops) (string, error) {
	body, err := ops.OpenEmoji(ctx, e.ID)
	if err != nil {
		return "", fmt.Errorf("open emoji: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(body, maxEmoji+1))
	if err := errors.Join(err, body.Close()); err != nil {
		return "", fmt.Errorf("read emoji: %w", err)
	}
	kind := http.DetectContentType(data)
	switch {
	case len(data) > maxEmoji:
		return "", errors.New("the picture of an emoji is too large")
	case !strings.HasPrefix(kind, "image/"):
		return "", fmt.Errorf("the picture of an emoji is %s", kind)
	}
	uri, err := s.hs.Upload(ctx, s.hs.BotID(), matrix.Upload{Name: strings.Trim(e.Name, ":"), MIME: kind, Size: int64(len(data)), Body: bytes.NewReader(data)})
	if err != nil {
		return "", err
	}
	return uri.String(), nil
}

// emojiURIs are the pictures of custom emoji, by ID, as far as they can be had now. They
// never hold an event up for long, nor make it fail.
func (x *inbound) emojiURIs(ctx context.Context, all []network.Emoji) map[network.EmojiID]string {
	if len(all) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, emojiWithin)
	defer cancel()
	ops, _ := x.opener(ctx)
	out := map[network.EmojiID]string{}
	for _, e := range all {
		if _, ok := out[e.ID]; ok || len(out) >= emojiOfText {
			continue
		}
		uri, err := x.showEmoji(ctx, x.p.Network, e, ops)
		if err != nil {
			x.log.Debug("a custom emoji is shown by its name", "portal", x.p.ID, "err", err)
		}
		out[e.ID] = uri
	}
	return out
}

// pictureEmoji gives a text's custom emoji their pictures, if it is one event with
// them too. How many events a text becomes does so not depend on what could be had.
func (x *inbound) pictureEmoji(ctx context.Context, text markup.Body, limit int) markup.Body {
	long := strings.Repeat("x", emojiURI)
	var all []network.Emoji
	sized := mapEmoji(text, func(n markup.Node) string {
		all = append(all, network.Emoji{ID: network.EmojiID(n.URL), Name: n.Text})
		return "mxc://x/" + long
	})
	if len(all) == 0 || renderedSize(sized) > limit {
		return text
	}
	uris := x.emojiURIs(ctx, all)
	return mapEmoji(text, func(n markup.Node) string {
		if uri := uris[network.EmojiID(n.URL)]; len(uri) <= emojiURI {
			return uri
		}
		return ""
	})
}

// mapEmoji gives the custom emoji of a network in a text another picture; those
// for which there is "" stay.
func mapEmoji(b markup.Body, to func(n markup.Node) string) markup.Body {
	return markup.Map(b, func(n markup.Node) []markup.Node {
		if n.Kind == markup.Emoji && n.URL != "" && !strings.HasPrefix(n.URL, "mxc://") {
			if uri := to(n); uri != "" {
				n.URL = uri
			}
		}
		return []markup.Node{n}
	})
}

// A reactionContent is a reaction whose key may be a picture: then shortcode says what
// it is called (MSC4027). Beeper's field is what other bridges write.
type reactionContent struct {
	event.ReactionEventContent
	Shortcode string `json:"shortcode,omitempty"`
	Beeper    string `json:"com.beeper.reaction.shortcode,omitempty"`
}

// maxShortcode is how long a shortcode may be, in bytes (MSC4027).
const maxShortcode = 100

// reactionOn is how a reaction with an emoji is shown on an event: a custom one by its
// picture, by its name if that cannot be had.
func (x *inbound) reactionOn(ctx context.Context, on store.Message, emoji string) *reactionContent {
	c := &reactionContent{}
	c.RelatesTo = event.RelatesTo{Type: event.RelAnnotation, EventID: id.EventID(on.Event), Key: emoji}
	custom := customOf(x.ev, emoji)
	if custom == "" {
		return c
	}
	if uri := x.emojiURIs(ctx, []network.Emoji{{ID: custom, Name: emoji}})[custom]; uri != "" {
		c.RelatesTo.Key = uri
		if len(emoji) <= maxShortcode {
			c.Shortcode, c.Beeper = emoji, emoji
		}
	}
	return c
}

// customOf is the picture of an emoji in an event about reactions; "" if it is no
// custom one.
func customOf(ev network.Event, emoji string) network.EmojiID {
	switch ev := ev.(type) {
	case *network.Reaction:
		return ev.Custom
	case *network.ReactionSet:
		return ev.Custom[emoji]
	}
	return ""
}

// emojiKeyOf is what a network calls the key of a reaction in Matrix: that of a picture
// by the name of its emoji, whichever network that is from.
func (s *Service) emojiKeyOf(ctx context.Context, c *reactionContent) (string, error) {
	key := c.RelatesTo.Key
	if !strings.HasPrefix(key, "mxc://") {
		return key, nil
	}
	known, ok, err := s.db.EmojiAt(ctx, key)
	if err != nil || ok {
		return known.Name, err
	}
	for _, name := range []string{c.Shortcode, c.Beeper} {
		if name = strings.Trim(name, ":"); name != "" {
			return ":" + name + ":", nil
		}
	}
	return key, nil
}

// fromEmoji turns a picture of Matrix into the network's own custom emoji; anybody
// else's stays a picture with a name.
func (o *outbound) fromEmoji(ctx context.Context, n markup.Node) markup.Node {
	known, ok, err := o.db.EmojiAt(ctx, n.URL)
	if err != nil {
		o.log.Warn("look for a custom emoji", "entry", o.e.ID, "err", err)
	}
	if ok && known.Network == o.p.Network {
		n.URL, n.Text = string(known.ID), known.Name
	}
	return n
}
