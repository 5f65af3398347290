package slack

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestThreadsAreReadByMembers: Slack lets the app read no threads of channels, so what
// was missed in them is read by somebody who has signed in and is in the channel, and is
// said to be missing while there is nobody.
func TestThreadsAreReadByMembers(t *testing.T) {
	w := newWorld(t, slackfake.Config{NoBotThreads: true})
	root := w.Past(w.main, w.bob, slackfake.JSON{"text": "root", "ts": ts(time.Now().Add(-20 * 24 * time.Hour))})
	conn := w.connector("")
	c := newCore(t, conn, w.appLogin())
	c.chats = []network.ChatKey{{ID: network.ChatID(w.main)}}
	_, stop := c.run()
	w.Say(w.main, w.bob, "before")
	c.said(w.main, "before")
	miss := func(text string) {
		t.Helper()
		stop()
		w.Forget(w.app)
		if err := c.Set(t.Context(), "alive", []byte(ts(time.Now().Add(-time.Hour)))); err != nil {
			t.Fatal(err)
		}
		w.Past(w.main, w.bob, slackfake.JSON{"text": text, "thread_ts": root})
		w.Past(w.main, w.bob, slackfake.JSON{"text": "behind " + text})
	}
	miss("unseen")
	_, stop = c.run()
	c.wait("what came after the thread", func() bool { return slices.Contains(c.texts(w.main), "behind unseen") })
	c.wait("words about threads", func() bool { return strings.Contains(last(c.states).Words, "read threads") })

	carol := newCore(t, conn, w.personLogin())
	carol.run()
	carol.wait("carol's connection", func() bool { return last(carol.states).Status == network.Online })
	miss("seen")
	c.run()
	c.wait("what came after the thread", func() bool { return slices.Contains(c.texts(w.main), "behind seen") })
	c.wait("no words about threads", func() bool { return last(c.states).Status == network.Online })
	c.wait("the reply", func() bool { return slices.Contains(c.texts(w.main), "seen") })
}

// last is the newest of a login's states.
func last(all []network.LoginState) network.LoginState {
	if len(all) == 0 {
		return network.LoginState{}
	}
	return all[len(all)-1]
}

// TestFindLooksBackToTheFirstAttempt: a message is found although it was sent long ago,
// or so that much was said since.
func TestFindLooksBackToTheFirstAttempt(t *testing.T) {
	w, ops := running(t, "")
	long := time.Now().Add(-6 * 24 * time.Hour)
	m := w.outgoing(1, network.Text("hello"))
	at := w.Past(w.main, w.bot.User, slackfake.JSON{"text": "hello", "ts": ts(long), "metadata": slackfake.JSON{
		"event_type": markType, "event_payload": slackfake.JSON{"txn": string(m.Txn), "part": 0, "piece": 0, "of": 1},
	}})
	for i := range 3000 {
		w.Past(w.main, w.bob, slackfake.JSON{"text": "later", "ts": ts(long.Add(time.Duration(i+1) * time.Minute))})
	}
	for name, c := range map[string]struct {
		since time.Time
		want  bool
	}{"since then": {long.Add(time.Minute), true}, "nobody knows since when": {time.Time{}, false}} {
		m.Since = c.since
		sent, err := ops.Find(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if found := len(sent.Parts) == 1 && string(sent.Parts[0][0]) == at; found != c.want {
			t.Errorf("%s: found %v (%+v), want %v", name, found, sent, c.want)
		}
	}
}

// TestFindInThreads: where Slack lets the app read no threads, a message there whose
// answer was lost is not sent again, unless somebody who signed in through the app can
// look. A browser's session does not see our marks.
func TestFindInThreads(t *testing.T) {
	w := newWorld(t, slackfake.Config{NoBotThreads: true})
	s := w.publish(w.socket() + w.signsIn())
	ops, _ := s.relay(t).run()
	newCore(t, s.conn, w.personLogin()).run()
	root := w.Past(w.main, w.bob, slackfake.JSON{"text": "root"})
	m := w.outgoing(1, network.Text("a reply"))
	m.Thread = &network.Ref{ID: network.MessageID(root)}
	sent, err := ops.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := ops.Find(t.Context(), m); network.KindOf(err) != network.Rejected || !strings.Contains(network.UserText(err), "look before") {
		t.Errorf("nobody can look: %+v, %v", found, err)
	}
	newCore(t, s.conn, w.userLogin(w.carol)).run()
	found, err := ops.Find(t.Context(), m)
	if err != nil || len(found.Parts) != 1 || found.Parts[0][0] != sent.Parts[0][0] {
		t.Errorf("carol can look: %+v, %v, want %+v", found, err, sent)
	}
}
