package main

import (
	"fmt"
	"slices"
)

// together compares the order of what came to several networks of a hub from
// elsewhere: it is the same on all.
func (w *world) together(r *result, c *chat, views map[side]*view) {
	for _, a := range c.sides() {
		for _, b := range c.sides() {
			if a >= b || a == onMatrix || b == onMatrix {
				continue
			}
			k := &checker{w: w, r: r, c: c, side: a, at: b, shows: views[b], origin: views[a], room: views[onMatrix]}
			k.sameOrder()
		}
	}
}

// sameOrder compares the order on two networks of what was said on neither.
func (k *checker) sameOrder() {
	if k.split() {
		return
	}
	said := map[string]*message{}
	for _, m := range k.c.all() {
		if m.side != k.side && m.side != k.at && !m.gone && !k.warned(m) {
			said[m.token] = m
		}
	}
	at := map[string]int{}
	for i, x := range k.origin.order {
		if said[x.token] != nil {
			at[x.token] = i
		}
	}
	last, before := -1, ""
	for _, x := range k.shows.order {
		i, ok := at[x.token]
		if !ok {
			continue
		}
		if i < last {
			k.r.Order = append(k.r.Order, fmt.Sprintf("%s: %s is behind %s on %s, and not on %s", k.c.id, x.token, before, k.at, k.side))
		}
		if i > last {
			last, before = i, x.token
		}
	}
}

// answers checks that no answer comes before what it answers.
func (k *checker) answers() {
	place := func(m *message) int {
		return slices.IndexFunc(k.shows.order, func(x *copied) bool { return x.token == m.token })
	}
	for _, m := range k.c.all() {
		to := m.reply
		if to == nil || m.gone || to.gone || k.apart(m.side) || k.apart(to.side) || k.w.arrival != nil && k.late(m) {
			continue
		}
		k.side = m.side
		if i, j := place(m), place(to); i >= 0 && j > i {
			k.say(&k.r.Order, "%s answers %s and comes before it", m.token, to.token)
		}
	}
}
