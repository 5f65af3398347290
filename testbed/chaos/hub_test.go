package main

import (
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A hub of which only what the comparison needs is there: what ann said on the first
// network is n1 and n2, an answer to it, what ben said on the second is n3, and what
// alice said in Matrix is m4.
type fakeHub struct {
	w     *world
	c     *chat
	views map[side]*view
}

func newFakeHub() *fakeHub {
	features := memnet.DefaultFeatures()
	h := &hubs{}
	for range 3 {
		h.nets = append(h.nets, &mem{opts: memnet.Options{Features: &features}})
	}
	f := &fakeHub{w: &world{far: h}, c: &chat{id: "town", also: [][]network.UserID{{"ben"}, {"cem"}}}, views: map[side]*view{}}
	h.mem = h.nets[0]
	said := func(s side, token string, reply *message) *message {
		m := &message{token: token, side: s, want: []piece{{text: squeeze(line(token, 0))}}, reactions: map[reaction]string{}, reply: reply}
		f.c.book[s] = append(f.c.book[s], m)
		return m
	}
	n1 := said(onNetwork, "n1", nil)
	said(onNetwork, "n2", n1)
	said(onSecond, "n3", nil)
	said(onMatrix, "m4", nil)
	f.show(onNetwork, "n3", "m4")
	f.show(onMatrix, "n1", "n2", "n3")
	f.show(onSecond, "n1", "n2", "m4")
	f.show(onThird, "n1", "n2", "n3", "m4")
	return f
}

// show has a side show these, in this order, and what was said there.
func (f *fakeHub) show(s side, tokens ...string) {
	v := newView()
	for _, t := range tokens {
		reply := ""
		if t == "n2" {
			reply = "id n1"
		}
		v.add(t, "id "+t, reply, piece{text: squeeze(line(t, 0))})
	}
	for _, m := range f.c.book[s] {
		v.ids["own "+m.token] = m.token
	}
	f.views[s] = v
}

func (f *fakeHub) message(token string) *message {
	all := f.c.all()
	return all[slices.IndexFunc(all, func(m *message) bool { return m.token == token })]
}

// The comparison of a hub notices what it is there to notice.
func TestHubCheckCatches(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *fakeHub)
		of     func(r *result) int
	}{
		"nothing":   {func(*fakeHub) {}, func(r *result) int { return 1 }},
		"lost":      {func(f *fakeHub) { f.show(onThird, "n1", "n2", "m4") }, func(r *result) int { return len(r.Lost) }},
		"doubled":   {func(f *fakeHub) { f.show(onThird, "n1", "n2", "n3", "m4", "m4") }, func(r *result) int { return len(r.Doubled) }},
		"looped":    {func(f *fakeHub) { f.show(onNetwork, "n3", "m4", "n1") }, func(r *result) int { return len(r.Looped) }},
		"unknown":   {func(f *fakeHub) { f.show(onNetwork, "n3", "m4", "n9") }, func(r *result) int { return len(r.Doubled) }},
		"not alike": {func(f *fakeHub) { f.show(onSecond, "m4", "n1", "n2") }, func(r *result) int { return len(r.Order) }},
		"removed in one place and gone from another": {func(f *fakeHub) {
			m := f.message("n3")
			m.gone, m.stays, m.from = true, true, onThird
			f.show(onThird, "n1", "n2", "m4")
			f.show(onNetwork, "m4")
		}, func(r *result) int { return len(r.Lost) }},
		"removed in one place and still there": {func(f *fakeHub) {
			m := f.message("n3")
			m.gone, m.stays, m.from = true, true, onThird
		}, func(r *result) int { return len(r.Wrong) }},
		"a relay's reaction that is not wanted": {func(f *fakeHub) {
			f.message("m4").reactions[reaction{"ann", "👍"}] = ""
			f.views[onMatrix].ids["own m4"] = "m4"
			for _, v := range f.views {
				v.reacted("m4", reaction{"ann", "👍"})
			}
			f.views[onSecond].react["m4"] = nil
			f.views[onThird].react["m4"] = map[reaction]int{{"relay", "👍"}: 1}
		}, func(r *result) int { return len(r.Wrong) }},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHub()
			c.change(f)
			r := &result{}
			f.w.compareViews(r, f.c, f.views)
			if n := len(r.Lost) + len(r.Doubled) + len(r.Looped) + len(r.Order) + len(r.Wrong); c.of(r) != 1 || name != "nothing" && n != 1 || name == "nothing" && n != 0 {
				t.Errorf("found %+v", r)
			}
		})
	}
}

// An answer does not come before what it answers, whoever said that.
func TestAnswersCatch(t *testing.T) {
	f := newFakeHub()
	f.message("m4").reply = f.message("n1")
	f.show(onThird, "m4", "n1", "n2", "n3")
	r := &result{}
	k := &checker{w: f.w, r: r, c: f.c, at: onThird, shows: f.views[onThird], room: f.views[onMatrix]}
	if k.answers(); len(r.Order) != 1 {
		t.Errorf("found %q", r.Order)
	}
}
