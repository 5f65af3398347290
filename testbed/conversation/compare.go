package conversation

import (
	"fmt"
	"slices"
	"strings"
)

// A Report is what Compare found.
type Report struct {
	Lost, Doubled, Looped, Order, Wrong []string

	Messages, Copies int // that stand in the room, and on the networks
	// Maybe are doubles on InspIRCd of which the room was told.
	Maybe []string
	// Late are messages on InspIRCd that somebody had sent again by hand.
	Late []string
}

// Bad reports whether anything is not as it is promised.
func (r *Report) Bad() bool {
	return len(r.Lost)+len(r.Doubled)+len(r.Looped)+len(r.Order)+len(r.Wrong) > 0
}

// String is the report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d messages, %d copies: %d lost, %d doubled, %d looped, %d out of order, %d otherwise wrong; told that they may be there twice and are: %d; sent again by hand: %d",
		r.Messages, r.Copies, len(r.Lost), len(r.Doubled), len(r.Looped), len(r.Order), len(r.Wrong), len(r.Maybe), len(r.Late))
	for name, all := range map[string][]string{"lost": r.Lost, "doubled": r.Doubled, "looped": r.Looped, "out of order": r.Order, "wrong": r.Wrong} {
		for _, s := range all {
			fmt.Fprintf(&b, "\n%s: %s", name, s)
		}
	}
	return b.String()
}

// Compare compares what all sides saw with the script. kills is how often Causeway was
// killed.
func Compare(s *Script, views map[Side]*View, kills int) *Report {
	r := &Report{}
	for _, side := range Sides() {
		c := &comparison{Report: r, s: s, side: side, v: views[side], room: views[Matrix]}
		for _, x := range c.v.Strange {
			c.wrong("%s", x)
		}
		for _, a := range s.Acts {
			if a.Kind.makes() {
				c.message(a)
			}
		}
		c.order()
	}
	crossOrder(r, s, views)
	if len(r.Maybe) > kills {
		r.Doubled = append(r.Doubled, fmt.Sprintf("%d are marked as perhaps there twice and are, after %d kills", len(r.Maybe), kills))
	}
	return r
}

// A comparison is that of one side.
type comparison struct {
	*Report
	s       *Script
	side    Side
	v, room *View
}

func (c *comparison) wrong(format string, args ...any) { c.say(&c.Wrong, format, args...) }

func (c *comparison) say(list *[]string, format string, args ...any) {
	*list = append(*list, string(c.side)+": "+fmt.Sprintf(format, args...))
}

// message compares one message with its copies here.
func (c *comparison) message(a Act) {
	var here []*Item
	for _, i := range c.v.Items {
		if i.N == a.N {
			here = append(here, i)
		}
	}
	removed := c.removed(a.N)
	switch {
	case len(here) == 0 && removed:
		return // it was removed before it came
	case len(here) == 0:
		c.say(&c.Lost, "%s", c.s.Text(a.N, 0))
		return
	case len(here) > 1:
		c.several(a, len(here))
	}
	if c.side == Matrix {
		c.Messages++
	} else if c.side != a.Side {
		c.Copies++
	}
	for _, i := range here {
		c.content(a, i)
		if removed && !i.Removed && c.side != Insp {
			c.wrong("%d was removed and is there", a.N)
		}
		if !removed && i.Removed {
			c.say(&c.Lost, "%d was removed, by nobody", a.N)
		}
	}
	if removed {
		if c.side == Insp && !c.told(unremovable) {
			c.wrong("%d stays, and nobody is told", a.N)
		}
		return
	}
	c.edits(a, here[0])
	c.marks(a)
}

// several is about a message that is there more than once.
func (c *comparison) several(a Act, n int) {
	switch {
	case c.side == a.Side:
		c.say(&c.Looped, "%d came back", a.N)
	case c.side == Insp && n == 2 && c.warned(a.N):
		c.Maybe = append(c.Maybe, fmt.Sprint(a.N))
	default:
		c.say(&c.Doubled, "%d is there %d times", a.N, n)
	}
}

// warned reports whether the room was told that a message may be on InspIRCd twice.
func (c *comparison) warned(n int) bool { return c.noted(n, "may appear twice on "+string(Insp)) }

// noted reports whether the bot said words about a message.
func (c *comparison) noted(n int, words string) bool {
	return slices.ContainsFunc(c.room.Notes[n], func(s string) bool { return strings.Contains(s, words) })
}

// told reports whether the bot said words in the room, to whatever.
func (c *comparison) told(words string) bool {
	for _, all := range c.room.Notes {
		if slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, words) }) {
			return true
		}
	}
	return false
}

// content compares one copy.
func (c *comparison) content(a Act, i *Item) {
	if i.Who != a.Who || i.Own != (a.Side == c.side) || c.side == Matrix && i.Of != a.Side {
		c.wrong("%d is by %s (said here: %v), not by %s on %s", a.N, i.Who, i.Own, a.Who, a.Side)
	}
	want := c.s.Text(a.N, i.Rev)
	if a.Kind == File {
		want = c.s.FileName(a.N)
	}
	if i.Text != want {
		c.wrong("%d says %q, not %q", a.N, i.Text, want)
	}
	switch {
	case i.Removed:
	case (i.Open != nil) != (a.Kind == File):
		c.wrong("%d is a file: %v", a.N, i.Open != nil)
	case i.Open != nil:
		if data, err := i.Open(); err != nil || data != c.s.FileData(a.N) {
			c.wrong("the file of %d holds %d bytes, not %d: %v", a.N, len(data), len(c.s.FileData(a.N)), err)
		}
	}
	to := c.v.byID[i.Reply]
	switch {
	case a.Kind == Reply && i.Reply == "" && !i.Own && (c.side == Insp || a.Side == Insp) && c.v.Nameless[a.Of]:
	case a.Kind == Reply && (to == nil || to.N != a.Of):
		c.wrong("%d answers %q, not %d", a.N, i.Reply, a.Of)
	case a.Kind != Reply && i.Reply != "":
		c.wrong("%d answers %q", a.N, i.Reply)
	}
}

// removed reports whether somebody removed a message.
func (c *comparison) removed(n int) bool {
	return slices.ContainsFunc(c.s.Acts, func(a Act) bool { return a.Kind == Remove && a.Of == n })
}

// edits compares the way of a message through its revisions: it may begin with a later
// one, if it waited, and then has each once, up to the last.
func (c *comparison) edits(a Act, i *Item) {
	final := 0
	for _, e := range c.s.Acts {
		if e.Kind == Edit && e.Of == a.N {
			final = e.Rev
		}
	}
	shows := i.Rev
	for _, e := range c.v.Edits[a.N] {
		switch {
		case e.Rev == shows && c.side == Insp && c.warned(a.N):
			c.Maybe = append(c.Maybe, fmt.Sprint("edit of ", a.N))
		case e.Rev == shows:
			c.say(&c.Doubled, "edit %d of %d", e.Rev, a.N)
		case e.Rev < shows:
			c.say(&c.Order, "edit %d of %d comes behind %d", e.Rev, a.N, shows)
		}
		if e.Old >= 0 && e.Old != shows && e.Rev != shows {
			c.wrong("an edit of %d says that it was %d, and it was %d", a.N, e.Old, shows)
		}
		shows = max(shows, e.Rev)
	}
	if shows != final {
		c.say(&c.Lost, "edit %d of %d: it shows %d", final, a.N, shows)
	}
}
