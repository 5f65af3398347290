package matrixuser_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// pair returns alice and bob in a room of theirs.
func pair(t *testing.T) (ctx context.Context, alice, bob *matrixuser.User, room id.RoomID) {
	t.Helper()
	launch, err := homeserver.Tool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	s, err := homeserver.Start(ctx, homeserver.Options{
		Dir:    filepath.Join(t.TempDir(), "data"),
		Users:  []homeserver.User{{Name: "alice", Password: "a"}, {Name: "bob", Password: "b"}},
		Launch: launch,
		Stderr: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() })
	if _, err := matrixuser.Login(ctx, s.URL(), "alice", "wrong"); err == nil {
		t.Fatal("logged in with a wrong password")
	}
	alice, err = matrixuser.Login(ctx, s.URL(), "alice", "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(alice.Close)
	bob, err = matrixuser.Login(ctx, s.URL(), "@bob:localhost", "b")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bob.Close)
	if room, err = alice.CreateRoom(ctx, "Den", bob.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Join(ctx, room.String()); err != nil {
		t.Fatal(err)
	}
	return ctx, alice, bob, room
}

// TestKinds sends each kind of message and looks at what the other sees.
func TestKinds(t *testing.T) {
	ctx, alice, bob, room := pair(t)
	root, err := alice.Text(ctx, room, "root")
	if err != nil {
		t.Fatal(err)
	}
	picture := matrixuser.File{Name: "a.png", MIME: "image/png", Data: []byte("\x89PNG\r\n\x1a\n picture")}
	for name, c := range map[string]struct {
		send func() (id.EventID, error)
		ok   func(matrixuser.Event) bool
	}{
		"html": {
			func() (id.EventID, error) { return alice.HTML(ctx, room, "bold", "<b>bold</b>") },
			func(e matrixuser.Event) bool { return e.Content.AsMessage().FormattedBody == "<b>bold</b>" },
		},
		"emote": {
			func() (id.EventID, error) { return alice.Emote(ctx, room, "waves") },
			func(e matrixuser.Event) bool { return e.Content.AsMessage().MsgType == event.MsgEmote },
		},
		"reply": {
			func() (id.EventID, error) { return alice.Reply(ctx, room, root, "yes") },
			func(e matrixuser.Event) bool { return e.Content.AsMessage().RelatesTo.GetReplyTo() == root },
		},
		"thread": {
			func() (id.EventID, error) { return alice.Thread(ctx, room, root, "aside") },
			func(e matrixuser.Event) bool { return e.Content.AsMessage().RelatesTo.GetThreadParent() == root },
		},
		"edit": {
			func() (id.EventID, error) { return alice.Edit(ctx, room, root, "better") },
			func(e matrixuser.Event) bool {
				c := e.Content.AsMessage()
				return c.RelatesTo.GetReplaceID() == root && c.NewContent.Body == "better"
			},
		},
		"reaction": {
			func() (id.EventID, error) { return bob.React(ctx, room, root, "👍") },
			func(e matrixuser.Event) bool { return e.Content.AsReaction().RelatesTo.GetAnnotationKey() == "👍" },
		},
		"redaction": {
			func() (id.EventID, error) {
				typo, err := bob.Text(ctx, room, "tpyo")
				if err != nil {
					return "", err
				}
				return bob.Redact(ctx, room, typo)
			},
			func(e matrixuser.Event) bool { return e.Type == event.EventRedaction && e.Redacts != "" },
		},
		"media": {
			func() (id.EventID, error) { return alice.Media(ctx, room, picture) },
			func(e matrixuser.Event) bool {
				data, err := bob.Download(ctx, e)
				return err == nil && bytes.Equal(data, picture.Data) && e.Content.AsMessage().MsgType == event.MsgImage
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			sent, err := c.send()
			if err != nil {
				t.Fatal(err)
			}
			e, err := bob.Wait(ctx, 0, func(e matrixuser.Event) bool { return e.ID == sent })
			if err != nil {
				t.Fatal(err)
			}
			if !c.ok(e) {
				t.Fatalf("bob sees %s", e.Content.VeryRaw)
			}
		})
	}
}

// TestMembers kicks, invites and leaves.
func TestMembers(t *testing.T) {
	ctx, alice, bob, room := pair(t)
	is := func(m event.Membership, by id.UserID) func(matrixuser.Event) bool {
		return func(e matrixuser.Event) bool {
			return e.Type == event.StateMember && e.GetStateKey() == bob.ID().String() &&
				e.Sender == by && e.Content.AsMember().Membership == m
		}
	}
	if err := alice.Kick(ctx, room, bob.ID(), "out"); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Wait(ctx, 0, is(event.MembershipLeave, alice.ID())); err != nil {
		t.Fatal(err)
	}
	mark := bob.Mark()
	if err := alice.Invite(ctx, room, bob.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Wait(ctx, mark, matrixuser.Invited(bob.ID())); err != nil {
		t.Fatal(err)
	}
	if err := bob.Leave(ctx, room); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Wait(ctx, 0, is(event.MembershipLeave, bob.ID())); err != nil {
		t.Fatal(err)
	}
}
