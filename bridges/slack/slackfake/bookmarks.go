package slackfake

import "slices"

// A Bookmark is a link at the top of a conversation, or a folder of such if it has no
// link. Parent is the ID of the folder that it is in.
type Bookmark struct {
	ID, Title, Link, Emoji, Parent string
}

type bookmark struct {
	Bookmark
	by      string
	created int64
}

func (b *bookmark) json(channel string, rank int) JSON {
	kind := "link"
	var parent any
	if b.Link == "" {
		kind = "folder"
	}
	if b.Parent != "" {
		parent = b.Parent
	}
	return JSON{
		"id": b.ID, "channel_id": channel, "title": b.Title, "link": b.Link, "emoji": b.Emoji, "icon_url": nil, "type": kind,
		"entity_id": nil, "date_created": b.created, "date_updated": 0, "rank": string(rune('A' + rank%26)),
		"last_updated_by_user_id": b.by, "last_updated_by_team_id": nil, "shortcut_id": nil, "app_id": nil, "app_action_id": nil, "parent_id": parent,
	}
}

// AddBookmark plays a user who adds a bookmark. Slack documents no event for it.
func (s *Server) AddBookmark(channel, user string, b Bookmark) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	return s.addBookmark(c, must(s.users, user).ID, b).ID
}

func (s *Server) addBookmark(c *channel, by string, b Bookmark) *bookmark {
	b.ID = s.id("Bk")
	one := &bookmark{b, by, s.now()}
	c.bookmarks = append(c.bookmarks, one)
	s.happened()
	return one
}

// RemoveBookmark plays somebody who removes one.
func (s *Server) RemoveBookmark(channel, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	c.bookmarks = slices.DeleteFunc(c.bookmarks, func(b *bookmark) bool { return b.ID == id })
	s.happened()
}

// Bookmarks are those of a conversation.
func (s *Server) Bookmarks(channel string) []Bookmark {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Bookmark
	for _, b := range must(s.chans, channel).bookmarks {
		out = append(out, b.Bookmark)
	}
	return out
}

func bookmarkMethods() map[string]method {
	return map[string]method{
		"bookmarks.list":   {tier: tier3, scopes: []string{"bookmarks:read"}, run: bookmarksList},
		"bookmarks.add":    {tier: tier2, scopes: []string{"bookmarks:write"}, run: bookmarksAdd},
		"bookmarks.remove": {tier: tier2, scopes: []string{"bookmarks:write"}, run: bookmarksRemove},
	}
}

// bookmarked is the conversation of a call about bookmarks.
func (c *call) bookmarked() (*channel, error) {
	c.args["channel"] = c.str("channel_id")
	return c.conversation()
}

func bookmarksList(c *call) (JSON, error) {
	ch, err := c.bookmarked()
	if err != nil {
		return nil, err
	}
	out := []JSON{}
	for i, b := range ch.bookmarks {
		out = append(out, b.json(ch.ID, i))
	}
	return JSON{"bookmarks": out}, nil
}

func bookmarksAdd(c *call) (JSON, error) {
	ch, err := c.bookmarked()
	switch {
	case err != nil:
		return nil, err
	case c.str("type") != "link":
		return nil, fail("invalid_bookmark_type")
	case c.str("link") == "" || c.str("title") == "":
		return nil, fail("invalid_arguments")
	case len(ch.bookmarks) >= 100:
		return nil, fail("too_many_bookmarks")
	}
	b := c.s.addBookmark(ch, c.tok.user, Bookmark{Title: c.str("title"), Link: c.str("link"), Emoji: c.str("emoji")})
	return JSON{"bookmark": b.json(ch.ID, len(ch.bookmarks)-1)}, nil
}

func bookmarksRemove(c *call) (JSON, error) {
	ch, err := c.bookmarked()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(ch.bookmarks, func(b *bookmark) bool { return b.ID == c.str("bookmark_id") })
	if i < 0 {
		return nil, fail("not_found")
	}
	ch.bookmarks = slices.Delete(ch.bookmarks, i, i+1)
	return nil, nil
}
