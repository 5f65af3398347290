package portal

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const (
	// packGather is how long changes of a network's emoji are gathered.
	packGather = 5 * time.Second
	// packEvery is after how long packs are looked at without a change that was
	// noticed: a network does not tell what changed while nobody listened.
	packEvery = time.Hour
	// packTrust is how long a pack is taken to be what it was, without asking the
	// homeserver: others who may write in a space can change it.
	packTrust = 24 * time.Hour
	// maxPack is how large a pack may be, in bytes; an event may be 64 KiB. What does
	// not fit is the pictures that were uploaded earliest.
	maxPack = 48 << 10
)

// packTypes are the types under which clients look for image packs in a space: that of
// MSC2545 while it was unstable, which they read today, and the one of the specification.
func packTypes() []event.Type {
	return []event.Type{{Type: "im.ponies.room_emotes", Class: event.StateEventType}, {Type: "m.room.image_pack", Class: event.StateEventType}}
}

// A pack is a space's image pack: the custom emoji whose pictures are on the homeserver,
// so that people can write them without having a picture of their own (MSC2545).
type pack struct {
	Pack   packHead             `json:"pack"`
	Images map[string]packImage `json:"images"`
}

type packHead struct {
	Name  string   `json:"display_name"`
	Usage []string `json:"usage"`
}

type packImage struct {
	URL  string `json:"url"`
	Body string `json:"body"`
}

// packs keep the image packs of the spaces: those of accounts, and that in which all
// chats of a network are. One goroutine runs them.
type packs struct {
	s    *Service
	wake bell

	mu  sync.Mutex // guards due
	due map[network.NetworkID]bool

	// known is what the packs of spaces were when they were last read and written;
	// touched by run alone. It is not stored: after a start they are read.
	known map[id.RoomID]knownPack
}

type knownPack struct {
	pack pack
	at   time.Time
}

func newPacks(s *Service) *packs {
	return &packs{s: s, wake: newBell(), due: map[network.NetworkID]bool{}, known: map[id.RoomID]knownPack{}}
}

// changed has the packs of a network looked at soon. It does not block.
func (p *packs) changed(n network.NetworkID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due[n] = true
	p.wake.ring()
}

// take takes whose packs are due.
func (p *packs) take() map[network.NetworkID]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := p.due
	p.due = map[network.NetworkID]bool{}
	return due
}

// run keeps the packs until ctx is done. Errors end here: the next look is never far.
func (p *packs) run(ctx context.Context) error {
	clear(p.known) // of an earlier run: another process may have written since
	every := time.NewTicker(packEvery)
	defer every.Stop()
	for {
		select {
		case <-p.wake:
			select {
			case <-time.After(packGather):
			case <-ctx.Done():
				return ctx.Err()
			}
		case <-every.C:
			for _, sess := range p.s.logins.Of("*") {
				p.changed(sess.Network)
			}
			continue
		case <-ctx.Done():
			return ctx.Err()
		}
		due := p.take()
		for _, sess := range p.s.logins.Of("*") {
			if !due[sess.Network] {
				continue
			}
			if err := p.refresh(ctx, sess); err != nil && !harmless(err) && ctx.Err() == nil {
				p.s.log.Info("the image pack of a space is not up to date", "login", sess.ID, "err", err)
			}
		}
	}
}

// spaceFor is the space that a login's pack is in; "" if there is none.
func (p *packs) spaceFor(ctx context.Context, sess *login.Session) (id.RoomID, error) {
	alias := p.s.hs.Alias("space", string(sess.Network)) // of all that the relay bridges
	if sess.Owner != "" {
		_, alias = p.s.spaceAliases(sess.Network, sess.ID, id.UserID(sess.Owner))
	}
	return p.s.hs.KnownSpace(ctx, alias)
}

// refresh brings the pack of one login up to date.
func (p *packs) refresh(ctx context.Context, sess *login.Session) error {
	ops, ok := sess.Ops()
	if !ok || ops.ListEmoji == nil || !sess.Online() {
		return nil
	}
	space, err := p.spaceFor(ctx, sess)
	if err != nil || space == "" {
		return err
	}
	known, err := p.s.db.EmojiOf(ctx, sess.Network)
	if err != nil || len(known) == 0 {
		return err
	}
	listed, err := ops.ListEmoji(ctx)
	if err != nil {
		return err
	}
	now, renamed := packed(p.s.networkName(sess.Network), known, listed)
	if err := p.s.db.SaveEmoji(ctx, renamed...); err != nil {
		return err
	}
	if was := p.known[space]; time.Since(was.at) < packTrust && reflect.DeepEqual(was.pack, now) {
		return nil
	}
	delete(p.known, space) // until all of it is written
	read := time.Now()
	if err := p.write(ctx, space, now); err != nil {
		return err
	}
	p.known[space] = knownPack{now, read}
	return nil
}

// write has a space hold a pack, where it does not.
func (p *packs) write(ctx context.Context, space id.RoomID, now pack) error {
	for _, t := range packTypes() {
		var was pack
		err := p.s.hs.State(ctx, space, t, "", &was)
		if err != nil && matrix.KindOf(err) != matrix.NotFound {
			return err
		}
		if len(was.Images) == 0 && len(now.Images) == 0 || err == nil && reflect.DeepEqual(was, now) {
			continue
		}
		if _, err := p.s.hs.SendState(ctx, space, p.s.hs.BotID(), t, "", now, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// packed is the pack of those emoji that a network lists and whose pictures are
// known, under all their names, and those that have another name now.
func packed(name string, known []store.Emoji, listed []network.Emoji) (p pack, renamed []store.Emoji) {
	p = pack{packHead{name, []string{"emoticon"}}, map[string]packImage{}}
	names := map[network.EmojiID][]string{}
	for _, e := range listed {
		names[e.ID] = append(names[e.ID], e.Name)
	}
	size := 0
	for _, e := range slices.Backward(known) {
		called := names[e.ID]
		slices.Sort(called)
		if len(called) > 0 && !slices.Contains(called, e.Name) {
			e.Name = called[0]
			renamed = append(renamed, e)
		}
		for _, c := range called {
			short := strings.Trim(c, ":")
			if len(short) > maxShortcode {
				continue
			}
			if size += len(`"":{"url":"","body":""},`) + len(short) + len(e.URI) + len(c); size > maxPack {
				return p, renamed
			}
			p.Images[short] = packImage{e.URI, c}
		}
	}
	return p, renamed
}
