package large

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

const (
	people   = 20_000
	channels = 2_000
	speakers = 200 // each in a channel of their own, all at once

	promised = 60 * time.Second
	memory   = 150 // MiB
	joins    = 5   // events of members in a room before its message
)

// A line is what somebody says in a channel.
type line struct{ channel, name, author, body string }

// A sight is a line as the homeserver has it.
type sight struct {
	after time.Duration // since all was said
	came  int           // events of members before it
}

// TestLarge: of a workspace of 2,000 channels and 20,000 people, 200 random channels
// open within a minute of words that 200 people say there at once, and show them
// under the right name, though the tiers' limits are kept. The list of all people is
// not read for it.
func TestLarge(t *testing.T) {
	r := newRig(t)
	lines, me := r.workspace(rand.New(rand.NewPCG(5, 60)))
	r.signIn(me)
	idle := r.peak()
	r.hs.ResetRequests()
	before, began := r.calls(), time.Now()
	for _, l := range lines {
		r.slack.Say(l.channel, l.author, l.body)
	}
	seen := r.watch(lines, began)
	after, peak := r.calls(), r.peak()
	var last time.Duration
	most := 0
	for _, s := range seen {
		last, most = max(last, s.after), max(most, s.came)
	}
	t.Logf("%d channels, %d people: %d of %d rooms with their message and its author after %v; at most %d events of members before it; most memory %.1f MiB, %.1f before",
		channels, people, len(seen), speakers, last.Round(10*time.Millisecond), most, peak, idle)
	for _, method := range slices.Sorted(maps.Keys(after)) {
		if n := after[method] - before[method]; n > 0 {
			t.Logf("Slack: %4d %s", n, method)
		}
	}
	for _, route := range slices.Sorted(maps.Keys(r.hs.Requests().Count)) {
		t.Logf("homeserver: %4d %s", r.hs.Requests().Count[route], route)
	}
	if len(seen) < len(lines) {
		t.Errorf("%d of %d messages did not show with their author within %v", len(lines)-len(seen), len(lines), promised)
	}
	if after["users.list"] > 0 {
		t.Errorf("users.list was called %d times", after["users.list"])
	}
	if n := r.slack.Unknown(); len(n) > 0 {
		t.Errorf("calls that Slack does not know: %v", n)
	}
	if most > joins {
		t.Errorf("%d events of members before a message, at most %d are right", most, joins)
	}
	if peak > memory && !raced {
		t.Errorf("%.1f MiB of memory, at most %d are right", peak, memory)
	}
}

// workspace fills Slack, and says who will speak where, and whose login it is.
func (r *rig) workspace(random *rand.Rand) (lines []line, me string) {
	me = r.slack.AddUser(slackfake.User{Name: "me"})
	var all []string
	for i := range people {
		all = append(all, r.slack.AddUser(slackfake.User{Name: fmt.Sprintf("u%d", i), DisplayName: fmt.Sprintf("Person %d", i)}))
	}
	var ids []string
	var first []int // of a channel's people
	for i := range channels {
		from := random.IntN(people - 300)
		first = append(first, from)
		ids = append(ids, r.slack.AddChannel(slackfake.Channel{
			Name: fmt.Sprintf("channel-%d", i), Members: append([]string{me}, all[from:from+10+i%290]...),
		}))
	}
	spoke := map[int]bool{}
	for _, i := range random.Perm(channels) {
		who := first[i] + random.IntN(10)
		if spoke[who] || len(lines) == speakers {
			continue
		}
		spoke[who] = true
		lines = append(lines, line{ids[i], fmt.Sprintf("channel-%d", i), all[who], fmt.Sprintf("Person %d speaks", who)})
	}
	return lines, me
}

// calls are how often each method was called that could be.
func (r *rig) calls() map[string]int {
	out := map[string]int{}
	for _, m := range []string{
		"auth.test", "bots.info", "client.userBoot", "conversations.history", "conversations.info", "conversations.list", "conversations.members",
		"conversations.replies", "emoji.list", "rtm.connect", "team.info", "usergroups.list", "users.conversations", "users.info", "users.list", "users.profile.get",
	} {
		out[m] = r.slack.Calls(m)
	}
	return out
}

// watch looks for the lines at the homeserver until all of them show with their
// author's name, or the promised time is over.
func (r *rig) watch(lines []line, began time.Time) map[string]sight {
	r.t.Helper()
	seen, wanted := map[string]sight{}, map[string]line{}
	for _, l := range lines {
		wanted[l.name] = l
	}
	done, again := map[string]bool{}, time.NewTicker(200*time.Millisecond) // rooms
	defer again.Stop()
	for len(seen) < len(lines) && time.Since(began) < promised {
		for _, id := range r.hs.Rooms() {
			if done[id] {
				continue
			}
			room := r.hs.Room(id)
			l := wanted[room.Name]
			if came, ok := r.shows(room, l); ok {
				done[id], seen[l.channel] = true, sight{time.Since(began), came}
			}
		}
		select {
		case <-again.C:
		case <-r.proc.Ended():
			r.t.Fatal(r.proc.Err())
		case <-r.ctx.Done():
			r.t.Fatal(r.ctx.Err())
		}
	}
	return seen
}

// shows reports whether a room shows a line under its author's name, and how many
// events of members came before it.
func (r *rig) shows(room matrixtest.Room, l line) (came int, ok bool) {
	for _, e := range room.Timeline {
		switch {
		case e.Type == "m.room.member":
			came++
		case e.Type == "m.room.message" && l.body != "" && e.Body() == l.body:
			return came, room.Members()[e.Sender].Name+" speaks" == l.body
		}
	}
	return 0, false
}
