package conversation

import (
	"slices"
)

// firsts are the messages of a side in the order in which each came first. What was
// sent again by hand has no place.
func (c *comparison) firsts(by func(Act) bool) (all []int) {
	for _, i := range c.v.Items {
		if a := c.s.Acts[i.N]; by(a) && !slices.Contains(all, i.N) && !c.late(i.N) {
			all = append(all, i.N)
		}
	}
	return all
}

// late reports whether a message was sent again by hand, so that its place is its own.
func (c *comparison) late(n int) bool { return c.side == Insp && c.noted(n, unknowable) }

// before reports whether a message of a side came to Causeway before another one.
func (c *comparison) before(from Side, one, other int) bool {
	at, known := c.room.Came[one]
	if than, too := c.room.Came[other]; from == Matrix && known && too {
		return at < than
	}
	return one < other
}

// order checks that what each side said is here in the order in which it was said, and
// answers are behind what they answer.
func (c *comparison) order() {
	for _, from := range Sides() {
		got := c.firsts(func(a Act) bool { return a.Side == from })
		for k := 1; k < len(got); k++ {
			if c.before(from, got[k], got[k-1]) {
				c.say(&c.Order, "%d of %s is behind %d", got[k], from, got[k-1])
			}
		}
	}
	at := map[int]int{}
	for k, n := range c.firsts(func(Act) bool { return true }) {
		at[n] = k
	}
	for _, a := range c.s.Acts {
		answer, ok := at[a.N]
		if to, there := at[a.Of]; a.Kind == Reply && ok && there && answer < to {
			c.say(&c.Order, "%d is before %d, which it answers", a.N, a.Of)
		}
	}
	for _, i := range c.v.Items {
		if c.late(i.N) {
			c.Late = append(c.Late, string(c.side))
		}
	}
}

// crossOrder checks that what comes to two networks from elsewhere has the same order
// on both.
func crossOrder(r *Report, s *Script, views map[Side]*View) {
	networks := []Side{Insp, Fake, Mem}
	for i, x := range networks {
		for _, y := range networks[i+1:] {
			elsewhere := func(a Act) bool { return a.Side != x && a.Side != y }
			one := (&comparison{s: s, side: x, v: views[x], room: views[Matrix]}).firsts(elsewhere)
			other := (&comparison{s: s, side: y, v: views[y], room: views[Matrix]}).firsts(elsewhere)
			one = slices.DeleteFunc(one, func(n int) bool { return !slices.Contains(other, n) })
			other = slices.DeleteFunc(other, func(n int) bool { return !slices.Contains(one, n) })
			for k := range one {
				if one[k] != other[k] {
					r.Order = append(r.Order, string(x)+" and "+string(y)+" have "+s.Text(one[k], 0)+" and "+s.Text(other[k], 0)+" at the same place")
					break
				}
			}
		}
	}
}
