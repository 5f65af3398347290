package conversation

import (
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// A message is what the content of an event can hold.
type message struct {
	kind    string     // of the event
	Body    string     `json:"body"`
	URL     string     `json:"url"`
	File    object     `json:"file"`
	New     *message   `json:"m.new_content"`
	Redacts id.EventID `json:"redacts"` // since room version 11
	Relates struct {
		Type  string     `json:"rel_type"`
		Event id.EventID `json:"event_id"`
		Key   string     `json:"key"`
		Reply struct {
			Event id.EventID `json:"event_id"`
		} `json:"m.in_reply_to"`
	} `json:"m.relates_to"`
}

// A made is a reaction in the room.
type made struct {
	on int
	Mark
}

// act is the act of the script that made it; -1 if none did.
func (r made) act(s *Script) int {
	for _, a := range s.Acts {
		if a.Kind == React && a.Of == r.on && (Mark{a.Who, a.Emoji}) == r.Mark {
			return a.N
		}
	}
	return -1
}

// A roomView is a View with what only a room has.
type roomView struct {
	*View
	reactions map[id.EventID]made // that stand
	edits     map[id.EventID]int  // and of which message
	said      []string            // by the bot
}

// view is what the room's people saw. An encrypted event that cannot be read is strange.
func (m *matrixSide) view() (*roomView, error) {
	v := &roomView{View: newView(), reactions: map[id.EventID]made{}, edits: map[id.EventID]int{}}
	for _, e := range m.crowd[people(Matrix)[0]].user.Since(m.from) {
		if e.RoomID != m.room || e.Section != matrixuser.Timeline || e.StateKey != nil {
			continue
		}
		if err := m.take(v, e); err != nil {
			v.Strange = append(v.Strange, err.Error())
		}
	}
	return v, nil
}

// take takes in one event.
func (m *matrixSide) take(v *roomView, e matrixuser.Event) error {
	if e.Unsigned.RedactedBecause != nil {
		return nil // it was removed before it was seen
	}
	c, err := m.content(e)
	if err != nil {
		return err
	}
	if e.Type.Type == event.EventRedaction.Type {
		v.removed(max(e.Redacts, c.Redacts))
		return nil
	}
	who, side := m.whose(e.Sender)
	switch {
	case e.Type.Type == event.EventReaction.Type:
		if i := v.byID[c.Relates.Event.String()]; i != nil {
			v.reactions[e.ID] = made{i.N, Mark{who, c.Relates.Key}}
		}
		v.mark(c.Relates.Event.String(), Mark{who, c.Relates.Key}, 1)
	case c.kind != event.EventMessage.Type: // states of messages and the like
	case e.Sender == m.bot:
		v.said = append(v.said, c.Body)
		if to := c.Relates.Reply.Event.String(); to != "" && !strings.HasPrefix(to, "$") {
			v.Strange = append(v.Strange, "the bot answers "+to)
		}
		about := v.about(c.Relates.Reply.Event)
		v.Notes[about] = append(v.Notes[about], c.Body)
	case isWarm(c.Body) || strings.HasPrefix(c.Body, "!cw "):
	case c.Relates.Type == "m.replace":
		m.edited(v, e.ID, who, c)
	default:
		i := &Item{ID: e.ID.String(), Own: side == Matrix, Of: side, Who: who, Text: c.Body, Reply: c.Relates.Reply.Event.String()}
		var ok bool
		if i.N, i.Rev, ok = nameOf(c.Body); !ok {
			v.Strange = append(v.Strange, who+" says "+c.Body)
			return nil
		}
		if c.URL != "" || c.File != nil {
			i.Open = func() (string, error) { return m.fetch(e, c) }
		}
		v.add(i)
	}
	return nil
}

// about is the message that an event is about; -1 if nobody knows.
func (v *roomView) about(evt id.EventID) int {
	if i := v.byID[evt.String()]; i != nil {
		return i.N
	}
	if n, ok := v.edits[evt]; ok {
		return n
	}
	if r, ok := v.reactions[evt]; ok {
		return r.on
	}
	return -1
}

// removed takes in that an event is gone.
func (v *roomView) removed(target id.EventID) {
	if r, ok := v.reactions[target]; ok {
		delete(v.reactions, target)
		if v.Marks[r.on][r.Mark]--; v.Marks[r.on][r.Mark] == 0 {
			delete(v.Marks[r.on], r.Mark)
		}
		return
	}
	if i := v.byID[target.String()]; i != nil {
		i.Removed = true
	}
}

// edited takes in an edit.
func (m *matrixSide) edited(v *roomView, evt id.EventID, who string, c *message) {
	of := v.byID[c.Relates.Event.String()]
	if of == nil || c.New == nil || of.Who != who {
		v.Strange = append(v.Strange, who+" edits what is not theirs: "+c.Body)
		return
	}
	n, rev, ok := nameOf(c.New.Body)
	if !ok || n != of.N || c.New.Body != m.script.Text(n, rev) {
		v.Strange = append(v.Strange, who+" edits to "+c.New.Body)
		return
	}
	v.Edits[n] = append(v.Edits[n], Edited{-1, rev})
	v.edits[evt] = n
}

// whose is the person whose account this is.
func (m *matrixSide) whose(u id.UserID) (string, Side) {
	local := u.Localpart()
	for _, s := range []Side{Insp, Fake, Mem} {
		if who, ok := strings.CutPrefix(local, "_cw_"+string(s)+"_"); ok {
			return who, s
		}
	}
	return local, Matrix
}
