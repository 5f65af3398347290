package main

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// tokens finds the names of messages in texts.
func tokens() *regexp.Regexp { return regexp.MustCompile(`\b([nm]\d+)-\d+:`) }

// tokenOf is the first token in a text; "" if there is none.
func tokenOf(text string) string {
	if found := tokens().FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// A copy is what one side shows of a message that was said on the other.
type copied struct {
	token  string
	ids    []string // events, or messages of the network
	pieces []piece
	reply  string // ID of what it answers
}

// A view is what one side of a chat shows that came from the other one.
type view struct {
	order   []*copied
	parts   []string // tokens of all events or messages, in order
	byToken map[string]*copied
	ids     map[string]string           // tokens by ID, also of what was said here
	react   map[string]map[reaction]int // by token; all that stand, of both sides
	notices map[string][]string         // what the bot answered, by event
	about   map[string][]string         // events of Causeway's that are about a message, by token
	removed map[string]bool             // events that are not there any more
	early   int                         // events that nobody of ours was there to get the key of
	clear   []string                    // events that ought to be encrypted
	strange []string                    // what should not be there
}

func newView() *view {
	return &view{byToken: map[string]*copied{}, ids: map[string]string{}, react: map[string]map[reaction]int{}, notices: map[string][]string{}, about: map[string][]string{}, removed: map[string]bool{}}
}

// add takes in one event or message of the network.
func (v *view) add(token, id, reply string, p piece) {
	c := v.byToken[token]
	if c == nil {
		c = &copied{token: token, reply: reply}
		v.byToken[token] = c
		v.order = append(v.order, c)
	}
	v.parts = append(v.parts, token)
	c.ids, v.ids[id] = append(c.ids, id), token
	if n := len(c.pieces); n > 0 && p.hash == "" && c.pieces[n-1].hash == "" {
		c.pieces[n-1].text += p.text
		return
	}
	c.pieces = append(c.pieces, p)
}

// has reports whether a message is there, said here or brought here.
func (v *view) has(token string) bool {
	for _, t := range v.ids {
		if t == token {
			return true
		}
	}
	return false
}

func (v *view) reacted(token string, r reaction) {
	if v.react[token] == nil {
		v.react[token] = map[reaction]int{}
	}
	v.react[token][r]++
}

// merged joins neighbouring texts, as add does.
func merged(want []piece) []piece {
	var out []piece
	for _, p := range want {
		if n := len(out); n > 0 && p.hash == "" && out[n-1].hash == "" {
			out[n-1].text += p.text
			continue
		}
		out = append(out, p)
	}
	return out
}

type eventRelation struct {
	Type  string `json:"rel_type"`
	Event string `json:"event_id"`
	Key   string `json:"key"`
	Reply struct {
		Event string `json:"event_id"`
	} `json:"m.in_reply_to"`
}

func relationOf(e *matrixtest.Event) eventRelation {
	var c struct {
		Relates eventRelation `json:"m.relates_to"`
	}
	_ = json.Unmarshal(e.Content, &c) // without one it is zero
	return c.Relates
}

// bridged reports whether Causeway put an event there.
func bridged(e *matrixtest.Event) bool {
	return strings.HasPrefix(e.Sender, "@_cw_") || e.Sender == botID || e.Text("chat.causeway.puppet") != ""
}

// roomView is what a room shows.
func (w *world) roomView(room string) *view {
	v, snap := newView(), w.home.room(room)
	for _, e := range snap.timeline() {
		v.removed[e.ID] = e.RedactedBy != nil // which of them were bridged cannot be seen any more
	}
	v.clear, v.early = inClear(snap)
	edits := map[string]*matrixtest.Event{} // the newest of each message by its own sender
	for _, e := range snap.OfType("m.room.message") {
		if r := relationOf(e); r.Type == "m.replace" {
			if of := snap.Event(r.Event); of == nil || of.Sender != e.Sender {
				v.strange = append(v.strange, "an edit of somebody else's message: "+e.Body())
			}
			edits[r.Event] = e
		}
	}
	for _, e := range snap.OfType("m.room.message") {
		r, token := relationOf(e), tokenOf(e.Body())
		v.about[token] = append(v.about[token], e.ID)
		switch {
		case r.Type == "m.replace":
		case e.Sender == botID:
			v.notices[r.Reply.Event] = append(v.notices[r.Reply.Event], e.Body())
		case !bridged(e):
			v.ids[e.ID] = token
		default:
			v.addEvent(w, e, edits[e.ID])
		}
	}
	for _, e := range snap.OfType("m.reaction") {
		if r := relationOf(e); v.ids[r.Event] != "" {
			v.about[v.ids[r.Event]] = append(v.about[v.ids[r.Event]], e.ID)
			v.reacted(v.ids[r.Event], reaction{w.accountIn(e), r.Key})
		}
	}
	return v
}

func (v *view) addEvent(w *world, e, edit *matrixtest.Event) {
	text := e.Body()
	token := tokenOf(w.far.bare(text))
	if edit != nil {
		var c struct {
			New struct {
				Body string `json:"body"`
			} `json:"m.new_content"`
		}
		_ = json.Unmarshal(edit.Content, &c) // without one the text is empty, and wrong
		text = c.New.Body
	}
	if token == "" {
		v.strange = append(v.strange, "a message without a name: "+text)
		return
	}
	p := piece{text: squeeze(text)}
	if data := w.home.attached(e); data != nil {
		p = piece{hash: hashOf(data)}
	}
	r := relationOf(e)
	if r.Type == "m.thread" {
		r.Reply.Event = r.Event
	}
	v.add(token, e.ID, r.Reply.Event, p)
}

// accountIn is who of the network an event in a room is by.
func (w *world) accountIn(e *matrixtest.Event) string {
	for s := range sides {
		if ghost, ok := strings.CutPrefix(e.Sender, "@_cw_"+string(w.far.net(s).id())+"_"); ok {
			return w.far.net(s).inBook(strings.TrimSuffix(ghost, ":"+domain))
		}
	}
	return accountOf(e.Sender)
}
