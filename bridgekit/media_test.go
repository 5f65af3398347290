package bridgekit_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Files of 20 MB stream through both ways, unharmed; captions, stickers, places.
func TestMedia(t *testing.T) {
	const length = 20 << 20
	virtual(t, rigOptions{net: memnet.Options{Features: func() *network.Features { f := memnet.DefaultFeatures(); f.MaxFile = 64 << 20; return &f }()}}, func(r *rig) {
		room := r.solo().portal("team")
		if _, err := r.net.User("carol").SayGenerated("team", network.Video, "film.mp4", "video/mp4", length); err != nil {
			t.Fatal(err)
		}
		r.sees(room, "film.mp4")
		want := sha256.New()
		buf := make([]byte, 1<<16)
		for at := int64(0); at < length; at += int64(len(buf)) {
			memnet.Generate(buf, at)
			want.Write(buf)
		}
		sum := hex.EncodeToString(want.Sum(nil))
		film, ok := r.hs.Media(r.event(room, "film.mp4").Text("url"))
		if !ok || film.Size != length || film.SHA256 != sum {
			t.Errorf("the film arrived as %+v", film.Size)
		}
		mxc := r.alice.UploadStream("back.mp4", "video/mp4", length, func() io.Reader { return &generated{left: length} })
		info := map[string]any{"mimetype": "video/mp4", "size": length}
		r.alice.Send(room, "m.room.message", map[string]any{"msgtype": "m.video", "body": "my film", "filename": "back.mp4", "url": mxc, "info": info})
		r.hears("team", "alice", "my film")
		m := r.message("team", "my film")
		media := m.Content.Parts[0].Media
		if media == nil || media.Name != "back.mp4" || media.Kind != network.Video || media.Size != length {
			t.Fatalf("media is %+v", media)
		}
		got := sha256.Sum256(r.net.File(media.Ref))
		if hex.EncodeToString(got[:]) != sum {
			t.Error("the film that left is another one")
		}
		small := r.alice.Upload("s.png", "image/png", []byte("sticker"))
		r.alice.Send(room, "m.sticker", map[string]any{"body": "wave", "url": small, "info": map[string]any{"mimetype": "image/png", "size": 7}})
		r.alice.Send(room, "m.room.message", map[string]any{"msgtype": "m.location", "body": "Berlin", "geo_uri": "geo:52.5,13.4"})
		r.alice.Send(room, "m.room.message", map[string]any{"msgtype": "m.image", "body": "huge.png", "url": small, "info": map[string]any{"mimetype": "image/png", "size": 65 << 20}})
		r.notice(room, "this network takes 64.0 MB")
		r.settle("team", room)
		all := r.net.Messages("team")
		var sticker, place bool
		for _, m := range all {
			p := m.Content.Parts[0]
			sticker = sticker || p.Media != nil && p.Media.Kind == network.Sticker
			place = place || p.Location != nil && p.Location.Lat == 52.5
		}
		if !sticker || !place {
			t.Errorf("sticker %v, place %v: %+v", sticker, place, all)
		}
		if _, err := r.net.User("carol").SayFile("team", network.Sticker, "hi.webp", "image/webp", []byte("x")); err != nil {
			t.Fatal(err)
		}
		r.wait("the sticker", func() bool { return len(r.hs.Room(room).OfType("m.sticker")) == 2 })
	})
}

// generated reads the bytes of memnet.Generate.
type generated struct{ at, left int64 }

func (g *generated) Read(p []byte) (int, error) {
	if g.left == 0 {
		return 0, io.EOF
	}
	block := make([]byte, 8)
	memnet.Generate(block, g.at&^7)
	n := copy(p[:min(int64(len(p)), g.left)], block[g.at&7:])
	if g.at&7 == 0 && int64(len(p)) >= 8 {
		whole := p[:min(int64(len(p)), g.left)&^7]
		if len(whole) > 0 {
			memnet.Generate(whole, g.at)
			n = len(whole)
		}
	}
	g.at, g.left = g.at+int64(n), g.left-int64(n)
	return n, nil
}

// A file that the network cannot give any more becomes a notice, and holds up
// nothing.
func TestMediaGone(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		caption := markup.Body{{Kind: markup.Text, Text: "see "}, {Kind: markup.Link, URL: "https://example.org/", Children: markup.Plain("this")}}
		c := network.Content{Parts: []network.Part{{Media: &network.Media{Kind: network.Image, Name: "gone.png", Ref: []byte("nothing"), Size: 5}, Text: caption}}}
		if _, err := r.net.User("carol").Send("team", c); err != nil {
			t.Fatal(err)
		}
		r.say("carol", "team", "after it")
		r.sees(room, "after it")
		if got := r.bodies(room); len(got) != 3 || !strings.Contains(got[1], "gone.png") {
			t.Errorf("the room has %q", got)
		} else if e := r.event(room, got[1]); !strings.HasPrefix(got[1], "see this") || !strings.Contains(formatted(e), `<a href="https://example.org/">this</a>`) {
			t.Errorf("what was said with the file is lost: %q, %q", got[1], formatted(e))
		}
		if _, err := r.net.User("carol").SayGenerated("team", network.File, "large.bin", "", 51<<20); err != nil {
			t.Fatal(err)
		}
		r.wait("a refusal with sizes", func() bool {
			return slices.ContainsFunc(r.bodies(room), func(s string) bool { return strings.Contains(s, "51.0 MB") && strings.Contains(s, "50.0 MB") })
		})
	})
}
