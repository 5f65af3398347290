package bridgekit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// picture is a picture by its first bytes.
func picture(name string) []byte { return []byte("\x89PNG\r\n\x1a\n" + name) }

// formatted is the formatted_body of a message.
func formatted(e *matrixtest.Event) string {
	var c struct {
		Formatted string `json:"formatted_body"`
	}
	_ = json.Unmarshal(e.Content, &c) // then it has none
	return c.Formatted
}

// image is a custom emoji as Matrix shows it.
func image(mxc, name string) string {
	return fmt.Sprintf(`<img data-mx-emoticon src="%s" alt="%s" title="%s" height="32">`, mxc, name, name)
}

// uploaded is the address of a picture on the homeserver.
func (r *rig) uploaded(room, name string) (mxc string) {
	r.t.Helper()
	r.wait(name+" as a picture", func() bool {
		for _, e := range r.hs.Room(room).OfType("m.room.message") {
			if _, rest, ok := strings.Cut(formatted(e), `<img data-mx-emoticon src="`); ok && strings.Contains(rest, name) {
				mxc, _, _ = strings.Cut(rest, `"`)
			}
		}
		return mxc != ""
	})
	return mxc
}

// reactions are those that stand in a room, by key.
func (r *rig) reactions(room string) map[string]*matrixtest.Event {
	out := map[string]*matrixtest.Event{}
	for _, e := range r.hs.Room(room).OfType("m.reaction") {
		if key := relation(e).Key; key != "" {
			out[key] = e
		}
	}
	return out
}

// sayEmoji has carol say a custom emoji.
func (r *rig) sayEmoji(chat network.ChatID, name string) network.MessageID {
	r.t.Helper()
	id, err := r.net.User("carol").SayEmoji(chat, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r *rig) reacts(who network.UserID, id network.MessageID, name string, remove bool) {
	r.t.Helper()
	if err := r.net.User(who).React("team", id, name, remove); err != nil {
		r.t.Fatal(err)
	}
}

// Custom emoji of a network are pictures in texts and reactions, each uploaded once.
func TestEmojiToMatrix(t *testing.T) {
	each(t, variants(), func(r *rig) {
		room, second := r.solo().portal("team"), r.portal("second")
		party := r.net.AddEmoji(":party:", picture("party"))
		before := r.hs.MediaCount()
		id := r.sayEmoji("team", ":party:")
		r.sees(room, "look :party: !")
		mxc := r.uploaded(room, ":party:")
		r.equal("the text", "look "+image(mxc, ":party:")+" !", formatted(r.event(room, "look :party: !")))
		if m, ok := r.hs.Media(mxc); !ok || m.ContentType != "image/png" {
			r.t.Errorf("the picture is %+v", m)
		}
		r.sayEmoji("second", ":party:")
		r.sees(second, "look :party: !")
		r.equal("the picture elsewhere", mxc, r.uploaded(second, ":party:"))

		for range 2 {
			r.reacts("carol", id, ":party:", false)
			r.wait("the reaction", func() bool { return r.reactions(room)[mxc] != nil })
			var c map[string]any
			if err := json.Unmarshal(r.reactions(room)[mxc].Content, &c); err != nil {
				r.t.Fatal(err)
			}
			r.equal("the shortcode", []any{":party:", ":party:"}, []any{c["shortcode"], c["com.beeper.reaction.shortcode"]})
			r.reacts("carol", id, ":party:", true)
			r.wait("no reaction", func() bool { return len(r.reactions(room)) == 0 })
		}
		r.equal("uploads", 1, r.hs.MediaCount()-before)
		r.equal("fetched", 1, r.net.EmojiFetched(party))
	})
}

// What has no picture is shown by its name, and can be withdrawn when it has one.
func TestEmojiWithoutPicture(t *testing.T) {
	for name, data := range map[string][]byte{"no picture": []byte("<svg>"), "too large": append(picture("x"), make([]byte, 1<<20)...)} {
		t.Run(name, func(t *testing.T) {
			virtual(t, rigOptions{}, func(r *rig) {
				room := r.solo().portal("team")
				r.net.AddEmoji(":party:", data)
				id := r.sayEmoji("team", ":party:")
				r.sees(room, "look :party: !")
				r.equal("the text", "", formatted(r.event(room, "look :party: !")))
				r.reacts("carol", id, ":party:", false)
				r.wait("the reaction", func() bool { return r.reactions(room)[":party:"] != nil })

				r.net.AddEmoji(":party:", picture("party"))
				r.sayEmoji("team", ":party:")
				mxc := r.uploaded(room, ":party:")
				r.reacts("dave", id, ":party:", false)
				r.wait("both", func() bool { all := r.reactions(room); return all[mxc] != nil && all[":party:"] != nil })
				r.reacts("carol", id, ":party:", true)
				r.reacts("dave", id, ":party:", true)
				r.wait("none", func() bool { return len(r.reactions(room)) == 0 })
			})
		})
	}
}

// Pictures of Matrix that are a network's custom emoji become these, in texts and as
// reactions, and nothing comes back.
func TestEmojiFromMatrix(t *testing.T) {
	each(t, variants(), func(r *rig) {
		room := r.solo().portal("team")
		party := r.net.AddEmoji(":party:", picture("party"))
		r.sayEmoji("team", ":party:")
		mxc := r.uploaded(room, ":party:")
		html := func(src, name string) {
			r.alice.Send(room, "m.room.message", map[string]any{
				"msgtype": "m.text", "body": "so " + name, "format": "org.matrix.custom.html", "formatted_body": "so " + image(src, name),
			})
			r.hears("team", "alice", "so "+name)
		}
		html(mxc, ":party:")
		r.equal("the emoji", []network.Emoji{{ID: party, Name: ":party:"}}, memnet.EmojiOf(r.message("team", "so :party:").Content))
		html("mxc://elsewhere/1", ":mine:")
		r.equal("somebody's own", []network.Emoji{{ID: "mxc://elsewhere/1", Name: ":mine:"}}, memnet.EmojiOf(r.message("team", "so :mine:").Content))

		on := r.event(room, "look :party: !").ID
		has := func() []string { return r.message("team", "look :party: !").Reactions["alice"] }
		for range 2 {
			evt := r.alice.React(room, on, mxc)
			r.waitNet("the reaction", func() bool { return len(has()) == 1 && has()[0] == ":party:" })
			r.alice.Redact(room, evt, "")
			r.waitNet("no reaction", func() bool { return len(has()) == 0 })
		}
		r.alice.Send(room, "m.reaction", map[string]any{
			"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": on, "key": "mxc://elsewhere/2"}, "shortcode": ":party:",
		})
		r.waitNet("the reaction by its name", func() bool { return len(has()) == 1 && has()[0] == ":party:" })
		r.settle("team", room)
		r.equal("reactions in the room", 1, len(r.reactions(room)))
	})
}

// shortcodes are what a space's image pack holds: pictures by shortcode.
func (r *rig) shortcodes(space, eventType string) map[string]string {
	out := map[string]string{}
	for _, e := range r.hs.Room(space).OfType(eventType) {
		var c struct {
			Images map[string]struct{ URL string }
		}
		if err := json.Unmarshal(e.Content, &c); err != nil {
			r.t.Fatal(err)
		}
		clear(out) // a later one takes its place
		for name, i := range c.Images {
			out[name] = i.URL
		}
	}
	return out
}

// The space of an account has an image pack of the emoji that were shown, which follows
// what the network's are called. What does not fit is what was shown earliest.
func TestEmojiPack(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		space := r.room("alice on Memnet")
		has := func(want map[string]string) {
			r.t.Helper()
			for _, typ := range []string{"im.ponies.room_emotes", "m.room.image_pack"} {
				r.wait(fmt.Sprintf("%s has %v", typ, want), func() bool { return maps.Equal(r.shortcodes(space, typ), want) })
			}
		}
		r.net.AddEmoji(":unused:", picture("unused"))
		r.net.AddEmoji(":party:", picture("party"))
		r.sayEmoji("team", ":party:")
		party := r.uploaded(room, ":party:")
		has(map[string]string{"party": party})
		r.net.AddEmoji(":tea:", picture("tea"))
		r.sayEmoji("team", ":tea:")
		tea := r.uploaded(room, ":tea:")
		has(map[string]string{"party": party, "tea": tea})
		r.net.RenameEmoji(":party:", ":feast:")
		has(map[string]string{"feast": party, "tea": tea})
		r.net.RemoveEmoji(":tea:")
		has(map[string]string{"feast": party})

		// Nothing is written that is there already.
		n := len(r.hs.Room(space).Timeline)
		reads := func() (n int) {
			for _, q := range r.hs.Requests().Log {
				if q.Method == http.MethodGet && (strings.Contains(q.Path, "/state/im.ponies.room_emotes") || strings.Contains(q.Path, "/state/m.room.image_pack")) {
					n++
				}
			}
			return n
		}
		r.hs.ResetRequests()
		r.net.AddEmoji(":other:", picture("other"))
		time.Sleep(3 * time.Hour)
		r.equal("events of the space", n, len(r.hs.Room(space).Timeline))
		r.equal("reads of the pack when nothing changed", 0, reads())

		// After a start it is not known what is there; what others wrote does not stay.
		r.stop()
		r.hs.ResetRequests()
		r.start()
		time.Sleep(2 * time.Hour)
		r.equal("reads of the pack after a start", 2, reads())
		r.hs.User(bot).SetState(space, "m.room.image_pack", "", map[string]any{"images": map[string]any{}})
		time.Sleep(26 * time.Hour)
		has(map[string]string{"feast": party})

		// What is called otherwise now is the same on the network.
		on := r.event(room, "look :party: !").ID
		r.alice.React(room, on, party)
		r.waitNet("the reaction", func() bool {
			got := r.message("team", "look :party: !").Reactions["alice"]
			return len(got) == 1 && got[0] == ":feast:"
		})
	})
}

// Killed when the picture is on the homeserver and the message is not: nothing is
// there twice.
func TestEmojiKill(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	r := newKillRig(t, ctx, "")
	t.Cleanup(cancel)
	r.start()
	defer func() { r.end(syscall.SIGKILL) }()
	r.net.Group("team", "alice", "bob")
	say(t, r.net, "team", "n begin")
	var room string
	until(t, r.hs, "the room is made", func() bool {
		for _, id := range r.hs.Rooms() {
			if r.hs.Room(id).Name == "team" {
				room = id
			}
		}
		in, _ := r.arrived(room, "team")
		return room != "" && len(in) == 1
	})
	party := r.net.AddEmoji(":party:", picture("party"))
	before := r.hs.MediaCount()
	var tried atomic.Bool
	r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
		if c.Route != matrixtest.RouteSend {
			return matrixtest.Fault{}
		}
		tried.Store(true)
		return matrixtest.Fault{Status: 503}
	})
	id, err := r.net.User("bob").SayEmoji("team", ":party:")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.net.User("bob").React("team", id, ":party:", false); err != nil {
		t.Fatal(err)
	}
	until(t, r.hs, "the message is on its way", tried.Load)
	r.end(syscall.SIGKILL)
	r.hs.Faults.Set(nil)
	r.start()
	shown := func(typ, of string) (n int) {
		for _, e := range r.hs.Room(room).OfType(typ) {
			if strings.Contains(string(e.Content), of) {
				n++
			}
		}
		return n
	}
	until(t, r.hs, "the reaction is there", func() bool { return shown("m.reaction", "mxc://") > 0 })
	say(t, r.net, "team", "n end")
	until(t, r.hs, "the end is there", func() bool { in, _ := r.arrived(room, "team"); return len(in) == 2 })
	got := []int{shown("m.room.message", "data-mx-emoticon"), shown("m.room.message", ":party:"), shown("m.reaction", ":party:"), r.hs.MediaCount() - before, r.net.EmojiFetched(party)}
	if fmt.Sprint(got) != "[1 1 1 1 1]" {
		t.Errorf("messages, reactions, uploads, fetches: %v", got)
	}
}
