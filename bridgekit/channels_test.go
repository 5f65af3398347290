package bridgekit_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// topic waits until a room has a topic.
func (r *rig) topic(room, want string) {
	r.t.Helper()
	r.wait("the topic "+want, func() bool { return r.hs.Room(room).Topic == want })
}

// asBot changes a room's state as an administrator of it would, who is the bot.
func (r *rig) asBot(room, kind string, content any) {
	r.t.Helper()
	data, err := json.Marshal(content)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), "PUT", "http://hs.test/_matrix/client/v3/rooms/"+url.PathEscape(room)+"/state/"+kind+"?user_id="+url.QueryEscape(bot), bytes.NewReader(data))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.opts.Registration.ASToken)
	res, err := r.hs.Transport().RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		r.t.Fatalf("state of %s: %s", room, res.Status)
	}
}

// A chat's purpose is a paragraph of its room's topic. It can be written there, and
// comes back if somebody writes a new topic over it.
func TestPurpose(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.start()
		r.signIn()
		room := r.portal("team")
		carol := r.net.User("carol")
		if err := carol.SetPurpose("team", "ships"); err != nil {
			t.Fatal(err)
		}
		r.topic(room, "About: ships")
		if err := carol.SetTopic("team", "sails"); err != nil {
			t.Fatal(err)
		}
		r.topic(room, "sails\n\nAbout: ships")
		r.alice.SetTopic(room, "oars")
		r.topic(room, "oars\n\nAbout: ships")
		r.waitNet("the topic", func() bool { return r.net.Topic("team") == "oars" && r.net.Purpose("team") == "ships" })
		r.alice.SetTopic(room, "keels\n\nAbout: boats\nand rafts")
		r.waitNet("both", func() bool { return r.net.Topic("team") == "keels" && r.net.Purpose("team") == "boats\nand rafts" })
		r.ask(r.alice, room, "!cw purpose only rafts", "I asked the network")
		r.topic(room, "keels\n\nAbout: only rafts")
		r.alice.SetTopic(room, "keels\nAbout:")
		r.waitNet("no purpose", func() bool { return r.net.Purpose("team") == "" })
		r.topic(room, "keels")
	})
}

// In the room of an archived chat nobody can say anything, until that is over. What
// moderators change meanwhile stays.
func TestArchiving(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.start()
		r.signIn()
		room := r.portal("team")
		power := state[map[string]any](r, room, "m.room.power_levels", "")
		power["events_default"], power["events"].(map[string]any)["m.sticker"] = 10, 20
		r.asBot(room, "m.room.power_levels", power)
		r.ask(r.alice, room, "!cw archive", "becomes readable only")
		r.ask(r.alice, room, "!cw archive confirm", "I asked the network")
		r.notice(room, "Alice archived this chat")
		closed := func() bool { return r.hs.Room(room).Power.EventsDefault == 100 }
		r.wait("the room is closed", closed)
		if err := r.alice.Do("PUT", "rooms/"+room+"/send/m.room.message/closed", map[string]any{"msgtype": "m.text", "body": "hello?"}, nil); err == nil {
			t.Error("alice can speak in the room of an archived chat")
		}
		if now := r.hs.Room(room).Power.Events["m.sticker"]; now != 100 {
			t.Errorf("a sticker takes %d", now)
		}
		power = state[map[string]any](r, room, "m.room.power_levels", "")
		power["kick"] = 42
		r.asBot(room, "m.room.power_levels", power)
		r.stop()
		r.start()
		r.connected("alice")
		if err := r.net.User("carol").SetArchived("team", false); err != nil {
			t.Fatal(err)
		}
		r.notice(room, "Carol ended the archiving")
		r.wait("the room is open", func() bool { return !closed() })
		if now := r.hs.Room(room).Power; now.EventsDefault != 10 || now.Events["m.sticker"] != 20 || now.Kick != 42 {
			t.Errorf("the levels are %+v", now)
		}
		r.alice.SendText(room, "hello again")
		r.hears("team", "alice", "hello again")
	})
}

// A chat that was archived before it had a room gets its past, and then is closed.
func TestArchivedBefore(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.net.Channel("old", "alice", "carol")
		r.start()
		r.signIn()
		m := r.management(r.alice)
		if err := r.net.User("carol").SetArchived("old", true); err != nil {
			t.Fatal(err)
		}
		r.ask(r.alice, m, "join "+string(netID)+" old", "You are in")
		room := r.room("old")
		r.notice(room, "is archived on Memnet")
		r.wait("the room is closed", func() bool { return r.hs.Room(room).Power.EventsDefault == 100 })
	})
}

// Chats are made from Matrix: with an account of one's own, or by administrators as
// the relay.
func TestCreate(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}, config: func(c *config.Config) {
		c.Permissions["@carol:test"] = config.LevelUser
	}}, func(r *rig) {
		r.start()
		r.signIn()
		m := r.management(r.alice)
		r.ask(r.alice, m, "create "+string(netID)+" #boats", "I made #boats on Memnet. Everybody")
		room := r.room("#boats")
		r.alice.Join(room)
		r.alice.SendText(room, "ahoy")
		r.hears("#boats", "alice", "ahoy")
		r.ask(r.alice, m, "create "+string(netID)+" #boats", "there is a chat of this name already")
		r.ask(r.alice, m, "create "+string(netID)+" #rafts private", "Only who is invited")
		r.room("#rafts")
		bobs := r.management(r.bob)
		r.ask(r.bob, bobs, "create "+string(netID)+" #oars", "you need an account of yours")
	})
}

// Whom somebody invites to a portal's room is invited on the network. Through the
// relay that is for the room's moderators.
func TestInviteToChat(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}}, func(r *rig) {
		r.net.User("dave")
		r.net.Channel("team", "relay", "carol")
		r.start()
		m := r.management(r.alice)
		r.ask(r.alice, m, "join "+string(netID)+" team", "You are in")
		room := r.room("team")
		r.alice.Join(room)
		r.alice.Invite(room, r.bob.ID)
		r.bob.Join(room)
		invite := func(u *matrixtest.User, who string) func() string {
			u.Invite(room, ghost(who))
			return func() string { return r.hs.Room(room).Membership(ghost(who)) }
		}
		dave := invite(r.alice, "dave")
		r.wait("dave is in the room", func() bool { return dave() == "join" })
		if r.net.Standing("team", "dave") != network.Joined {
			t.Error("dave is not in the chat")
		}
		nobody := invite(r.alice, "nobody")
		r.notice(room, "Not invited on Memnet: nobody on the network")
		r.wait("nobody declines", func() bool { return nobody() == "leave" })
		r.net.User("erin")
		power := state[map[string]any](r, room, "m.room.power_levels", "")
		power["invite"] = 0
		r.asBot(room, "m.room.power_levels", power)
		erin := invite(r.bob, "erin")
		r.notice(room, "only moderators of this room")
		r.wait("erin declines", func() bool { return erin() == "leave" })
		if r.net.Standing("team", "erin") == network.Joined {
			t.Error("erin is in the chat")
		}
	})
}
