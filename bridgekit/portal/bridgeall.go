package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
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
	// bulkMost is how many chats of a network are bridged at once, at most.
	bulkMost = 10000
	// bulkPace is the time between two chats: networks and the homeserver have live
	// messages to carry meanwhile.
	bulkPace = 2 * time.Second
	// bulkPause is how long to wait when a network cannot be asked.
	bulkPause = 30 * time.Second
)

// A BulkWish is which chats of a network somebody wants bridged. It is stored until it
// is fulfilled, so it goes on after a restart.
type BulkWish struct {
	Network network.NetworkID `json:"network"`
	// Patterns choose by the chat's name, in any case: * and ? stand for anything, !
	// in front excludes. None, or only such: all others. A chat that is not open to
	// everybody is chosen by its whole name only.
	Patterns []string  `json:"patterns,omitempty"`
	Guest    id.UserID `json:"guest"` // gets the space

	standing bool // it is the configuration's, not somebody's command
	number   int  // of those that were made in this process
}

// A wishKey tells a network's wishes apart: what its configuration wants stands beside
// what somebody asked for.
type wishKey struct {
	network  network.NetworkID
	standing bool
}

func (w BulkWish) key() wishKey { return wishKey{w.Network, w.standing} }

// A BulkChat is one that a wish chooses.
type BulkChat struct {
	Name    string `json:"name"`
	Members int    `json:"members,omitempty"`
	Private bool   `json:"private,omitempty"`
	Bridged bool   `json:"bridged,omitempty"` // it has a room
	Trouble string `json:"trouble,omitempty"` // why it has none

	join string
}

// A BulkPlan is what a wish comes to.
type BulkPlan struct {
	Chats   []BulkChat `json:"chats"`
	Private int        `json:"private_left_out"` // that patterns with * would choose
	Running bool       `json:"running"`
}

// A bulk bridges many chats, one after another.
type bulk struct {
	s    *Service
	wake bell

	mu      sync.Mutex
	wishes  map[wishKey]BulkWish                    // not fulfilled; guarded by mu
	made    int                                     // wishes; guarded by mu
	trouble map[network.NetworkID]map[string]string // of chats, by name; guarded by mu
}

func newBulk(s *Service) *bulk {
	return &bulk{s: s, wake: newBell(), wishes: map[wishKey]BulkWish{}, trouble: map[network.NetworkID]map[string]string{}}
}

func bulkFact(n network.NetworkID) string { return "bridge all " + string(n) }

// PreviewAll says which chats a wish chooses. It changes nothing.
func (s *Service) PreviewAll(ctx context.Context, w BulkWish) (BulkPlan, error) {
	plan, _, _, err := s.bulk.plan(ctx, w)
	return plan, err
}

// BridgeAll begins to bridge what a wish chooses, in place of an earlier wish for the
// same network, and says what that is. It goes on by itself, also over a restart.
func (s *Service) BridgeAll(ctx context.Context, w BulkWish) (BulkPlan, error) {
	s.bulk.forget(w.Network)
	plan, _, _, err := s.bulk.plan(ctx, w)
	if err != nil {
		return plan, err
	}
	data, err := json.Marshal(w)
	if err != nil {
		return plan, fmt.Errorf("encode wish: %w", err)
	}
	if err := s.opts.Facts.SetFact(ctx, bulkFact(w.Network), string(data)); err != nil {
		return plan, err
	}
	plan.Running = true
	s.bulk.add(w)
	return plan, nil
}

// forget forgets what went wrong.
func (b *bulk) forget(n network.NetworkID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.trouble, n)
}

func (b *bulk) add(w BulkWish) {
	b.mu.Lock()
	b.made++
	w.number = b.made // another one, though it may wish the same: there may be more to choose from
	b.wishes[w.key()] = w
	b.mu.Unlock()
	b.wake.ring()
}

// due has what the configuration wants of a network looked at again.
func (b *bulk) due(n network.NetworkID) {
	for _, w := range b.s.opts.Policies {
		if w.Network == n {
			w.standing = true
			b.add(w)
		}
	}
}

// plan lists the chats that a wish chooses, as the network's relay finds them.
func (b *bulk) plan(ctx context.Context, w BulkWish) (BulkPlan, *login.Session, network.Ops, error) {
	var plan BulkPlan
	if err := checkPatterns(w.Patterns); err != nil {
		return plan, nil, network.Ops{}, err
	}
	s := b.s
	sess := s.logins.Relay(w.Network)
	if sess == nil {
		return plan, nil, network.Ops{}, network.Errorf(network.Rejected, s.networkName(w.Network)+" has no relay in the configuration, which would bridge them", "no relay")
	}
	ops, err := ready(ctx, sess, s.networkName(w.Network))
	if err != nil {
		return plan, sess, ops, err
	}
	if ops.Search == nil || ops.Join == nil {
		return plan, sess, ops, network.Errorf(network.Rejected, s.networkName(w.Network)+" cannot list its chats", "no searcher or joiner")
	}
	found, err := ops.Search(ctx, "", bulkMost)
	if err != nil {
		return plan, sess, ops, err
	}
	b.mu.Lock()
	_, plan.Running = b.wishes[w.key()]
	trouble := b.trouble[w.Network]
	b.mu.Unlock()
	for _, f := range found {
		chosen, exact := chooses(w.Patterns, f.Name)
		if chosen && f.Private && !exact {
			plan.Private++
			continue
		}
		if !chosen {
			continue
		}
		c := BulkChat{Name: f.Name, Members: f.Members, Private: f.Private, join: f.Name}
		if f.ID != "" {
			c.join = string(f.ID)
		}
		p, has, err := s.db.PortalOf(ctx, w.Network, network.ChatKey{ID: network.ChatID(c.join)})
		if err != nil {
			return plan, sess, ops, err
		}
		if c.Bridged = has && p.Room != "" && p.State == store.PortalOpen; !c.Bridged {
			b.mu.Lock()
			c.Trouble = trouble[c.join]
			b.mu.Unlock()
		}
		plan.Chats = append(plan.Chats, c)
	}
	return plan, sess, ops, nil
}

// checkPatterns refuses patterns that nothing can match.
func checkPatterns(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(folded(p), ""); err != nil || folded(p) == "" {
			return network.Errorf(network.Rejected, fmt.Sprintf("%q is no pattern; write names such as general, team-* or !random", p), "pattern: %w", path.ErrBadPattern)
		}
	}
	return nil
}

// folded is a pattern or name as they are compared.
func folded(s string) string {
	return strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(s, "!"), "#"))
}

// chooses reports whether patterns choose a name, and whether one is the name.
func chooses(patterns []string, name string) (chosen, exact bool) {
	name = folded(name)
	chosen = true
	for _, p := range patterns {
		if !strings.HasPrefix(p, "!") {
			chosen = false
		}
	}
	for _, p := range patterns {
		match, err := path.Match(folded(p), name)
		switch {
		case err != nil || !match:
		case strings.HasPrefix(p, "!"):
			return false, false
		default:
			chosen, exact = true, exact || folded(p) == name
		}
	}
	return chosen, exact
}

// resume takes up what was wished before this process began.
func (b *bulk) resume(ctx context.Context) error {
	for _, sess := range b.s.logins.Of("*") {
		if b.s.logins.Relay(sess.Network) != sess {
			continue
		}
		data, err := b.s.opts.Facts.Fact(ctx, bulkFact(sess.Network))
		if err != nil {
			return err
		}
		var w BulkWish
		if data != "" && json.Unmarshal([]byte(data), &w) == nil {
			b.add(w)
		}
	}
	return nil
}

// run bridges what is wished until ctx is done.
func (b *bulk) run(ctx context.Context) error {
	if err := b.s.db.Patiently(ctx, "look for chats to bridge", b.resume); err != nil {
		return err
	}
	for {
		w, ok := b.next()
		if !ok {
			select {
			case <-b.wake:
				continue
			case <-ctx.Done():
				return fmt.Errorf("bridge all: %w", ctx.Err())
			}
		}
		err := b.fulfil(ctx, w)
		if ctx.Err() != nil {
			return fmt.Errorf("bridge all: %w", ctx.Err())
		}
		if err != nil {
			b.s.log.Info("bridging many chats goes on later", "network", w.Network, "err", err)
			if !pause(ctx, max(bulkPause, network.WaitOf(err))) {
				return fmt.Errorf("bridge all: %w", ctx.Err())
			}
		}
	}
}

// next is a wish that is not fulfilled.
func (b *bulk) next() (BulkWish, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wishes {
		return w, true
	}
	return BulkWish{}, false
}

// fulfil bridges the chats of a wish. An error means that it goes on later.
func (b *bulk) fulfil(ctx context.Context, w BulkWish) error {
	plan, sess, ops, err := b.plan(ctx, w)
	if err != nil && network.KindOf(err) == network.Rejected {
		b.s.log.Warn("many chats cannot be bridged", "network", w.Network, "err", err)
		return b.done(ctx, w)
	}
	if err != nil {
		return err
	}
	space, err := b.space(ctx, w)
	if err != nil {
		return err
	}
	for _, c := range plan.Chats {
		if b.changed(w) {
			return nil // somebody wished something else
		}
		if c.Trouble != "" {
			continue
		}
		if !c.Bridged {
			if !pause(ctx, bulkPace) {
				return fmt.Errorf("bridge all: %w", ctx.Err())
			}
		}
		err := b.bridge(ctx, sess, &ops, w, c, space)
		switch network.KindOf(err) {
		case network.Unavailable, network.RateLimited, network.LoggedOut:
			return err
		}
		if matrix.KindOf(err) == matrix.Down || matrix.KindOf(err) == matrix.RateLimited || ctx.Err() != nil {
			return err
		}
		if err != nil {
			b.s.log.Warn("a chat cannot be bridged", "network", w.Network, "err", err)
			b.fail(w.Network, c.join, network.UserText(err))
		}
	}
	return b.done(ctx, w)
}

// changed reports whether w is not what is wished any more.
func (b *bulk) changed(w BulkWish) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wishes[w.key()].number != w.number
}

func (b *bulk) fail(n network.NetworkID, chat, words string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trouble[n] == nil {
		b.trouble[n] = map[string]string{}
	}
	if words == "" {
		words = "it did not work"
	}
	b.trouble[n][chat] = words
}

// done forgets a wish that is fulfilled, unless another one took its place.
func (b *bulk) done(ctx context.Context, w BulkWish) error {
	if b.changed(w) {
		return nil
	}
	if !w.standing {
		if err := b.s.opts.Facts.SetFact(ctx, bulkFact(w.Network), ""); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wishes[w.key()].number == w.number {
		delete(b.wishes, w.key())
	}
	return nil
}

// space is the space of all that was bridged of a network so. Who wished for it is
// invited to it, and may invite others.
func (b *bulk) space(ctx context.Context, w BulkWish) (id.RoomID, error) {
	s := b.s
	alias := s.hs.Alias("space", string(w.Network))
	space, err := s.hs.EnsureSpace(ctx, matrix.Space{
		Alias: alias, Name: s.networkName(w.Network), Topic: "What is bridged of " + s.networkName(w.Network), Invite: []id.UserID{w.Guest}, Hosts: []id.UserID{w.Guest},
	})
	if err != nil {
		return "", err
	}
	if m, err := s.hs.Member(ctx, space, s.hs.BotID(), w.Guest); err != nil {
		if matrix.KindOf(err) == matrix.RoomGone {
			return "", s.hs.ForgetSpace(ctx, alias)
		}
		return "", err
	} else if m != event.MembershipJoin && m != event.MembershipInvite {
		err = s.hs.Invite(ctx, space, s.hs.BotID(), w.Guest, "")
		if err != nil && !harmless(err) {
			return "", err
		}
	}
	return space, s.hs.BringOnce(ctx, space, w.Guest)
}

// bridge makes the room of a chat and puts it into the space. Who is in the space
// may enter it, unless the chat is not open to everybody: the guest is invited then.
func (b *bulk) bridge(ctx context.Context, sess *login.Session, ops *network.Ops, w BulkWish, c BulkChat, space id.RoomID) error {
	s := b.s
	var p store.Portal
	if c.Bridged {
		var err error
		if p, _, err = s.db.PortalOf(ctx, w.Network, network.ChatKey{ID: network.ChatID(c.join)}); err != nil {
			return err
		}
		if p.Info.Plumbed {
			return nil // a room of somebody else's
		}
	} else {
		chat, err := ops.Join(ctx, c.join)
		if err != nil {
			return err
		}
		wish := roomWish{}
		if c.Private {
			wish.owner = w.Guest
		}
		if p, err = s.open(ctx, sess, ops, chat, wish); err != nil {
			return err
		}
	}
	known, err := s.opts.Facts.Fact(ctx, "child "+string(space)+" "+p.Room)
	if err != nil || known != "" {
		return err
	}
	if !c.Private {
		if err := s.hs.Admit(ctx, roomID(p), space); err != nil {
			return err
		}
	}
	return s.hs.AddChild(ctx, space, roomID(p))
}
