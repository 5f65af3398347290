package slack

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// channelName is a name as Slack takes it: lower case, no space, at most 80 characters.
func channelName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		case unicode.IsSpace(r) || unicode.IsPunct(r):
			return '-'
		}
		return -1
	}, strings.TrimPrefix(strings.TrimSpace(name), "#"))
	if r := []rune(name); len(r) > 80 {
		name = string(r[:80])
	}
	return name
}

// conversations calls f for each channel that may be found, until it returns false.
func (a *api) conversations(ctx context.Context, f func(conversation) bool) error {
	args := url.Values{"types": {"public_channel,private_channel"}, "exclude_archived": {"true"}, "limit": {"999"}}
	seen := map[string]bool{}
	return channels(ctx, a, "conversations.list", args, func(one conversation) bool {
		known := seen[one.ID]
		seen[one.ID] = true
		return known || f(one)
	})
}

// channels calls f for each channel that a method lists by pages, until it returns
// false. T is what to read of one. In an organisation each workspace is asked, and a
// channel that several share may come several times.
func channels[T any](ctx context.Context, a *api, method string, args url.Values, f func(T) bool) error {
	args.Set("types", a.readable(args.Get("types")))
	return a.eachTeam(ctx, args, func(args url.Values) (bool, error) { return channelsOf(ctx, a, method, args, f) })
}

// readable are those of the types of conversations that the scopes allow to list: one
// that they do not allow has Slack refuse them all (missing_scope). Where none is left, all
// of them are asked for, so that Slack says what is missing.
func (a *api) readable(types string) string {
	who := a.who.Load()
	if who == nil || who.Scopes == nil {
		return types
	}
	needs := map[string]string{"public_channel": "channels:read", "private_channel": "groups:read", "im": "im:read", "mpim": "mpim:read"}
	var some []string
	for one := range strings.SplitSeq(types, ",") {
		if slices.Contains(who.Scopes, needs[one]) {
			some = append(some, one)
		}
	}
	if len(some) == 0 {
		return types
	}
	return strings.Join(some, ",")
}

// channelsOf is channels for one workspace. It reports whether f has enough.
func channelsOf[T any](ctx context.Context, a *api, method string, args url.Values, f func(T) bool) (enough bool, err error) {
	for {
		var out struct {
			Channels []T `json:"channels"`
			Meta     struct {
				Next string `json:"next_cursor"`
			} `json:"response_metadata"`
		}
		if err := a.call(ctx, method, args, &out); err != nil {
			return false, err
		}
		for _, one := range out.Channels {
			if !f(one) {
				return true, nil
			}
		}
		if out.Meta.Next == "" {
			return false, nil
		}
		args.Set("cursor", out.Meta.Next)
	}
}

// mine calls f with the ID of each conversation that this login is in, of the types
// in args.
func (a *api) mine(ctx context.Context, args url.Values, f func(id string)) error {
	return channels(ctx, a, "users.conversations", args, func(one struct{ ID string }) bool {
		f(one.ID)
		return true
	})
}

// chats lists the IDs of the conversations that this login is in, as far as it may.
func (a *account) chats(ctx context.Context) ([]string, error) {
	var types []string
	for kind, scope := range map[string]string{"im": "im:read", "mpim": "mpim:read", "public_channel": "channels:read", "private_channel": "groups:read"} {
		if a.may(scope) {
			types = append(types, kind)
		}
	}
	slices.Sort(types)
	var ids []string
	args := url.Values{"types": {strings.Join(types, ",")}, "exclude_archived": {"true"}, "limit": {"999"}}
	err := a.mine(ctx, args, func(id string) { ids = append(ids, id) })
	return ids, err
}

// Search implements network.Searcher.
func (c *Client) Search(ctx context.Context, query string, limit int) ([]network.Found, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return nil, err
	}
	query = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(query), "#"))
	var found []network.Found
	err = acc.conversations(patient(ctx, time.Minute), func(one conversation) bool {
		c.conn.dir.named(one.ID, one.Name)
		if strings.Contains(strings.ToLower(one.Name), query) || strings.Contains(strings.ToLower(unescape(one.Purpose.Value)), query) {
			found = append(found, network.Found{Name: "#" + one.Name, ID: network.ChatID(one.ID), Private: one.IsPrivate, Topic: one.about(), Members: one.NumMembers})
		}
		return len(found) < limit
	})
	return found, err
}

// Join implements network.Joiner. A channel is named by "#name", its ID or a link to it.
func (c *Client) Join(ctx context.Context, name string) (network.Chat, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return network.Chat{}, err
	}
	found, err := c.named(ctx, acc, strings.TrimSpace(name))
	if err != nil {
		return network.Chat{}, err
	}
	if !found.IsMember && !found.IsPrivate && !found.IsIM {
		if err := acc.call(ctx, "conversations.join", url.Values{"channel": {found.ID}}, nil); err != nil {
			return network.Chat{}, err
		}
	} else if !found.IsMember && !found.IsIM {
		return network.Chat{}, network.Errorf(network.Rejected, "this channel is private: "+c.inviteWords(acc), "join: not a member")
	}
	return c.describe(ctx, acc, found), nil
}

// inviteWords say how the login comes into a private channel.
func (c *Client) inviteWords(acc *account) string {
	if c.cred.Kind == kindApp {
		return "somebody in it has to write there, on Slack: /invite @" + acc.User
	}
	return "somebody in it has to invite " + acc.User
}

// named finds the channel that a person named.
func (c *Client) named(ctx context.Context, acc *account, name string) (conversation, error) {
	if i := strings.LastIndex(name, "/archives/"); i >= 0 { // https://acme.slack.com/archives/C012AB3CD
		name, _, _ = strings.Cut(name[i+len("/archives/"):], "/")
	}
	if isChat(network.ChatID(name)) {
		return acc.conversation(ctx, name)
	}
	want := channelName(name)
	var found conversation
	err := acc.conversations(patient(ctx, time.Minute), func(one conversation) bool {
		if one.Name == want {
			found = one
		}
		return found.ID == ""
	})
	if err == nil && found.ID == "" {
		err = network.Errorf(network.Rejected, "there is no channel #"+want+"; if it is private, "+c.inviteWords(acc), "join: not found")
	}
	return found, err
}

// Start implements network.Starter. People are named by ID, @handle or e-mail; several,
// with commas between them, get a group message.
func (c *Client) Start(ctx context.Context, user string) (network.Chat, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return network.Chat{}, err
	}
	var ids []string
	for one := range strings.SplitSeq(user, ",") {
		p, err := c.who(ctx, acc, strings.TrimSpace(one))
		if err != nil {
			return network.Chat{}, err
		}
		ids = append(ids, p.ID)
	}
	var out struct {
		Channel conversation `json:"channel"`
	}
	if err := acc.call(ctx, "conversations.open", url.Values{"users": {strings.Join(ids, ",")}, "return_im": {"true"}}, &out); err != nil {
		return network.Chat{}, err
	}
	found := out.Channel
	if found.Name == "" && !found.IsIM { // Slack gave the ID alone
		if found, err = acc.conversation(ctx, out.Channel.ID); err != nil {
			return network.Chat{}, err
		}
	}
	if found.IsIM && found.User == "" {
		found.User = ids[0]
	}
	return c.describe(ctx, acc, found), nil
}

// who is the person that somebody named.
func (c *Client) who(ctx context.Context, acc *account, name string) (person, error) {
	if isUser(name) {
		return c.conn.dir.person(ctx, acc, name)
	}
	if strings.Contains(strings.TrimPrefix(name, "@"), "@") {
		var out struct {
			User userJSON `json:"user"`
		}
		err := acc.call(ctx, "users.lookupByEmail", url.Values{"email": {strings.TrimPrefix(name, "mailto:")}}, &out)
		c.conn.dir.learn(&out.User)
		return out.User.person(), err
	}
	return c.byHandle(patient(ctx, time.Minute), acc, strings.TrimPrefix(name, "@"))
}

// byHandle looks for a person by handle or name in the list of all.
func (c *Client) byHandle(ctx context.Context, acc *account, name string) (person, error) {
	var found person
	var byName []person
	err := acc.users(ctx, func(u *userJSON) bool {
		c.conn.dir.learn(u)
		switch p := u.person(); {
		case p.Gone:
		case strings.EqualFold(p.Handle, name):
			found = p
		case strings.EqualFold(p.Name, name) && !slices.ContainsFunc(byName, func(o person) bool { return o.ID == p.ID }):
			byName = append(byName, p)
		}
		return found.ID == ""
	})
	if err != nil || found.ID != "" {
		return found, err
	}
	switch len(byName) {
	case 1:
		return byName[0], nil
	case 0:
		return person{}, network.Errorf(network.Rejected, "there is no such person on this workspace", "start: no user %q", name)
	}
	return person{}, network.Errorf(network.Rejected, "several people are called like this: name one by @handle or e-mail", "start: %d users", len(byName))
}

// users calls f for each user, until it returns false.
func (a *api) users(ctx context.Context, f func(*userJSON) bool) error {
	return a.eachTeam(ctx, url.Values{"limit": {"200"}}, func(args url.Values) (bool, error) {
		for {
			page, next, err := a.userPage(ctx, args)
			if err != nil {
				return false, err
			}
			for i := range page {
				if !f(&page[i]) {
					return true, nil
				}
			}
			if next == "" {
				return false, nil
			}
			args.Set("cursor", next)
		}
	})
}

// userPage is a page of the list of all users; an empty cursor: there is no next one.
func (a *api) userPage(ctx context.Context, args url.Values) (page []userJSON, next string, err error) {
	var out struct {
		Members []userJSON `json:"members"`
		Meta    struct {
			Next string `json:"next_cursor"`
		} `json:"response_metadata"`
	}
	err = a.call(ctx, "users.list", args, &out)
	return out.Members, out.Meta.Next, err
}
