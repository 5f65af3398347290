package portal

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// facts are what is known about the homeserver, in memory.
type facts struct{ known sync.Map }

func (f *facts) Fact(_ context.Context, key string) (string, error) {
	v, _ := f.known.Load(key)
	s, _ := v.(string)
	return s, nil
}

func (f *facts) SetFact(_ context.Context, key, value string) error {
	f.known.Store(key, value)
	return nil
}

func (f *facts) Learn(ctx context.Context, key, value string) error {
	return f.SetFact(ctx, key, value)
}

// Whom we ask into a room gets the keys of what is said next: nobody waits for the
// homeserver to push that they were asked.
func TestInviteIsAChange(t *testing.T) {
	hs := matrixtest.New(matrixtest.Options{Fail: t.Fatalf})
	t.Cleanup(hs.Close)
	err := hs.Register(matrixtest.Registration{
		ID: "causeway", ASToken: "as", HSToken: "hs", SenderLocalpart: "_cw_sender",
		Users: []matrixtest.Namespace{{Exclusive: true, Regex: "@_cw_.*:test"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	alice, bob := hs.CreateUser("alice", ""), hs.CreateUser("bob", "")
	h, err := matrix.New(matrix.Options{
		URL: "http://hs.invalid", Domain: "test", ID: "causeway", ASToken: "as", HSToken: "hs", Bot: "_cw_bot", Prefix: "_cw_",
		Secret: []byte("secret"), State: &facts{}, Transport: hs.Transport(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	room := id.RoomID(alice.CreateRoom(map[string]any{"preset": "public_chat", "power_level_content_override": map[string]any{"invite": 0}}))
	if err := h.EnsureGhost(t.Context(), h.BotID()); err != nil {
		t.Fatal(err)
	}
	if err := h.EnsureJoined(t.Context(), room, h.BotID()); err != nil {
		t.Fatal(err)
	}
	var changed []id.RoomID
	s := &Service{hs: h, opts: Options{RoomChanged: func(_ context.Context, at id.RoomID, what event.Type) error {
		if hs.Room(string(room)).Membership(bob.ID) != "invite" || what != event.StateMember {
			t.Errorf("%v is told before bob was asked", what)
		}
		changed = append(changed, at)
		return nil
	}}}
	if err := s.invite(t.Context(), room, id.UserID(bob.ID)); err != nil || len(changed) != 1 || changed[0] != room {
		t.Errorf("changed is %v, %v", changed, err)
	}
}
