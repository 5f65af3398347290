package stub

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// handle does what a request asks and returns what to answer later. path is what
// comes after /_matrix/.
func (s *Server) handle(a *service, r *http.Request, path []string) reply {
	as := r.URL.Query().Get("user_id")
	if as == "" {
		as = "@" + a.Sender + ":" + wire.Domain
	}
	if len(path) < 3 {
		return notFound()
	}
	switch path[2] {
	case "rooms":
		if len(path) >= 5 {
			return a.inRoom(r, as, path[3], path[4], path[5:])
		}
	case "createRoom":
		id, err := a.create(as, read(r))
		if err != nil {
			return reply{status: http.StatusBadRequest, body: `{"errcode":"M_BAD_JSON"}`}
		}
		return ok(`{"room_id":"` + id + `"}`)
	case "join":
		if len(path) >= 4 {
			a.member(path[3], as, "join")
			return ok(`{"room_id":"` + path[3] + `"}`)
		}
	case "directory":
		return a.directory(r, path)
	case "account":
		return ok(`{"user_id":"` + as + `"}`)
	case "register":
		return ok(`{"user_id":"@` + field(read(r), "username") + `:` + wire.Domain + `"}`)
	case "capabilities":
		return ok(`{"capabilities":{"m.room_versions":{"default":"11","available":{"11":"stable"}}}}`)
	case "appservice":
		return s.ping(r, a)
	case "upload", "download", "media", "config", "thumbnail":
		return s.media(r, path)
	}
	drain(r)
	return ok(`{}`)
}

// inRoom is a request about one room.
func (a *service) inRoom(r *http.Request, as, room, what string, rest []string) reply {
	switch what {
	case "send":
		content := read(r)
		return ok(`{"event_id":"` + a.send(room, rest[0], as, content) + `"}`)
	case "state":
		return a.state(r, as, room, rest)
	case "redact":
		event, _ := a.add(room, "m.room.redaction", as, read(r))
		return ok(`{"event_id":"` + event + `"}`)
	case "join":
		a.member(room, as, "join")
		return ok(`{"room_id":"` + room + `"}`)
	case "invite":
		a.member(room, field(read(r), "user_id"), "invite")
	case "leave":
		a.member(room, as, "leave")
	case "joined_members":
		return ok(a.joined(room))
	case "members":
		return ok(a.memberEvents(room))
	case "messages":
		q := r.URL.Query()
		limit, err := strconv.Atoi(q.Get("limit"))
		if err != nil {
			limit = 10
		}
		return ok(a.history(room, q.Get("from"), limit))
	case "event":
		return notFound()
	}
	drain(r)
	return ok(`{}`)
}

// send takes an event.
func (a *service) send(room, kind, as string, content []byte) string {
	event, name := a.add(room, kind, as, content)
	if kind != "m.room.message" {
		return event
	}
	if n, ok := wire.NumberIn(content); ok {
		// The tally has no file here, so there is no error.
		if seen, _ := a.tally.Note(n, name, ""); seen == 1 {
			a.beforeFirst.CompareAndSwap(-1, a.requests.Load()-1)
		}
	}
	return event
}

// state sets or reads a piece of state.
func (a *service) state(r *http.Request, as, room string, rest []string) reply {
	if len(rest) == 0 {
		return ok(`[]`)
	}
	kind, key := rest[0], strings.Join(rest[1:], "/")
	if r.Method == http.MethodPut {
		body := read(r)
		if kind == "m.room.member" {
			a.member(room, key, field(body, "membership"))
		} else {
			a.setState(room, kind, key, body)
		}
		event, _ := a.add(room, kind, as, body)
		return ok(`{"event_id":"` + event + `"}`)
	}
	if kind != "m.room.member" {
		if found := a.stateOf(room, kind, key, r.URL.Query().Get("format") == "event"); found != "" {
			return ok(found)
		}
		return notFound()
	}
	if m := a.membership(room, key); m != "" {
		return ok(`{"membership":"` + m + `"}`)
	}
	return notFound()
}

// directory is about a room's alias.
func (a *service) directory(r *http.Request, path []string) reply {
	if len(path) < 5 {
		return notFound()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	room := a.aliases[path[4]]
	if room == "" {
		return notFound()
	}
	if r.Method == http.MethodDelete {
		delete(a.aliases, path[4])
		return ok(`{}`)
	}
	return ok(`{"room_id":"` + room + `","servers":["` + wire.Domain + `"]}`)
}

// ping asks the appservice back, as a server does.
func (s *Server) ping(r *http.Request, a *service) reply {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, a.URL+"/_matrix/app/v1/ping", bytes.NewReader(read(r)))
	if err != nil {
		return reply{status: http.StatusInternalServerError, body: `{"errcode":"M_UNKNOWN"}`}
	}
	req.Header.Set("Authorization", "Bearer "+a.HSToken)
	res, err := s.client.Do(req)
	if err != nil {
		return reply{status: http.StatusBadGateway, body: `{"errcode":"M_CONNECTION_FAILED","error":"no connection"}`}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return reply{status: http.StatusBadGateway, body: `{"errcode":"M_BAD_STATUS","error":"bad status","status":` + strconv.Itoa(res.StatusCode) + `}`}
	}
	return ok(`{"duration_ms":1}`)
}

// media takes and makes files. The ID of a file is its length in bytes.
func (s *Server) media(r *http.Request, path []string) reply {
	switch path[len(path)-1] {
	case "config":
		return ok(`{"m.upload.size":4294967296}`)
	case "upload":
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return reply{status: http.StatusBadRequest, body: `{"errcode":"M_UNKNOWN"}`}
		}
		return ok(`{"content_uri":"mxc://` + wire.Domain + `/` + strconv.FormatInt(n, 10) + `"}`)
	}
	for i, part := range path {
		if part != "download" || i+2 >= len(path) {
			continue
		}
		size, err := strconv.ParseInt(path[i+2], 10, 64)
		if err != nil {
			return notFound()
		}
		return reply{stream: func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
			_, _ = io.Copy(w, wire.NewFile(size)) // who stops reading needs no more
		}}
	}
	return notFound()
}

// read is a request's body.
func read(r *http.Request) []byte {
	n := max(r.ContentLength, 0)
	b := bytes.NewBuffer(make([]byte, 0, n+bytes.MinRead))
	_, _ = b.ReadFrom(r.Body) // what broke off is answered to nobody
	return b.Bytes()
}

func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

// field is one text field of a JSON object; "" if it has none.
func field(body []byte, name string) string {
	var all map[string]json.RawMessage
	var s string
	if json.Unmarshal(body, &all) != nil || json.Unmarshal(all[name], &s) != nil {
		return ""
	}
	return s
}
