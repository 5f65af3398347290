package matrixtest_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

func TestCreateRoom(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	alice := r.CreateUser("alice", "")
	id := r.ok(token, "POST", as("createRoom", bot), object{
		"room_alias_name": "_cw_irc_go", "name": "#go", "topic": "gophers", "preset": "private_chat", "is_direct": true,
		"invite":                       []string{alice.ID, "@_cw_irc_later:test"},
		"creation_content":             object{"m.federate": false},
		"power_level_content_override": object{"events": object{"x.y": 7}, "users": object{bot: 100, ghost: 50}},
		"initial_state": []object{
			{"type": "m.room.canonical_alias", "content": object{}},
			{"type": "m.bridge", "state_key": "irc", "content": object{"channel": "#go"}},
			{"type": "m.room.history_visibility", "content": object{"history_visibility": "joined"}},
		},
	})["room_id"].(string)
	room := r.Room(id)
	var types []string
	for _, e := range room.Timeline {
		types = append(types, e.Type)
	}
	want := []string{
		"m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules", "m.room.guest_access",
		"m.room.canonical_alias", "m.bridge", "m.room.history_visibility", "m.room.name", "m.room.topic", "m.room.member", "m.room.member",
	}
	if !slices.Equal(types, want) {
		t.Errorf("events are\n%v, want\n%v", types, want)
	}
	if room.Name != "#go" || room.Topic != "gophers" || room.Creator != bot || room.JoinRule != "invite" || room.Version != "11" {
		t.Errorf("room: %+v", room)
	}
	if room.Power.Users[ghost] != 50 || room.Power.Events["x.y"] != 7 || room.Power.StateDefault != 50 {
		t.Errorf("power: %+v", room.Power)
	}
	if e := room.State("m.bridge", "irc"); e == nil || e.Text("channel") != "#go" {
		t.Errorf("m.bridge: %+v", e)
	}
	if got := r.Alias("#_cw_irc_go:test"); got != id {
		t.Errorf("alias leads to %q", got)
	}
	if e := room.Members()[alice.ID].Event; room.Membership(alice.ID) != "invite" || string(e.Content) != `{"displayname":"alice","is_direct":true,"membership":"invite"}` {
		t.Errorf("invite: %s", e.Content)
	}
	if got := r.Rooms(); !slices.Equal(got, []string{id}) {
		t.Errorf("rooms: %v", got)
	}
	status, out, _ := r.request(t.Context(), token, "POST", as("createRoom", bot), object{
		"room_alias_name": "_cw_irc_c", "initial_state": []object{{"type": "m.room.name", "content": object{"name": 5}}},
	})
	if status != 400 || r.Alias("#_cw_irc_c:test") != "" || len(r.Rooms()) != 1 {
		t.Errorf("a room that failed left something: %d %v", status, out)
	}
}

// TestVersion12 knows rooms without a domain and creators above all levels.
func TestVersion12(t *testing.T) {
	r := newRig(t, matrixtest.Options{RoomVersion: "12"})
	id := r.ok(token, "POST", as("createRoom", bot), object{
		"preset": "public_chat", "creation_content": object{"additional_creators": []string{ghost}},
	})["room_id"].(string)
	if len(id) != 44 {
		t.Errorf("room ID %q", id)
	}
	r.ok(token, "POST", as("join/"+id, ghost), nil)
	if _, ok := r.Room(id).Power.Users[bot]; ok {
		t.Error("the creator has a written level")
	}
	power := object{"users": object{ghost2: 100}, "events": object{"m.room.name": 9007199254740991}}
	r.ok(token, "PUT", as("rooms/"+id+"/state/m.room.power_levels/", bot), power)
	r.ok(token, "PUT", as("rooms/"+id+"/state/m.room.name/", ghost), object{"name": "by a creator"})
	power["users"] = object{bot: 100}
	if status, out, _ := r.request(t.Context(), token, "PUT", as("rooms/"+id+"/state/m.room.power_levels/", bot), power); status != 400 {
		t.Errorf("a creator in power levels: %d %v", status, out)
	}
	if status, _, _ := r.request(t.Context(), token, "POST", as("rooms/"+id+"/kick", bot), object{"user_id": ghost}); status != 403 {
		t.Errorf("a creator kicked a creator: %d", status)
	}
}

func TestUpgrade(t *testing.T) {
	r := newRig(t, matrixtest.Options{RoomVersion: "10"})
	alice := r.CreateUser("alice", "")
	old := alice.CreateRoom(object{"name": "Old", "room_alias_name": "old", "preset": "public_chat"})
	r.ok(token, "POST", as("join/"+old, ghost), nil)
	var out struct {
		Room string `json:"replacement_room"`
	}
	if err := alice.Do("POST", "rooms/"+old+"/upgrade", object{"new_version": "11"}, &out); err != nil {
		t.Fatal(err)
	}
	if tomb := r.Room(old).State("m.room.tombstone", ""); tomb == nil || tomb.Text("replacement_room") != out.Room {
		t.Errorf("tombstone: %+v", tomb)
	}
	var create struct {
		Predecessor struct {
			RoomID string `json:"room_id"`
		}
	}
	room := r.Room(out.Room)
	if err := room.State("m.room.create", "").Decode(&create); err != nil || create.Predecessor.RoomID != old {
		t.Errorf("create: %+v %v", create, err)
	}
	if room.Name != "Old" || room.Version != "11" || r.Alias("#old:test") != out.Room {
		t.Errorf("new room: %+v", room)
	}
	if status, _, _ := r.request(t.Context(), token, "PUT", as("rooms/"+old+"/send/m.room.message/1", ghost), text("late")); status != 403 {
		t.Errorf("a ghost could speak in the old room: %d", status)
	}
}

func TestMembership(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	alice, bob := r.CreateUser("alice", ""), r.CreateUser("bob", "")
	id := alice.CreateRoom(nil)
	steps := []struct {
		do   func()
		want string
	}{
		{func() { alice.Invite(id, bob.ID) }, "invite"},
		{func() { bob.Leave(id) }, "leave"},
		{func() { alice.Invite(id, bob.ID) }, "invite"},
		{func() { bob.Join(id) }, "join"},
		{func() { alice.Kick(id, bob.ID) }, "leave"},
		{func() { alice.Ban(id, bob.ID) }, "ban"},
		{func() { alice.Unban(id, bob.ID) }, "leave"},
	}
	for i, s := range steps {
		s.do()
		if got := r.Room(id).Membership(bob.ID); got != s.want {
			t.Errorf("step %d: %s, want %s", i, got, s.want)
		}
	}
	if err := bob.Do("POST", "rooms/"+id+"/forget", object{}, nil); err != nil {
		t.Errorf("forget: %v", err)
	}
	// A restricted room takes members of the other one.
	open := alice.CreateRoom(object{"initial_state": []object{{
		"type": "m.room.join_rules", "content": object{"join_rule": "restricted", "allow": []object{{"type": "m.room_membership", "room_id": id}}},
	}}})
	if err := bob.Do("POST", "join/"+open, object{}, nil); err == nil {
		t.Error("a stranger entered a restricted room")
	}
	alice.Invite(id, bob.ID)
	bob.Join(id)
	bob.Join(open)
}

// TestProfile checks that a profile goes on into the rooms, once.
func TestProfile(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	room := r.room()
	before := r.RoomLen(room)
	for range 2 {
		r.ok(token, "PUT", as("profile/"+ghost+"/displayname", ghost), object{"displayname": "Anna"})
	}
	r.ok(token, "PUT", as("profile/"+ghost+"/avatar_url", ghost), object{"avatar_url": "mxc://test/a"})
	if got := r.Room(room).Members()[ghost]; got.Name != "Anna" || got.Avatar != "mxc://test/a" || got.Membership != "join" {
		t.Errorf("member: %+v", got)
	}
	if n := r.RoomLen(room) - before; n != 2 {
		t.Errorf("%d events for two changes", n)
	}
	if p := r.ok(token, "GET", "profile/"+ghost, nil); p["displayname"] != "Anna" || r.Profile(ghost, "avatar_url") != "mxc://test/a" {
		t.Errorf("profile: %v", p)
	}
}

// TestRedaction prunes, keeps the original, and frees the reaction.
func TestRedaction(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	room := r.room()
	alice := r.CreateUser("alice", "")
	alice.Join(room)
	msg := alice.SendText(room, "oops")
	before := r.Room(room)
	reaction := alice.React(room, msg, "👍")
	alice.Redact(room, reaction, "")
	alice.React(room, msg, "👍")
	id := alice.Redact(room, msg, "typo")
	e := r.Room(room).Event(msg)
	if string(e.Content) != "{}" || e.RedactedBy.ID != id || matrixText(e.Original) != "oops" {
		t.Errorf("redacted: %+v", e)
	}
	if before.Event(msg).Body() != "oops" {
		t.Error("an older snapshot changed")
	}
	got := r.ok(token, "GET", as("rooms/"+room+"/event/"+msg, bot), nil)
	because := got["unsigned"].(object)["redacted_because"].(object)
	if because["redacts"] != msg || because["content"].(object)["redacts"] != msg || because["content"].(object)["reason"] != "typo" {
		t.Errorf("redacted_because: %v", because)
	}
	state := r.Room(room).State("m.room.member", alice.ID)
	alice.Redact(room, state.ID, "")
	if m := r.Room(room).Members()[alice.ID]; m.Membership != "join" || m.Name != "" {
		t.Errorf("redacted member: %+v", m)
	}
}

func matrixText(content json.RawMessage) string {
	return (&matrixtest.Event{Content: content}).Body()
}

// TestTimestamp is for appservices only, and not for redactions.
func TestTimestamp(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	room := r.room()
	alice := r.CreateUser("alice", "")
	alice.Join(room)
	send := func(auth, path string, body any) int64 {
		return r.Event(r.ok(auth, "PUT", path, body)["event_id"].(string)).TS
	}
	if ts := send(token, as("rooms/"+room+"/send/m.room.message/1?ts=1000", ghost), text("old")); ts != 1000 {
		t.Errorf("message: %d", ts)
	}
	if ts := send(token, as("rooms/"+room+"/state/m.room.topic/?ts=2000", bot), object{"topic": "x"}); ts != 2000 {
		t.Errorf("state: %d", ts)
	}
	if ts := send(alice.Token, "rooms/"+room+"/send/m.room.message/1?ts=1000", text("now")); ts < 1e12 {
		t.Errorf("a person's: %d", ts)
	}
	msg := r.ok(token, "PUT", as("rooms/"+room+"/send/m.room.message/2", ghost), text("x"))["event_id"].(string)
	if ts := send(token, as("rooms/"+room+"/redact/"+msg+"/3?ts=1000", ghost), nil); ts < 1e12 {
		t.Errorf("redaction: %d", ts)
	}
}

func TestReading(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	room := r.room()
	alice := r.CreateUser("alice", "")
	alice.Join(room)
	root := alice.SendText(room, "0")
	for _, s := range []string{"1", "2", "3"} {
		alice.SendThread(room, root, s)
	}
	path, from, got := "rooms/"+room+"/messages?dir=b&limit=2", "", []string{}
	for range 3 {
		out := r.ok(token, "GET", as(path+from, bot), nil)
		for _, e := range out["chunk"].([]any) {
			if c, ok := e.(object)["content"].(object)["body"].(string); ok {
				got = append(got, c)
			}
		}
		from = "&from=" + out["end"].(string)
	}
	if !slices.Equal(got, []string{"3", "2", "1", "0"}) {
		t.Errorf("messages backwards: %v", got)
	}
	rel := r.ok(token, "GET", as("/_matrix/client/v1/rooms/"+room+"/relations/"+root+"/m.thread?limit=2", bot), nil)
	if len(rel["chunk"].([]any)) != 2 || rel["next_batch"] == nil {
		t.Errorf("relations: %v", rel)
	}
	ctx := r.ok(token, "GET", as("rooms/"+room+"/context/"+root+"?limit=2", bot), nil)
	if len(ctx["events_before"].([]any)) != 1 || len(ctx["events_after"].([]any)) != 1 {
		t.Errorf("context: %v", ctx)
	}
	members := r.ok(token, "GET", as("rooms/"+room+"/joined_members", bot), nil)["joined"].(object)
	if len(members) != 4 {
		t.Errorf("joined members: %v", members)
	}
	// Who left reads up to the end.
	alice.Leave(room)
	r.ok(token, "PUT", as("rooms/"+room+"/send/m.room.message/1", ghost), text("secret"))
	var out struct{ Chunk []matrixtest.Event }
	if err := alice.Do("GET", "rooms/"+room+"/messages?dir=b&limit=1", nil, &out); err != nil || out.Chunk[0].Type != "m.room.member" {
		t.Errorf("after leaving: %+v %v", out, err)
	}
}

func TestAccountDataAndMarkers(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	room := r.room()
	alice := r.CreateUser("alice", "")
	alice.Join(room)
	first, second := alice.SendText(room, "1"), alice.SendText(room, "2")
	r.ok(puppet, "PUT", as("user/"+alice.ID+"/account_data/m.direct", alice.ID), object{ghost: []string{room}})
	r.ok(puppet, "PUT", as("user/"+alice.ID+"/rooms/"+room+"/tags/m.favourite", alice.ID), object{"order": 1})
	r.ok(token, "POST", as("rooms/"+room+"/receipt/m.read/"+second, ghost), object{"thread_id": "main"})
	r.ok(token, "POST", as("rooms/"+room+"/receipt/m.read/"+first, ghost), object{"thread_id": "main"})
	r.ok(puppet, "POST", as("rooms/"+room+"/read_markers", alice.ID), object{"m.fully_read": first, "m.read": second})
	if got := string(r.AccountData(alice.ID, "", "m.direct")); got != `{"`+ghost+`":["`+room+`"]}` {
		t.Errorf("m.direct: %s", got)
	}
	if got := string(r.AccountData(alice.ID, room, "m.tag")); got != `{"tags":{"m.favourite":{"order":1}}}` {
		t.Errorf("m.tag: %s", got)
	}
	if got := string(r.AccountData(alice.ID, room, "m.fully_read")); got != `{"event_id":"`+first+`"}` {
		t.Errorf("m.fully_read: %s", got)
	}
	if got := r.Room(room).Receipt(ghost, "m.read", "main"); got != second {
		t.Error("a receipt went back")
	}
	if got := r.Room(room).Receipt(alice.ID, "m.read", ""); got != second {
		t.Error("read_markers set no receipt")
	}
}
