package portal

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// recentRows is how many rows of the message map are kept in memory. It is far
// more than the store's writer lets wait, so every row that is not yet
// committed is among them.
const recentRows = 16_384

// A messageMap reads the message map, with the rows that were made a moment ago
// and may not be committed. Its methods may be called concurrently.
type messageMap struct {
	db *store.DB

	mu       sync.Mutex // guards what follows
	ring     []*store.Message
	made     []time.Time // when each of ring came; zero for one that covers does not speak of
	since    time.Time   // all rows that were made later are in ring, but for those
	next     int
	byEvent  map[mapKey][]*store.Message
	byRemote map[mapKey][]*store.Message
	byTxn    map[mapKey][]*store.Message
	gone     map[mapKey]struct{} // events whose rows were deleted a moment ago
	goneRing []mapKey
}

type mapKey struct {
	portal int64
	id     string
}

func newMessageMap(db *store.DB) *messageMap {
	return &messageMap{db: db, ring: make([]*store.Message, recentRows), made: make([]time.Time, recentRows), since: time.Now(), byEvent: map[mapKey][]*store.Message{}, byRemote: map[mapKey][]*store.Message{}, byTxn: map[mapKey][]*store.Message{}, gone: map[mapKey]struct{}{}}
}

// put makes rows visible. The caller also has them stored.
func (m *messageMap) put(rows ...store.Message) { m.add(time.Now(), rows) }

// putNamed is put for rows of a remote message whose journal entry is named by the
// message's ID: if it came again, the journal would know it.
func (m *messageMap) putNamed(rows ...store.Message) { m.add(time.Time{}, rows) }

func (m *messageMap) add(made time.Time, rows []store.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range rows {
		r := &rows[i]
		if old := m.ring[m.next]; old != nil {
			m.remove(old)
			if left := m.made[m.next]; left.After(m.since) {
				m.since = left
			}
		}
		m.ring[m.next], m.made[m.next] = r, made
		m.next = (m.next + 1) % len(m.ring)
		for _, x := range m.indexes(r) {
			x.index[x.key] = append(x.index[x.key], r)
		}
	}
}

type indexed struct {
	index map[mapKey][]*store.Message
	key   mapKey
}

func (m *messageMap) indexes(r *store.Message) []indexed {
	out := []indexed{{m.byEvent, mapKey{r.Portal, r.Event}}}
	if r.Remote != "" {
		out = append(out, indexed{m.byRemote, mapKey{r.Portal, string(r.Remote)}})
	}
	if r.Txn != "" {
		out = append(out, indexed{m.byTxn, mapKey{r.Portal, string(r.Txn)}})
	}
	return out
}

func (m *messageMap) remove(r *store.Message) {
	for _, x := range m.indexes(r) {
		rest := slices.DeleteFunc(x.index[x.key], func(o *store.Message) bool { return o == r })
		if len(rest) == 0 {
			delete(x.index, x.key)
		} else {
			x.index[x.key] = rest
		}
	}
}

// drop makes an event's rows invisible. The caller also has them deleted.
func (m *messageMap) drop(portal int64, event string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := mapKey{portal, event}
	for _, r := range slices.Clone(m.byEvent[k]) {
		m.remove(r)
	}
	m.gone[k] = struct{}{}
	m.goneRing = append(m.goneRing, k)
	if len(m.goneRing) > recentRows {
		delete(m.gone, m.goneRing[0])
		m.goneRing = m.goneRing[1:]
	}
}

// forget makes all rows of a portal invisible. The caller also has them deleted.
func (m *messageMap) forget(portal int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range m.ring {
		if r != nil && r.Portal == portal {
			m.remove(r)
			m.ring[i] = nil
		}
	}
}

// merge joins recent rows of one index with stored ones.
func (m *messageMap) merge(index map[mapKey][]*store.Message, k mapKey, stored []store.Message) []store.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored = slices.DeleteFunc(stored, func(r store.Message) bool {
		_, gone := m.gone[mapKey{r.Portal, r.Event}]
		return gone
	})
	for _, r := range index[k] {
		if !slices.ContainsFunc(stored, func(o store.Message) bool { return o.Event == r.Event && o.Remote == r.Remote }) {
			stored = append(stored, *r)
		}
	}
	slices.SortStableFunc(stored, func(a, b store.Message) int { return a.Part - b.Part })
	return stored
}

// event lists the rows of a Matrix event, without that of its commonID.
func (m *messageMap) event(ctx context.Context, portal int64, event string) ([]store.Message, error) {
	all, err := m.all(ctx, portal, event)
	return slices.DeleteFunc(all, isCommon), err
}

// all lists all rows of a Matrix event.
func (m *messageMap) all(ctx context.Context, portal int64, event string) ([]store.Message, error) {
	stored, err := m.db.MessagesByEvent(ctx, portal, event)
	return m.merge(m.byEvent, mapKey{portal, event}, stored), err
}

// remote lists the rows of a remote message by any of its IDs, in the order of
// parts.
func (m *messageMap) remote(ctx context.Context, portal int64, ids ...network.MessageID) ([]store.Message, error) {
	for _, id := range ids {
		if id == "" {
			continue
		}
		var stored []store.Message
		has, err := m.db.HasRemote(ctx, portal, id)
		if err == nil && has {
			stored, err = m.db.MessagesByRemote(ctx, portal, id)
		}
		if err != nil {
			return nil, err
		}
		if rows := m.merge(m.byRemote, mapKey{portal, string(id)}, stored); len(rows) > 0 {
			return rows, nil
		}
	}
	return nil, nil
}

// covers reports whether all rows of a message that was made at a time are in memory,
// but for those put by putNamed: none is older than the message. The networks'
// clocks may be ahead of ours a little.
func (m *messageMap) covers(at time.Time) bool {
	const ahead = 5 * time.Second
	m.mu.Lock()
	defer m.mu.Unlock()
	return at.After(m.since.Add(ahead))
}

// recent reports whether a row of a remote message was made a moment ago.
func (m *messageMap) recent(portal int64, id network.MessageID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.byRemote[mapKey{portal, string(id)}]) > 0
}

// txn lists the rows of an outgoing call.
func (m *messageMap) txn(ctx context.Context, portal int64, txn network.TxnID) ([]store.Message, error) {
	stored, err := m.db.MessagesByTxn(ctx, portal, txn)
	return m.merge(m.byTxn, mapKey{portal, string(txn)}, stored), err
}
