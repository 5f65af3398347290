//go:build goolm

package crypt

import (
	"encoding/json"
	"testing"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// BenchmarkCrypt is one message at a time, with what has to be stored for it; new
// sessions, each for two devices, are in it as often as in a room.
func BenchmarkCrypt(b *testing.B) {
	for _, one := range []struct {
		name   string
		source func(testing.TB) string
	}{{"sqlite", storetest.SQLite}, {"postgres", storetest.Postgres}} {
		b.Run(one.name, func(b *testing.B) {
			w := newWorld(b, matrixtest.Options{}, true)
			w.source = one.source(b)
			w.start()
			alice, bob := w.person("alice"), w.person("bob")
			room := w.ghostRoom(nil, alice, bob)
			b.Run("encrypt", func(b *testing.B) {
				for b.Loop() {
					if _, err := w.Encrypt(w.ctx, room, event.EventMessage, text("a message as people write it")); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("decrypt", func(b *testing.B) {
				var raws []json.RawMessage
				for range 100 {
					raws = append(raws, alice.text(room, "a message as people write it"))
				}
				w.key(raws[len(raws)-1])
				i := 0
				for b.Loop() {
					if _, err := w.Decrypt(w.ctx, raws[i%len(raws)]); err != nil {
						b.Fatal(err)
					}
					i++
				}
			})
		})
	}
}
