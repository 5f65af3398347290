package registration

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// A Problem is something wrong with a registration, in words. It never holds a
// token.
type Problem struct {
	Field  string // "namespaces.users[0]"
	Text   string // what is wrong
	Remedy string // what to do
	// Fatal problems keep Causeway from working; with the others it works, but
	// worse or less safely.
	Fatal bool
}

// String is the problem and its remedy on one line.
func (p Problem) String() string { return p.Field + ": " + p.Text + "; " + p.Remedy }

// update is the remedy for what follows from the configuration.
const update = "run 'causeway registration update' and restart the homeserver"

// newTokens is the remedy for tokens.
const newTokens = "run 'causeway registration update --new-tokens' and restart the homeserver"

// Check names what is wrong with a main registration: o is what the
// configuration says.
func Check(r Registration, o Options) []Problem {
	c := checker{o: o}
	c.common(r)
	c.url(string(r.URL))
	if r.SenderLocalpart == o.Bot {
		c.fatal("sender_localpart", "it is the bot, whose encryption needs an account that is not tied to the registration", update)
	}
	if !r.ReceiveEphemeral && !r.PushEphemeral {
		c.problem("receive_ephemeral", "it is not true, so typing and receipts do not reach Causeway", update)
	}
	users := c.compile("namespaces.users", r.Namespaces.Users)
	c.covers("namespaces.users", users, "@"+o.Bot+":"+o.Domain, "the bot")
	c.covers("namespaces.users", users, "@"+o.Prefix+"irc.example_nick:"+o.Domain, "people of networks")
	aliases := c.compile("namespaces.aliases", r.Namespaces.Aliases)
	c.covers("namespaces.aliases", aliases, "#"+o.Prefix+"0123:"+o.Domain, "bridged rooms")
	for _, ns := range append(users, aliases...) {
		c.width(ns)
	}
	for i := range c.compile("namespaces.rooms", r.Namespaces.Rooms) {
		c.problem(fmt.Sprintf("namespaces.rooms[%d]", i), "Causeway claims no rooms", "remove it, and restart the homeserver")
	}
	return c.problems
}

// CheckDoublePuppet names what is wrong with the registration for double puppets.
func CheckDoublePuppet(r Registration, o Options) []Problem {
	c := checker{o: o}
	c.common(r)
	if r.URL != "" {
		c.fatal("url", "it is not null, so the homeserver would send everything that happens on it", update)
	}
	users := c.compile("namespaces.users", r.Namespaces.Users)
	covered := false
	for _, ns := range users {
		covered = covered || ns.MatchString("@someone:"+o.Domain)
		if ns.Exclusive {
			c.fatal(ns.field, "it is exclusive, so nobody else could use their accounts", update)
		}
		if ns.MatchString("@someone:" + elsewhere) {
			c.problem(ns.field, "it covers users of other homeservers, for whom Causeway cannot act", update)
		}
	}
	if !covered {
		c.fatal("namespaces.users", "it does not cover the users of "+o.Domain, update)
	}
	return c.problems
}

// elsewhere is a domain that is no one's.
const elsewhere = "elsewhere.invalid"

// A checker collects problems.
type checker struct {
	o        Options
	problems []Problem
}

func (c *checker) problem(field, text, remedy string) {
	c.problems = append(c.problems, Problem{Field: field, Text: text, Remedy: remedy})
}

func (c *checker) fatal(field, text, remedy string) {
	c.problems = append(c.problems, Problem{Field: field, Text: text, Remedy: remedy, Fatal: true})
}

// common checks what both registrations have.
func (c *checker) common(r Registration) {
	if r.ID == "" {
		c.fatal("id", "it is empty", update)
	}
	if r.SenderLocalpart == "" {
		c.fatal("sender_localpart", "it is empty", update)
	}
	c.token("as_token", r.ASToken)
	c.token("hs_token", r.HSToken)
	if r.ASToken != "" && r.ASToken == r.HSToken {
		c.fatal("hs_token", "it is the same as as_token, so each side could pass for the other", newTokens)
	}
	if r.RateLimited == nil || *r.RateLimited {
		c.problem("rate_limited", "it is not false, so the homeserver may slow Causeway to a message in five seconds", update)
	}
}

// token checks that a token is a secret and can stand in a header.
func (c *checker) token(field, token string) {
	distinct := map[rune]bool{}
	for _, r := range token {
		distinct[r] = true
	}
	switch {
	case token == "":
		c.fatal(field, "it is empty", newTokens)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		c.fatal(field, "it has characters that cannot stand in a request", newTokens)
	case len(token) < 32 || len(distinct) < 8:
		c.problem(field, "it could be guessed", newTokens)
	}
}

func (c *checker) url(s string) {
	if s == "" {
		c.fatal("url", "it is null, so the homeserver sends nothing to Causeway", update)
		return
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		c.fatal("url", fmt.Sprintf("%q is not an http:// or https:// address", s), "set appservice.url in the configuration, then "+update)
	}
}

// A compiled namespace.
type compiled struct {
	Namespace
	*regexp.Regexp
	field string
}

// compile reports expressions that do not compile and returns the others.
// Dendrite uses the syntax of Go; what compiles there means the same elsewhere.
func (c *checker) compile(field string, list []Namespace) []compiled {
	var good []compiled
	for i, ns := range list {
		name := fmt.Sprintf("%s[%d]", field, i)
		re, err := regexp.Compile(ns.Regex)
		switch {
		case err != nil:
			c.fatal(name, fmt.Sprintf("%q is not a regular expression that every homeserver knows (%v)", ns.Regex, err), update)
		case ns.Regex == "":
			c.fatal(name, "it is empty", update)
		default:
			good = append(good, compiled{ns, re, name})
		}
	}
	return good
}

// covers checks that one exclusive namespace covers an ID that is ours.
func (c *checker) covers(field string, list []compiled, id, what string) {
	shared := false
	for _, ns := range list {
		if ns.MatchString(id) {
			if ns.Exclusive {
				return
			}
			shared = true
		}
	}
	if shared {
		c.problem(field, "it is not exclusive for "+what+" ("+id+"), so others can take the name", update)
		return
	}
	c.fatal(field, "it does not cover "+what+" ("+id+")", update)
}

// width checks that an exclusive namespace claims no more than is ours.
func (c *checker) width(ns compiled) {
	if !ns.Exclusive {
		c.fatal(ns.field, "it is not exclusive, so the homeserver also sends what concerns nobody here", update)
		return
	}
	sigil := ns.field[len("namespaces."):][:1] // u or a
	sigil = map[string]string{"u": "@", "a": "#"}[sigil]
	for _, stranger := range []string{"alice", "bob", "admin", "a", "general", "x" + c.o.Prefix} {
		id := sigil + stranger + ":" + c.o.Domain
		if stranger != c.o.Bot && ns.MatchString(id) {
			c.fatal(ns.field, "it is too wide: it claims "+id+", which is somebody else's", update)
			return
		}
	}
	if loose := strings.ReplaceAll(c.o.Domain, ".", "x"); loose != c.o.Domain &&
		(ns.MatchString(sigil+c.o.Prefix+"y:"+loose) || ns.MatchString(sigil+c.o.Bot+":"+loose)) {
		c.problem(ns.field, "a dot of the domain is not escaped, so it means any character", update)
		return
	}
	if !strings.HasPrefix(ns.Regex, "^") || !strings.HasSuffix(ns.Regex, "$") {
		c.problem(ns.field, "it does not begin with ^ and end with $, so some homeservers find it in the middle of other IDs", update)
	}
}
