package slack

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
	"golang.org/x/sync/singleflight"
)

// How long what a directory knows is believed without an event that changes it.
const (
	personFor = 12 * time.Hour
	listFor   = time.Hour
	burstFor  = 30 * time.Second // a list of channels, while many rooms are made
	lookupFor = 10 * time.Second // the longest that a text waits for a name in it
)

// A person is what Slack tells of a user or bot.
type person struct {
	ID, Name, Handle, Email string
	Team                    string // the workspace, "": not known
	Avatar                  string // URL
	Bot, Gone               bool
	Admin                   bool
	Status                  string // with its emoji
}

// A directory remembers what people, channels, groups and emoji of a workspace are
// called, for all its logins. It may be used concurrently.
type directory struct {
	flight singleflight.Group
	roster roster

	mu       sync.Mutex // guards all below
	people   map[string]known[person]
	channels map[string]known[string]
	groups   known[map[string]string]
	emoji    known[map[string]string]
	emojiAge int                                       // how often emoji have changed
	lists    map[string]known[map[string]conversation] // of channels, by who asked: the token
	marks    map[string]looked                         // at the bookmarks of chats
	surplus  []string                                  // messages that an edit made superfluous, the last ones; "chat/ts"
	sent     []string                                  // messages that were sent from here, the last ones
}

// known is something and until when it is believed.
type known[T any] struct {
	value T
	until time.Time
}

func newDirectory() *directory {
	return &directory{people: map[string]known[person]{}, channels: map[string]known[string]{}, lists: map[string]known[map[string]conversation]{}, marks: map[string]looked{}}
}

// remember asks for something unless it is known. get and set are called with mu held.
func remember[T any](ctx context.Context, d *directory, key string, get func() known[T], set func(T), ask func(ctx context.Context) (T, error)) (T, error) {
	d.mu.Lock()
	k := get()
	d.mu.Unlock()
	if time.Now().Before(k.until) {
		return k.value, nil
	}
	// Who asks first asks for all, whatever becomes of them.
	c := d.flight.DoChan(key, func() (any, error) {
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupFor)
		defer cancel()
		v, err := ask(asking)
		if err == nil {
			d.mu.Lock()
			set(v)
			d.mu.Unlock()
		}
		return v, err
	})
	select {
	case r := <-c:
		v, _ := r.Val.(T) // always
		return v, r.Err
	case <-ctx.Done():
		return k.value, ctx.Err()
	}
}

// person is the user or bot of an ID. Kind Rejected: there is none.
func (d *directory) person(ctx context.Context, acc *account, id string) (person, error) {
	if !isUser(id) {
		return person{}, network.Errorf(network.Rejected, "there is no such person on this workspace", "user %q", id)
	}
	return remember(ctx, d, "user/"+id,
		func() known[person] { return d.people[id] },
		func(p person) {
			long := personFor
			if p.Handle == "" { // a profile does not tell all
				long = listFor
			}
			d.people[id] = known[person]{p, time.Now().Add(long)}
			d.roster.add(p.Name, p.Handle)
		},
		func(ctx context.Context) (person, error) {
			if strings.HasPrefix(id, "B") {
				return askBot(ctx, acc, id)
			}
			return askUser(ctx, acc, id)
		})
}

// knows reports whether nobody has to be asked for a user.
func (d *directory) knows(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.people[id].until)
}

// askUser asks for a user. When so many speak for the first time at once that there
// is no turn for it, the profile tells the name: Slack counts each method for itself.
func askUser(ctx context.Context, acc *account, id string) (person, error) {
	var out struct {
		User    userJSON    `json:"user"`
		Profile profileJSON `json:"profile"`
	}
	if acc.pace.busy("users.info") && !acc.pace.busy("users.profile.get") && acc.may("users.profile:read") {
		if err := acc.call(ctx, "users.profile.get", url.Values{"user": {id}}, &out); err == nil {
			u := userJSON{ID: id, Profile: out.Profile, IsBot: out.Profile.BotID != ""}
			return u.person(), nil
		}
	}
	err := acc.call(ctx, "users.info", url.Values{"user": {id}}, &out)
	return out.User.person(), err
}

// askBot asks for a bot that has no user.
func askBot(ctx context.Context, acc *account, id string) (person, error) {
	var out struct {
		Bot struct {
			ID, Name string
			Icons    map[string]string
			Deleted  bool
		} `json:"bot"`
	}
	var unknown error
	err := acc.eachTeam(ctx, url.Values{"bot": {id}}, func(args url.Values) (bool, error) {
		err := acc.call(ctx, "bots.info", args, &out)
		if refusal(err) == "bot_not_found" { // it may be another workspace's
			unknown = err
			return false, nil
		}
		unknown = nil
		return true, err
	})
	if err = errors.Join(err, unknown); err != nil {
		return person{}, err
	}
	p := person{ID: id, Name: out.Bot.Name, Bot: true, Gone: out.Bot.Deleted}
	for _, size := range []string{"image_72", "image_48", "image_36"} {
		if p.Avatar == "" {
			p.Avatar = out.Bot.Icons[size]
		}
	}
	return p, nil
}

// userJSON is a user as Slack tells of one.
type userJSON struct {
	ID, Name string
	TeamID   string `json:"team_id"`
	Deleted  bool
	RealName string      `json:"real_name"`
	IsBot    bool        `json:"is_bot"`
	IsAdmin  bool        `json:"is_admin"`
	IsOwner  bool        `json:"is_owner"` // also of the primary owner
	Profile  profileJSON `json:"profile"`
}

// profileJSON is what users may see of each other.
type profileJSON struct {
	DisplayName string `json:"display_name"`
	RealName    string `json:"real_name"`
	Email       string `json:"email"`
	BotID       string `json:"bot_id"`
	StatusText  string `json:"status_text"`
	StatusEmoji string `json:"status_emoji"`
	Original    string `json:"image_original"`
	Image512    string `json:"image_512"`
	Image192    string `json:"image_192"`
	Image72     string `json:"image_72"`
}

// person is u as the directory keeps it.
func (u *userJSON) person() person {
	return person{
		ID: u.ID, Team: u.TeamID, Handle: u.Name, Status: u.Profile.status(), Email: u.Profile.Email, Bot: u.IsBot || u.ID == "USLACKBOT", Gone: u.Deleted, Admin: u.IsAdmin || u.IsOwner,
		Name:   unescape(firstOf(u.Profile.DisplayName, u.Profile.RealName, u.RealName, u.Name, u.ID)),
		Avatar: firstOf(u.Profile.Image512, u.Profile.Image192, u.Profile.Image72, u.Profile.Original),
	}
}

// learn takes what an event or a list says about a user.
func (d *directory) learn(u *userJSON) {
	if u.ID == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p := u.person()
	d.people[u.ID] = known[person]{p, time.Now().Add(personFor)}
	d.roster.add(p.Name, p.Handle, u.Profile.RealName, u.RealName)
}

// named takes the name of a channel.
func (d *directory) named(id, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.channels[id] = known[string]{name, time.Now().Add(personFor)}
}

// forget lets emoji and groups be asked for again. What is being asked for is not
// believed any more.
func (d *directory) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.groups.until, d.emoji.until = time.Time{}, time.Time{}
	d.emojiAge++
}

// channel is the name of a channel.
func (d *directory) channel(ctx context.Context, acc *account, id string) (string, error) {
	return remember(ctx, d, "channel/"+id,
		func() known[string] { return d.channels[id] },
		func(name string) { d.channels[id] = known[string]{name, time.Now().Add(personFor)} },
		func(ctx context.Context) (string, error) {
			c, err := acc.conversation(ctx, id)
			return c.Name, err
		})
}

// listed is a channel from the list of all, which takes few calls where many rooms
// are made at once; false: it is not in there. The list is believed for as long as
// that lasts, and forgotten.
func (d *directory) listed(ctx context.Context, acc *account, id string) (conversation, bool) {
	token := acc.cred.Token
	all, err := remember(ctx, d, "list/"+token, func() known[map[string]conversation] { return d.lists[token] },
		func(m map[string]conversation) {
			d.lists[token] = known[map[string]conversation]{m, time.Now().Add(burstFor)}
			time.AfterFunc(burstFor, func() { d.dropList(token) })
		},
		func(ctx context.Context) (map[string]conversation, error) {
			m := map[string]conversation{}
			err := acc.conversations(ctx, func(one conversation) bool { m[one.ID] = one; return true })
			return m, err
		})
	found, ok := all[id]
	return found, ok && err == nil
}

// dropList forgets a list that is not believed any more.
func (d *directory) dropList(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Now().After(d.lists[token].until) {
		delete(d.lists, token)
	}
}

// group is the handle of a user group.
func (d *directory) group(ctx context.Context, acc *account, id string) string {
	all, err := remember(ctx, d, "groups", func() known[map[string]string] { return d.groups },
		func(m map[string]string) { d.groups = known[map[string]string]{m, time.Now().Add(listFor)} },
		func(ctx context.Context) (map[string]string, error) {
			m := map[string]string{}
			err := acc.eachTeam(ctx, url.Values{"include_disabled": {"true"}}, func(args url.Values) (bool, error) {
				var out struct {
					Groups []struct{ ID, Handle string } `json:"usergroups"`
				}
				err := acc.call(ctx, "usergroups.list", args, &out)
				for _, g := range out.Groups {
					m[g.ID] = g.Handle
				}
				return false, err
			})
			return m, unlessUnable(err)
		})
	if err != nil {
		return ""
	}
	return all[id]
}

// unlessUnable lets what an account may not ask for be nothing, which is remembered.
func unlessUnable(err error) error {
	if network.KindOf(err) == network.Rejected {
		return nil
	}
	return err
}

// lookup answers what convert asks.
func (d *directory) lookup(ctx context.Context, acc *account) convert.Lookup {
	return convert.Lookup{
		User: func(id string) (string, bool) {
			p, err := d.person(ctx, acc, id)
			return p.Name, err == nil && p.Name != ""
		},
		Channel: func(id string) (string, bool) {
			name, err := d.channel(ctx, acc, id)
			return name, err == nil && name != ""
		},
		Group: func(id string) (string, bool) {
			handle := d.group(ctx, acc, id)
			return handle, handle != ""
		},
		Emoji: func(name string) (string, bool) {
			u := d.emojiURL(ctx, acc, name)
			return u, u != ""
		},
		Alias: func(name string) (string, bool) {
			standard := d.aliasOf(ctx, acc, name)
			return standard, standard != ""
		},
	}
}

// firstOf is the first text that is not empty.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
