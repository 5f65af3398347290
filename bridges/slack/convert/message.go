package convert

import (
	"encoding/json"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Message is one message of Slack, or an event about one. Parse makes it.
type Message struct {
	Type    string // "message", or empty where the API leaves it out
	Subtype string
	Channel string // empty in histories and exports, which are of one channel
	Team    string
	TS      TS
	// EventTS is when the event happened: of a change or deletion, not of what it
	// is about. It is TS for messages.
	EventTS TS
	// Thread is the TS that the thread began with, for the first message and for
	// replies; empty outside of threads.
	Thread TS
	// User is the user ID that sent it; BotID is set beside it or, for what has
	// no user, instead of it.
	User, BotID, AppID string
	// ClientMsgID is the ID that a person's program chose.
	ClientMsgID string
	Text        string // the fallback text, as mrkdwn
	Hidden      bool   // Slack itself does not show it
	Edited      TS     // of the last edit; empty if there was none
	EditedBy    string

	// Inner is the message as it is now (Changed) and Previous as it was before
	// (Changed, Deleted), where Slack tells; else nil. Root is the first message
	// of the thread, in a broadcast.
	Inner, Previous, Root *Message
	// DeletedTS is the message that was deleted.
	DeletedTS TS

	Reactions []Reaction
	// ReplyCount and LatestReply are of a thread's first message.
	ReplyCount  int
	LatestReply TS
	Metadata    *Metadata

	body  object // everything
	files []object
	// shared are the files of messages that this one forwards.
	shared []object
}

// A Reaction is one emoji of a message and who set it. Slack lists some of the
// users if there are many, so Count may be larger.
type Reaction struct {
	Name  string // without colons, with "::skin-tone-2"
	Users []string
	Count int
}

// Metadata is what an app attached to its message.
type Metadata struct {
	Type    string
	Payload json.RawMessage
}

// maxInner is how deep events may be inside each other.
const maxInner = 2

// Parse reads one message. It fails only if raw is no JSON object.
func Parse(raw []byte) (*Message, error) {
	o, err := decode(raw)
	if err != nil {
		return nil, err
	}
	return newMessage(o, 0), nil
}

func newMessage(o object, depth int) *Message {
	m := &Message{
		Type: o.str("type"), Subtype: o.str("subtype"), Channel: o.str("channel"),
		Team: first(o.str("team"), o.str("user_team"), o.str("source_team")),
		TS:   TS(o.str("ts")), Thread: TS(o.str("thread_ts")),
		User: o.str("user"), BotID: o.str("bot_id"), AppID: o.str("app_id"), ClientMsgID: o.str("client_msg_id"),
		Text: o.str("text"), Hidden: o.bool("hidden"),
		Edited: TS(o.obj("edited").str("ts")), EditedBy: o.obj("edited").str("user"),
		DeletedTS: TS(o.str("deleted_ts")), ReplyCount: o.int("reply_count"), LatestReply: TS(o.str("latest_reply")),
		body: o, files: o.objs("files"),
	}
	m.EventTS = TS(first(o.str("event_ts"), o.str("ts")))
	if len(m.files) == 0 && o.obj("file") != nil { // before 2018, and in exports of then
		m.files = []object{o.obj("file")}
	}
	if m.Subtype == "file_comment" || m.Subtype == "file_mention" {
		m.files = nil // it was shown when it was shared
	}
	for _, a := range o.objs("attachments") {
		if isForward(a) {
			m.shared = append(m.shared, a.objs("files")...)
		}
	}
	if m.User == "" {
		m.User = first(o.obj("comment").str("user"), o.obj("room").str("created_by"))
	}
	if depth < maxInner {
		m.Inner, m.Previous, m.Root = inner(o, "message", depth), inner(o, "previous_message", depth), inner(o, "root", depth)
	}
	for _, r := range o.objs("reactions") {
		m.Reactions = append(m.Reactions, Reaction{Name: r.str("name"), Users: r.strs("users"), Count: r.int("count")})
	}
	if md := o.obj("metadata"); md != nil {
		m.Metadata = &Metadata{Type: md.str("event_type")}
		if payload, err := json.Marshal(md["event_payload"]); err == nil {
			m.Metadata.Payload = payload
		}
	}
	return m
}

// inner is a message within o. What it does not say itself it has from o.
func inner(o object, key string, depth int) *Message {
	i := o.obj(key)
	if i == nil {
		return nil
	}
	m := newMessage(i, depth+1)
	m.Channel = first(m.Channel, o.str("channel"))
	return m
}

// Sender is who sent the message: a user ID, a bot's ID if it has no user, or
// empty.
func (m *Message) Sender() network.UserID {
	return network.UserID(first(m.User, m.BotID, m.body.obj("bot_profile").str("id")))
}

// InThread reports whether the message is a reply in a thread, not its beginning.
func (m *Message) InThread() bool { return m.Thread != "" && m.Thread != m.TS }

// Broadcast reports whether a reply in a thread is shown in the channel too.
func (m *Message) Broadcast() bool { return m.InThread() && m.Subtype == "thread_broadcast" }

// Content is what the message says: at least one part. Thread is set for replies
// in a thread, Broadcast for those that the channel shows too, Persona for what came under a name of its own. It is for messages
// of the kinds Said and Notice.
func (m *Message) Content(l Lookup) network.Content {
	c := network.Content{Parts: m.parts(l), Persona: m.persona(l), Broadcast: m.Broadcast()}
	if m.InThread() {
		c.Thread = &network.Ref{ID: m.Thread.ID(), Part: -1}
		if m.Root != nil {
			c.Thread.Sender = m.Root.Sender()
		} else {
			c.Thread.Sender = network.UserID(m.body.str("parent_user_id"))
		}
	}
	return c
}
