package matrixtest_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// TestCorners asks every endpoint that no other test visits, and compares
// the answer.
func TestCorners(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	room := r.room()
	alice := r.CreateUser("alice", "secret")
	alice.Join(room)
	own := alice.CreateRoom(object{"preset": "public_chat", "name": "Own", "topic": "all mine"})
	me := "user/" + alice.ID + "/"
	login := object{"type": "m.login.password", "user": alice.ID, "password": "secret", "device_id": "D1", "initial_device_display_name": "phone"}
	phone := r.ok("", "POST", "login", login)["access_token"].(string)

	steps := []struct {
		auth, method, path string
		body               any
		want               string // found in the answer, or its error code
	}{
		{token, "GET", "register/available?username=_cw_free", nil, `"available":true`},
		{token, "GET", "register/available?username=_cw_bot", nil, "M_USER_IN_USE"},
		{"", "GET", "login", nil, "m.login.application_service"},
		{alice.Token, "GET", "capabilities", nil, `"default":"11"`},
		{phone, "GET", "devices", nil, `{"device_id":"D1","display_name":"phone"}`},
		{phone, "DELETE", "devices/D1", nil, "flows"},
		{phone, "POST", "logout", nil, "{}"},
		{phone, "GET", "account/whoami", nil, "M_UNKNOWN_TOKEN"},
		{token, "POST", "logout", nil, "M_FORBIDDEN"},

		{alice.Token, "PUT", "directory/room/%23own:test", object{"room_id": own}, "{}"},
		{alice.Token, "PUT", "rooms/" + own + "/state/m.room.canonical_alias/", object{"alias": "#own:test"}, "event_id"},
		{alice.Token, "GET", "rooms/" + own + "/aliases", nil, `["#own:test"]`},
		{"", "GET", "directory/list/room/" + own, nil, `"private"`},
		{alice.Token, "PUT", "directory/list/room/" + own, object{"visibility": "public"}, "{}"},
		{token, "PUT", as("directory/list/room/"+room, ghost), object{}, "M_FORBIDDEN"},
		{"", "GET", "directory/list/room/" + own, nil, `"public"`},
		{"", "GET", "publicRooms", nil, `"topic":"all mine"`},
		{alice.Token, "DELETE", "directory/room/%23own:test", nil, "{}"},
		{alice.Token, "GET", "directory/room/%23own:test", nil, "M_NOT_FOUND"},

		{alice.Token, "PUT", "presence/" + alice.ID + "/status", object{"presence": "online", "status_msg": "hi"}, "{}"},
		{token, "GET", "presence/" + alice.ID + "/status", nil, `"status_msg":"hi"`},
		{token, "GET", "presence/" + ghost + "/status", nil, `"offline"`},
		{alice.Token, "PUT", "profile/" + alice.ID + "/m.tz", object{"m.tz": "Europe/Berlin"}, "{}"},
		{token, "GET", "profile/" + alice.ID + "/m.tz", nil, `{"m.tz":"Europe/Berlin"}`},
		{alice.Token, "DELETE", "profile/" + alice.ID + "/m.tz", nil, "{}"},
		{token, "GET", "profile/" + alice.ID + "/m.tz", nil, "M_NOT_FOUND"},

		{alice.Token, "PUT", me + "account_data/x.y", object{"a": 1}, "{}"},
		{alice.Token, "GET", me + "account_data/x.y", nil, `{"a":1}`},
		{alice.Token, "GET", me + "account_data/none", nil, "M_NOT_FOUND"},
		{alice.Token, "PUT", me + "account_data/m.push_rules", object{}, "M_UNKNOWN"},
		{alice.Token, "PUT", me + "rooms/" + room + "/account_data/x.y", object{"b": 2}, "{}"},
		{alice.Token, "GET", me + "rooms/" + room + "/account_data/x.y", nil, `{"b":2}`},
		{alice.Token, "PUT", me + "rooms/" + room + "/tags/u.work", object{}, "{}"},
		{alice.Token, "GET", me + "rooms/" + room + "/tags", nil, `{"tags":{"u.work":{}}}`},
		{alice.Token, "DELETE", me + "rooms/" + room + "/tags/u.work", nil, "{}"},
		{alice.Token, "GET", me + "rooms/" + room + "/tags", nil, `{"tags":{}}`},
		{alice.Token, "POST", me + "filter", object{"room": object{"timeline": object{"limit": 1}}}, `"filter_id":"0"`},
		{alice.Token, "GET", me + "filter/0", nil, `{"room":{"timeline":{"limit":1}}}`},
		{alice.Token, "GET", me + "filter/1", nil, "M_NOT_FOUND"},
		{alice.Token, "GET", "sync?filter=0", nil, `"limited":true`},
		{alice.Token, "GET", "sync?filter=7", nil, "M_INVALID_PARAM"},

		{alice.Token, "GET", "joined_rooms", nil, own},
		{alice.Token, "GET", "rooms/" + room + "/state", nil, `"type":"m.room.create"`},
		{alice.Token, "GET", "rooms/" + own + "/state/m.room.name/?format=event", nil, `"sender":"@alice:test"`},
		{alice.Token, "GET", "/_matrix/client/r0/rooms/" + own + "/state/m.room.name", nil, `{"name":"Own"}`},
		{alice.Token, "GET", "rooms/" + room + "/members?membership=join", nil, ghost},
		{alice.Token, "GET", "rooms/" + room + "/members?not_membership=join", nil, `{"chunk":[]}`},
		{alice.Token, "PUT", "rooms/" + own + "/state/m.room.join_rules/", object{"join_rule": "knock"}, "event_id"},
		{token, "POST", as("knock/"+own, ghost), object{"reason": "let me in"}, own},
		{token, "POST", as("knock/"+own, ghost), object{}, own},
		{alice.Token, "POST", "rooms/" + own + "/invite", object{"user_id": ghost}, "{}"},
		{token, "POST", as("knock/"+own, ghost), object{}, "M_FORBIDDEN"},
	}
	for _, s := range steps {
		w := httptest.NewRecorder()
		path := s.path
		if path[0] != '/' {
			path = "/_matrix/client/v3/" + path
		}
		var body []byte
		if s.body != nil {
			body, _ = json.Marshal(s.body)
		}
		req := httptest.NewRequest(s.method, path, strings.NewReader(string(body)))
		if s.auth != "" {
			req.Header.Set("Authorization", "Bearer "+s.auth)
		}
		r.ServeHTTP(w, req)
		if !strings.Contains(w.Body.String(), s.want) {
			t.Errorf("%s %s: %d %s, want %s", s.method, s.path, w.Code, w.Body, s.want)
		}
	}
}

// TestPerson does with a User what no other test does.
func TestPerson(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	room := r.room()
	alice := r.CreateUser("alice", "")
	own := alice.CreateRoom(nil)
	alice.SetName(own, "Name")
	alice.SetAvatar(own, "mxc://test/r")
	alice.SetDisplayName("Alice")
	alice.SetAvatarURL("mxc://test/a")
	first := alice.SendText(own, "frist")
	edit := alice.Edit(own, first, "first")
	reply := alice.Reply(own, first, "second")
	alice.SetPresence("unavailable", "")
	s := r.Room(own)
	if s.Name != "Name" || s.Avatar != "mxc://test/r" || s.Members()[alice.ID].Name != "Alice" {
		t.Errorf("room: %+v", s)
	}
	if !slices.Equal(s.Joined(), []string{alice.ID}) || !slices.Equal(s.Bodies(), []string{"frist", "* first", "second"}) {
		t.Errorf("joined %v, bodies %v", s.Joined(), s.Bodies())
	}
	rel := r.ok(alice.Token, "GET", "/_matrix/client/v1/rooms/"+own+"/relations/"+first+"/m.replace/m.room.message", nil)["chunk"].([]any)
	if len(rel) != 1 || rel[0].(object)["event_id"] != edit {
		t.Errorf("relations: %v", rel)
	}
	raw, err := json.Marshal(s.Event(reply))
	if err != nil || !strings.Contains(string(raw), `"m.in_reply_to":{"event_id":"`+first+`"}`) {
		t.Errorf("reply: %s %v", raw, err)
	}
	if state, _ := r.Presence(alice.ID); state != "unavailable" || !slices.Contains(r.Users(), alice.ID) || r.Domain() != "test" {
		t.Errorf("presence %s, users %v", state, r.Users())
	}
	if e := s.Event(first); time.Since(e.Time()) > time.Minute {
		t.Errorf("time %v", e.Time())
	}
	var refused *matrixtest.Error
	err = alice.Do("PUT", "rooms/"+url.PathEscape(room)+"/state/m.room.name/", object{"name": "x"}, nil)
	if !errors.As(err, &refused) || refused.Code != "M_FORBIDDEN" || !strings.Contains(err.Error(), "403 M_FORBIDDEN") {
		t.Errorf("refusal: %v", err)
	}
	if r.MediaCount() != 0 {
		t.Error("media without an upload")
	}
	defer func() {
		if recover() == nil {
			t.Error("a refused method did not panic")
		}
	}()
	hs := matrixtest.New(matrixtest.Options{})
	defer hs.Close()
	hs.CreateUser("Bob", "") // an upper-case name
}

// TestRegister refuses registrations that cannot work, and counts who is in
// rooms already.
func TestRegister(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	for name, change := range map[string]func(*matrixtest.Registration){
		"regex":  func(reg *matrixtest.Registration) { reg.Users[0].Regex = "(" },
		"id":     func(reg *matrixtest.Registration) { reg.ID = "causeway" },
		"token":  func(reg *matrixtest.Registration) { reg.ASToken = token },
		"sender": func(reg *matrixtest.Registration) { reg.SenderLocalpart = "" },
	} {
		reg := registration()
		reg.ID, reg.ASToken = "other", "other"
		change(&reg)
		if r.Register(reg) == nil {
			t.Errorf("%s: registered", name)
		}
	}
	alice := r.CreateUser("alice", "")
	room := alice.CreateRoom(nil)
	b := &fakeBridge{}
	srv := httptest.NewServer(b)
	defer srv.Close()
	if err := r.Register(matrixtest.Registration{
		ID: "late", ASToken: "late", SenderLocalpart: "late", URL: "http://127.0.0.1:1",
		Users: []matrixtest.Namespace{{Regex: "@alice:test"}},
	}); err != nil {
		t.Fatal(err)
	}
	r.SetURL("late", srv.URL)
	alice.SendText(room, "hello")
	r.wait("the push", func() bool { s := r.Pushed("late"); return s.Events == 1 && s.Pending == 0 })
	if got := b.got(); got[len(got)-1].bodies()[0] != "hello" {
		t.Errorf("pushed %+v", got)
	}
}
