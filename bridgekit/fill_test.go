package bridgekit_test

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
)

// past has carol and dora, and alice with another program, talk before alice is in the chat.
func (r *rig) past(chat network.ChatID, n int) (want []string) {
	r.t.Helper()
	r.net.Group(chat, "carol", "dora")
	for i := range n {
		text := fmt.Sprint("past ", i)
		r.say([]string{"carol", "dora"}[i%2], string(chat), text)
		time.Sleep(time.Minute)
		want = append(want, text)
	}
	return want
}

// enter has alice be in a chat and carol speak there; it returns the room.
func (r *rig) enter(chat network.ChatID) string {
	r.t.Helper()
	r.net.Group(chat, "alice")
	r.say("carol", string(chat), "live")
	room := r.room(string(chat))
	r.sees(room, "live")
	return room
}

// A new room has its chat's past before its first message, as it was said: in
// order, by whom and when, with replies and threads; and only then do people's own
// accounts come in.
func TestFill(t *testing.T) {
	virtual(t, rigOptions{puppets: true}, func(r *rig) {
		r.solo()
		want := r.past("team", 49)
		root := r.net.Messages("team")[20]
		reply := network.Text("a reply")
		reply.Reply, reply.Thread = &network.Ref{ID: root.ID, Part: -1}, &network.Ref{ID: root.ID, Part: -1}
		if _, err := r.net.User("dora").Send("team", reply); err != nil {
			t.Fatal(err)
		}
		r.net.Group("team", "alice")
		room := r.enter("team")
		r.equal("the room", append(slices.Clone(want), "a reply", "live"), r.bodies(room))
		r.wait("alice is in", func() bool { return r.hs.Room(room).Membership(r.alice.ID) == "join" })
		said, joined := r.event(room, "a reply"), r.hs.Room(room).Members()[r.alice.ID].Event
		if joined.Pos < r.event(room, "live").Pos {
			t.Error("alice's account came in before the past")
		}
		if rel := relation(said); rel.Type != "m.thread" || rel.Event != r.event(room, root.Text).ID || rel.Reply.Event != rel.Event {
			t.Errorf("the reply is about %+v", rel)
		}
		for _, m := range r.net.Messages("team") {
			if !slices.Contains(want, m.Text) {
				continue
			}
			e := r.event(room, m.Text)
			if e.TS != m.At.UnixMilli() || e.Sender != ghost(string(m.Sender)) {
				t.Errorf("%s: by %s at %d, was by %s at %d", m.Text, e.Sender, e.TS, m.Sender, m.At.UnixMilli())
			}
		}
		// It is known from now on: no second time when it is delivered again.
		r.net.Redeliver("alice", "team")
		r.say("carol", "team", "the end")
		r.sees(room, "the end")
		r.equal("the room", 52, len(r.bodies(room)))
	})
}

// How much of the past there is, and how long it may take, is the administrator's choice.
func TestFillLimits(t *testing.T) {
	tests := map[string]struct {
		history config.History
		page    time.Duration // the network takes this long for each
		hangs   int           // from this page on it does not answer
		want    int
	}{
		"none":        {history: config.History{Messages: 0, Wait: time.Second}, want: 0},
		"few":         {history: config.History{Messages: 7, Wait: time.Second}, want: 7},
		"all":         {history: config.History{Messages: 1000}, page: time.Minute, want: 250},
		"out of time": {history: config.History{Messages: 1000, Wait: 3 * time.Second}, page: time.Second, hangs: 2, want: 99},
		"never":       {history: config.History{Messages: 1000, Wait: 3 * time.Second}, hangs: 1, want: 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			virtual(t, rigOptions{config: func(c *config.Config) { c.History = test.history }}, func(r *rig) {
				r.solo()
				want := r.past("team", 250)
				pages, release := 0, func() {}
				r.net.Fail(func(op string, _ network.ChatID) error {
					if op != "history" {
						return nil
					}
					if pages++; pages == test.hangs {
						release = r.net.HangChat("team")
					}
					time.Sleep(test.page)
					return nil
				})
				room := r.enter("team")
				r.equal("the room", append(want[len(want)-test.want:], "live"), r.bodies(room))
				release()
			})
		})
	}
}

// What is delivered while the room is filled comes behind its past, once.
func TestFillWhileLive(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		want := r.past("team", 30)
		busy := true
		r.net.Fail(func(op string, _ network.ChatID) error {
			if op == "history" && busy {
				busy = false
				for i := range 10 {
					text := fmt.Sprint("meanwhile ", i)
					if _, err := r.net.User("carol").Say("team", text); err != nil {
						return err
					}
					want = append(want, text)
					if i == 5 {
						synctest.Wait() // some are in the journal when the page is made
					}
				}
			}
			return nil
		})
		room := r.enter("team")
		r.sees(room, "meanwhile 9")
		r.equal("the room", slices.Insert(want, 30, "live"), r.bodies(room))
	})
}

// A room that a command made is filled too.
func TestFillJoined(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		want := r.past("lobby", 10)
		r.net.Channel("lobby2", "carol")
		for i := range 10 {
			want[i] = fmt.Sprint("lobby ", i)
			r.say("carol", "lobby2", want[i])
		}
		management := r.management(r.alice)
		r.ask(r.alice, management, "join "+string(netID)+" lobby2", "lobby2")
		room := r.room("lobby2")
		r.wait("the past", func() bool { return len(r.bodies(room)) == len(want) })
		r.equal("the room", want, r.bodies(room))
	})
}

// An error of the homeserver or of the network is waited for or done without; it
// does not cost the message that waits.
func TestFillErrors(t *testing.T) {
	t.Run("homeserver", func(t *testing.T) {
		virtual(t, rigOptions{}, func(r *rig) {
			r.solo()
			want := r.past("team", 30)
			r.hs.Faults.Set(func(c matrixtest.Call) (f matrixtest.Fault) {
				switch {
				case c.Route != matrixtest.RouteSend || c.N < 5 || c.N > 20:
				case c.N < 8: // the sixth attempt is another message's
					f.Status, f.Code = 500, "M_UNKNOWN"
				case c.N < 12:
					f.LoseResponse = true
				case c.N < 14:
					f.Status, f.RetryAfter = 429, time.Second
				}
				return f
			})
			room := r.enter("team")
			r.equal("the room", append(want, "live"), r.bodies(room))
		})
	})
	t.Run("network", func(t *testing.T) {
		virtual(t, rigOptions{}, func(r *rig) {
			r.solo()
			r.past("team", 30)
			r.net.Fail(func(op string, _ network.ChatID) error {
				if op == "history" {
					return network.Errorf(network.Unknown, "no", "test: no history")
				}
				return nil
			})
			room := r.enter("team")
			r.equal("the room", []string{"live"}, r.bodies(room))
		})
	})
}

// A filling goes on where it was stopped, whichever step it had reached.
func TestFillKilled(t *testing.T) {
	const past = 120 // two pages
	for _, at := range []step.Name{step.RoomMade, step.RoomStored, step.FillStored, step.FillSent, step.FillShown, step.Committed} {
		for _, nth := range []int{1, 2, 40} {
			if nth > 2 && at != step.FillSent && at != step.Committed {
				continue
			}
			t.Run(fmt.Sprint(at, nth), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
				r := newKillRig(t, ctx, "")
				t.Cleanup(cancel)
				r.spec.History, r.spec.Die = 1000, at
				r.spec.After = int64(nth)
				var want []string
				r.net.Group("team", "bob")
				for i := range past {
					want = append(want, fmt.Sprint("n past ", i))
					say(t, r.net, "team", want[i])
				}
				r.net.Group("team", "alice")
				say(t, r.net, "team", "n live")
				r.start()
				if nth == 1 || at != step.FillShown && at != step.RoomMade && at != step.RoomStored {
					_ = r.cmd.Wait() // it kills itself
					r.spec.Die = ""
					r.start()
				}
				defer func() { r.end(syscall.SIGKILL) }()
				say(t, r.net, "team", "n end")
				var in []string
				until(t, r.hs, "the last message", func() bool {
					for _, id := range r.hs.Rooms() {
						if r.hs.Room(id).Name == "team" {
							in, _ = r.arrived(id, "team")
						}
					}
					return slices.Contains(in, "n end")
				})
				if d := cmp.Diff(append(want, "n live", "n end"), in); d != "" {
					t.Error(d)
				}
			})
		}
	}
}
