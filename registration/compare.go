package registration

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Difference is one way in which the registration that the homeserver has
// differs from the one that the configuration asks for. It never holds a token.
type Difference struct {
	Field string
	Have  string // in the registration; "" for tokens
	Want  string // after the configuration; "" for tokens
	Means string // what comes of it
}

// String is the difference on one line.
func (d Difference) String() string {
	if d.Have == "" && d.Want == "" {
		return d.Field + " differs: " + d.Means
	}
	return fmt.Sprintf("%s is %s in the registration and %s after the configuration: %s", d.Field, d.Have, d.Want, d.Means)
}

// Compare names the differences between the registration that the homeserver
// has loaded and the one that is expected, in the order of the file. To compare
// a file with the configuration, want is Keep(have, New(options)). Keys that
// Registration does not know are not compared, nor is the order of namespaces.
func Compare(have, want Registration) []Difference {
	var list []Difference
	add := func(field, a, b, means string) {
		if a != b {
			list = append(list, Difference{Field: field, Have: a, Want: b, Means: means})
		}
	}
	secret := func(field, a, b, means string) {
		if a != b {
			list = append(list, Difference{Field: field, Means: means})
		}
	}
	add("id", quoted(have.ID), quoted(want.ID), "to the homeserver they are two different appservices")
	add("url", quoted(string(have.URL)), quoted(string(want.URL)), "the homeserver sends to the old address")
	secret("as_token", have.ASToken, want.ASToken, "the homeserver refuses Causeway's requests")
	secret("hs_token", have.HSToken, want.HSToken, "Causeway refuses the homeserver's requests")
	add("sender_localpart", quoted(have.SenderLocalpart), quoted(want.SenderLocalpart), "requests of the appservice itself come from another account")
	add("rate_limited", limited(have), limited(want), "a limited Causeway falls behind in busy rooms")
	for _, one := range []struct {
		field, what string
		a, b        []Namespace
	}{
		{"namespaces.users", "people of networks", have.Namespaces.Users, want.Namespaces.Users},
		{"namespaces.aliases", "bridged rooms", have.Namespaces.Aliases, want.Namespaces.Aliases},
		{"namespaces.rooms", "rooms", have.Namespaces.Rooms, want.Namespaces.Rooms},
	} {
		a, b := spaces(one.a), spaces(one.b)
		add(one.field, a, b, "the homeserver refuses to make "+one.what+", or sends what is not ours")
	}
	add("receive_ephemeral", fmt.Sprint(have.ReceiveEphemeral, "/", have.PushEphemeral), fmt.Sprint(want.ReceiveEphemeral, "/", want.PushEphemeral),
		"typing and receipts may not reach Causeway (the second value is the key's older name)")
	if !slices.Equal(have.Protocols, want.Protocols) {
		add("protocols", fmt.Sprintf("%q", have.Protocols), fmt.Sprintf("%q", want.Protocols), "the homeserver asks Causeway for lookups that it does not offer")
	}
	return list
}

// Equal reports whether two registrations are the same to a homeserver.
func Equal(a, b Registration) bool {
	return len(Compare(a, b)) == 0 && (len(a.Extra)+len(b.Extra) == 0 || reflect.DeepEqual(a.Extra, b.Extra))
}

func quoted(s string) string {
	if s == "" {
		return "null"
	}
	return fmt.Sprintf("%q", s)
}

// limited is rate_limited in words; the default is true.
func limited(r Registration) string { return fmt.Sprint(r.RateLimited == nil || *r.RateLimited) }

// spaces are namespaces in words, in one order.
func spaces(list []Namespace) string {
	if len(list) == 0 {
		return "nothing"
	}
	words := make([]string, len(list))
	for i, ns := range list {
		words[i] = ns.Regex
		if !ns.Exclusive {
			words[i] += " (not exclusive)"
		}
	}
	slices.Sort(words)
	return strings.Join(words, " and ")
}
