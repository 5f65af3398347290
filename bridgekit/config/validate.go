package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/causeway-chat/causeway/bridgekit/hub"
)

// complete fills in what follows from other values.
func (c *Config) complete() {
	c.Homeserver.URL = strings.TrimRight(c.Homeserver.URL, "/")
	c.Public.URL = strings.TrimRight(c.Public.URL, "/")
	c.Appservice.URL = strings.TrimRight(c.Appservice.URL, "/")
	if c.Appservice.URL == "" {
		if _, port, err := net.SplitHostPort(c.Appservice.Listen); err == nil {
			c.Appservice.URL = "http://localhost:" + port
		}
	}
	for _, path := range []*string{&c.Appservice.Registration, &c.Appservice.DoublePuppet} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(c.dir, *path)
		}
	}
	c.Database.resolve(c.dir)
}

// validate reports what cannot work.
func (c *Config) validate(d *decoder) {
	c.validateRequired(d)
	d.check("appservice.url", c.Appservice.URL, CheckURL)
	d.check("public.url", c.Public.URL, CheckURL)
	d.check("bot.name", c.Bot.Name, CheckLocalpart)
	d.check("appservice.prefix", c.Appservice.Prefix, checkPrefix)
	if c.Appservice.Prefix == "" {
		d.invalid("appservice.prefix", "it is empty, which would claim every account; leave the key out for the default")
	}
	d.check("relay.prefix", c.Relay.Prefix, checkRelayPrefix)
	if c.Bot.Name == "" {
		d.invalid("bot.name", "it is empty; leave the key out for the default")
	} else if c.Bot.Name == c.Appservice.Prefix+"sender" {
		// The homeserver gives the sender's events and keys special treatment:
		// encryption needs a bot that is another account.
		d.invalid("bot.name", "%q is taken by the appservice's own account; choose another name", c.Bot.Name)
	}
	if c.Appservice.Registration == "" {
		d.invalid("appservice.registration", "it is empty; leave the key out for the default")
	} else if c.Appservice.Registration == c.Appservice.DoublePuppet {
		d.invalid("appservice.double_puppet", "it is the same file as appservice.registration; it must be another one")
	}
	c.validateListeners(d)
	c.validatePermissions(d)
	c.validateLimits(d)
	c.validatePeople(d)
	c.validateHub(d)
}

func (c *Config) validateRequired(d *decoder) {
	if c.Homeserver.URL == "" {
		d.missing("homeserver.url", "where Causeway reaches the homeserver, such as http://localhost:8008")
	} else {
		d.check("homeserver.url", c.Homeserver.URL, CheckURL)
	}
	if c.Homeserver.Domain == "" {
		d.missing("homeserver.domain", "the part of your Matrix IDs after the colon")
	} else {
		d.check("homeserver.domain", c.Homeserver.Domain, CheckDomain)
	}
	if c.Key == (Key{}) {
		d.missing("key", "the secret that seals what is stored; 'causeway init' makes one and sets key_file")
	}
}

func (c *Config) validateListeners(d *decoder) {
	type listener struct{ path, address string }
	var used []listener
	for _, l := range []listener{
		{"appservice.listen", c.Appservice.Listen},
		{"metrics.listen", c.Metrics.Listen},
		{"public.listen", c.Public.Listen},
	} {
		d.check(l.path, l.address, CheckListen)
		for _, other := range used {
			if l.address != other.address || strings.HasSuffix(l.address, ":0") {
				continue
			}
			mine, theirs := l.path, other.path
			if _, ok := d.at[mine]; !ok { // a default is nobody's mistake
				mine, theirs = theirs, mine
			}
			d.invalid(mine, "%s is also %s; each needs a port of its own", l.address, theirs)
			break
		}
		if l.address != "" {
			used = append(used, l)
		}
	}
	if c.Appservice.Listen == "" {
		d.invalid("appservice.listen", "it is empty; leave the key out for the default")
	}
	switch {
	case c.Public.Listen != "" && c.Public.URL == "":
		d.missing("public.url", "where the public reaches public.listen")
	case c.Public.Listen == "" && c.Public.URL != "":
		d.missing("public.listen", "the address and port on which Causeway serves public.url")
	}
}

func (c *Config) validatePermissions(d *decoder) {
	for key := range c.Permissions {
		var err error
		switch {
		case key == "*":
		case strings.HasPrefix(key, "@"):
			err = CheckUserID(key)
		case strings.ContainsAny(key, "*?"):
			err = CheckDomain(strings.NewReplacer("*", "x", "?", "x").Replace(key))
		default:
			err = CheckDomain(key)
		}
		if err != nil {
			d.invalid(join("permissions", key), "%v; keys are Matrix IDs, domains, patterns of domains and \"*\"", err)
		}
	}
}

func (c *Config) validateLimits(d *decoder) {
	for key, n := range map[string]int{"history.messages": c.History.Messages, "history.catch_up": c.History.CatchUp} {
		if n < 0 {
			d.invalid(key, "it is below 0; write 0 for none")
		}
	}
	if c.History.Wait < 0 {
		d.invalid("history.wait", "it is below 0; write 0s for as long as it takes")
	}
	if c.Limits.Members < 0 {
		d.invalid("limits.members", "it is below 0; write 0 for none")
	}
	if c.Limits.LinkExpiry <= 0 {
		d.invalid("limits.link_expiry", "it must be above 0")
	}
	if c.Limits.Spool < 1<<20 {
		d.invalid("limits.spool", "%s is too small to be useful; write at least 1MiB", c.Limits.Spool)
	}
}

// check reports what f says about the value at path, if there is a value.
func (d *decoder) check(path, value string, f func(string) error) {
	if value == "" {
		return
	}
	if err := f(value); err != nil {
		d.invalid(path, "%v", err)
	}
}

// invalid reports a problem with the value at path, where it or what it is in stands.
func (d *decoder) invalid(path, format string, args ...any) {
	d.problemAt(d.place(path), path+": "+format, args...)
}

// missing reports that path is not set, unless it was but not understood.
func (d *decoder) missing(path, what string) {
	for p := path; ; p = p[:max(strings.LastIndexByte(p, '.'), 0)] {
		if d.failed[p] {
			return
		}
		if p == "" {
			break
		}
	}
	d.problemAt(d.place(path), "%s is missing: %s", path, what)
}

// place is where the value at path stands, else where what it is in stands.
func (d *decoder) place(path string) position {
	for path != "" {
		if at, ok := d.at[path]; ok {
			return at
		}
		i := strings.LastIndexByte(path, '.')
		path = path[:max(i, 0)]
	}
	return position{1, 1}
}

// CheckURL says in words what is wrong with the base URL of a server.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return fmt.Errorf("%q is not a URL; write it with http:// or https://, such as http://localhost:8008", s)
	case u.User != nil:
		return errors.New("a URL with a user name or password in it is not possible")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("%q has a part after ? or #; write the address only", s)
	case strings.ContainsFunc(s, unicode.IsSpace):
		return fmt.Errorf("%q has a space in it", s)
	}
	if p := u.Port(); p != "" {
		return checkPort(p)
	}
	return nil
}

// CheckDomain says in words what is wrong with a homeserver's domain
// (Matrix spec, appendices, "Server Name").
func CheckDomain(s string) error {
	if strings.Contains(s, "://") || strings.Contains(s, "/") {
		return fmt.Errorf("%q is an address; a domain is what comes after the colon in a Matrix ID, such as example.org", s)
	}
	m := regexp.MustCompile(`^(?:\[([0-9A-Fa-f:.]{2,45})\]|[A-Za-z0-9.-]{1,230})(?::([0-9]{1,5}))?$`).FindStringSubmatch(s)
	if m == nil || (m[1] != "" && net.ParseIP(m[1]) == nil) {
		return fmt.Errorf("%q is not a domain; it is what comes after the colon in a Matrix ID, such as example.org", s)
	}
	if m[2] != "" {
		return checkPort(m[2])
	}
	return nil
}

// CheckUserID says in words what is wrong with a Matrix ID (Matrix spec,
// appendices, "User Identifiers", historical ones included).
func CheckUserID(s string) error {
	local, domain, ok := strings.Cut(s, ":")
	if !ok || len(local) < 2 || local[0] != '@' || CheckDomain(domain) != nil ||
		strings.ContainsFunc(local, func(r rune) bool { return r < '!' || r > '~' }) {
		return fmt.Errorf("%q is not a Matrix ID; write it like @you:example.org", s)
	}
	if len(s) > 255 {
		return fmt.Errorf("%q is longer than the 255 bytes of a Matrix ID", s)
	}
	return nil
}

// CheckLocalpart says in words what is wrong with the localpart of an account
// to make (Matrix spec, appendices, "User Identifiers").
func CheckLocalpart(s string) error {
	if !regexp.MustCompile(`^[a-z0-9._=/+-]{1,100}$`).MatchString(s) {
		return fmt.Errorf("%q is not possible in a Matrix ID; use up to 100 of a to z, 0 to 9 and . _ = / + -", s)
	}
	return nil
}

// checkPrefix keeps the namespace from claiming the accounts of people.
func checkPrefix(s string) error {
	if !regexp.MustCompile(`^[a-z0-9._=/+-]{2,30}_$`).MatchString(s) {
		return fmt.Errorf("%q cannot be the prefix; use 3 to 31 of a to z, 0 to 9 and . _ = / + - with _ at the end, such as _cw_", s)
	}
	return nil
}

func checkRelayPrefix(s string) error {
	_, err := hub.ParseFormat(s)
	return err
}

// validateHub reports networks that are not there, and agreements of one side only.
func (c *Config) validateHub(d *decoder) {
	for _, n := range c.Networks {
		path := "networks." + string(n.ID) + ".hub_with"
		for _, with := range n.HubWith {
			switch o := c.Network(string(with)); {
			case o == nil:
				d.invalid(path, "there is no network %s", with)
			case !slices.Contains(o.HubWith, n.ID):
				d.invalid(path, "%s has agreed, but hub_with of %s does not name it: both have to", n.ID, with)
			}
		}
	}
}

// CheckListen says in words what is wrong with an address to listen on.
func CheckListen(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || port == "" || strings.ContainsAny(host, " /") {
		return fmt.Errorf("%q is not an address to listen on; write it like 127.0.0.1:29350", s)
	}
	return checkPort(port)
}

func checkPort(port string) error {
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q is not a port; ports are numbers up to 65535", port)
	}
	return nil
}
