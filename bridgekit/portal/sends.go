package portal

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// sends knows which calls to networks are not answered yet, and which changes are
// expected to come back from them.
type sends struct {
	mu     sync.Mutex // guards what follows
	open   map[sendKey]int
	echoes map[echoKey][]time.Time // when each expected echo was expected
}

// An echoKey is a change of a message as it comes back.
type echoKey struct {
	portal int64
	what   string
}

// echoWithin is how long the echo of a change may take.
const echoWithin = 2 * time.Minute

// expect notes a change that a network carried out: it may come back, and not
// every network says that it was ours.
func (s *sends) expect(portal int64, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.echoes == nil {
		s.echoes = map[echoKey][]time.Time{}
	}
	makeRoom(s.echoes, maxKept)
	k := echoKey{portal, what}
	s.echoes[k] = append(s.echoes[k], time.Now())
}

// expected reports whether a change was expected, once for each time.
func (s *sends) expected(portal int64, what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := echoKey{portal, what}
	all := s.echoes[k]
	for len(all) > 0 && time.Since(all[0]) > echoWithin {
		all = all[1:]
	}
	ok := len(all) > 0
	if ok {
		all = all[1:]
	}
	if len(all) == 0 {
		delete(s.echoes, k)
	} else {
		s.echoes[k] = all
	}
	return ok
}

// made reports whether we made a change a moment ago. It may be expected still.
func (s *sends) made(portal int64, what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.echoes[echoKey{portal, what}]
	return len(all) > 0 && time.Since(all[len(all)-1]) <= echoWithin
}

// unexpect forgets a change, because something else happened instead.
func (s *sends) unexpect(portal int64, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.echoes, echoKey{portal, what})
}

// reactionEcho, chatEcho, editEcho and sentEcho name changes, and a part of a message,
// for expect.
func reactionEcho(on network.MessageID, emoji string, remove bool) string {
	return fmt.Sprintf("reaction %q %q %v", on, emoji, remove)
}

func chatEcho(name, topic *string, life *time.Duration, picture bool) string {
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return fmt.Sprintf("%q", *s)
	}
	if life != nil {
		return fmt.Sprintf("chat %s %s %s", text(name), text(topic), *life)
	}
	return fmt.Sprint("chat ", text(name), " ", text(topic), " ", picture)
}

func editEcho(of network.MessageID, c *network.Content) string {
	h := sha256.New()
	for _, p := range c.Parts {
		fmt.Fprintf(h, "%q", p.Text.String())
	}
	return fmt.Sprintf("edit %q %x", of, h.Sum(nil)[:8])
}

func sentEcho(p network.Part) string {
	file := ""
	if p.Media != nil {
		file = p.Media.Name
	}
	return fmt.Sprintf("message %x", sha256.Sum256(fmt.Appendf(nil, "%q %q", p.Text.String(), file)))
}

// echoOf is the key by which the journal remembers that an echo may come after a
// restart.
func echoOf(portal int64, what string) []byte { return journal.Key("echo", fmt.Sprint(portal), what) }

type sendKey struct {
	portal int64
	login  network.LoginID
}

// begin notes a call and returns what ends it.
func (s *sends) begin(portal int64, login network.LoginID) (end func()) {
	s.add(portal, login, 1)
	return func() { s.add(portal, login, -1) }
}

func (s *sends) add(portal int64, login network.LoginID, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[sendKey]int{}
	}
	k := sendKey{portal, login}
	if s.open[k] += n; s.open[k] == 0 {
		delete(s.open, k)
	}
}

// pending reports whether a login has an unanswered call in a portal's chat.
func (s *sends) pending(portal int64, login network.LoginID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[sendKey{portal, login}] > 0
}
