package registration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// problems are p as text, fatal ones with an exclamation mark.
func problems(p []Problem) string {
	var b strings.Builder
	for _, one := range p {
		mark := "  "
		if one.Fatal {
			mark = "! "
		}
		fmt.Fprintln(&b, mark+one.String())
	}
	return b.String()
}

func TestCheck(t *testing.T) {
	limited := true
	for _, one := range []struct {
		name   string
		change func(*Registration)
		want   string
	}{
		{"good", func(*Registration) {}, ""},
		{"empty", func(r *Registration) { *r = Registration{} }, `
! id: it is empty; run 'causeway registration update' and restart the homeserver
! sender_localpart: it is empty; run 'causeway registration update' and restart the homeserver
! as_token: it is empty; run 'causeway registration update --new-tokens' and restart the homeserver
! hs_token: it is empty; run 'causeway registration update --new-tokens' and restart the homeserver
  rate_limited: it is not false, so the homeserver may slow Causeway to a message in five seconds; run 'causeway registration update' and restart the homeserver
! url: it is null, so the homeserver sends nothing to Causeway; run 'causeway registration update' and restart the homeserver
  receive_ephemeral: it is not true, so typing and receipts do not reach Causeway; run 'causeway registration update' and restart the homeserver
! namespaces.users: it does not cover the bot (@causeway:example.org); run 'causeway registration update' and restart the homeserver
! namespaces.users: it does not cover people of networks (@_cw_irc.example_nick:example.org); run 'causeway registration update' and restart the homeserver
! namespaces.aliases: it does not cover bridged rooms (#_cw_0123:example.org); run 'causeway registration update' and restart the homeserver
`},
		{"tokens", func(r *Registration) {
			r.ASToken, r.HSToken, r.RateLimited = "changeme", "changeme", &limited
		}, `
  as_token: it could be guessed; run 'causeway registration update --new-tokens' and restart the homeserver
  hs_token: it could be guessed; run 'causeway registration update --new-tokens' and restart the homeserver
! hs_token: it is the same as as_token, so each side could pass for the other; run 'causeway registration update --new-tokens' and restart the homeserver
  rate_limited: it is not false, so the homeserver may slow Causeway to a message in five seconds; run 'causeway registration update' and restart the homeserver
`},
		{"header", func(r *Registration) { r.ASToken += "\n"; r.HSToken = strings.Repeat("a", 64) }, `
! as_token: it has characters that cannot stand in a request; run 'causeway registration update --new-tokens' and restart the homeserver
  hs_token: it could be guessed; run 'causeway registration update --new-tokens' and restart the homeserver
`},
		{"sender and url", func(r *Registration) { r.SenderLocalpart, r.URL = "causeway", "localhost:29350" }, `
! url: "localhost:29350" is not an http:// or https:// address; set appservice.url in the configuration, then run 'causeway registration update' and restart the homeserver
! sender_localpart: it is the bot, whose encryption needs an account that is not tied to the registration; run 'causeway registration update' and restart the homeserver
`},
		{"wide", func(r *Registration) { r.Namespaces.Users = []Namespace{{true, `^@.*:example\.org$`}} }, `
! namespaces.users[0]: it is too wide: it claims @alice:example.org, which is somebody else's; run 'causeway registration update' and restart the homeserver
`},
		{"dots", func(r *Registration) {
			r.Namespaces.Users = []Namespace{{true, `^@_cw_.*:example.org$`}, {true, `^@causeway:example.org$`}}
			r.Namespaces.Aliases = []Namespace{{true, `#_cw_.*:example\.org`}}
		}, `
  namespaces.users[0]: a dot of the domain is not escaped, so it means any character; run 'causeway registration update' and restart the homeserver
  namespaces.users[1]: a dot of the domain is not escaped, so it means any character; run 'causeway registration update' and restart the homeserver
  namespaces.aliases[0]: it does not begin with ^ and end with $, so some homeservers find it in the middle of other IDs; run 'causeway registration update' and restart the homeserver
`},
		{"shared", func(r *Registration) {
			r.Namespaces.Users[0].Exclusive = false
			r.Namespaces.Rooms = []Namespace{{true, "^!x"}, {true, "("}, {true, ""}}
		}, `
  namespaces.users: it is not exclusive for people of networks (@_cw_irc.example_nick:example.org), so others can take the name; run 'causeway registration update' and restart the homeserver
! namespaces.users[0]: it is not exclusive, so the homeserver also sends what concerns nobody here; run 'causeway registration update' and restart the homeserver
` + "! namespaces.rooms[1]: \"(\" is not a regular expression that every homeserver knows (error parsing regexp: missing closing ): `(`); run 'causeway registration update' and restart the homeserver\n" +
			`! namespaces.rooms[2]: it is empty; run 'causeway registration update' and restart the homeserver
  namespaces.rooms[0]: Causeway claims no rooms; remove it, and restart the homeserver
`},
		{"lookahead", func(r *Registration) { r.Namespaces.Users[1].Regex = "^@(?!x)causeway:example\\.org$" }, `
` + "! namespaces.users[1]: \"^@(?!x)causeway:example\\\\.org$\" is not a regular expression that every homeserver knows (error parsing regexp: invalid or unsupported Perl syntax: `(?!`); run 'causeway registration update' and restart the homeserver\n" +
			`! namespaces.users: it does not cover the bot (@causeway:example.org); run 'causeway registration update' and restart the homeserver
`},
		{"old domain", func(r *Registration) {
			old := options()
			old.Domain = "example.net"
			r.Namespaces = New(old).Namespaces
		}, `
! namespaces.users: it does not cover the bot (@causeway:example.org); run 'causeway registration update' and restart the homeserver
! namespaces.users: it does not cover people of networks (@_cw_irc.example_nick:example.org); run 'causeway registration update' and restart the homeserver
! namespaces.aliases: it does not cover bridged rooms (#_cw_0123:example.org); run 'causeway registration update' and restart the homeserver
`},
	} {
		t.Run(one.name, func(t *testing.T) {
			r := New(options())
			one.change(&r)
			if diff := cmp.Diff(strings.TrimPrefix(one.want, "\n"), problems(Check(r, options()))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestCheckDoublePuppet(t *testing.T) {
	for _, one := range []struct {
		name   string
		change func(*Registration)
		want   string
	}{
		{"good", func(*Registration) {}, ""},
		{"main", func(r *Registration) { *r = New(options()) }, `
! url: it is not null, so the homeserver would send everything that happens on it; run 'causeway registration update' and restart the homeserver
! namespaces.users[0]: it is exclusive, so nobody else could use their accounts; run 'causeway registration update' and restart the homeserver
! namespaces.users[1]: it is exclusive, so nobody else could use their accounts; run 'causeway registration update' and restart the homeserver
! namespaces.users: it does not cover the users of example.org; run 'causeway registration update' and restart the homeserver
`},
		{"everybody", func(r *Registration) { r.Namespaces.Users[0].Regex = "@.*" }, `
  namespaces.users[0]: it covers users of other homeservers, for whom Causeway cannot act; run 'causeway registration update' and restart the homeserver
`},
	} {
		t.Run(one.name, func(t *testing.T) {
			r := NewDoublePuppet(options())
			one.change(&r)
			if diff := cmp.Diff(strings.TrimPrefix(one.want, "\n"), problems(CheckDoublePuppet(r, options()))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	have := New(options())
	o := options()
	o.URL, o.Bot, o.Prefix = "http://causeway:1", "bridge", "_br_"
	want := New(o)
	want.ID, want.RateLimited, want.PushEphemeral, want.Protocols = "other", nil, false, []string{"irc"}
	var b strings.Builder
	for _, d := range Compare(have, want) {
		fmt.Fprintln(&b, d)
	}
	text := `id is "causeway" in the registration and "other" after the configuration: to the homeserver they are two different appservices
url is "http://localhost:29350" in the registration and "http://causeway:1" after the configuration: the homeserver sends to the old address
as_token differs: the homeserver refuses Causeway's requests
hs_token differs: Causeway refuses the homeserver's requests
sender_localpart is "_cw_sender" in the registration and "_br_sender" after the configuration: requests of the appservice itself come from another account
rate_limited is false in the registration and true after the configuration: a limited Causeway falls behind in busy rooms
namespaces.users is ^@_cw_.*:example\.org$ and ^@causeway:example\.org$ in the registration and ^@_br_.*:example\.org$ and ^@bridge:example\.org$ after the configuration: the homeserver refuses to make people of networks, or sends what is not ours
namespaces.aliases is ^#_cw_.*:example\.org$ in the registration and ^#_br_.*:example\.org$ after the configuration: the homeserver refuses to make bridged rooms, or sends what is not ours
receive_ephemeral is true/true in the registration and true/false after the configuration: typing and receipts may not reach Causeway (the second value is the key's older name)
protocols is [] in the registration and ["irc"] after the configuration: the homeserver asks Causeway for lookups that it does not offer
`
	if diff := cmp.Diff(text, b.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	// What says the same in another order or way is no difference.
	same := Keep(have, New(options()))
	same.Namespaces.Users[0], same.Namespaces.Users[1] = same.Namespaces.Users[1], same.Namespaces.Users[0]
	same.Namespaces.Rooms = nil
	if d := Compare(have, same); len(d) > 0 {
		t.Errorf("differences: %v", d)
	}
	// The double puppets' null URL is shown as null.
	if d := Compare(NewDoublePuppet(options()), have); d[1].Have != "null" {
		t.Errorf("url: %v", d[1])
	}
	if s := fmt.Sprint(Compare(have, want)); strings.Contains(s, have.ASToken) || strings.Contains(s, want.HSToken) {
		t.Error("a token is in the differences")
	}
}
