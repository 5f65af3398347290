package portal

import (
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

const (
	// atOnce is how long a message is on its way that does not have to wait for anything.
	atOnce = 2 * time.Second
	// bannedFor is how long the homeserver's answer is believed.
	bannedFor = 30 * time.Second
)

// bannedPeople remember for a while who is banned from which room, for many messages of
// one person that have waited.
type bannedPeople struct {
	mu  sync.Mutex                // guards all
	all map[id.UserID]bannedSince // by memberName
}

// A bannedSince is an answer of the homeserver's.
type bannedSince struct {
	banned bool
	at     time.Time
}

// changed forgets the answer about somebody whose membership is another one.
func (b *bannedPeople) changed(room id.RoomID, u id.UserID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.all, memberName(room, u))
}

func (b *bannedPeople) get(room id.RoomID, u id.UserID) (banned, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, ok := b.all[memberName(room, u)]
	return one.banned, ok && time.Since(one.at) < bannedFor
}

func (b *bannedPeople) put(room id.RoomID, u id.UserID, banned bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[id.UserID]bannedSince{}
	}
	makeRoom(b.all, maxCached)
	b.all[memberName(room, u)] = bannedSince{banned, time.Now()}
}

// bannedMeanwhile reports whether somebody for whom the relay is to speak was banned from
// the room while what they wrote waited: nothing of it is said any more. If the
// homeserver does not tell, it is said.
func (o *outbound) bannedMeanwhile(ctx context.Context) bool {
	if !o.relay || o.from != nil || o.evt.StateKey != nil || o.evt.Type == event.EventRedaction.Type || time.Since(o.e.Created) < atOnce {
		return false
	}
	room, u := o.evt.Room, o.evt.Sender
	if banned, known := o.banned.get(room, u); known {
		return banned
	}
	m, err := o.hs.Member(ctx, room, o.hs.BotID(), u)
	if err != nil {
		o.log.Info("whether somebody was banned is not known", "room", room, "user", u, "err", err)
		return false
	}
	o.banned.put(room, u, m == event.MembershipBan)
	return m == event.MembershipBan
}
