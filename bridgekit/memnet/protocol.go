package memnet

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A request is what a client asks the server; which fields count depends on Op.
type request struct {
	ID uint64 `json:"id,omitempty"` // on the wire: names the answer
	Op string `json:"op"`

	Token  string `json:"token,omitempty"`  // connect
	Pos    int64  `json:"pos,omitempty"`    // connect: cursor; next: what is acknowledged
	Limit  int    `json:"limit,omitempty"`  // next, history, search, read: how many
	Cursor string `json:"cursor,omitempty"` // history, members
	Offset int64  `json:"offset,omitempty"` // read

	Chat     network.ChatID   `json:"chat,omitempty"`
	Txn      network.TxnID    `json:"txn,omitempty"`
	Part     int              `json:"part,omitempty"`
	Content  *network.Content `json:"content,omitempty"`
	Old      *network.Content `json:"old,omitempty"` // edit
	Target   *network.Ref     `json:"target,omitempty"`
	User     network.UserID   `json:"user,omitempty"`
	Text     string           `json:"text,omitempty"` // a reason, a query, a password, an emoji
	Remove   bool             `json:"remove,omitempty"`
	For      time.Duration    `json:"for,omitempty"`
	Member   *network.Member  `json:"member,omitempty"`
	Name     *string          `json:"name,omitempty"`
	Topic    *string          `json:"topic,omitempty"`
	Purpose  *string          `json:"purpose,omitempty"`
	Avatar   *network.Media   `json:"avatar,omitempty"`
	Expiry   *time.Duration   `json:"expiry,omitempty"`
	Archived *bool            `json:"archived,omitempty"`
	Private  bool             `json:"private,omitempty"` // create
	Persona  *network.Persona `json:"persona,omitempty"`
	Blob     string           `json:"blob,omitempty"`
	Data     []byte           `json:"data,omitempty"`
}

// A response answers a request.
type response struct {
	ID    uint64     `json:"id,omitempty"`
	Error *wireError `json:"error,omitempty"`

	Events  []network.Event       `json:"-"`
	Raw     []json.RawMessage     `json:"events,omitempty"` // Events on the wire
	Pos     int64                 `json:"pos,omitempty"`    // after Events
	IDs     []network.MessageID   `json:"ids,omitempty"`
	Parts   [][]network.MessageID `json:"parts,omitempty"`
	At      time.Time             `json:"at,omitzero"`
	Chat    *network.Chat         `json:"chat,omitempty"`
	User    *network.User         `json:"user,omitempty"`
	Members []network.Member      `json:"members,omitempty"`
	Found   []network.Found       `json:"found,omitempty"`
	Emoji   []network.Emoji       `json:"emoji,omitempty"`
	Next    string                `json:"next,omitempty"`
	Text    string                `json:"text,omitempty"`
	Data    []byte                `json:"data,omitempty"`
}

// A wireError is an error on the wire.
type wireError struct {
	Kind network.Kind  `json:"kind"`
	Wait time.Duration `json:"wait,omitempty"`
	User string        `json:"user,omitempty"`
	Text string        `json:"text"`
	None bool          `json:"none,omitempty"` // it is network.ErrNoMessage
}

func packError(err error) *wireError {
	if err == nil {
		return nil
	}
	w := &wireError{Kind: network.KindOf(err), Wait: network.WaitOf(err), Text: err.Error(), None: errors.Is(err, network.ErrNoMessage)}
	var e *network.Error
	if errors.As(err, &e) {
		w.User = e.User
		w.Text = ""
		if e.Err != nil {
			w.Text = e.Err.Error()
		}
	}
	return w
}

func (w *wireError) unpack() error {
	if w == nil {
		return nil
	}
	cause := errors.New(w.Text)
	if w.None {
		cause = errNoMessage().Err
	}
	return &network.Error{Kind: w.Kind, Wait: w.Wait, User: w.User, Err: cause}
}

// A link is a client's connection to a server, in this process or another.
type link interface {
	// call asks and waits for the answer. When ctx is done first, the error
	// wraps ctx.Err() and the request may still have been carried out.
	call(ctx context.Context, r *request) (*response, error)
	// close drops the connection.
	close()
}

// A dialer connects to a server.
type dialer interface {
	dial(ctx context.Context) (link, error)
}

// Errors of the network.

func errLost() error {
	return network.Errorf(network.Unavailable, "the connection to the network is lost", "memnet: connection lost")
}

func errDown() error {
	return network.Errorf(network.Unavailable, "the network cannot be reached", "memnet: server is down")
}

func errNoChat(id network.ChatID) error {
	return network.Errorf(network.Gone, "this chat does not exist any more, or you are not in it", "memnet: no chat %q", id)
}

func errArchived() error {
	return network.Errorf(network.Rejected, "this chat is archived", "memnet: the chat is archived")
}

func errNoMessage() *network.Error {
	return network.Errorf(network.Rejected, "that message does not exist on the network", "memnet: %w", network.ErrNoMessage)
}

func errNoUser(id network.UserID) error {
	return network.Errorf(network.Rejected, "nobody on the network has this name", "memnet: no user %q", id)
}
