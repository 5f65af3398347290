package slack

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestCatchUp stops a login, lets things be said, and starts it again.
func TestCatchUp(t *testing.T) {
	for name, login := range map[string]func(*world) network.Login{"app": (*world).appLogin, "person": (*world).personLogin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slackfake.Config{})
			c := newCore(t, w.connector(""), login(w))
			c.chats = []network.ChatKey{{ID: network.ChatID(w.main)}, {ID: network.ChatID(w.second)}}
			_, stop := c.run()
			w.Say(w.main, w.bob, "before")
			c.wait("what is live", func() bool { return slices.Equal(c.texts(w.main), []string{"before"}) })
			stop()
			w.Forget(w.app) // Slack does not deliver again for ever
			var want []string
			for i := range 450 { // several pages
				text := fmt.Sprint("missed ", i)
				w.Past(w.main, w.bob, slackfake.JSON{"text": text})
				want = append(want, text)
			}
			w.Past(w.second, w.bob, slackfake.JSON{"text": "in a room where nothing was said yet"})
			c.run()
			c.wait("what was missed", func() bool { return slices.Equal(c.texts(w.main), append([]string{"before"}, want...)) })
			c.wait("what was missed elsewhere", func() bool { return len(c.texts(w.second)) == 1 })
			w.Say(w.main, w.bob, "live again")
			c.wait("what is live again", func() bool { n := len(c.texts(w.main)); return n == 452 && c.texts(w.main)[n-1] == "live again" })
		})
	}
}

// TestCatchUpFindsOldThreads: a reply in a thread that began long ago, and whose
// beginning this login has never seen.
func TestCatchUpFindsOldThreads(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	day := 24 * time.Hour
	root := w.Past(w.main, w.bob, slackfake.JSON{"text": "root", "ts": ts(time.Now().Add(-20 * day))})
	for i := range 30 {
		w.Past(w.main, w.bob, slackfake.JSON{"text": "old", "ts": ts(time.Now().Add(-10*day + time.Duration(i)*time.Second))})
	}
	c := newCore(t, w.connector(""), w.appLogin())
	c.chats = []network.ChatKey{{ID: network.ChatID(w.main)}}
	_, stop := c.run()
	w.Say(w.main, w.bob, "before")
	c.wait("what is live", func() bool { return len(c.texts(w.main)) == 1 })
	stop()
	w.Forget(w.app)
	if err := c.Set(t.Context(), "alive", []byte(ts(time.Now().Add(-time.Hour)))); err != nil {
		t.Fatal(err)
	}
	w.Past(w.main, w.bob, slackfake.JSON{"text": "reply", "thread_ts": root})
	w.Past(w.main, w.bob, slackfake.JSON{"text": "after"})
	c.run()
	c.wait("the reply", func() bool { return slices.Equal(c.texts(w.main), []string{"before", "reply", "after"}) })
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ev := range c.events {
		if m, ok := ev.(*network.Message); ok && textOf(m.Content) == "reply" && (m.Thread == nil || string(m.Thread.ID) != root) {
			t.Errorf("the reply is in the thread %+v, want %s", m.Thread, root)
		}
	}
}

// TestCatchUpEverywhere: after an absence all that was said is found, in every kind of
// chat and in threads that began weeks ago, though Slack limits the requests in the middle
// and the process ends while it reads; each message is stored once, in its order.
func TestCatchUpEverywhere(t *testing.T) {
	for name, login := range map[string]func(*world) network.Login{"app": (*world).appLogin, "person": (*world).personLogin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slackfake.Config{})
			c := newCore(t, w.connector(""), login(w))
			me, dave := string(c.login.User), w.AddUser(slackfake.User{Name: "dave"})
			chats := []string{
				w.main, w.second, w.AddChannel(slackfake.Channel{Kind: slackfake.IM, Members: []string{me, w.bob}}),
				w.AddChannel(slackfake.Channel{Kind: slackfake.MPIM, Members: []string{me, w.bob, dave}}),
			}
			day := 24 * time.Hour
			want := map[string][]string{}
			for _, chat := range chats {
				root := w.Past(chat, w.bob, slackfake.JSON{"text": "root", "ts": ts(time.Now().Add(-29 * day))})
				for i := range 250 {
					text := fmt.Sprint("missed ", i)
					fields := slackfake.JSON{"text": text, "ts": ts(time.Now().Add(-30*time.Minute + time.Duration(i)*time.Second))}
					if i%100 == 50 {
						fields["thread_ts"] = root
					}
					w.Past(chat, w.bob, fields)
					want[chat] = append(want[chat], text)
				}
			}
			fresh := w.AddChannel(slackfake.Channel{Name: "fresh", Members: []string{w.bob}})
			w.Past(fresh, w.bob, slackfake.JSON{"text": "before we came", "ts": ts(time.Now().Add(-20 * time.Minute))})
			w.Join(fresh, me, w.bob)
			w.Past(fresh, w.bob, slackfake.JSON{"text": "welcome"})
			want[fresh] = []string{"welcome"}
			w.Forget(w.app)
			if err := c.Set(t.Context(), "alive", []byte(ts(time.Now().Add(-time.Hour)))); err != nil {
				t.Fatal(err)
			}
			w.Break(slackfake.Fault{Method: "conversations.history", Skip: 2, Times: 2, Status: 429, RetryAfter: 1})
			w.Break(slackfake.Fault{Method: "conversations.replies", Skip: 1, Error: "ratelimited"})
			_, stop := c.run()
			c.wait("some of it", func() bool { return len(c.events) > 0 })
			stop()
			c.run()
			for chat, texts := range want {
				c.said(chat, texts...)
			}
		})
	}
}

// ts is a message's ID for a time.
func ts(at time.Time) string { return fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000) }

// TestReconnectKeepsOrder: what was said while the socket was away comes before what
// is live, although Slack delivers again in its own order.
func TestReconnectKeepsOrder(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.appLogin())
	c.run()
	want := []string{"the chat is known"} // of one that is not, nothing says since when
	w.Say(w.main, w.bob, want[0])
	c.said(w.main, want[0])
	for round := range 5 {
		for i := range 20 {
			text := fmt.Sprint(round, "/", i)
			want = append(want, text)
			w.Say(w.main, w.bob, text)
			if i == 10 {
				w.Cut()
			}
			if i == 15 {
				w.Refresh(w.app)
			}
		}
		c.wait("a round", func() bool { return len(c.texts(w.main)) == len(want) })
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := c.texts(w.main); !slices.Equal(got, want) {
		t.Errorf("it came as %q", got)
	}
}

// TestFirstWordsKeepOrder: what is said first in a chat is lost with a cut socket, and
// comes before what is live, though neither room nor cursor says that the chat is there.
// What was said before the login came into a chat was not missed.
func TestFirstWordsKeepOrder(t *testing.T) {
	for name, login := range map[string]func(*world) network.Login{"app": (*world).appLogin, "person": (*world).personLogin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slackfake.Config{})
			c := newCore(t, w.connector(""), login(w))
			if err := c.Set(t.Context(), "alive", []byte(ts(time.Now().Add(-time.Minute)))); err != nil {
				t.Fatal(err)
			}
			w.Past(w.main, w.bob, slackfake.JSON{"text": "long ago", "ts": ts(time.Now().Add(-time.Hour))})
			root := w.Past(w.main, w.bob, slackfake.JSON{"text": "first"})
			w.Past(w.main, w.bob, slackfake.JSON{"text": "second", "thread_ts": root})
			w.Past(w.main, w.bob, slackfake.JSON{"text": "third"})
			c.run()
			w.Say(w.main, w.bob, "live")
			c.said(w.main, "first", "second", "third", "live")
			fresh := w.AddChannel(slackfake.Channel{Name: "fresh", Members: []string{w.bob}})
			w.Say(fresh, w.bob, "before we came")
			w.Join(fresh, string(c.login.User), w.bob)
			w.Say(fresh, w.bob, "welcome")
			c.said(fresh, "welcome")
		})
	}
}

// TestFirstWordsOfManyKeepOrder cuts sockets while the first words of many chats are on the way.
func TestFirstWordsOfManyKeepOrder(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.appLogin())
	c.run()
	var chats []string
	var want []string
	for i := range 8 {
		chats = append(chats, w.AddChannel(slackfake.Channel{Name: fmt.Sprint("many-", i), Members: []string{w.bob, w.bot.User}}))
	}
	for i := range 10 {
		for _, chat := range chats {
			w.Say(chat, w.bob, fmt.Sprint(i))
		}
		if want = append(want, fmt.Sprint(i)); i%2 == 0 {
			w.Cut()
		}
	}
	for _, chat := range chats {
		c.said(chat, want...)
	}
}

// TestFirstWordsAreNotMissed: somebody wrote to us for the first time while nobody was
// there, so there is no room yet.
func TestFirstWordsAreNotMissed(t *testing.T) {
	for name, login := range map[string]func(*world) network.Login{"app": (*world).appLogin, "person": (*world).personLogin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slackfake.Config{})
			c := newCore(t, w.connector(""), login(w))
			if err := c.Set(t.Context(), "alive", []byte(ts(time.Now().Add(-time.Hour)))); err != nil {
				t.Fatal(err)
			}
			direct := w.AddChannel(slackfake.Channel{Kind: slackfake.IM, Members: []string{string(c.login.User), w.bob}})
			w.Past(direct, w.bob, slackfake.JSON{"text": "long ago", "ts": ts(time.Now().Add(-24 * time.Hour))})
			w.Past(direct, w.bob, slackfake.JSON{"text": "are you there?"})
			c.run()
			c.wait("bob's words", func() bool { return slices.Equal(c.texts(direct), []string{"are you there?"}) })
		})
	}
}

// TestPlaceStaysOnEarth: a message of a time that cannot be does not keep later ones from
// being found.
func TestPlaceStaysOnEarth(t *testing.T) {
	now := ts(time.Now())
	j := &job{session: &session{}, lane: &lane{chat: "C0000000001"}}
	var d done
	for _, id := range []string{now, "9999999999.999999"} {
		d.batch.Events = append(d.batch.Events, &network.Message{ID: network.MessageID(id)})
	}
	if j.advance(&d); string(j.place.Seen) != now {
		t.Errorf("the place is %q, want %q", j.place.Seen, now)
	}
}
