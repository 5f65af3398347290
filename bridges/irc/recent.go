package irc

import (
	"hash/maphash"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

// recentLines is how many lines back a reply needs no quote.
const recentLines = 6

// recent remembers, as hashes, the last lines of a channel, so that a reply can
// tell whether people still see what it answers.
type recent struct {
	seed  maphash.Seed
	begun bool
	lines []uint64
}

func (r *recent) hash(user network.UserID, text string) uint64 {
	if !r.begun {
		r.seed, r.begun = maphash.MakeSeed(), true
	}
	line, _, _ := strings.Cut(convert.Strip(text), "\n")
	return maphash.String(r.seed, string(user)+"\x00"+strings.TrimSpace(line))
}

func (r *recent) add(user network.UserID, text string) {
	r.lines = append(r.lines, r.hash(user, text))
	if len(r.lines) > recentLines {
		r.lines = r.lines[1:]
	}
}

// An idRing remembers the IDs of the last messages of a connection.
type idRing struct {
	known map[network.MessageID]bool
	order []network.MessageID
}

func (r *idRing) add(id network.MessageID) {
	const most = 5000
	if id == "" || r.known[id] {
		return
	}
	if r.known == nil {
		r.known = map[network.MessageID]bool{}
	}
	if len(r.order) >= most {
		delete(r.known, r.order[0])
		r.order = r.order[1:]
	}
	r.known[id] = true
	r.order = append(r.order, id)
}

func (r *idRing) has(id network.MessageID) bool { return r.known[id] }

// has reports whether user said text just now.
func (r *recent) has(user network.UserID, text string) bool {
	want := r.hash(user, text)
	for _, h := range r.lines {
		if h == want {
			return true
		}
	}
	return false
}
