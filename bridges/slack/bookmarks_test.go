package slack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// marks are the bookmarks that the core was told of in a chat, one after another. Call it
// with mu held.
func (c *core) marks(chat string) (all [][]network.Bookmark) {
	for _, ev := range c.events {
		if e, ok := ev.(*network.ChatChange); ok && string(e.Chat.ID) == chat && e.Bookmarks != nil {
			all = append(all, *e.Bookmarks)
		}
	}
	return all
}

// watching is a connector that looks at bookmarks all the time.
func watching(w *world) *Connector {
	conn := w.connector("")
	conn.tune.looks, conn.tune.relook = time.Millisecond, time.Millisecond
	return conn
}

// TestBookmarks: what a chat with a room has for bookmarks is told when it changes, by
// every kind of login; of other chats nothing is asked.
func TestBookmarks(t *testing.T) {
	for name, login := range map[string]func(*world) network.Login{"app": (*world).appLogin, "person": (*world).personLogin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slackfake.Config{})
			c := newCore(t, watching(w), login(w))
			c.chats = []network.ChatKey{{ID: network.ChatID(w.main)}}
			w.AddBookmark(w.second, w.bob, slackfake.Bookmark{Title: "Elsewhere", Link: "https://example.org/"})
			first := w.AddBookmark(w.main, w.bob, slackfake.Bookmark{Title: "Plan &amp; goals", Link: "https://example.org/plan", Emoji: ":dart:"})
			_, stop := c.run()
			plan := network.Bookmark{Title: "🎯 Plan & goals", URL: "https://example.org/plan"}
			desk := network.Bookmark{Title: "Desk", URL: "https://example.org/desk"}
			told := func(want ...[]network.Bookmark) {
				t.Helper()
				c.wait(fmt.Sprintf("%d bookmarks", len(want)), func() bool { return slices.EqualFunc(c.marks(w.main), want, slices.Equal) })
			}
			told([]network.Bookmark{plan})
			w.AddBookmark(w.main, w.bob, slackfake.Bookmark{Title: "Desk", Link: "https://example.org/desk", Emoji: ":none_such:"})
			told([]network.Bookmark{plan}, []network.Bookmark{plan, desk})
			w.RemoveBookmark(w.main, first)
			told([]network.Bookmark{plan}, []network.Bookmark{plan, desk}, []network.Bookmark{desk})
			seen := w.Calls("bookmarks.list")
			for w.Calls("bookmarks.list") < seen+3 { // what stays the same is not told
				c.mark(w, fmt.Sprint("word ", w.Calls("bookmarks.list")))
			}
			told([]network.Bookmark{plan}, []network.Bookmark{plan, desk}, []network.Bookmark{desk})
			stop()
			w.AddBookmark(w.main, w.bob, slackfake.Bookmark{Title: "Missed", Link: "https://example.org/missed"})
			c.run()
			c.wait("what was missed", func() bool {
				all := c.marks(w.main)
				return slices.Equal(all[len(all)-1], []network.Bookmark{desk, {Title: "Missed", URL: "https://example.org/missed"}})
			})
			c.mu.Lock()
			defer c.mu.Unlock()
			if all := c.marks(w.second); len(all) != 0 {
				t.Errorf("bookmarks of a chat without a room: %v", all)
			}
		})
	}
}

// TestBookmarksOfFolders stand below the folder's name.
func TestBookmarksOfFolders(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, watching(w), w.appLogin())
	c.chats = []network.ChatKey{{ID: network.ChatID(w.main)}}
	folder := w.AddBookmark(w.main, w.bob, slackfake.Bookmark{Title: "Runbooks"})
	w.AddBookmark(w.main, w.bob, slackfake.Bookmark{Title: "Restore", Link: "https://example.org/restore", Parent: folder})
	c.run()
	c.wait("the bookmark", func() bool { return len(c.marks(w.main)) > 0 })
	c.mu.Lock()
	defer c.mu.Unlock()
	want := []network.Bookmark{{Title: "Runbooks / Restore", URL: "https://example.org/restore"}}
	if got := c.marks(w.main)[0]; !slices.Equal(got, want) {
		t.Errorf("bookmarks %v, want %v", got, want)
	}
}

// TestBookmarksNeedTheirScope: without it nothing is asked, and the login says what that
// costs.
func TestBookmarksNeedTheirScope(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	app := w.AddApp(slackfake.App{Name: "Old", Scopes: slices.DeleteFunc(slackfake.AllScopes(), func(s string) bool { return s == "bookmarks:read" })})
	w.app, w.bot, w.appToken = app, w.Install(app, ""), w.AppToken(app)
	w.Join(w.main, w.bot.User, "")
	c := newCore(t, watching(w), w.appLogin())
	c.chats = []network.ChatKey{{ID: network.ChatID(w.main)}}
	w.AddBookmark(w.main, w.bob, slackfake.Bookmark{Title: "Plan", Link: "https://example.org/plan"})
	c.run()
	c.mark(w, "a word")
	if n := w.Calls("bookmarks.list"); n != 0 {
		t.Errorf("bookmarks.list was called %d times", n)
	}
	c.wait("what it costs", func() bool {
		s := c.states[len(c.states)-1]
		return s.Status == network.Limited && strings.Contains(s.Words, "bookmarks:read (bookmarks of channels are not shown)")
	})
}

// TestBookmarksArePaced: a few chats at a time, those first at which nobody has looked,
// and each once in an hour, however many logins there are.
func TestBookmarksArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory()
		var chats []network.ChatKey
		for i := range 2*roundOf + 2 {
			chats = append(chats, network.ChatKey{ID: network.ChatID(fmt.Sprint("C", i))})
		}
		looks := func() (ids []network.ChatKey) {
			for _, want := range []int{roundOf, roundOf, 2, 0} {
				due := d.dueLooks(chats, time.Hour)
				if len(due) != want {
					t.Fatalf("%d are due, want %d", len(due), want)
				}
				ids = append(ids, due...)
				time.Sleep(time.Minute) // of the bubble's clock
			}
			return ids
		}
		if first := looks(); !slices.Equal(first, chats) {
			t.Errorf("looked at %v", first)
		}
		chats = append(chats, network.ChatKey{ID: "CNEW"})
		if due := d.dueLooks(chats, time.Hour); len(due) != 1 || due[0].ID != "CNEW" {
			t.Errorf("due after a room was made: %v", due)
		}
		time.Sleep(time.Hour)
		if due := d.dueLooks(chats, time.Hour); len(due) != roundOf || due[0].ID != "C0" {
			t.Errorf("due after an hour: %v", due)
		}
		if !d.newMarks("C0", "[1]", true, 24*time.Hour) {
			t.Error("what is new is not told")
		}
		d.toldMarks("C0", "[1]")
		if d.newMarks("C0", "[1]", true, 24*time.Hour) {
			t.Error("what is known is told again at once")
		}
		time.Sleep(25 * time.Hour)
		if !d.newMarks("C0", "[1]", true, 24*time.Hour) || d.newMarks("C0", "[1]", false, 24*time.Hour) {
			t.Error("a day later what is there is told again, and that there is nothing is not")
		}
	})
}
