package irc

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

// recentLines is how many lines back a reply needs no quote.
const recentLines = 6

// recent remembers the last lines of a channel, so that a reply can tell whether
// people still see what it answers.
type recent struct {
	seed  maphash.Seed
	begun bool
	lines []recentLine
}

// A recentLine is a line by who said it and its words, and what it is known by: what
// the relay says has somebody else's name before it, so it is not found by its words.
type recentLine struct {
	hash uint64
	ids  []network.MessageID
}

func (r *recent) hash(user network.UserID, text string) uint64 {
	if !r.begun {
		r.seed, r.begun = maphash.MakeSeed(), true
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "\x01ACTION "), "\x01")
	line, _, _ := strings.Cut(convert.Strip(text), "\n")
	return maphash.String(r.seed, string(user)+"\x00"+strings.TrimSpace(line))
}

func (r *recent) add(user network.UserID, text string) {
	r.lines = append(r.lines, recentLine{hash: r.hash(user, text)})
	if len(r.lines) > recentLines {
		r.lines = r.lines[1:]
	}
}

// name notes what the newest line of user with this text is known by.
func (r *recent) name(user network.UserID, text string, ids []network.MessageID) {
	said := r.hash(user, text)
	for i, l := range slices.Backward(r.lines) {
		if l.hash == said {
			r.lines[i].ids = ids
			return
		}
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

// has reports whether user said text just now, or it is known by id.
func (r *recent) has(user network.UserID, text string, id network.MessageID) bool {
	said := r.hash(user, text)
	return slices.ContainsFunc(r.lines, func(l recentLine) bool { return l.hash == said || id != "" && slices.Contains(l.ids, id) })
}
