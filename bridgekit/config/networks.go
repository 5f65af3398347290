package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Network is the section of one network, for its connector to decode.
type Network struct {
	ID       network.NetworkID // "irc.libera"
	Protocol string            // "irc": what comes before the dot
	Node     *yaml.Node        // the section without what follows; never nil
	// HubWith are the networks that this one's operators let it meet in a room, where
	// its protocol asks for that.
	HubWith []network.NetworkID
	// RelayFormat is what comes before the text of relayed people there; "": relay.prefix.
	RelayFormat string
	// Policy is what holds in its rooms that do not say it themselves; nil: nothing else
	// than everywhere.
	Policy *hub.Policy

	file string
	dir  string
	env  func(string) (string, bool)
	key  position
}

// Networks are the networks in the order of the file.
type Networks []Network

// Decode fills into, a pointer to a struct with yaml tags, from the section. It
// is as strict as Load, takes text from _file and _env keys too, and leaves the
// values of keys that are not set as they are. Errors are Problems.
func (n Network) Decode(into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("decode network %s: need a pointer to a struct, have %T", n.ID, into)
	}
	d := &decoder{file: n.file, dir: n.dir, env: n.env, at: map[string]position{}, failed: map[string]bool{}}
	d.value(n.Node, v.Elem(), "")
	if len(d.problems) > 0 {
		return d.problems.sorted()
	}
	return nil
}

// Problem is a problem with this network's section, at the line of its name.
// For what a connector finds wrong after Decode. The text gets the network's
// name in front if it does not have it.
func (n Network) Problem(text string) Problem {
	if !strings.Contains(text, string(n.ID)) {
		text = string(n.ID) + ": " + text
	}
	return Problem{File: n.file, Line: n.key.line, Column: n.key.column, Text: text}
}

// Problems is an error of the connector's constructor as problems of the file:
// those of Decode as they are, others at the line of the network's name.
func (n Network) Problems(err error) Problems {
	var problems Problems
	if errors.As(err, &problems) {
		return problems
	}
	return Problems{n.Problem(err.Error())}
}

// Options are what the constructor of n's connector gets.
func (c *Config) Options(n Network) network.Options {
	o := network.Options{ID: n.ID, Decode: n.Decode}
	if c.Public.URL != "" {
		o.Public = c.Public.URL + network.VisitsPath(n.ID)
	}
	return o
}

// networkName returns the form of a network's name: it is part of Matrix IDs,
// so it is lower case and short.
func networkName() *regexp.Regexp { return regexp.MustCompile(`^[a-z]+\.[a-z0-9-]+$`) }

const maxNetworkName = 40 // bytes; a Matrix ID has 255 for prefix, name, person and domain

// CheckNetworkName says in words what is wrong with the name of a network.
func CheckNetworkName(name string) error {
	switch {
	case !strings.Contains(name, "."):
		return fmt.Errorf("%q is not a network's name; write the protocol, a dot and a name of your choice, such as irc.libera", name)
	case !networkName().MatchString(name):
		return fmt.Errorf("%q is not a network's name; after the protocol and one dot it has lower-case letters, digits and hyphens only, such as irc.libera", name)
	case len(name) > maxNetworkName:
		return fmt.Errorf("%q is too long for a network's name: %d characters, %d are possible", name, len(name), maxNetworkName)
	}
	return nil
}

// decodeNode keeps each network's section for its connector.
func (ns *Networks) decodeNode(d *decoder, n *yaml.Node, path string) {
	d.pairs(n, path, func(key, value *yaml.Node) {
		name := key.Value
		if err := CheckNetworkName(name); err != nil {
			d.problem(key, "%v", err)
			return
		}
		if d.hasAliases(value) {
			return
		}
		if isNull(value) {
			value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: key.Line, Column: key.Column}
		}
		if value.Kind != yaml.MappingNode {
			d.problem(value, "%s must be keys and values, not %s", name, nodeKind(value))
			return
		}
		protocol, _, _ := strings.Cut(name, ".")
		one := Network{
			ID: network.NetworkID(name), Protocol: protocol,
			file: d.file, dir: d.dir, env: d.env, key: position{key.Line, key.Column},
		}
		one.Node = one.common(d, value, join(path, name))
		*ns = append(*ns, one)
	})
}

// common takes the keys that every network has out of its section.
func (n *Network) common(d *decoder, section *yaml.Node, path string) *yaml.Node {
	rest := *section
	rest.Content = nil
	for i := 0; i+1 < len(section.Content); i += 2 {
		key, value := section.Content[i], section.Content[i+1]
		switch key.Value {
		case "hub_with":
			d.value(value, reflect.ValueOf(&n.HubWith).Elem(), join(path, key.Value))
		case "relay_format":
			d.value(value, reflect.ValueOf(&n.RelayFormat).Elem(), join(path, key.Value))
			if err := checkRelayPrefix(n.RelayFormat); err != nil {
				d.problem(value, "%s: %v", join(path, key.Value), err)
			}
		case "policy":
			n.policy(d, value, join(path, key.Value))
		default:
			rest.Content = append(rest.Content, key, value)
		}
	}
	return &rest
}

// policy reads the settings of hub.Configurable, as the bot's command hub set takes them.
func (n *Network) policy(d *decoder, section *yaml.Node, path string) {
	possible := hub.Configurable()
	d.pairs(section, path, func(key, value *yaml.Node) {
		if !slices.Contains(possible, key.Value) {
			d.problem(key, "there is no key %q in %s; known are %s", key.Value, path, strings.Join(possible, ", "))
			return
		}
		text := ""
		d.value(value, reflect.ValueOf(&text).Elem(), join(path, key.Value))
		if text == "" {
			return // said already
		}
		p, err := n.Policy.Set(key.Value, text)
		if err != nil {
			d.problem(value, "%s: %v", path, err)
			return
		}
		n.Policy = p
	})
}
