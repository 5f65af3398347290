package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A result is what the comparison of both sides found.
type result struct {
	Sent                         [2]int // by side
	Lost, Doubled, Order, Wrong  []string
	Dead                         []string // dead letters without a reason that the plan gives
	Excused                      int      // what nobody could tell, and the sender was told so
	Returned                     int      // removed in a room before it was known to be there, and shown again
	Cut                          int      // said as Causeway's connection was cut, and not heard by it
	Flying                       int      // was on its way to such a network when a process was hit
	Twice                        int      // of DoubledMarked: for sure
	DoubledMarked                int      // doubles that the sender was told of
	Kills, Stops, Starts, Missed int
}

func (r *result) bad() bool {
	return len(r.Lost)+len(r.Doubled)+len(r.Order)+len(r.Wrong)+len(r.Dead) > 0
}

// compare compares both sides of all chats with the book.
func (w *world) compare() *result {
	r := &result{Missed: w.missed}
	for _, n := range w.nodes {
		r.Kills, r.Stops, r.Starts = r.Kills+n.kills, r.Stops+n.stops, r.Starts+n.starts
	}
	for _, c := range w.chats {
		c.mu.Lock()
		w.compareChat(r, c)
		c.mu.Unlock()
	}
	r.bound(len(w.flying))
	return r
}

// bound checks that no more is doubled than was on its way when processes were
// hit, marked or not.
func (r *result) bound(flying int) {
	if r.Flying = flying; r.Twice > flying {
		r.Doubled = append(r.Doubled, fmt.Sprintf("%d are marked as perhaps there twice and are, but only %d were on their way", r.Twice, flying))
	}
}

func (w *world) compareChat(r *result, c *chat) {
	room, remote := w.roomView(c.room), w.far.view(c)
	for s, v := range map[side]*view{onNetwork: room, onMatrix: remote} {
		k := &checker{w: w, r: r, c: c, side: s, shows: v, origin: remote, room: room, where: fmt.Sprintf("%s, %s", c.id, s)}
		if s == onMatrix {
			k.origin = room
		}
		r.Sent[s] += len(c.book[s])
		k.check()
	}
}

// A checker compares one direction of one chat.
type checker struct {
	w      *world
	r      *result
	c      *chat
	side   side  // where it was said
	shows  *view // of the other side
	origin *view // of the side where it was said
	room   *view // whichever of both is the room's
	where  string
}

func (k *checker) say(list *[]string, format string, args ...any) {
	*list = append(*list, k.where+": "+fmt.Sprintf(format, args...))
}

func (k *checker) check() {
	for _, s := range k.shows.strange {
		k.say(&k.r.Wrong, "%s", s)
	}
	known, here := map[string]bool{}, map[string]*message{}
	for _, m := range k.c.book[k.side] {
		known[m.token] = true
		k.message(m)
	}
	for _, m := range k.c.book[1-k.side] {
		here[m.token] = m
	}
	for _, x := range k.shows.order {
		if m := here[x.token]; m != nil && (k.warned(m) || k.excused(m)) {
			k.r.DoubledMarked++ // nobody can tell the other copy from somebody's own
			continue
		}
		if !known[x.token] {
			k.say(&k.r.Doubled, "%s is shown on the side where it was said", x.token)
		}
	}
	k.order()
}

// message compares one message with what is shown of it.
func (k *checker) message(m *message) {
	shown := k.shows.byToken[m.token]
	if k.excused(m) || k.split() && (m.gone || shown != nil && m.rev > 0) {
		k.r.Excused++
		return
	}
	switch {
	case m.cut && shown == nil:
		k.r.Cut++
		return
	case m.gone && (k.late(m) || k.warned(m)):
		k.r.Excused++
		return
	case k.returned(m) && shown != nil:
		k.r.Returned++ // see returned
		return
	case m.gone && k.origin.has(m.token):
		k.say(&k.r.Wrong, "%s was removed and is still where it was said", m.token)
		return
	case m.gone && shown == nil:
		return
	case m.gone:
		k.say(&k.r.Wrong, "%s was removed and is shown: %.80v", m.token, shown.pieces)
		return
	case shown == nil:
		k.say(&k.r.Lost, "%s (%.60s)", m.token, m.want[0].text)
		return
	}
	if want := merged(m.want); !slices.Equal(want, shown.pieces) {
		switch n := times(want, shown.pieces); {
		case k.warned(m):
			if n > 1 {
				k.r.Twice++
			}
			k.r.DoubledMarked++ // and an edit is of one copy
			return
		case n > 1:
			k.say(&k.r.Doubled, "%s is there %d times", m.token, n)
		case k.late(m):
		default:
			k.say(&k.r.Wrong, "%s: %.100v, not %.100v", m.token, shown.pieces, want)
		}
	} else if shown.split {
		k.say(&k.r.Order, "%s has something else between its parts", m.token)
	}
	if k.split() || k.late(m) {
		return
	}
	if to := m.reply; to != nil && !to.gone && !to.cut && !k.excused(to) && !k.warned(to) && k.shows.ids[shown.reply] != to.token {
		k.say(&k.r.Wrong, "%s answers %q, not %s", m.token, k.shows.ids[shown.reply]+" "+shown.reply, to.token)
	}
	k.reactions(m)
}

// reactions compares those on a message, on both sides: each stands once.
func (k *checker) reactions(m *message) {
	want := map[reaction]int{}
	for r := range m.reactions {
		if strings.HasPrefix(r.who, "@") {
			r.who = accountOf(r.who)
		}
		want[r] = 1
	}
	for name, v := range map[string]*view{"there": k.shows, "where it was said": k.origin} {
		have := v.react[m.token]
		if maps.Equal(want, have) {
			continue
		}
		for r, n := range have {
			if n > 1 {
				k.say(&k.r.Doubled, "reaction %v on %s is %d times %s", r, m.token, n, name)
			}
		}
		k.say(&k.r.Wrong, "reactions on %s %s are %v, not %v", m.token, name, have, want)
	}
}

// order compares the order of what is shown with that in which it was said.
func (k *checker) order() {
	var want []string
	book := k.c.book[k.side]
	if k.side == onMatrix && k.w.arrival != nil {
		book = slices.Clone(book)
		slices.SortStableFunc(book, func(a, b *message) int { return k.w.arrival[a.event] - k.w.arrival[b.event] })
	}
	for _, m := range book {
		if k.shows.byToken[m.token] != nil && !k.returned(m) {
			want = append(want, m.token)
		}
	}
	at := map[string]int{}
	for i, t := range want {
		at[t] = i
	}
	last := -1
	for _, x := range k.shows.order {
		i, ok := at[x.token]
		if !ok || k.split() && slices.Contains(people(), k.who(x.token)) {
			continue // what an account does is read from its own connection
		}
		if i < last {
			k.say(&k.r.Order, "%s comes behind %s", x.token, want[last])
		}
		last = max(last, i)
	}
}

// who said something.
func (k *checker) who(token string) string {
	for _, m := range k.c.book[k.side] {
		if m.token == token {
			return m.who
		}
	}
	return ""
}

// times is how often want is shown; 0 if something else is.
func times(want, shown []piece) int {
	for n := 2; n < 10; n++ {
		var all []piece
		for range n {
			all = append(all, want...)
		}
		if slices.Equal(merged(all), shown) {
			return n
		}
	}
	return 0
}

// split reports whether the accounts have no IDs in common: then what one says
// about what another one has read cannot cross, and the book does not know what
// they call a message.
func (k *checker) split() bool {
	return k.w.far.features().IDs == network.IDsPerLogin
}

// late reports whether the homeserver pushed what is about a message before the
// message, or in another order than it was said.
func (k *checker) late(m *message) bool {
	for i, act := range m.acts {
		if k.w.arrival != nil && i > 0 && k.w.arrival[act] < k.w.arrival[m.acts[i-1]] {
			return true
		}
	}
	return m.reply != nil && m.reply.side == onMatrix && k.w.arrival[m.event] < k.w.arrival[m.reply.event]
}

// returned reports whether a message that is shown is another copy of one that somebody
// removed in the room before Causeway had noted that it was there, which took the mark
// with it (docs/guarantees.md). It comes later than its place.
func (k *checker) returned(m *message) bool {
	return m.gone && m.side == onNetwork && len(m.acts) > 0
}

func (k *checker) never() bool { return k.w.far.features().Once == network.OnceNever }

// excused reports whether the bot told somebody that it cannot tell what became of
// something about this message, which only networks without idempotence may do,
// or that it did not leave because its sender was signed out.
func (k *checker) excused(m *message) bool {
	return k.never() && k.told(m, "nobody can tell whether it arrived") || k.w.faults[faultSignedOut] > 0 && k.told(m, signedOutWords)
}

// signedOutWords is in the reason of what did not leave.
const signedOutWords = "you are signed out of"

// warned reports whether the sender knows that the message may be there twice.
func (k *checker) warned(m *message) bool { return k.never() && k.told(m, "it may appear twice") }

func (k *checker) told(m *message, words string) bool {
	for _, act := range m.acts {
		if slices.ContainsFunc(k.room.notices[act], func(s string) bool { return strings.Contains(s, words) }) {
			return true
		}
	}
	return false
}
