package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A result is what the comparison of both sides found.
type result struct {
	Sent                         [2]int // by side.way
	Lost, Doubled, Order, Wrong  []string
	Looped                       []string // shown where it was said
	Clear                        []string // in clear in an encrypted room
	Dead                         []string // dead letters without a reason that the plan gives
	Excused                      int      // what nobody could tell, and the sender was told so
	Returned                     int      // removed in a room before it was known to be there, and shown again
	Cut                          int      // said as Causeway's connection was cut, and not heard by it
	Early                        int      // encrypted before anybody of Matrix was asked in
	Flying                       int      // was on its way to such a network when a process was hit
	Twice                        int      // of DoubledMarked: for sure
	DoubledMarked                int      // doubles that the sender was told of
	Kills, Stops, Starts, Missed int
}

func (r *result) bad() bool {
	return len(r.Lost)+len(r.Doubled)+len(r.Looped)+len(r.Clear)+len(r.Order)+len(r.Wrong)+len(r.Dead) > 0
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
	views := map[side]*view{}
	for _, s := range c.sides() {
		if s == onMatrix {
			views[s] = w.roomView(c.room)
		} else {
			views[s] = w.far.net(s).view(c)
		}
		r.Sent[s.way()] += len(c.book[s])
	}
	w.compareViews(r, c, views)
}

// compareViews compares what each side of a chat shows.
func (w *world) compareViews(r *result, c *chat, views map[side]*view) {
	for _, at := range c.sides() {
		k := &checker{w: w, r: r, c: c, side: at, at: at, shows: views[at], room: views[onMatrix]}
		k.unexpected()
		for _, s := range c.sides() {
			if s == at {
				continue
			}
			k.side, k.origin = s, views[s]
			k.check()
		}
		k.answers()
	}
	w.together(r, c, views)
}

// A checker compares what was said on one side of a chat with what another one
// shows.
type checker struct {
	w      *world
	r      *result
	c      *chat
	side   side  // where it was said
	at     side  // where it is shown
	shows  *view // of the side at
	origin *view // of side
	room   *view // of Matrix
}

func (k *checker) say(list *[]string, format string, args ...any) {
	*list = append(*list, fmt.Sprintf("%s, from %s to %s: ", k.c.id, k.side, k.at)+fmt.Sprintf(format, args...))
}

// check compares all that was said on one side with what the other one shows.
func (k *checker) check() {
	for _, m := range k.c.book[k.side] {
		k.message(m)
	}
	k.order()
}

// unexpected finds what is shown and was not said on another side.
func (k *checker) unexpected() {
	for _, s := range k.shows.clear {
		k.say(&k.r.Clear, "%s", s)
	}
	for _, s := range k.shows.strange {
		k.say(&k.r.Wrong, "%s", s)
	}
	said := map[string]*message{}
	for _, m := range k.c.all() {
		said[m.token] = m
	}
	for _, x := range k.shows.order {
		switch m := said[x.token]; {
		case m == nil:
			k.say(&k.r.Doubled, "nobody said %s", x.token)
		case m.side != k.at:
		case k.warned(m) || k.excused(m):
			k.r.DoubledMarked++ // nobody can tell the other copy from somebody's own
		default:
			k.say(&k.r.Looped, "%s is shown on the side where it was said", x.token)
		}
	}
}

// message compares one message with what is shown of it.
func (k *checker) message(m *message) {
	shown := k.shows.byToken[m.token]
	gone := m.gone && (!m.stays || m.from == k.at)
	if k.excused(m) {
		k.r.Excused++
		return
	}
	switch {
	case m.cut && shown == nil:
		k.r.Cut++
		return
	case gone && (k.late(m) || k.warned(m)):
		k.r.Excused++
		return
	case k.returned(m) && shown != nil:
		k.r.Returned++ // see returned
		return
	case gone && !m.stays && k.origin.has(m.token):
		k.say(&k.r.Wrong, "%s was removed and is still where it was said", m.token)
		return
	case gone && shown == nil:
		return
	case gone:
		k.say(&k.r.Wrong, "%s was removed and is shown: %.80v", m.token, shown.pieces)
		return
	case shown == nil && k.at == onMatrix && k.shows.early > 0:
		k.shows.early--
		k.r.Early++
		m.early = true
		return
	case shown == nil:
		k.say(&k.r.Lost, "%s (%.60s)", m.token, m.want[0].text)
		return
	}
	if want := merged(m.want); !slices.Equal(want, shown.pieces) {
		switch n := times(want, shown.pieces); {
		case k.warned(m):
			if n > 1 && k.at != onMatrix && k.w.never(k.w.far.net(k.at).id()) {
				k.r.Twice++ // what came back from there is elsewhere too, and is not counted
			}
			k.r.DoubledMarked++ // and an edit is of one copy
			return
		case n > 1:
			k.say(&k.r.Doubled, "%s is there %d times", m.token, n)
		case k.late(m):
		default:
			k.say(&k.r.Wrong, "%s: %.100v, not %.100v", m.token, shown.pieces, want)
		}
	} else if k.broken(m.token) {
		k.say(&k.r.Order, "%s has something else between its parts", m.token)
	}
	if k.split() || k.late(m) {
		return
	}
	if to := m.reply; to != nil && !to.gone && !to.cut && !to.early && !k.excused(to) && !k.warned(to) && k.shows.ids[shown.reply] != to.token {
		k.say(&k.r.Wrong, "%s answers %q, not %s", m.token, k.shows.ids[shown.reply]+" "+shown.reply, to.token)
	}
	k.reactions(m)
}

// broken reports whether something else that was said on the same side stands between
// a message's parts. Copies that somebody was told of may stand anywhere.
func (k *checker) broken(token string) bool {
	mine := map[string]bool{}
	for _, m := range k.c.book[k.side] {
		mine[m.token] = !k.warned(m)
	}
	began, other := false, false
	for _, t := range k.shows.parts {
		switch {
		case t == token && other:
			return true
		case t == token:
			began = true
		case began && mine[t]:
			other = true
		}
	}
	return false
}

// reactions compares those on a message, on both sides: each stands once.
func (k *checker) reactions(m *message) {
	for at, v := range map[side]*view{k.at: k.shows, k.side: k.origin} {
		want, have := k.reacted(m, at), v.react[m.token]
		if maps.Equal(want, have) {
			continue
		}
		for r, n := range have {
			if n > 1 {
				k.say(&k.r.Doubled, "reaction %v on %s is %d times on %s", r, m.token, n, at)
			}
		}
		k.say(&k.r.Wrong, "reactions on %s on %s are %v, not %v", m.token, at, have, want)
	}
}

// reacted are the reactions on a message as a side shows them.
func (k *checker) reacted(m *message, at side) map[reaction]int {
	want := map[reaction]int{}
	for r := range m.reactions {
		switch {
		case at == onMatrix:
			if strings.HasPrefix(r.who, "@") {
				r.who = accountOf(r.who)
			}
		case !slices.Contains(emojis(at), r.emoji):
			r.who = k.w.far.net(at).bears(k.c, at, r.who)
		}
		if r.who != "" {
			want[r] = 1
		}
	}
	return want
}

// order compares the order of what is shown with that in which it was said.
func (k *checker) order() {
	var want []string
	book := k.c.book[k.side]
	if k.side == onMatrix && k.w.arrival != nil {
		book = slices.Clone(book)
		slices.SortStableFunc(book, func(a, b *message) int { return cmp.Compare(k.w.arrival[a.event], k.w.arrival[b.event]) })
	}
	for _, m := range book {
		if k.shows.byToken[m.token] != nil && !k.returned(m) && !(m.gone && k.warned(m)) {
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

// split reports whether the accounts of one of both networks have no IDs in common:
// then answers and reactions to what another one has read may not cross, and the book
// does not know what they call a message. Edits and removals of one's own do.
func (k *checker) split() bool { return k.apart(k.side) || k.apart(k.at) }

// apart is split of one side.
func (k *checker) apart(s side) bool {
	return s != onMatrix && k.w.far.net(s).features().IDs == network.IDsPerLogin
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
	return m.gone && m.side != onMatrix && len(m.acts) > 0
}

// excused reports whether the bot told somebody that it cannot tell what became of
// something about this message, which only networks without idempotence may do,
// or that it did not leave because its sender was signed out.
func (k *checker) excused(m *message) bool {
	of := []side{k.at, m.side}
	if k.at == m.side { // it came back, from wherever it went
		of = k.c.sides()
	}
	for _, s := range of {
		if s == onMatrix {
			continue
		}
		n := k.w.far.net(s)
		if m.reply != nil && m.reply.gone && k.told(m, noAnswerWords, n.title()) {
			return true // what it answers was removed meanwhile
		}
		if k.w.never(n.id()) && k.told(m, "nobody can tell whether it arrived", n.title()) || k.w.faults[faultSignedOut] > 0 && k.told(m, signedOutWords, n.title()) {
			return true
		}
	}
	return false
}

// noAnswerWords is in the reason of an answer in a thread that is not there any more.
const noAnswerWords = "Slack says: cannot reply to message"

// signedOutWords is in the reason of what did not leave.
const signedOutWords = "you are signed out of"

// warned reports whether the sender knows that the message may be there twice. What is
// there twice on one network may come back from there, and go on.
func (k *checker) warned(m *message) bool {
	const words = "it may appear twice"
	return k.w.never("") && (k.told(m, words, "") || m.gone && m.side != onMatrix && k.toldOfRemoved(words))
}

// toldOfRemoved reports whether the bot said something in such words about an event of
// Causeway's that was removed: of whose message that was a copy nobody knows any more.
func (k *checker) toldOfRemoved(words string) bool {
	said := map[string]bool{} // by people themselves, whose messages have their own answers
	for _, m := range k.c.book[onMatrix] {
		for _, act := range m.acts {
			said[act] = true
		}
	}
	for act, all := range k.room.notices {
		if k.room.removed[act] && !said[act] && slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, words) }) {
			return true
		}
	}
	return false
}

// told reports whether the bot answered anything about a message in such words.
func (k *checker) told(m *message, words, network string) bool {
	for _, act := range append(k.room.about[m.token], m.acts...) {
		if slices.ContainsFunc(k.room.notices[act], func(s string) bool { return strings.Contains(s, words) && strings.Contains(s, network) }) {
			return true
		}
	}
	return false
}
