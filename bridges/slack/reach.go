package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A reach is which conversations a login is in, for an app that has several logins:
// with an event Slack names only one of those that may see it.
type reach struct {
	acc *account

	mu    sync.Mutex
	chats map[string]bool // in or not in; guarded by mu
}

func newReach(acc *account) *reach { return &reach{acc: acc, chats: map[string]bool{}} }

// load asks for all conversations that the login is in.
func (r *reach) load(ctx context.Context) error {
	args := url.Values{"types": {"public_channel,private_channel,mpim,im"}, "limit": {"999"}}
	return r.acc.mine(patient(ctx, time.Minute), args, func(id string) { r.set(id, true) })
}

func (r *reach) set(chat string, in bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chats[chat] = in
}

func (r *reach) get(chat string) (in, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, known = r.chats[chat]
	return in, known
}

// sees reports whether the login may see an event, and learns from it. Who comes into
// a channel or leaves it is told so. A direct or group message that is not known yet has
// begun just now, and Slack is asked whether this login is in it.
func (r *reach) sees(ctx context.Context, c *callback, ev incoming) (bool, error) {
	if ev.Chat == "" {
		return c.names(r.acc.UserID), nil
	}
	if in, ok := moved(ev, r.acc.UserID); ok {
		r.set(ev.Chat, in)
		return true, nil
	}
	if c.names(r.acc.UserID) {
		r.set(ev.Chat, ev.Type != "channel_left" && ev.Type != "group_left")
		return true, nil
	}
	if in, known := r.get(ev.Chat); known {
		return in, nil
	}
	if !strings.HasPrefix(ev.Chat, "D") && !isGroupMessage(ev) {
		return false, nil
	}
	found, err := r.acc.conversation(patient(ctx, time.Second), ev.Chat)
	switch network.KindOf(err) {
	case network.Gone, network.Rejected:
		r.set(ev.Chat, false)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	in := found.IsIM || found.IsMember || found.IsMPIM
	r.set(ev.Chat, in)
	return in, nil
}

// moved is whether a user came into the event's chat or left it.
func moved(ev incoming, user string) (in, ok bool) {
	if ev.Type != "member_joined_channel" && ev.Type != "member_left_channel" {
		return false, false
	}
	var e struct{ User string }
	if json.Unmarshal(ev.raw, &e) != nil || e.User != user {
		return false, false
	}
	return ev.Type == "member_joined_channel", true
}

// isGroupMessage reports whether an event is of a conversation of several people
// without a name.
func isGroupMessage(ev incoming) bool {
	var e struct {
		Kind string `json:"channel_type"`
	}
	return json.Unmarshal(ev.raw, &e) == nil && e.Kind == "mpim"
}
