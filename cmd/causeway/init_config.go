package main

import (
	"bytes"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/causeway-chat/causeway/bridgekit/config"
)

// An entry is a key and value of a YAML file, whose order counts for people.
type entry struct {
	key   string
	value any // text, true or false, or []entry
}

// node is entries as YAML. Text is quoted where it has to be.
func node(entries []entry) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, e := range entries {
		var key, value yaml.Node
		key.SetString(e.key)
		if sub, ok := e.value.([]entry); ok {
			value = *node(sub)
		} else if err := value.Encode(e.value); err != nil {
			value.SetString(fmt.Sprint(e.value))
		}
		n.Content = append(n.Content, &key, &value)
	}
	return n
}

// configFile is the configuration: what has no good default, and no more.
func configFile(o *initOptions, listen string, networks []entry) ([]byte, error) {
	appservice := []entry{{"listen", listen}, {"url", o.url}}
	if !o.noDoublePuppet {
		appservice = append(appservice, entry{"double_puppet", doublePuppetName})
	}
	entries := []entry{
		{"homeserver", []entry{{"url", o.homeserver}, {"domain", o.domain}}},
		{"appservice", appservice},
		{"database", "sqlite:causeway.db"},
		{"key_file", keyName},
		{"permissions", []entry{
			{o.admin, config.LevelAdmin.String()},
			{o.domain, config.LevelUser.String()},
			{"*", config.LevelRelay.String()},
		}},
	}
	if len(networks) > 0 {
		entries = append(entries, entry{"networks", networks})
	}
	var b bytes.Buffer
	b.WriteString("# Every key and its default: causeway help configuration\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(node(entries)); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	if len(networks) == 0 {
		b.WriteString(networkExample)
	}
	return b.Bytes(), nil
}

// networkExample is what a configuration without a network ends with.
const networkExample = `# networks:
#   irc.libera: {server: "irc.libera.chat:6697", nick: causeway}
#   slack.acme: {name: Acme, bot_token_file: slack-bot-token, app_token_file: slack-app-token} # causeway slack manifest
`

// ircNetworks are the sections for the --irc flags, each [NAME=]HOST[:PORT].
func ircNetworks(flags []string, nick string) ([]entry, error) {
	if strings.ContainsAny(nick, " \r\n\t\x00") || nick == "" {
		return nil, fmt.Errorf("--nick: %q is not a nick", nick)
	}
	var list []entry
	for _, flag := range flags {
		name, address, named := strings.Cut(flag, "=")
		if !named {
			name, address = "", flag
		}
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			host, port = strings.Trim(address, "[]"), "6697"
		}
		address = net.JoinHostPort(host, port)
		if err := config.CheckListen(address); err != nil || host == "" {
			return nil, fmt.Errorf("--irc: %q is not a server; write it like irc.libera.chat or libera=irc.libera.chat:6697", flag)
		}
		if !named {
			name = shortName(host)
		}
		id := "irc." + name
		if err := config.CheckNetworkName(id); err != nil {
			return nil, fmt.Errorf("--irc: %w; name it yourself: --irc NAME=%s", err, address)
		}
		if slices.ContainsFunc(list, func(e entry) bool { return e.key == id }) {
			return nil, fmt.Errorf("--irc: two networks would be %s; name them yourself: --irc NAME=%s", id, address)
		}
		list = append(list, entry{id, ircSection(address, nick, loopback(host) || port == "6667")})
	}
	return list, nil
}

// ircSection is the least that an IRC network needs.
func ircSection(address, nick string, plain bool) []entry {
	section := []entry{{"server", address}, {"nick", nick}}
	if plain {
		section = append(section, entry{"tls", false})
	}
	return section
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// shortName is a network's name after its server: irc.libera.chat is libera.
func shortName(host string) string {
	if net.ParseIP(host) != nil {
		return "local"
	}
	labels := strings.Split(strings.ToLower(host), ".")
	if len(labels) > 1 && regexp.MustCompile(`^(irc|ircs|chat|server|ssl|tls)\d*$`).MatchString(labels[0]) {
		return labels[1]
	}
	return labels[0]
}
