package matrixtest_test

import (
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// TestStrict asks for what must be refused, and for its neighbours that must
// not.
func TestStrict(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	alice := r.CreateUser("alice", "secret")
	mallory := r.CreateUser("mallory", "secret")
	room := r.room()
	other := alice.CreateRoom(nil)
	secret := alice.CreateRoom(object{"invite": []string{}})
	banned := alice.CreateRoom(object{"preset": "public_chat"})
	alice.Ban(banned, mallory.ID)
	alice.Invite(other, "@_cw_invited:test")
	alice.Join(room)
	mallory.Join(room)
	msg := alice.SendText(room, "hello")
	elsewhere := alice.SendText(other, "there")
	threaded := alice.SendThread(room, msg, "in a thread")
	alice.React(room, msg, "👍")
	r.ok(token, "PUT", as("directory/room/%23_cw_taken:test", bot), object{"room_id": room})

	register := func(name string) object {
		return object{"type": "m.login.application_service", "username": name, "inhibit_login": true}
	}
	in := "rooms/" + room + "/"
	react := func(event, key any) object {
		return object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": event, "key": key}}
	}
	power := func(over object) object {
		content := object{"users": object{bot: 100}, "users_default": 0, "events_default": 0, "state_default": 50}
		for k, v := range over {
			content[k] = v
		}
		return content
	}
	tests := []struct {
		name, auth, method, path string
		body                     any
		status                   int
		code                     string
	}{
		// Who asks.
		{"no token", "", "GET", "account/whoami", nil, 401, "M_MISSING_TOKEN"},
		{"wrong token", "nope", "GET", "account/whoami", nil, 401, "M_UNKNOWN_TOKEN"},
		{"wrong token where none is needed", "nope", "GET", "/_matrix/client/versions", nil, 401, "M_UNKNOWN_TOKEN"},
		{"sender", token, "GET", "account/whoami", nil, 200, ""},
		{"ghost", token, "GET", as("account/whoami", ghost), nil, 200, ""},
		{"unregistered ghost", token, "GET", as("account/whoami", "@_cw_new:test"), nil, 403, "M_FORBIDDEN"},
		{"invited but not registered ghost", token, "GET", as("account/whoami", "@_cw_invited:test"), nil, 403, "M_FORBIDDEN"},
		{"outside of the namespace", token, "GET", as("account/whoami", alice.ID), nil, 403, "M_FORBIDDEN"},
		{"other server's user", token, "GET", as("account/whoami", "@_cw_irc_anna:elsewhere"), nil, 403, "M_FORBIDDEN"},
		{"double puppet", puppet, "GET", as("account/whoami", alice.ID), nil, 200, ""},
		{"user cannot masquerade", alice.Token, "PUT", as("profile/"+ghost+"/displayname", ghost), object{"displayname": "x"}, 403, "M_FORBIDDEN"},

		// Registration and login.
		{"register twice", token, "POST", "register", register("_cw_bot"), 400, "M_USER_IN_USE"},
		{"register outside", token, "POST", "register", register("carol"), 400, "M_EXCLUSIVE"},
		{"register in another's namespace", puppet, "POST", "register", register("_cw_irc_x"), 400, "M_EXCLUSIVE"},
		{"register upper case", token, "POST", "register", register("_cw_Irc"), 400, "M_INVALID_USERNAME"},
		{"register space", token, "POST", "register", register("_cw_a b"), 400, "M_INVALID_USERNAME"},
		{"register long", token, "POST", "register", register("_cw_" + strings.Repeat("x", 255)), 400, "M_INVALID_USERNAME"},
		{"register escaped", token, "POST", "register", register("_cw_=41+b/c.d-e"), 200, ""},
		{"register without type", token, "POST", "register", object{"username": "_cw_y"}, 400, "M_UNKNOWN"},
		{"register by a person", "", "POST", "register", register("dora"), 401, "M_MISSING_TOKEN"},
		{"login wrong password", "", "POST", "login", object{"type": "m.login.password", "identifier": object{"type": "m.id.user", "user": "alice"}, "password": "x"}, 403, "M_FORBIDDEN"},
		{"login", "", "POST", "login", object{"type": "m.login.password", "identifier": object{"type": "m.id.user", "user": "alice"}, "password": "secret"}, 200, ""},
		{"login appservice", token, "POST", "login", object{"type": "m.login.application_service", "identifier": object{"type": "m.id.user", "user": ghost}}, 200, ""},
		{"login appservice outside", token, "POST", "login", object{"type": "m.login.application_service", "identifier": object{"type": "m.id.user", "user": "alice"}}, 403, "M_FORBIDDEN"},
		{"device without MSC4190", token, "PUT", as("devices/NEW", bot), object{}, 404, "M_NOT_FOUND"},
		{"unknown device", token, "GET", as("account/whoami?device_id=NEW", bot), nil, 400, "M_UNKNOWN_DEVICE"},

		// Requests as such.
		{"unknown endpoint", token, "GET", "nonsense", nil, 404, "M_UNRECOGNIZED"},
		{"unknown method", token, "DELETE", "createRoom", nil, 405, "M_UNRECOGNIZED"},
		{"malformed JSON", token, "PUT", as(in+"send/m.room.message/bad1", ghost), `{"body":`, 400, "M_NOT_JSON"},
		{"no JSON", token, "PUT", as(in+"send/m.room.message/bad2", ghost), "", 400, "M_NOT_JSON"},
		{"JSON array", token, "PUT", as(in+"send/m.room.message/bad3", ghost), `[]`, 400, "M_BAD_JSON"},
		{"float", token, "PUT", as(in+"send/x.y/bad4", ghost), `{"a":1.5}`, 400, "M_BAD_JSON"},
		{"exponent", token, "PUT", as(in+"send/x.y/bad4e", ghost), `{"a":[1e3]}`, 400, "M_BAD_JSON"},
		{"large number", token, "PUT", as(in+"send/x.y/bad5", ghost), `{"a":9007199254740993}`, 400, "M_BAD_JSON"},
		{"float in a string", token, "PUT", as(in+"send/x.y/ok5", ghost), `{"a\"":"1.5 \"2.5","b":-7}`, 200, ""},
		{"not UTF-8", token, "PUT", as(in+"send/x.y/bad6", ghost), "{\"a\":\"\xff\"}", 400, "M_NOT_JSON"},
		{"wrong type in body", token, "POST", as("createRoom", bot), `{"name":5}`, 400, "M_BAD_JSON"},
		{"bad ts", token, "PUT", as(in+"send/m.room.message/ts?ts=soon", ghost), text("x"), 400, "M_INVALID_PARAM"},

		// Contents.
		{"no body", token, "PUT", as(in+"send/m.room.message/c1", ghost), object{"msgtype": "m.text"}, 400, "M_UNKNOWN"},
		{"body no string", token, "PUT", as(in+"send/m.room.message/c2", ghost), object{"msgtype": "m.text", "body": 1}, 400, "M_UNKNOWN"},
		{"bad mentions", token, "PUT", as(in+"send/m.room.message/c3", ghost), object{"msgtype": "m.text", "body": "", "m.mentions": object{"user_ids": "x"}}, 400, "M_BAD_JSON"},
		{"64 KiB", token, "PUT", as(in+"send/m.room.message/c4", ghost), text(strings.Repeat("x", 65536)), 413, "M_TOO_LARGE"},
		{"60 KiB", token, "PUT", as(in+"send/m.room.message/c5", ghost), text(strings.Repeat("x", 60000)), 200, ""},
		{"long type", token, "PUT", as(in+"send/"+strings.Repeat("x", 256)+"/c6", ghost), object{}, 413, "M_TOO_LARGE"},
		{"state type as message", token, "PUT", as(in+"send/m.room.name/c7", bot), object{"name": "x"}, 400, "M_UNKNOWN"},
		{"relation to nothing", token, "PUT", as(in+"send/m.reaction/c8", ghost), react("$none", "x"), 400, "M_UNKNOWN"},
		{"relation to another room", alice.Token, "PUT", in + "send/m.reaction/c9", react(elsewhere, "x"), 400, "M_UNKNOWN"},
		{"reaction without key", token, "PUT", as(in+"send/m.reaction/c10", ghost), object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": msg}}, 400, "M_UNKNOWN"},
		{"reaction twice", alice.Token, "PUT", in + "send/m.reaction/c11", react(msg, "👍"), 400, "M_DUPLICATE_ANNOTATION"},
		{"same reaction of another", token, "PUT", as(in+"send/m.reaction/c12", ghost), react(msg, "👍"), 200, ""},
		{"thread in a thread", token, "PUT", as(in+"send/m.room.message/c13", ghost), object{"msgtype": "m.text", "body": "", "m.relates_to": object{"rel_type": "m.thread", "event_id": threaded}}, 400, "M_UNKNOWN"},

		// Membership.
		{"send while not joined", token, "PUT", as("rooms/"+other+"/send/m.room.message/m1", ghost), text("x"), 403, "M_FORBIDDEN"},
		{"send to nowhere", token, "PUT", as("rooms/!none:test/send/m.room.message/m2", ghost), text("x"), 403, "M_FORBIDDEN"},
		{"join without invite", mallory.Token, "POST", "rooms/" + secret + "/join", nil, 403, "M_FORBIDDEN"},
		{"join while banned", mallory.Token, "POST", "rooms/" + banned + "/join", nil, 403, "M_FORBIDDEN"},
		{"invite of the banned", alice.Token, "POST", "rooms/" + banned + "/invite", object{"user_id": mallory.ID}, 403, "M_FORBIDDEN"},
		{"join unknown room", mallory.Token, "POST", "join/!none:test", nil, 404, "M_NOT_FOUND"},
		{"join nonsense", mallory.Token, "POST", "join/none", nil, 400, "M_INVALID_PARAM"},
		{"join twice", alice.Token, "POST", "join/" + room, nil, 200, ""},
		{"invite of the joined", token, "POST", as(in+"invite", bot), object{"user_id": alice.ID}, 403, "M_FORBIDDEN"},
		{"invite of nobody", token, "POST", as(in+"invite", bot), object{}, 400, "M_MISSING_PARAM"},
		{"invite without power", mallory.Token, "POST", in + "invite", object{"user_id": "@x:test"}, 403, "M_FORBIDDEN"},
		{"kick without power", mallory.Token, "POST", in + "kick", object{"user_id": alice.ID}, 403, "M_FORBIDDEN"},
		{"kick of an equal", alice.Token, "POST", in + "kick", object{"user_id": bot}, 403, "M_FORBIDDEN"},
		{"kick of nobody", token, "POST", as(in+"kick", bot), object{"user_id": "@x:test"}, 403, "M_FORBIDDEN"},
		{"unban of the joined", token, "POST", as(in+"unban", bot), object{"user_id": alice.ID}, 403, "M_FORBIDDEN"},
		{"leave while not in", mallory.Token, "POST", "rooms/" + secret + "/leave", nil, 403, "M_FORBIDDEN"},
		{"forget while in", alice.Token, "POST", in + "forget", nil, 400, "M_UNKNOWN"},
		{"join another by state", token, "PUT", as(in+"state/m.room.member/@x:test", bot), object{"membership": "join"}, 403, "M_FORBIDDEN"},
		{"no such membership", token, "PUT", as(in+"state/m.room.member/"+ghost, ghost), object{"membership": "here"}, 400, "M_UNKNOWN"},

		// Power.
		{"state without power", alice.Token, "PUT", in + "state/m.room.topic/", object{"topic": "x"}, 403, "M_FORBIDDEN"},
		{"state with power", token, "PUT", as(in+"state/m.room.topic", bot), object{"topic": "x"}, 200, ""},
		{"another's state", token, "PUT", as(in+"state/x.y/"+ghost, bot), object{}, 403, "M_FORBIDDEN"},
		{"redact another's", mallory.Token, "PUT", in + "redact/" + msg + "/p1", object{}, 403, "M_FORBIDDEN"},
		{"redact unknown", token, "PUT", as(in+"redact/$none/p2", bot), object{}, 404, "M_NOT_FOUND"},
		{"redact from elsewhere", alice.Token, "PUT", in + "redact/" + elsewhere + "/p3", object{}, 400, "M_UNKNOWN"},
		{"power as string", token, "PUT", as(in+"state/m.room.power_levels/", bot), power(object{"ban": "50"}), 400, "M_BAD_JSON"},
		{"power of no user", token, "PUT", as(in+"state/m.room.power_levels/", bot), power(object{"users": object{bot: 100, "alice": 1}}), 400, "M_BAD_JSON"},
		{"power above one's own", token, "PUT", as(in+"state/m.room.power_levels/", bot), power(object{"ban": 101}), 403, "M_FORBIDDEN"},
		{"power taken from an equal", token, "PUT", as(in+"state/m.room.power_levels/", bot), power(object{"users": object{bot: 100, alice.ID: 100}}), 200, ""},
		{"power not given back", token, "PUT", as(in+"state/m.room.power_levels/", bot), power(nil), 403, "M_FORBIDDEN"},

		// Rooms and aliases.
		{"preset", token, "POST", as("createRoom", bot), object{"preset": "secret_chat"}, 400, "M_BAD_JSON"},
		{"room version", token, "POST", as("createRoom", bot), object{"room_version": "99"}, 400, "M_UNSUPPORTED_ROOM_VERSION"},
		{"creator without power", token, "POST", as("createRoom", bot), object{"power_level_content_override": object{"users": object{ghost: 100}}}, 400, "M_BAD_JSON"},
		{"alias taken", token, "POST", as("createRoom", bot), object{"room_alias_name": "_cw_taken"}, 400, "M_ROOM_IN_USE"},
		{"alias outside", token, "POST", as("createRoom", bot), object{"room_alias_name": "public"}, 400, "M_EXCLUSIVE"},
		{"alias of the bridge", alice.Token, "POST", "createRoom", object{"room_alias_name": "_cw_mine"}, 400, "M_EXCLUSIVE"},
		{"alias with domain", alice.Token, "POST", "createRoom", object{"room_alias_name": "x:test"}, 400, "M_INVALID_PARAM"},
		{"alias taken, directory", token, "PUT", as("directory/room/%23_cw_taken:test", bot), object{"room_id": room}, 409, "M_UNKNOWN"},
		{"alias of elsewhere", token, "PUT", as("directory/room/%23_cw_x:else", bot), object{"room_id": room}, 400, "M_INVALID_PARAM"},
		{"alias removed by another", mallory.Token, "DELETE", "directory/room/%23_cw_taken:test", nil, 403, "M_FORBIDDEN"},
		{"alias unknown", token, "GET", "directory/room/%23_cw_none:test", nil, 404, "M_NOT_FOUND"},
		{"canonical alias of another room", token, "PUT", as(in+"state/m.room.canonical_alias/", bot), object{"alias": "#x:test"}, 400, "M_BAD_ALIAS"},
		{"member in initial state", token, "POST", as("createRoom", bot), object{"initial_state": []object{{"type": "m.room.member", "state_key": ghost, "content": object{"membership": "join"}}}}, 403, "M_FORBIDDEN"},

		// The rest.
		{"state that is not there", token, "GET", as(in+"state/m.room.avatar/", bot), nil, 404, "M_NOT_FOUND"},
		{"messages without dir", token, "GET", as(in+"messages", bot), nil, 400, "M_MISSING_PARAM"},
		{"messages of a stranger", mallory.Token, "GET", "rooms/" + other + "/messages?dir=b", nil, 403, "M_FORBIDDEN"},
		{"bad token", token, "GET", as(in+"messages?dir=b&from=x", bot), nil, 400, "M_INVALID_PARAM"},
		{"event of another room", alice.Token, "GET", in + "event/" + elsewhere, nil, 404, "M_NOT_FOUND"},
		{"another's profile", alice.Token, "PUT", "profile/" + mallory.ID + "/displayname", object{"displayname": "x"}, 403, "M_FORBIDDEN"},
		{"name no string", alice.Token, "PUT", "profile/" + alice.ID + "/displayname", object{"displayname": 5}, 400, "M_BAD_JSON"},
		{"unknown profile", alice.Token, "GET", "profile/@none:test", nil, 404, "M_NOT_FOUND"},
		{"another's account data", alice.Token, "PUT", "user/" + mallory.ID + "/account_data/x", object{}, 403, "M_FORBIDDEN"},
		{"typing for another", alice.Token, "PUT", in + "typing/" + mallory.ID, object{"typing": true}, 403, "M_FORBIDDEN"},
		{"typing without word", alice.Token, "PUT", in + "typing/" + alice.ID, object{}, 400, "M_MISSING_PARAM"},
		{"receipt for nothing", alice.Token, "POST", in + "receipt/m.read/$none", object{}, 404, "M_NOT_FOUND"},
		{"receipt of a kind", alice.Token, "POST", in + "receipt/m.seen/" + msg, object{}, 400, "M_INVALID_PARAM"},
		{"presence of a kind", alice.Token, "PUT", "presence/" + alice.ID + "/status", object{"presence": "asleep"}, 400, "M_BAD_JSON"},
		{"ping by a person", alice.Token, "POST", "/_matrix/client/v1/appservice/causeway/ping", object{}, 403, "M_FORBIDDEN"},
		{"ping of another", token, "POST", "/_matrix/client/v1/appservice/doublepuppet/ping", object{}, 403, "M_FORBIDDEN"},
		{"ping without URL", token, "POST", "/_matrix/client/v1/appservice/causeway/ping", object{}, 400, "M_URL_NOT_SET"},
		{"old media endpoint", alice.Token, "GET", "/_matrix/media/v3/download/test/x", nil, 404, "M_NOT_FOUND"},
		{"media without token", "", "GET", "/_matrix/client/v1/media/download/test/x", nil, 401, "M_MISSING_TOKEN"},
		{"media unknown", alice.Token, "GET", "/_matrix/client/v1/media/download/test/x", nil, 404, "M_NOT_FOUND"},
		{"thumbnail without size", alice.Token, "GET", "/_matrix/client/v1/media/thumbnail/test/x", nil, 400, "M_MISSING_PARAM"},
		{"sync with a bad token", alice.Token, "GET", "sync?since=x", nil, 400, "M_INVALID_PARAM"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(r.Room(room).Timeline)
			status, out, err := r.request(t.Context(), tt.auth, tt.method, tt.path, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			code, _ := out["errcode"].(string)
			if status != tt.status || code != tt.code {
				t.Errorf("got %d %s, want %d %s: %v", status, code, tt.status, tt.code, out)
			}
			if after := len(r.Room(room).Timeline); status != 200 && after != before {
				t.Errorf("a refused request left %d events", after-before)
			}
		})
	}
}

func TestWithout(t *testing.T) {
	r := newRig(t, matrixtest.Options{Without: []string{matrixtest.RouteRelations}})
	room := r.room()
	for _, path := range []string{"", "/m.thread"} {
		status, out, _ := r.request(t.Context(), token, "GET", as("/_matrix/client/v1/rooms/"+room+"/relations/$x"+path, bot), nil)
		if status != 404 || out["errcode"] != "M_UNRECOGNIZED" {
			t.Errorf("relations%s: %d %v", path, status, out)
		}
	}
	d := newRig(t, matrixtest.Options{Flavor: matrixtest.Dendrite})
	if status, out, _ := d.request(t.Context(), token, "POST", "/_matrix/client/v1/appservice/causeway/ping", object{}); status != 404 || out["errcode"] != "M_UNRECOGNIZED" {
		t.Errorf("ping on Dendrite: %d %v", status, out)
	}
	if v := d.ok("", "GET", "/_matrix/client/versions", nil)["versions"].([]any); v[len(v)-1] != "v1.2" {
		t.Errorf("versions of Dendrite: %v", v)
	}
}

func TestMSC4190(t *testing.T) {
	r := newRig(t, matrixtest.Options{}, func(reg *matrixtest.Registration) { reg.MSC4190 = true })
	status, _, err := r.request(t.Context(), token, "PUT", as("devices/BOT", bot), object{"display_name": "Causeway"})
	if err != nil || status != 201 {
		t.Fatalf("create device: %d %v", status, err)
	}
	r.ok(token, "PUT", as("devices/BOT", bot), object{"display_name": "Renamed"})
	if d := r.ok(token, "GET", as("devices/BOT", bot), nil); d["display_name"] != "Renamed" {
		t.Errorf("device: %v", d)
	}
	if who := r.ok(token, "GET", as("account/whoami?device_id=BOT", bot), nil); who["device_id"] != "BOT" {
		t.Errorf("whoami: %v", who)
	}
	for path, body := range map[string]object{
		"login":    {"type": "m.login.application_service", "identifier": object{"type": "m.id.user", "user": bot}},
		"register": {"type": "m.login.application_service", "username": "_cw_new"},
	} {
		if status, out, _ := r.request(t.Context(), token, "POST", path, body); status != 400 || out["errcode"] != "M_APPSERVICE_LOGIN_UNSUPPORTED" {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
}
