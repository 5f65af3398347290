package config

import (
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
)

// Advice names what works but is probably not meant, in words that say what to
// do. It looks at the modes of the files, and asks no other machine.
func (c *Config) Advice() []string {
	var list []string
	advise := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, one := range []struct{ name, url string }{
		{"homeserver.url", c.Homeserver.URL}, {"public.url", c.Public.URL},
	} {
		if u, err := url.Parse(one.url); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
			advise("%s is http:// to another machine, so others on the way can read along: use https://, unless the network between is private", one.name)
		}
	}
	c.adviseListeners(advise)
	c.advisePermissions(advise)
	if len(c.Networks) == 0 {
		advise("networks is empty, so there is nothing to bridge: add one, see 'causeway help configuration'")
	}
	for _, path := range append([]string{c.file, c.Appservice.Registration, c.Appservice.DoublePuppet}, c.secretFiles...) {
		if mode, open := readableByAll(path); open {
			advise("everybody on this machine can read %s (mode %04o): chmod o-rwx %s", path, mode, path)
		}
	}
	return list
}

func (c *Config) adviseListeners(advise func(string, ...any)) {
	if host, _, err := net.SplitHostPort(c.Metrics.Listen); err == nil && !isLoopback(host) {
		advise("metrics.listen is %s: other machines can read the names of your networks and how busy they are; use 127.0.0.1 if your Prometheus runs here", c.Metrics.Listen)
	}
	host, port, err := net.SplitHostPort(c.Appservice.Listen)
	u, err2 := url.Parse(c.Appservice.URL)
	if err != nil || err2 != nil {
		return
	}
	switch near := isLoopback(u.Hostname()); {
	case near && !isLoopback(host):
		advise("appservice.listen is %s, but the homeserver comes from this machine (%s): listen on 127.0.0.1:%s, so that nobody else can knock", c.Appservice.Listen, c.Appservice.URL, port)
	case !near && isLoopback(host) && u.Port() == port:
		advise("the homeserver comes to %s, but appservice.listen is %s, which only this machine reaches: listen on 0.0.0.0:%s", c.Appservice.URL, c.Appservice.Listen, port)
	case near && u.Port() != "" && u.Port() != port && port != "0":
		advise("appservice.url has port %s and appservice.listen port %s: right only if something on this machine passes one on to the other", u.Port(), port)
	}
}

func (c *Config) advisePermissions(advise func(string, ...any)) {
	admins := false
	for _, level := range c.Permissions {
		admins = admins || level == LevelAdmin
	}
	if !admins {
		advise("permissions names no admin: add your own Matrix ID, such as \"@you:%s\": admin", c.Homeserver.Domain)
	}
	if level := c.Permissions["*"]; level > LevelRelay {
		advise("permissions gives %s to \"*\", which is everybody on every homeserver: use relay", level)
	}
}

// isLoopback reports whether only this machine reaches host. An empty host is
// every interface.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// readableByAll reports whether the file at path exists and users who are
// neither its owner nor in its group can read it.
func readableByAll(path string) (fs.FileMode, bool) {
	if path == "" {
		return 0, false
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	return info.Mode().Perm(), info.Mode().Perm()&0o004 != 0
}
