package slack

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// maxWatched is of how many people a person's session asks Slack to tell their presence.
const maxWatched = 200

// A watch is whose presence a person's session is told: of those who spoke last, and of
// the others of its direct messages that have rooms. It may be used concurrently.
type watch struct {
	changed chan struct{} // holds one: the list is another one

	mu     sync.Mutex
	recent []string        // who is watched, who spoke last comes last; guarded by mu
	there  map[string]bool // as Slack told last; guarded by mu
}

func newWatch() *watch { return &watch{changed: make(chan struct{}, 1), there: map[string]bool{}} }

// add has people be watched. Beyond maxWatched those are dropped who spoke longest ago.
func (w *watch) add(users ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range users {
		i := slices.Index(w.recent, u)
		if i >= 0 {
			w.recent = slices.Delete(w.recent, i, i+1)
		} else {
			select {
			case w.changed <- struct{}{}:
			default:
			}
		}
		w.recent = append(w.recent, u)
	}
	for len(w.recent) > maxWatched {
		delete(w.there, w.recent[0])
		w.recent = w.recent[1:]
	}
}

// list are those who are watched.
func (w *watch) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.recent)
}

// came takes what Slack tells of somebody.
func (w *watch) came(user string, there bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.recent, user) {
		w.there[user] = there
	}
}

// known is whether a watched user is there, as far as Slack has told.
func (w *watch) known(user string) (there, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	there, known = w.there[user]
	return there, known
}

// subscribe has a session watch who is on the list when it changes, and not more often
// than once in a while. write sends to Slack, which forgets the list with the connection.
func (w *watch) subscribe(ctx context.Context, every time.Duration, out chan<- map[string]any) error {
	asked := map[string]bool{}
	for {
		if users := w.list(); len(users) > 0 {
			if err := tell(ctx, out, map[string]any{"type": "presence_sub", "ids": users}); err != nil {
				return err
			}
			// Changes are told from now on; how they are, who is new is asked for.
			fresh := slices.DeleteFunc(slices.Clone(users), func(u string) bool { return asked[u] })
			if err := tell(ctx, out, map[string]any{"type": "presence_query", "ids": fresh}); err != nil {
				return err
			}
			clear(asked)
			for _, u := range users {
				asked[u] = true
			}
			if err := sleep(ctx, every); err != nil {
				return err
			}
		}
		select {
		case <-w.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watchPartners watches the others of those direct messages that have rooms.
func (s *session) watchPartners(ctx context.Context) {
	rooms, err := s.host.Chats(ctx)
	if err != nil || !slices.ContainsFunc(rooms, func(k network.ChatKey) bool { return isDirect(k.ID) }) {
		return // they are watched when they speak
	}
	args := url.Values{"types": {"im"}, "exclude_archived": {"true"}, "limit": {"999"}}
	err = channels(patient(ctx, catchWait), s.acc.api, "users.conversations", args, func(one struct{ ID, User string }) bool {
		if one.User != "" && slices.ContainsFunc(rooms, func(k network.ChatKey) bool { return string(k.ID) == one.ID }) {
			s.acc.watch.add(one.User)
		}
		return true
	})
	if err != nil && ctx.Err() == nil {
		s.host.Log.Info("the presence of people in direct messages is not asked for", "err", err)
	}
}

// watchSender watches who said something just now.
func (t *translator) watchSender(m *network.Message) {
	if t.acc.watch == nil || m.History || m.Persona != nil || string(m.Sender) == t.acc.UserID || !isID(string(m.Sender), "UW") {
		return
	}
	t.acc.watch.add(string(m.Sender))
}

// presence is who came or went.
func (t *translator) presence(ev incoming) []network.Event {
	var e struct {
		User     string
		Users    []string
		Presence string
	}
	if !t.read(ev, &e) || t.acc.watch == nil {
		return nil
	}
	var events []network.Event
	for _, u := range append(e.Users, e.User) {
		if u == "" || u == t.acc.UserID {
			continue
		}
		t.acc.watch.came(u, e.Presence == "active")
		events = append(events, t.present(u, e.Presence == "active"))
	}
	return events
}

// present is the presence of somebody with their status text, if it is known.
func (t *translator) present(user string, there bool) network.Event {
	return &network.Presence{Head: network.Head{Sender: network.UserID(user), At: time.Now()}, Online: there, Words: t.conn.dir.status(user)}
}

// status is somebody's status text; empty if there is none, or nobody has asked for them.
func (d *directory) status(user string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.people[user].value.Status
}

// status is the custom status of a profile: its emoji and its text. Slack says so when
// it expires.
func (p *profileJSON) status() string {
	emoji := ""
	if name := strings.Trim(p.StatusEmoji, ":"); name != "" && name != "speech_balloon" { // what Slack shows where none was chosen
		emoji, _ = convert.EmojiText(name)
	}
	return strings.TrimSpace(emoji + " " + unescape(p.StatusText))
}
