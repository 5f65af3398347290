package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"maunium.net/go/mautrix/crypto/attachment"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/testbed/olmuser"
)

// A sealed is a homeserver whose people have clients with encryption: what they send
// into encrypted rooms is sealed, and rooms are seen as they can open them.
type sealed struct {
	*fake
	log     *os.File
	clients map[string]*olmuser.User // by Matrix ID

	mu     sync.Mutex // guards opened
	opened map[string]*matrixtest.Event
}

func newSealed(ctx context.Context, f *fake, dir string) (home, error) {
	log, err := os.Create(filepath.Join(dir, "clients.log"))
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	s := &sealed{log: log, fake: f, clients: map[string]*olmuser.User{}, opened: map[string]*matrixtest.Event{}}
	for who, u := range f.users {
		c, err := olmuser.New(ctx, olmuser.Options{URL: "http://homeserver.invalid", User: who, Token: u.Token, Transport: around{u}, Log: log})
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.clients[who] = c
	}
	return s, nil
}

func (s *sealed) close() error { return errors.Join(s.fake.close(), s.log.Close()) }

// ready reports whether Causeway has a device that people can give keys to.
func (s *sealed) ready() bool {
	var out struct {
		Devices map[string]map[string]json.RawMessage `json:"device_keys"`
	}
	err := s.do(mxid("alice"), http.MethodPost, "keys/query", object{"device_keys": object{botID: []string{}}}, &out)
	return err == nil && len(out.Devices[botID]) > 0
}

// around makes requests as people do, which the homeserver's faults do not hit.
type around struct{ user *matrixtest.User }

func (a around) RoundTrip(r *http.Request) (*http.Response, error) {
	var in, out json.RawMessage
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return nil, err
		}
		in = body
	}
	status := http.StatusOK
	if err := a.user.Do(r.Method, r.URL.RequestURI(), in, &out); err != nil {
		var refused *matrixtest.Error
		if !errors.As(err, &refused) {
			return nil, err
		}
		status = refused.Status
		if out, err = json.Marshal(refused); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(out)), ContentLength: int64(len(out)), Request: r,
	}, nil
}

// secret reports whether a room is encrypted.
func secret(r room) bool { return r.State("m.room.encryption", "") != nil }

func (s *sealed) seal(who, room, kind string, content any) (string, any, error) {
	if c := s.clients[who]; c != nil && kind != "m.reaction" && secret(s.fake.room(room)) {
		out, err := c.Seal(context.Background(), room, kind, content)
		return "m.room.encrypted", out, err
	}
	return kind, content, nil
}

// An encryptedFile is the "file" of a message (Client-Server API, "Sending encrypted
// attachments").
type encryptedFile struct {
	*attachment.EncryptedFile
	URL string `json:"url"`
}

func (s *sealed) attach(who, room, name string, data []byte) (object, error) {
	if !secret(s.fake.room(room)) {
		return s.fake.attach(who, room, name, data)
	}
	f, hidden := attachment.NewEncryptedFile(), bytes.Clone(data)
	f.EncryptInPlace(hidden)
	uri, err := s.upload(who, "", hidden)
	return object{"file": encryptedFile{f, uri}}, err
}

func (s *sealed) attached(e *matrixtest.Event) []byte {
	var c struct {
		File *encryptedFile `json:"file"`
	}
	if json.Unmarshal(e.Content, &c) != nil || c.File == nil {
		return s.fake.attached(e)
	}
	data := bytes.Clone(s.file(c.File.URL))
	if err := c.File.DecryptInPlace(data); err != nil {
		return []byte(err.Error()) // which is not what was sent
	}
	return data
}

func (s *sealed) room(id string) room { return sealedRoom{s.fake.room(id), s} }

// A sealedRoom is a room with its events opened.
type sealedRoom struct {
	room
	s *sealed
}

func (r sealedRoom) timeline() []*matrixtest.Event {
	all := r.room.timeline()
	out := make([]*matrixtest.Event, len(all))
	for i, e := range all {
		out[i] = r.s.unseal(r.room, e)
	}
	return out
}

func (r sealedRoom) OfType(kind string) []*matrixtest.Event {
	var all []*matrixtest.Event
	for _, e := range r.timeline() {
		if e.Type == kind && e.RedactedBy == nil {
			all = append(all, e)
		}
	}
	return all
}

func (r sealedRoom) Event(id string) *matrixtest.Event {
	if e := r.room.Event(id); e != nil {
		return r.s.unseal(r.room, e)
	}
	return nil
}

// unseal is an event as the first of our people sees it who can open it. What nobody can
// stays closed.
func (s *sealed) unseal(at room, e *matrixtest.Event) *matrixtest.Event {
	if e.Type != "m.room.encrypted" || e.RedactedBy != nil {
		return e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.opened[e.ID]; known != nil {
		return known
	}
	raw, err := json.Marshal(object{"event_id": e.ID, "room_id": e.Room, "type": e.Type, "sender": e.Sender, "origin_server_ts": e.TS, "content": e.Content})
	if err != nil {
		return e
	}
	for _, name := range people() {
		who := mxid(name)
		if at.Membership(who) != "join" || s.clients[who].Sync(context.Background()) != nil {
			continue
		}
		o, err := s.clients[who].Open(context.Background(), raw)
		if err != nil {
			continue
		}
		clear := *e
		clear.Type, clear.Content = o.Type, withMarks(o.Content, e.Content)
		s.opened[e.ID] = &clear
		return &clear
	}
	return e
}

// withMarks adds to what was sealed what Causeway says outside of it.
func withMarks(clear, outside json.RawMessage) json.RawMessage {
	var content, around map[string]json.RawMessage
	if json.Unmarshal(clear, &content) != nil || json.Unmarshal(outside, &around) != nil {
		return clear
	}
	for k, v := range around {
		if strings.HasPrefix(k, "chat.causeway.") {
			content[k] = v
		}
	}
	out, err := json.Marshal(content)
	if err != nil {
		return clear
	}
	return out
}

// inClear lists what is wrong about how events stand in an encrypted room: those that
// are not encrypted, with files that are not, and those that nobody of ours can open.
// early are those that nobody can who was asked into the room later.
func inClear(r room) (all []string, early int) {
	sealed, ok := r.(sealedRoom)
	if !ok || !secret(r) {
		return nil, 0
	}
	asked := false // anybody of ours

	for _, e := range sealed.room.timeline() {
		if e.Type == "m.room.message" && e.RedactedBy == nil {
			all = append(all, fmt.Sprintf("%s by %s is not encrypted: %.60s", e.ID, e.Sender, e.Body()))
		}
	}
	for _, e := range sealed.timeline() {
		asked = asked || e.Type == "m.room.member" && isOurs(e.StateKey)
		switch {
		case e.RedactedBy != nil:
		case e.Type == "m.room.encrypted" && !asked:
			early++
		case e.Type == "m.room.encrypted":
			all = append(all, fmt.Sprintf("nobody can open %s by %s", e.ID, e.Sender))
		case e.Text("url") != "":
			all = append(all, fmt.Sprintf("the file of %s by %s is not encrypted", e.ID, e.Sender))
		}
	}
	return all, early
}

// isOurs reports whether a member is one of our people.
func isOurs(who *string) bool {
	return who != nil && slices.ContainsFunc(people(), func(name string) bool { return mxid(name) == *who })
}
