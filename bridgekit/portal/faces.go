package portal

import (
	"context"
	"sync"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
)

// faces knows what the names of rooms' people look like, so that nobody can be shown
// on a network under a name that passes for somebody else's. It reads all names of a room
// once, when somebody is relayed there, and follows what is pushed.
type faces struct {
	mu    sync.Mutex // guards rooms
	rooms map[id.RoomID]*gallery
}

const (
	maxGalleries = 1024
	maxFaces     = 50_000 // of one room
)

// A gallery is one room's people.
type gallery struct {
	read  bool
	looks map[id.UserID][]string            // see hub.Looks
	by    map[string]map[id.UserID]struct{} // whose each is
}

// room is a room's gallery. Call it with mu held.
func (f *faces) room(room id.RoomID) *gallery {
	g := f.rooms[room]
	if g == nil {
		if f.rooms == nil {
			f.rooms = map[id.RoomID]*gallery{}
		}
		makeRoom(f.rooms, maxGalleries)
		g = &gallery{looks: map[id.UserID][]string{}, by: map[string]map[id.UserID]struct{}{}}
		f.rooms[room] = g
	}
	return g
}

// put notes somebody's name in a room; "" if they are not in it any more.
func (f *faces) put(room id.RoomID, u id.UserID, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room(room).put(u, hub.Looks(name))
}

func (g *gallery) put(u id.UserID, looks []string) {
	for _, old := range g.looks[u] {
		if delete(g.by[old], u); len(g.by[old]) == 0 {
			delete(g.by, old)
		}
	}
	delete(g.looks, u)
	if len(looks) == 0 || len(g.looks) >= maxFaces {
		return
	}
	g.looks[u] = looks
	for _, look := range looks {
		if g.by[look] == nil {
			g.by[look] = map[id.UserID]struct{}{}
		}
		g.by[look][u] = struct{}{}
	}
}

// taken reports whether somebody but those whom same names has a look in a room.
func (f *faces) taken(room id.RoomID, look string, same func(u id.UserID) bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.rooms[room]
	if g == nil {
		return false
	}
	for u := range g.by[look] {
		if !same(u) {
			return true
		}
	}
	return false
}

// load reads the names of a room's people unless that was done.
func (f *faces) load(ctx context.Context, s *Service, room id.RoomID) error {
	f.mu.Lock()
	read := f.room(room).read
	f.mu.Unlock()
	if read {
		return nil
	}
	names, err := s.hs.MemberNames(ctx, room)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.room(room)
	g.read = true
	for u, name := range names {
		if _, ok := g.looks[u]; !ok { // what was pushed meanwhile is newer
			g.put(u, hub.Looks(name))
		}
	}
	return nil
}
