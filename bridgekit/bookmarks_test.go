package bridgekit_test

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
)

// about are the events of the bot in a room that tell of bookmarks: the notice and its
// edits.
func aboutBookmarks(hs *matrixtest.Server, room string) (notice *matrixtest.Event, edits []*matrixtest.Event) {
	for _, e := range hs.Room(room).OfType("m.room.message") {
		switch {
		case e.Sender != bot || !strings.Contains(strings.ToLower(text(e)), "bookmarks"):
		case relation(e).Type == "m.replace":
			edits = append(edits, e)
		case notice == nil:
			notice = e
		default:
			edits = append(edits, e) // a second notice: the caller counts them
		}
	}
	return notice, edits
}

// A chat's bookmarks are one notice in its room, which is pinned and edited; what says
// the same again shows nothing.
func TestBookmarks(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.start()
		r.signIn()
		room := r.portal("team")
		set := func(all ...network.Bookmark) {
			t.Helper()
			if err := r.net.User("carol").SetBookmarks("team", all...); err != nil {
				t.Fatal(err)
			}
		}
		pinned := func() []string {
			return state[struct {
				Pinned []string `json:"pinned"`
			}](r, room, "m.room.pinned_events", "").Pinned
		}
		set()
		r.settle("team", room)
		if n, _ := aboutBookmarks(r.hs, room); n != nil {
			t.Fatalf("there were no bookmarks, and it was said: %q", text(n))
		}
		plan, desk := network.Bookmark{Title: "The plan", URL: "https://example.org/plan"}, network.Bookmark{Title: "Help desk", URL: "https://example.org/desk"}
		set(plan)
		notice := r.notice(room, "The plan")
		r.wait("the pin", func() bool { return slices.Equal(pinned(), []string{notice.ID}) })
		if got := formatted(notice); !strings.Contains(got, `<a href="https://example.org/plan">The plan</a>`) {
			t.Errorf("the notice is %s", got)
		}
		set(plan)
		first := r.say("carol", "team", "look")
		r.sees(room, "look")
		if err := r.net.User("carol").Pin("team", first, false); err != nil {
			t.Fatal(err)
		}
		r.wait("both pins", func() bool { return len(pinned()) == 2 && slices.Contains(pinned(), notice.ID) })
		r.alice.SetState(room, "m.room.pinned_events", "", map[string]any{"pinned": []string{r.event(room, "look").ID}})
		r.settle("team", room)
		r.stop()
		r.start()
		r.connected("alice")
		set(plan)
		set(plan, desk)
		r.notice(room, "Help desk")
		set()
		r.notice(room, "no bookmarks any more")
		r.settle("team", room)
		shown, edits := aboutBookmarks(r.hs, room)
		if shown.ID != notice.ID || len(edits) != 2 {
			t.Fatalf("%d other events than the notice, want 2 edits", len(edits))
		}
		for _, e := range edits {
			if rel := relation(e); rel.Type != "m.replace" || rel.Event != notice.ID {
				t.Errorf("%q is not an edit of the notice", text(e))
			}
		}
		r.equal("pinned, after somebody has unpinned the notice", []string{r.event(room, "look").ID}, pinned())
	})
}

// More bookmarks than an event holds are counted.
func TestManyBookmarks(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.start()
		r.signIn()
		room := r.portal("team")
		var all []network.Bookmark
		for range 100 {
			all = append(all, network.Bookmark{Title: strings.Repeat("t", 200), URL: "https://example.org/" + strings.Repeat("u", 2000)})
		}
		if err := r.net.User("carol").SetBookmarks("team", all...); err != nil {
			t.Fatal(err)
		}
		if n := r.notice(room, "Bookmarks"); !strings.Contains(text(n), " more") || len(n.Content) > 32<<10 {
			t.Errorf("a notice of %d bytes that ends with %q", len(n.Content), text(n)[len(text(n))-40:])
		}
		if err := r.net.User("carol").SetBookmarks("team", all[1:]...); err != nil {
			t.Fatal(err)
		}
		r.wait("an edit", func() bool { _, edits := aboutBookmarks(r.hs, room); return len(edits) == 1 })
	})
}

// The bridge is killed right after the homeserver has the notice, and after it has an
// edit: each is there once.
func TestKillWithBookmarks(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	r := newKillRig(t, ctx, "")
	t.Cleanup(cancel)
	r.net.Group("team", "alice", "bob")
	r.start()
	say(t, r.net, "team", "n begin")
	room := ""
	until(t, r.hs, "the room is there", func() bool {
		for _, id := range r.hs.Rooms() {
			if in, _ := r.arrived(id, "team"); len(in) > 0 {
				room = id
			}
		}
		return room != ""
	})
	r.alice.Join(room)
	r.end(syscall.SIGTERM)
	for i, at := range []step.Name{step.InSent, step.InEdited} {
		r.spec.Die, r.spec.After = at, 1
		r.start()
		if err := r.net.User("bob").SetBookmarks("team", network.Bookmark{Title: string(at), URL: "https://example.org/"}); err != nil {
			t.Fatal(err)
		}
		_ = r.cmd.Wait() // it kills itself
		r.spec.Die = ""
		r.start()
		behind := "n behind " + string(at)
		say(t, r.net, "team", behind) // in the same lane
		until(t, r.hs, "what was said behind it", func() bool { in, _ := r.arrived(room, "team"); return slices.Contains(in, behind) })
		r.end(syscall.SIGTERM)
		notice, edits := aboutBookmarks(r.hs, room)
		if notice == nil || len(edits) != i {
			t.Fatalf("killed at %s: notice %v and %d edits, want %d", at, notice, len(edits), i)
		}
		if pins := r.hs.Room(room).State("m.room.pinned_events", ""); pins == nil || !strings.Contains(string(pins.Content), notice.ID) {
			t.Errorf("killed at %s: the notice is not pinned", at)
		}
	}
}
