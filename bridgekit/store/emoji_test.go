package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// Pictures of custom emoji are found by their ID and by their address, also after a
// restart; a new name replaces the old one.
func TestEmoji(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		one := store.Emoji{Network: "n", Emoji: network.Emoji{ID: "1", Name: ":one:"}, URI: "mxc://hs/1"}
		other := store.Emoji{Network: "m", Emoji: network.Emoji{ID: "1", Name: ":other:"}, URI: "mxc://hs/2"}
		if err := db.SaveEmoji(ctx, one, other); err != nil {
			t.Fatal(err)
		}
		one.Name = ":uno:"
		if err := db.SaveEmoji(ctx, one); err != nil {
			t.Fatal(err)
		}
		db = open()
		for _, want := range []store.Emoji{one, other} {
			byID, ok, err := db.Emoji(ctx, want.Network, want.ID)
			if err != nil || !ok || byID != want {
				t.Errorf("by ID: %+v %v %v, want %+v", byID, ok, err, want)
			}
			byURI, ok, err := db.EmojiAt(ctx, want.URI)
			if err != nil || !ok || byURI != want {
				t.Errorf("by URI: %+v %v %v, want %+v", byURI, ok, err, want)
			}
		}
		if all, err := db.EmojiOf(ctx, "n"); err != nil || cmp.Diff([]store.Emoji{one}, all) != "" {
			t.Errorf("of a network: %+v %v", all, err)
		}
		if e, ok, err := db.Emoji(ctx, "n", "2"); err != nil || ok {
			t.Errorf("unknown: %+v %v %v", e, ok, err)
		}
		if err := db.SaveEmoji(ctx); err != nil {
			t.Error(err)
		}
	})
}
