package config

import (
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

func TestPermissionPatterns(t *testing.T) {
	p := Permissions{
		"*": LevelRelay, "*.evil.example": LevelBlock, "good.evil.example": LevelUser, "*.very.evil.example": LevelRelay,
		"@root:x.evil.example": LevelAdmin, "host?.example": LevelUser, "[ab].example": LevelAdmin,
	}
	for mxid, want := range map[string]Level{
		"@a:evil.example":          LevelRelay,
		"@a:x.evil.example":        LevelBlock,
		"@root:x.evil.example":     LevelAdmin,
		"@a:good.evil.example":     LevelUser,
		"@a:not.good.evil.example": LevelBlock,
		"@a:so.very.evil.example":  LevelRelay,
		"@a:host1.example":         LevelUser,
		"@a:host12.example":        LevelRelay,
		"@a:a.example":             LevelRelay,
	} {
		if got := p.Of(mxid); got != want {
			t.Errorf("%q: got %s, want %s", mxid, got, want)
		}
	}
}

func TestFilters(t *testing.T) {
	f := Filters{
		"irc.a": {Allow: []string{"#go*", "kind:direct"}, Deny: []string{"#go-spam", "troll"}},
		"irc.b": {Deny: []string{"kind:channel", "a/[b]*"}},
	}
	for _, one := range []struct {
		on   network.NetworkID
		chat network.ChatID
		kind network.ChatKind
		want bool
	}{
		{"irc.a", "#go", network.Channel, true},
		{"irc.a", "#GO-nuts", network.Channel, true},
		{"irc.a", "#go-spam", network.Channel, false},
		{"irc.a", "#rust", network.Channel, false},
		{"irc.a", "grace", network.Direct, true},
		{"irc.a", "troll", network.Direct, false},
		{"irc.a", "grace", "", false},
		{"irc.b", "#x", network.Channel, false},
		{"irc.b", "#x", network.Group, true},
		{"irc.b", "a/[b]/c/d", network.Group, false},
		{"irc.b", "a/b", network.Group, true},
		{"irc.c", "#x", network.Channel, true},
	} {
		if got := f.Allows(one.on, one.chat, one.kind); got != one.want {
			t.Errorf("%+v: got %t", one, got)
		}
	}
	if !f.NeedsKind("irc.a") || f.NeedsKind("irc.c") {
		t.Error("whether kinds matter is wrong")
	}
}
