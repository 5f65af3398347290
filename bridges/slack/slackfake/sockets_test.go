package slackfake_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// A raw socket shows what a library would hide.
type raw struct {
	r    *rig
	conn *websocket.Conn
}

func (r *rig) raw() *raw {
	r.t.Helper()
	_, url, err := r.api.StartSocketModeContext(r.ctx)
	r.ok(err)
	conn, _, err := websocket.DefaultDialer.DialContext(r.ctx, url, nil)
	r.ok(err)
	r.t.Cleanup(func() { _ = conn.Close() })
	r.ok(conn.SetReadDeadline(time.Now().Add(patience)))
	w := &raw{r, conn}
	if m := w.read(); m["type"] != "hello" {
		r.t.Fatalf("first %v", m)
	}
	return w
}

func (w *raw) read() map[string]any {
	w.r.t.Helper()
	m := map[string]any{}
	w.r.ok(w.conn.ReadJSON(&m))
	return m
}

func (w *raw) ack(m map[string]any) {
	w.r.t.Helper()
	w.r.ok(w.conn.WriteJSON(map[string]any{"envelope_id": m["envelope_id"]}))
}

// text is the text of the message in an envelope.
func text(m map[string]any) any {
	return m["payload"].(map[string]any)["event"].(map[string]any)["text"]
}

func TestShared(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	a, b := r.raw(), r.raw()
	if n := r.Connections(r.app); n != 2 {
		t.Errorf("%d connections", n)
	}
	r.Say(r.general, r.alice, "one")
	r.Say(r.general, r.alice, "two")
	got := []any{text(a.read()), text(b.read())}
	if !slices.Contains(got, any("one")) || !slices.Contains(got, any("two")) {
		t.Errorf("%v", got)
	}
	r.ok(a.conn.Close()) // what it did not acknowledge goes to the other one
	again := b.read()
	if text(again) != got[0] || again["retry_attempt"] != 1.0 || again["retry_reason"] != "timeout" {
		t.Errorf("%v, want %v again", again, got[0])
	}
}

func TestNotAcknowledgedInTime(t *testing.T) {
	r := newRig(t, slackfake.Config{Redeliver: 50 * time.Millisecond})
	w := r.raw()
	r.Say(r.general, r.alice, "again")
	for try := range 4 {
		if m := w.read(); text(m) != "again" || m["retry_attempt"] != float64(try) {
			t.Fatalf("try %d: %v", try, m)
		}
	}
	r.ok(r.Wait(r.ctx, func() bool { return r.Pending(r.app) == 0 })) // given up
	if len(r.Acks(r.app)) != 0 {
		t.Error("acknowledged")
	}
}

func TestSwallow(t *testing.T) {
	r := newRig(t, slackfake.Config{Redeliver: 50 * time.Millisecond, Retries: slices.Repeat([]time.Duration{0}, 1<<20)})
	w := r.raw()
	r.Swallow(r.app, 1)
	r.Say(r.general, r.alice, "again")
	w.ack(w.read())
	m := w.read()
	if text(m) != "again" {
		t.Fatalf("%v", m)
	}
	w.ack(m)
	r.ok(r.Wait(r.ctx, func() bool { return r.Pending(r.app) == 0 }))
}

func TestDisconnects(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	a := r.raw()
	r.Warn(r.app)
	if m := a.read(); m["type"] != "disconnect" || m["reason"] != "warning" {
		t.Errorf("%v", m)
	}
	r.Refresh(r.app)
	if m := a.read(); m["reason"] != "refresh_requested" {
		t.Errorf("%v", m)
	}
	b := r.raw()
	r.Say(r.general, r.alice, "new")
	m := b.read()
	if text(m) != "new" {
		t.Errorf("%v", m)
	}
	b.ack(m)
	r.ok(r.Wait(r.ctx, func() bool { return len(r.Acks(r.app)) == 1 }))
	r.Disable(r.app)
	if m := b.read(); m["reason"] != "link_disabled" {
		t.Errorf("%v", m)
	}
	_, _, err := r.api.StartSocketModeContext(r.ctx)
	r.fails(err, "forbidden_team")
	r.Enable(r.app)
	r.raw()
}

func TestAwayAndForgotten(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	r.Say(r.general, r.alice, "while away")
	w := r.raw()
	if m := w.read(); text(m) != "while away" {
		t.Errorf("%v", m)
	}
	r.ok(w.conn.Close())
	r.ok(r.Wait(r.ctx, func() bool { return r.Connections(r.app) == 0 }))
	r.Forget(r.app)
	w = r.raw()
	r.Say(r.general, r.alice, "later")
	if m := w.read(); text(m) != "later" {
		t.Errorf("%v", m)
	}
}

func TestNoTicket(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	_, res, err := websocket.DefaultDialer.DialContext(r.ctx, "ws"+r.URL()[len("http"):]+"/link/?ticket=x", nil)
	if err == nil || res == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("%v %v", res, err)
	}
}

func TestInteractive(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	ctx, cancel := context.WithCancel(r.ctx)
	client := socketmode.New(r.api)
	done := make(chan error, 1)
	go func() { done <- client.RunContext(ctx) }()
	defer func() {
		cancel()
		<-done
	}()
	command := r.Command(r.app, r.general, r.alice, "/bridge", "status")
	ts := r.Say(r.general, r.alice, "x")
	click := r.Click(r.app, r.general, ts, r.alice, slackfake.JSON{"type": "button", "action_id": "yes", "block_id": "b", "value": "1"})
	seen := 0
	for seen < 2 {
		select {
		case ev := <-client.Events:
			switch data := ev.Data.(type) {
			case slack.SlashCommand:
				if data.Command != "/bridge" || data.Text != "status" || data.UserID != r.alice || data.ChannelID != r.general {
					t.Errorf("%+v", data)
				}
				r.ok(client.Ack(*ev.Request, map[string]any{"text": "fine"}))
				r.ok(slack.PostWebhookContext(r.ctx, data.ResponseURL, &slack.WebhookMessage{Text: "later"}))
				seen++
			case slack.InteractionCallback:
				if a := data.ActionCallback.BlockActions; len(a) != 1 || a[0].ActionID != "yes" || data.Message.Timestamp != ts {
					t.Errorf("%+v", data)
				}
				r.ok(client.Ack(*ev.Request))
				seen++
			case slackevents.EventsAPIEvent:
				r.ok(client.Ack(*ev.Request))
			}
		case <-r.ctx.Done():
			t.Fatal("nothing came")
		}
	}
	r.ok(r.Wait(r.ctx, func() bool { return len(r.Acks(r.app)) == 3 }))
	for _, a := range r.Acks(r.app) {
		payload, _ := a["payload"].(map[string]any)
		if (a["envelope_id"] == command) != (payload["text"] == "fine") {
			t.Errorf("%v", a)
		}
	}
	if got := r.Responses(); len(got) != 1 || got[0]["text"] != "later" || click == "" {
		t.Errorf("%v", got)
	}
}

// TestRTM: a person's session, with what apps do not have.
func TestRTM(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	token, cookie := r.Session(r.alice)
	_, _, err := r.api.ConnectRTMContext(r.ctx)
	r.fails(err, "not_allowed_token_type")
	rtm := r.session(token, cookie).NewRTM(slack.RTMOptionDialHeaders(http.Header{"Cookie": {"d=" + cookie}}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		rtm.ManageConnection()
	}()
	defer func() {
		_ = rtm.Disconnect() // it is there
		<-done
	}()
	var kinds []string
	until := func(want string) any {
		t.Helper()
		for {
			select {
			case ev := <-rtm.IncomingEvents:
				kinds = append(kinds, ev.Type)
				if ev.Type == want {
					return ev.Data
				}
			case <-r.ctx.Done():
				t.Fatalf("no %s, only %v", want, kinds)
			}
		}
	}
	until("hello")
	ts := r.Say(r.general, r.bob, "over RTM")
	if m := until("message").(*slack.MessageEvent); m.Text != "over RTM" || m.Timestamp != ts {
		t.Errorf("%+v", m)
	}
	r.Typing(r.general, r.bob, "")
	if m := until("user_typing").(*slack.UserTypingEvent); m.User != r.bob || m.Channel != r.general {
		t.Errorf("%+v", m)
	}
	r.SetPresence(r.bob, false) // nobody asked
	rtm.SendMessage(&slack.OutgoingMessage{Type: "presence_sub", IDs: []string{r.bob}})
	rtm.SendMessage(&slack.OutgoingMessage{Type: "presence_query", IDs: []string{r.alice}})
	if m := until("presence_change").(*slack.PresenceChangeEvent); m.Presence != "active" || m.User != r.alice {
		t.Errorf("%+v", m)
	}
	r.SetPresence(r.bob, false)
	if m := until("presence_change").(*slack.PresenceChangeEvent); m.Presence != "away" || m.User != r.bob {
		t.Errorf("%+v", m)
	}
	r.ok(r.session(token, cookie).MarkConversationContext(r.ctx, r.general, ts))
	if m := until("channel_marked").(*slack.ChannelMarkedEvent); m.Timestamp != ts || r.ReadUpTo(r.general, r.alice) != ts {
		t.Errorf("%+v", m)
	}
	r.Huddle(r.general, r.bob)
	if m := until("message").(*slack.MessageEvent); m.SubType != "huddle_thread" {
		t.Errorf("%+v", m)
	}
	until("sh_room_join")
	until("user_huddle_changed")
	r.JoinHuddle(r.general, r.alice)
	if m := until("sh_room_join").(*slack.SHRoomJoinEvent); len(m.Room.Participants) != 2 {
		t.Errorf("%+v", m.Room)
	}
	r.LeaveHuddle(r.general, r.alice)
	r.LeaveHuddle(r.general, r.bob)
	if m := until("sh_room_update").(*slack.SHRoomUpdateEvent); !m.Room.HasEnded || len(m.Room.ParticipantHistory) != 2 {
		t.Errorf("%+v", m.Room)
	}
	rtm.SendMessage(rtm.NewTypingMessage(r.general))
	rtm.SendMessage(rtm.NewOutgoingMessage("typed", r.general))
	r.ok(r.Wait(r.ctx, func() bool { return slices.Contains(r.Texts(r.general), "typed") }))
	r.Join(r.AddChannel(slackfake.Channel{Name: "new"}), r.alice, r.bob)
	if m := until("channel_joined").(*slack.ChannelJoinedEvent); m.Channel.Name != "new" {
		t.Errorf("%+v", m)
	}
	if n := r.Sessions(r.alice); n != 1 {
		t.Errorf("%d sessions", n)
	}
	r.Revoke(token)
	r.ok(r.Wait(r.ctx, func() bool { return r.Sessions(r.alice) == 0 }))
}
