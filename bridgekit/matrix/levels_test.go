package matrix

import (
	"encoding/json"
	"testing"

	"maunium.net/go/mautrix/id"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// TestLevels: creators stand above everybody, in whatever way the room's version
// says so, and others where the levels put them.
func TestLevels(t *testing.T) {
	for _, version := range []string{"11", "12"} {
		t.Run(version, func(t *testing.T) {
			w := newWorld(t, mt.Options{RoomVersion: version})
			w.hs.CreateUser("bob", "secret")
			room := id.RoomID(w.alice.CreateRoom(map[string]any{
				"invite":           []string{string(w.h.BotID())},
				"creation_content": map[string]any{"additional_creators": []string{"@zoe:test"}},
				"power_level_content_override": map[string]any{
					"users": json.RawMessage(map[string]string{"11": `{"@alice:test":100,"@bob:test":50}`, "12": `{"@bob:test":50}`}[version]),
				},
			}))
			if err := w.h.EnsureJoined(t.Context(), room, w.h.BotID()); err != nil {
				t.Fatal(err)
			}
			levels, err := w.h.Levels(t.Context(), room)
			if err != nil {
				t.Fatal(err)
			}
			if got := levels.GetUserLevel("@alice:test"); got < 100 {
				t.Errorf("the creator has %d", got)
			}
			if got := levels.GetUserLevel("@zoe:test"); (got >= 100) != (version == "12") {
				t.Errorf("whom the creator named has %d", got)
			}
			if got := levels.GetUserLevel("@bob:test"); got != 50 {
				t.Errorf("bob has %d", got)
			}
			if _, err := w.h.Levels(t.Context(), "!nowhere"); err == nil {
				t.Error("a room that is not there has levels")
			}
		})
	}
}
