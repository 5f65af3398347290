package portal

import (
	"context"
	"sync"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// maxCached bounds each map of what can be read again: enough for the chats that are in use
// at once. A row takes half a kilobyte; to read it again takes less than a
// request.
const maxCached = 4096

// maxKept bounds each map of what is known for a short time and nowhere stored.
const maxKept = 20_000

// A cache keeps recently used portal rows and which rooms have none. Rows are
// written through Service.update only, so it is never behind this process.
type cache struct {
	db *store.DB

	mu     sync.Mutex // guards what follows
	byID   map[int64]store.Portal
	byChat map[chatKey]int64
	byRoom map[string][]int64 // also the rooms without a portal
	inChat map[loginChat]struct{}
	moves  int // how often a row was new or its room changed, to notice it during a read
	losses int // how often a row was forgotten, for the same
}

type chatKey struct {
	network network.NetworkID
	chat    network.ChatKey
}

type loginChat struct {
	network network.NetworkID
	login   network.LoginID
	portal  int64
}

func newCache(db *store.DB) *cache {
	return &cache{db: db, byID: map[int64]store.Portal{}, byChat: map[chatKey]int64{}, byRoom: map[string][]int64{}, inChat: map[loginChat]struct{}{}}
}

// read takes in a row that was read when there had been losses. One that is there
// already may be newer, and so may have been one that was forgotten since.
func (c *cache) read(p store.Portal, losses int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byID[p.ID]; !ok && c.losses == losses {
		c.take(p)
	}
}

// put takes in a row that was changed.
func (c *cache) put(p store.Portal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.take(p)
}

func (c *cache) take(p store.Portal) {
	old, had := c.byID[p.ID]
	if !had || old.Room != p.Room {
		c.moves++
		delete(c.byRoom, old.Room)
		delete(c.byRoom, p.Room)
	}
	if !had && makeRoom(c.byID, maxCached) {
		c.losses++
	}
	makeRoom(c.byChat, maxCached)
	c.byID[p.ID] = p
	c.byChat[chatKey{p.Network, p.Chat}] = p.ID
}

// forget drops a row that was deleted.
func (c *cache) forget(p store.Portal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moves++
	c.losses++
	delete(c.byID, p.ID)
	delete(c.byChat, chatKey{p.Network, p.Chat})
	delete(c.byRoom, p.Room)
	for k := range c.inChat {
		if k.portal == p.ID {
			delete(c.inChat, k)
		}
	}
}

// get finds a portal by its number; false if it was deleted.
func (c *cache) get(ctx context.Context, id int64) (store.Portal, bool, error) {
	c.mu.Lock()
	p, ok := c.byID[id]
	losses := c.losses
	c.mu.Unlock()
	if ok {
		return p, true, nil
	}
	p, ok, err := c.db.Portal(ctx, id)
	if ok {
		c.read(p, losses)
	}
	return p, ok, err
}

// find finds the portal of a chat; false if there is none.
func (c *cache) find(ctx context.Context, n network.NetworkID, chat network.ChatKey) (store.Portal, bool, error) {
	c.mu.Lock()
	p, ok := c.byID[c.byChat[chatKey{n, chat}]]
	losses := c.losses
	c.mu.Unlock()
	if ok {
		return p, true, nil
	}
	p, ok, err := c.db.PortalOf(ctx, n, chat)
	if ok {
		c.read(p, losses)
	}
	return p, ok, err
}

// ensure finds or makes the portal of a chat.
func (c *cache) ensure(ctx context.Context, n network.NetworkID, chat network.ChatKey) (store.Portal, error) {
	all, err := c.ensureAll(ctx, n, []network.ChatKey{chat})
	return all[chat], err
}

// ensureAll finds or makes the portals of chats.
func (c *cache) ensureAll(ctx context.Context, n network.NetworkID, chats []network.ChatKey) (map[network.ChatKey]store.Portal, error) {
	out := make(map[network.ChatKey]store.Portal, len(chats))
	var unknown []network.ChatKey
	c.mu.Lock()
	for _, chat := range chats {
		if _, twice := out[chat]; twice {
			continue
		}
		p, ok := c.byID[c.byChat[chatKey{n, chat}]]
		if !ok {
			unknown = append(unknown, chat)
		}
		out[chat] = p
	}
	losses := c.losses
	c.mu.Unlock()
	if len(unknown) == 0 {
		return out, nil
	}
	found, err := c.db.EnsurePortals(ctx, n, unknown...)
	for i, p := range found {
		c.read(p, losses)
		out[unknown[i]] = p
	}
	return out, err
}

// in lists the portals of a room.
func (c *cache) in(ctx context.Context, room string) ([]store.Portal, error) {
	c.mu.Lock()
	ids, ok := c.byRoom[room]
	moves := c.moves
	c.mu.Unlock()
	var out []store.Portal
	if ok {
		for _, id := range ids {
			p, found, err := c.get(ctx, id)
			if err != nil {
				return nil, err
			}
			if found && p.Room == room {
				out = append(out, p)
			}
		}
		return out, nil
	}
	out, err := c.db.PortalsIn(ctx, room)
	if err != nil {
		return nil, err
	}
	ids = make([]int64, 0, len(out))
	for _, p := range out {
		ids = append(ids, p.ID)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moves == moves { // else what was read may be old
		makeRoom(c.byRoom, maxCached)
		c.byRoom[room] = ids
	}
	return out, nil
}

// several reports whether a room has more than one portal. It is asked for each
// message, a few times, so it copies no row of a room that has none or one.
func (c *cache) several(ctx context.Context, room string) (bool, error) {
	c.mu.Lock()
	ids, ok := c.byRoom[room]
	c.mu.Unlock()
	if ok && len(ids) < 2 {
		return false, nil
	}
	all, err := c.in(ctx, room)
	return len(all) > 1, err
}

// known reports whether it is stored that a login is in a portal's chat, as far
// as the cache knows, and notes that it is from now on.
func (c *cache) known(k loginChat) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.inChat[k]
	return ok
}

func (c *cache) learn(k loginChat) {
	c.mu.Lock()
	defer c.mu.Unlock()
	makeRoom(c.inChat, maxCached)
	c.inChat[k] = struct{}{}
}

func (c *cache) unlearn(k loginChat) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inChat, k)
}

// makeRoom removes any one element from a map that is full with most; it reports whether it did.
func makeRoom[K comparable, V any](m map[K]V, most int) bool {
	if len(m) < most {
		return false
	}
	for k := range m {
		delete(m, k)
		break
	}
	return true
}
