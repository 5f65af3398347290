package portal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// joinWorkers is how many ghosts come into rooms at once: enough to fill a room
// in seconds, few enough to leave the homeserver to the messages.
const joinWorkers = 8

// A joiner brings ghosts into rooms and furnishes new rooms, beside the lanes:
// a room is readable while its members still come in. What it has not done when
// the process ends is asked for again when the network lists the members.
type joiner struct {
	s *Service

	mu      sync.Mutex // guards what follows
	queue   []joinTask
	pending map[membership]bool // who is to come, and whether they were listed
	due     map[id.RoomID]int   // how many of those were listed
	wake    bell
}

type membership struct {
	room id.RoomID
	user id.UserID
}

type joinTask struct {
	portal  int64
	at      membership
	user    network.UserID
	furnish bool // instead of a join: what a new room still needs
	listed  bool // was there before: comes as the limit for new people lets them
	tries   int
}

func newJoiner(s *Service) *joiner {
	return &joiner{s: s, pending: map[membership]bool{}, due: map[id.RoomID]int{}, wake: newBell()}
}

// join has a ghost come into a portal's room soon.
func (j *joiner) join(p store.Portal, u network.UserID) {
	t := joinTask{portal: p.ID, user: u, at: membership{roomID(p), j.s.ghostOf(p.Network, u)}}
	j.add(t)
}

// joinListed is join for somebody whom the network lists among those who are there: no
// more of them come in a minute than the limit for new people says, the others after
// those. Whoever speaks meanwhile comes at once.
func (j *joiner) joinListed(p store.Portal, u network.UserID) {
	j.add(joinTask{portal: p.ID, user: u, listed: true, at: membership{roomID(p), j.s.ghostOf(p.Network, u)}})
}

// furnish has the rest of a new room's set-up done soon.
func (j *joiner) furnish(p store.Portal) {
	j.add(joinTask{portal: p.ID, furnish: true, at: membership{room: roomID(p)}})
}

// cancel withdraws a join that has not happened yet.
func (j *joiner) cancel(room id.RoomID, ghost id.UserID) { j.end(membership{room, ghost}) }

// end forgets a join, and reports whether it was that of the last one who was listed.
func (j *joiner) end(at membership) (last bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	listed := j.pending[at]
	if delete(j.pending, at); !listed {
		return false
	}
	if j.due[at.room]--; j.due[at.room] > 0 {
		return false
	}
	delete(j.due, at.room)
	return true
}

// awaits reports whether listed people are still to come into a room.
func (j *joiner) awaits(room id.RoomID) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.due[room] > 0
}

func (j *joiner) add(t joinTask) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, ok := j.pending[t.at]; ok && t.furnish || !t.furnish && ok == (t.tries == 0) {
		return // asked for already, or withdrawn between two tries
	}
	if !j.pending[t.at] && t.listed {
		j.due[t.at.room]++
	}
	j.pending[t.at] = j.pending[t.at] || t.listed
	j.queue = append(j.queue, t)
	j.wake.ring()
}

// wanted reports whether a join was not withdrawn.
func (j *joiner) wanted(at membership) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ok := j.pending[at]
	return ok
}

// run works until ctx is done.
func (j *joiner) run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for range joinWorkers {
		wg.Go(func() { j.work(ctx) })
	}
	<-ctx.Done()
	return fmt.Errorf("portals: %w", ctx.Err())
}

func (j *joiner) work(ctx context.Context) {
	for {
		t, ok := j.take()
		if !ok {
			select {
			case <-j.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		j.do(ctx, t)
	}
}

// take removes the next task that was not withdrawn.
func (j *joiner) take() (joinTask, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.queue) > 0 {
		t := j.queue[0]
		j.queue = j.queue[1:]
		if _, ok := j.pending[t.at]; !ok {
			continue
		}
		if t.furnish {
			delete(j.pending, t.at) // who comes from now on asks for another one
		}
		if len(j.queue) > 0 { // let another worker have the next
			j.wake.ring()
		}
		return t, true
	}
	return joinTask{}, false
}

// delayed reports whether somebody who was listed has to wait for the limit; then they
// are asked for again when the next one may come.
func (j *joiner) delayed(ctx context.Context, t joinTask) (bool, error) {
	limit := j.s.opts.NewSenders
	if !t.listed || limit == 0 {
		return false, nil
	}
	in, err := j.s.hs.Joined(ctx, t.at.room, t.at.user)
	if err != nil || in || j.s.newcomers.take(newcomerKey{t.portal, joinsRemote}, limit) {
		return false, err
	}
	time.AfterFunc(time.Minute/time.Duration(limit), func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.queue = append(j.queue, t)
		j.wake.ring()
	})
	return true, nil
}

func (j *joiner) do(ctx context.Context, t joinTask) {
	wait, err := j.delayed(ctx, t)
	if wait {
		return
	}
	if err == nil {
		t.listed = false
		err = j.try(ctx, t)
	}
	if err != nil && ctx.Err() == nil && t.tries < 5 {
		wait := max(matrix.WaitOf(err), time.Second<<t.tries)
		if j.s.hs.Wait(ctx) == nil {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
		t.tries++
		j.add(t)
		return
	}
	if !t.furnish && ctx.Err() == nil && j.end(t.at) {
		err = errors.Join(err, j.s.membersCame(ctx, t))
	}
	if err != nil && ctx.Err() == nil {
		j.s.log.Warn("bring ghost into room", "portal", t.portal, "furnish", t.furnish, "err", err)
	}
}

func (j *joiner) try(ctx context.Context, t joinTask) error {
	p, ok, err := j.s.portals.get(ctx, t.portal)
	if err != nil || !ok || roomID(p) != t.at.room {
		return err
	}
	if t.furnish {
		return j.s.furnish(ctx, p)
	}
	if err := j.s.prepareGhost(ctx, j.s.anyOps(ctx, p), t.at.user, t.user, false); err != nil {
		return err
	}
	if err := j.s.hs.EnsureJoined(ctx, t.at.room, t.at.user); err != nil || j.wanted(t.at) {
		j.s.faceUp(t.at.user)
		return err
	}
	return j.s.hs.Leave(ctx, t.at.room, t.at.user, "") // they left meanwhile
}

// welcome is admit for the owner of a new room, who was most likely invited with
// its making.
func (x *inbound) welcome(ctx context.Context, owner id.UserID) error {
	asked, err := x.hs.Asked(ctx, roomID(x.p), owner)
	if err != nil {
		return err
	}
	if asked {
		return x.letJoin(ctx, owner)
	}
	if err := x.promote(ctx, owner); err != nil {
		return err
	}
	return x.admit(ctx, owner)
}

// inviteMembers brings the members of a small chat in; those of a large one come when
// they first speak. It notes that until all are there. False: nobody could say who is in
// the chat.
func (s *Service) inviteMembers(ctx context.Context, p store.Portal) (listed bool, err error) {
	members, listed := s.listed(ctx, p)
	for _, m := range members {
		if m.Membership == network.Joined {
			s.bringIn(p, m.User)
		}
	}
	_, err = s.update(ctx, p.ID, func(now *store.Portal) {
		now.Info.MembersDue = now.Room == p.Room && (!listed || s.joins.awaits(roomID(p)))
	})
	return listed, err
}

// listed are the members of a chat, nobody of a large one. False: nobody could be asked.
func (s *Service) listed(ctx context.Context, p store.Portal) (all []network.Member, listed bool) {
	ops := s.anyOps(ctx, p)
	if ops == nil {
		return nil, false
	}
	if ops.Members == nil {
		return nil, true
	}
	for cursor := ""; ; {
		page, next, err := ops.Members(ctx, p.Chat.ID, cursor)
		if err != nil {
			s.log.Info("members are not listed", "portal", p.ID, "err", err)
			kind := network.KindOf(err)
			return nil, kind == network.Rejected || kind == network.Gone
		}
		if all = append(all, page...); len(all) > s.opts.Eager {
			return nil, true
		}
		if next == "" {
			return all, true
		}
		cursor = next
	}
}

// membersCame notes that all who were listed are in a room.
func (s *Service) membersCame(ctx context.Context, t joinTask) error {
	_, err := s.update(ctx, t.portal, func(p *store.Portal) {
		if roomID(*p) == t.at.room && !s.joins.awaits(t.at.room) {
			p.Info.MembersDue = false
		}
	})
	return err
}

// bringIn has a remote person's ghost join, unless the person is one of us.
func (s *Service) bringIn(p store.Portal, u network.UserID) {
	if s.logins.ByUser(p.Network, u) == nil {
		s.joins.joinListed(p, u)
	}
}

// anyOps are the operations of any running client that is in a portal's chat.
func (s *Service) anyOps(ctx context.Context, p store.Portal) *network.Ops {
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return nil
	}
	for _, l := range in {
		if sess := s.logins.Get(p.Network, l); sess != nil && sess.Online() {
			if ops, ok := sess.Ops(); ok {
				return &ops
			}
		}
	}
	return nil
}

// Resume furnishes rooms with which an earlier process was not done.
func (s *Service) Resume(ctx context.Context) error {
	all, err := s.db.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if err := s.complete(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// complete has a room that was made finished: its past comes first, which the lane
// brings in.
func (s *Service) complete(ctx context.Context, p store.Portal) error {
	if p.Info.Fill == nil {
		s.joins.furnish(p)
		return nil
	}
	return s.j.Append(ctx, []journal.Draft{{Lane: journal.LaneOf(p.ID, journal.In), Kind: fillKind, Payload: []byte("{}")}}, nil)
}
