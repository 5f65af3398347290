package matrixtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// A User is a person of this homeserver at a client. Its methods go through
// the same endpoints and rules as everybody's, but faults do not touch them
// and they are not counted. One that the server refuses calls Options.Fail,
// which ends a test or panics; Do returns the refusal instead.
type User struct {
	ID    string
	Token string // access token, for a client library of the test's choice

	hs  *Server
	txn atomic.Int64
}

// CreateUser registers a person.
func (hs *Server) CreateUser(localpart, password string) *User {
	hs.mu.Lock()
	err := hs.checkName(localpart, nil)
	if err == nil {
		u := hs.account(hs.userIDOf(localpart))
		u.registered, u.password = true, password
		u.profile["displayname"] = mustJSON(localpart)
	}
	hs.mu.Unlock()
	if err != nil {
		hs.opts.Fail("matrixtest: create user %s: %v", localpart, err)
	}
	return hs.User(hs.userIDOf(localpart))
}

// User logs in somebody who is registered, a ghost too, on a new device.
func (hs *Server) User(userID string) *User {
	hs.mu.Lock()
	u := hs.users[userID]
	if u == nil || !u.registered {
		hs.mu.Unlock()
		hs.opts.Fail("matrixtest: no user %s", userID)
		return &User{ID: userID, hs: hs}
	}
	s := hs.newSession(u, "", "test")
	hs.mu.Unlock()
	return &User{ID: userID, Token: s.token, hs: hs}
}

// Do makes a request to a path below /_matrix/client/v3/, or to a whole path,
// which may have a query. in is encoded as JSON, nil is no body; the answer is
// decoded into out unless that is nil. A refusal is an *Error.
func (u *User) Do(method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	if path == "" || path[0] != '/' {
		path = "/_matrix/client/v3/" + path
	}
	answer, err := u.raw(method, path, "application/json", body)
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

func (u *User) raw(method, path, contentType string, body []byte) (answer []byte, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: // a long poll that a restart ended
			err = io.ErrUnexpectedEOF
		default:
			panic(p)
		}
	}()
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+u.Token)
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	c, e := u.hs.newCall(w, r)
	if e != nil {
		return nil, e
	}
	c.serve()
	if w.Code/100 == 2 {
		return w.Body.Bytes(), nil
	}
	e = &Error{Status: w.Code}
	if err := json.Unmarshal(w.Body.Bytes(), e); err != nil {
		return nil, err
	}
	return nil, e
}

// must is Do for a request that is expected to work.
func (u *User) must(method, path string, in, out any) {
	if err := u.Do(method, path, in, out); err != nil {
		u.hs.opts.Fail("matrixtest: %s: %s %s: %v", u.ID, method, path, err)
	}
}

func (u *User) room(room, rest string) string { return "rooms/" + url.PathEscape(room) + "/" + rest }

type object = map[string]any

// Join enters a room by ID or alias and returns its ID.
func (u *User) Join(room string) string {
	var out struct {
		RoomID string `json:"room_id"`
	}
	u.must("POST", "join/"+url.PathEscape(room), object{}, &out)
	return out.RoomID
}

// Leave leaves a room or declines an invite.
func (u *User) Leave(room string) { u.must("POST", u.room(room, "leave"), object{}, nil) }

// Invite, Kick, Ban and Unban change another person's membership.
func (u *User) Invite(room, userID string) { u.member(room, "invite", userID) }

// Kick removes somebody.
func (u *User) Kick(room, userID string) { u.member(room, "kick", userID) }

// Ban removes somebody for good.
func (u *User) Ban(room, userID string) { u.member(room, "ban", userID) }

// Unban takes a ban back.
func (u *User) Unban(room, userID string) { u.member(room, "unban", userID) }

func (u *User) member(room, what, userID string) {
	u.must("POST", u.room(room, what), object{"user_id": userID}, nil)
}

// CreateRoom makes a room; request is the body of createRoom, nil for a
// private room. It returns the room's ID.
func (u *User) CreateRoom(request any) string {
	if request == nil {
		request = object{}
	}
	var out struct {
		RoomID string `json:"room_id"`
	}
	u.must("POST", "createRoom", request, &out)
	return out.RoomID
}

// Send sends an event of any type and returns its ID.
func (u *User) Send(room, typ string, content any) string {
	return u.event("PUT", u.room(room, "send/"+url.PathEscape(typ)+"/"+u.nextTxn()), content)
}

func (u *User) nextTxn() string { return "u" + strconv.FormatInt(u.txn.Add(1), 10) }

func (u *User) event(method, path string, content any) string {
	var out struct {
		EventID string `json:"event_id"`
	}
	u.must(method, path, content, &out)
	return out.EventID
}

// SendText sends a plain message.
func (u *User) SendText(room, text string) string {
	return u.Send(room, "m.room.message", object{"msgtype": "m.text", "body": text})
}

// Reply answers a message.
func (u *User) Reply(room, eventID, text string) string {
	return u.Send(room, "m.room.message", object{
		"msgtype": "m.text", "body": text, "m.relates_to": object{"m.in_reply_to": object{"event_id": eventID}},
	})
}

// SendThread sends a message into the thread of a root.
func (u *User) SendThread(room, root, text string) string {
	return u.Send(room, "m.room.message", object{
		"msgtype": "m.text", "body": text,
		"m.relates_to": object{
			"rel_type": "m.thread", "event_id": root, "is_falling_back": true, "m.in_reply_to": object{"event_id": root},
		},
	})
}

// React puts a key, mostly an emoji, on a message.
func (u *User) React(room, eventID, key string) string {
	return u.Send(room, "m.reaction", object{
		"m.relates_to": object{"rel_type": "m.annotation", "event_id": eventID, "key": key},
	})
}

// Edit replaces the text of a message.
func (u *User) Edit(room, eventID, text string) string {
	return u.Send(room, "m.room.message", object{
		"msgtype": "m.text", "body": "* " + text,
		"m.new_content": object{"msgtype": "m.text", "body": text},
		"m.relates_to":  object{"rel_type": "m.replace", "event_id": eventID},
	})
}

// Redact removes an event's content; reason may be "".
func (u *User) Redact(room, eventID, reason string) string {
	content := object{}
	if reason != "" {
		content["reason"] = reason
	}
	return u.event("PUT", u.room(room, "redact/"+url.PathEscape(eventID)+"/"+u.nextTxn()), content)
}

// SetState sends a state event and returns its ID.
func (u *User) SetState(room, typ, key string, content any) string {
	return u.event("PUT", u.room(room, "state/"+url.PathEscape(typ)+"/"+url.PathEscape(key)), content)
}

// SetName, SetTopic and SetAvatar change how the room looks.
func (u *User) SetName(room, name string) string {
	return u.SetState(room, "m.room.name", "", object{"name": name})
}

// SetTopic changes the topic.
func (u *User) SetTopic(room, topic string) string {
	return u.SetState(room, "m.room.topic", "", object{"topic": topic})
}

// SetAvatar changes the picture, an mxc:// URI.
func (u *User) SetAvatar(room, mxc string) string {
	return u.SetState(room, "m.room.avatar", "", object{"url": mxc})
}

// SetDisplayName changes the person's own name, in all rooms.
func (u *User) SetDisplayName(name string) {
	u.must("PUT", "profile/"+url.PathEscape(u.ID)+"/displayname", object{"displayname": name}, nil)
}

// SetAvatarURL changes the person's own picture, an mxc:// URI, in all rooms.
func (u *User) SetAvatarURL(mxc string) {
	u.must("PUT", "profile/"+url.PathEscape(u.ID)+"/avatar_url", object{"avatar_url": mxc}, nil)
}

// Typing starts or stops typing; 0 stops.
func (u *User) Typing(room string, d time.Duration) {
	u.must("PUT", u.room(room, "typing/"+url.PathEscape(u.ID)), object{"typing": d > 0, "timeout": d.Milliseconds()}, nil)
}

// Receipt marks a room as read up to an event; typ is m.read or
// m.read.private, thread "" for none.
func (u *User) Receipt(room, typ, eventID, thread string) {
	body := object{}
	if thread != "" {
		body["thread_id"] = thread
	}
	u.must("POST", u.room(room, "receipt/"+url.PathEscape(typ)+"/"+url.PathEscape(eventID)), body, nil)
}

// SetPresence sets online, unavailable or offline.
func (u *User) SetPresence(state, status string) {
	u.must("PUT", "presence/"+url.PathEscape(u.ID)+"/status", object{"presence": state, "status_msg": status}, nil)
}

// Upload stores media and returns its mxc:// URI.
func (u *User) Upload(filename, contentType string, data []byte) string {
	path := "/_matrix/media/v3/upload?filename=" + url.QueryEscape(filename)
	answer, err := u.raw(http.MethodPost, path, contentType, data)
	if err != nil {
		u.hs.opts.Fail("matrixtest: %s: upload: %v", u.ID, err)
	}
	return textOf(answer, "content_uri")
}

// UploadStream stores media of any size that open makes anew for each
// download, so that nothing of it stays in memory. It ignores limits and
// calls open once to hash the content.
func (u *User) UploadStream(filename, contentType string, size int64, open func() io.Reader) string {
	mxc, err := u.hs.addStream(u.ID, filename, contentType, size, open)
	if err != nil {
		u.hs.opts.Fail("matrixtest: %s: upload: %v", u.ID, err)
	}
	return mxc
}
