package conversation

import (
	"fmt"
	"maps"
)

// wantMarks are the reactions that have to stand on a message here, and those that may
// stand, because they were taken back where they cannot be removed.
func (c *comparison) wantMarks(a Act) (want, may map[Mark]int) {
	want, may = map[Mark]int{}, map[Mark]int{}
	taken := map[int]bool{}
	for _, x := range c.s.Acts {
		if x.Kind == Unreact {
			taken[x.Of] = true
		}
	}
	for _, x := range c.s.Acts {
		if x.Kind != React || x.Of != a.N {
			continue
		}
		m := Mark{x.Who, x.Emoji}
		if c.side != Matrix && c.side != x.Side && policies()[c.side] == "relay" {
			m.Who = relay // once for all who are relayed
		}
		switch {
		case !taken[x.N]:
			want[m] = 1
		case c.side == Insp && x.Side != Insp:
			may[m] = 1
		}
	}
	return want, may
}

// marks compares the reactions on a message.
func (c *comparison) marks(a Act) {
	want, may := c.wantMarks(a)
	have := maps.Clone(c.v.Marks[a.N])
	for m := range may {
		delete(have, m)
	}
	for m, n := range want {
		switch {
		case have[m] == n:
		case have[m] == 0:
			c.say(&c.Lost, "%s of %s on %d", m.Emoji, m.Who, a.N)
		case c.side == Insp && have[m] == 2 && c.warned(a.N):
			c.Maybe = append(c.Maybe, fmt.Sprint(m.Emoji, " on ", a.N))
		default:
			c.say(&c.Doubled, "%s of %s on %d is there %d times", m.Emoji, m.Who, a.N, have[m])
		}
		delete(have, m)
	}
	for m := range have {
		c.wrong("%s of %s on %d, which nobody made or which was taken back", m.Emoji, m.Who, a.N)
	}
}
