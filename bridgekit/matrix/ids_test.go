package matrix

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"maunium.net/go/mautrix/id"
	"pgregory.net/rapid"
)

func testHomeserver(t interface{ Fatal(...any) }, domain string) *Homeserver {
	h, err := New(Options{URL: "http://hs", Domain: domain, ASToken: "as", Bot: "_cw_bot", Prefix: "_cw_", Secret: []byte("s"), State: &memState{}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestGhostID(t *testing.T) {
	h := testHomeserver(t, "example.org")
	for _, c := range []struct{ network, user, want string }{
		{"irc.libera", "alice", "@_cw_irc.libera_alice:example.org"},
		{"whatsapp", "+49123", "@_cw_whatsapp_+49123:example.org"},
		{"slack.acme", "U0A_1", "@_cw_slack.acme_=550=41_1:example.org"},
		{"a_b", "c", "@_cw_a=5fb_c:example.org"},
		{"a", "b_c", "@_cw_a_b_c:example.org"},
		{"n", "a=b/c:d", "@_cw_n_a=3db=2fc=3ad:example.org"},
		{"n", "ü", "@_cw_n_=c3=bc:example.org"},
		{"n", "", "@_cw_n_:example.org"},
	} {
		got := h.GhostID(c.network, c.user)
		if string(got) != c.want {
			t.Errorf("GhostID(%q, %q) = %s, want %s", c.network, c.user, got, c.want)
		}
		if n, u, ok := h.ParseGhost(got); !ok || n != c.network || u != c.user {
			t.Errorf("ParseGhost(%s) = %q, %q, %v", got, n, u, ok)
		}
	}
}

func TestGhostIDLong(t *testing.T) {
	h := testHomeserver(t, "example.org")
	a, b := h.GhostID("n", strings.Repeat("x", 300)+"a"), h.GhostID("n", strings.Repeat("x", 300)+"b")
	if a == b || len(a) != 255 || len(b) != 255 {
		t.Errorf("long IDs: %d and %d bytes, same: %v", len(a), len(b), a == b)
	}
	if !h.IsGhost(a) {
		t.Errorf("%s is no ghost", a)
	}
	if n, u, ok := h.ParseGhost(a); ok {
		t.Errorf("a cut ID parses as %q, %q", n, u)
	}
}

func TestGhostIDRoundTrip(t *testing.T) {
	valid := regexp.MustCompile(`^@[a-z0-9._=/+-]+:.+$`)
	rapid.Check(t, func(t *rapid.T) {
		h := testHomeserver(t, rapid.StringMatching(`[a-z]{1,40}\.[a-z]{2}(:[0-9]{4})?`).Draw(t, "domain"))
		network := rapid.StringN(1, 20, -1).Draw(t, "network")
		user := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z_=0-9A-F]*`)).Draw(t, "user")
		got := h.GhostID(network, user)
		if len(got) > 255 || !valid.MatchString(string(got)) || !h.IsGhost(got) {
			t.Fatalf("bad ID %s", got)
		}
		n, u, ok := h.ParseGhost(got)
		if ok && (n != network || u != user) {
			t.Fatalf("%s became %q, %q", got, n, u)
		}
		if !ok && !strings.Contains(string(got), hashed) {
			t.Fatalf("%s does not parse", got)
		}
	})
}

func TestIsGhost(t *testing.T) {
	h := testHomeserver(t, "example.org")
	for u, want := range map[id.UserID]bool{
		"@_cw_bot:example.org": true, "@_cw_x_y:example.org": true, "@alice:example.org": false,
		"@_cw_x_y:evil.org": false, "@_cw_x_y:example.org:8448": false, "": false, "_cw_x_y": false, "@_cw": false,
	} {
		if h.IsGhost(u) != want {
			t.Errorf("IsGhost(%q) = %v", u, !want)
		}
	}
	for _, u := range []id.UserID{"@_cw_bot:example.org", "@_cw_x:example.org", "@_cw_n_=4:example.org", "@_cw_n_A:example.org", "@_cw__x:example.org"} {
		if n, user, ok := h.ParseGhost(u); ok {
			t.Errorf("ParseGhost(%s) = %q, %q", u, n, user)
		}
	}
}

func TestMarks(t *testing.T) {
	h := testHomeserver(t, "example.org")
	seen := map[string]string{}
	add := func(what, mark string) {
		if before, ok := seen[mark]; ok {
			t.Errorf("%s and %s have one mark", before, what)
		}
		seen[mark] = what
	}
	for _, c := range [][3]string{{"k", "s", "!r"}, {"k", "s", "!q"}, {"k", "t", "!r"}, {"ks", "", "!r"}, {"", "ks", "!r"}} {
		add(fmt.Sprint(c), h.Mark([]byte(c[0]), c[1], id.RoomID(c[2])))
	}
	if txnID([]byte("k"), "s", "@a:b") == txnID([]byte("k"), "s", "@c:b") {
		t.Error("two ghosts share a transaction ID")
	}
	if h.Alias("a", "bc") == h.Alias("ab", "c") || h.Alias("a") != testHomeserver(t, "other.org").Alias("a") || !strings.HasPrefix(h.Alias("a"), "_cw_") {
		t.Error("aliases")
	}
	other := testHomeserver(t, "example.org")
	other.opts.Secret = []byte("other")
	if h.Mark([]byte("k"), "s", "!r") == other.Mark([]byte("k"), "s", "!r") {
		t.Error("the mark does not depend on the secret")
	}
}

func TestOurs(t *testing.T) {
	h := testHomeserver(t, "example.org")
	mark := h.Mark([]byte("k"), "s", "!r")
	body, err := withFields(map[string]any{"body": "x"}, h.stamp("!r", "@alice:example.org", mark))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		room   id.RoomID
		sender id.UserID
		body   string
		want   bool
	}{
		{"!r", "@alice:example.org", string(body), true},
		{"!r", "@_cw_n_x:example.org", `{}`, true},
		{"!r", "@mallory:example.org", string(body), false},
		{"!q", "@alice:example.org", string(body), false},
		{"!r", "@alice:example.org", `{"chat.causeway.puppet":"x","chat.causeway.mark":"y"}`, false},
		{"!r", "@alice:example.org", `{"chat.causeway.puppet":5}`, false},
		{"!r", "@alice:example.org", `[]`, false},
	} {
		if got := h.Ours(c.room, c.sender, []byte(c.body)); got != c.want {
			t.Errorf("Ours(%s, %s, %s) = %v", c.room, c.sender, c.body, got)
		}
	}
}

func TestWithFields(t *testing.T) {
	f := map[string]string{MarkField: "m"}
	for _, c := range []struct {
		content any
		want    string
	}{
		{map[string]any{}, `{"chat.causeway.mark":"m"}`},
		{map[string]any{"a": "<b>"}, `{"a":"<b>","chat.causeway.mark":"m"}`},
		{map[string]any{MarkField: "old", PuppetField: "old"}, `{"chat.causeway.mark":"m"}`},
		{map[string]any{MarkField: "old", "a": 1}, `{"a":1,"chat.causeway.mark":"m"}`},
		{struct {
			X int `json:"x"`
		}{1}, `{"x":1,"chat.causeway.mark":"m"}`},
	} {
		got, err := withFields(c.content, f)
		if err != nil || string(got) != c.want {
			t.Errorf("withFields(%v) = %s, %v; want %s", c.content, got, err, c.want)
		}
	}
	for _, bad := range []any{nil, 5, []int{1}, "x", func() {}} {
		if got, err := withFields(bad, f); err == nil {
			t.Errorf("withFields(%T) = %s", bad, got)
		}
	}
}

func TestOptions(t *testing.T) {
	good := Options{URL: "https://hs", Domain: "d", ASToken: "a", Bot: "b", Prefix: "_cw_", Secret: []byte("s"), State: &memState{}}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no URL": func(o *Options) { o.URL = "" }, "no secret": func(o *Options) { o.Secret = nil }, "ftp": func(o *Options) { o.URL = "ftp://x" },
		"prefix": func(o *Options) { o.Prefix = "_CW_" }, "no host": func(o *Options) { o.URL = "http://" }, "no state": func(o *Options) { o.State = nil },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
