package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc"
	"github.com/causeway-chat/causeway/bridges/slack"
)

// connectors are the networks of this build, by protocol: what stands before the
// dot in a network's name. A new connector is one line here.
func connectors() map[string]network.Constructor {
	return map[string]network.Constructor{
		"irc":   irc.New,
		"slack": slack.New,
	}
}

// openNetworks makes the connector of each configured network, without any
// network traffic. The error is config.Problems: all of what is wrong; those that
// could be made are returned all the same.
func openNetworks(c *config.Config) ([]network.Connector, error) {
	known := connectors()
	var list []network.Connector
	var problems config.Problems
	for _, n := range c.Networks {
		construct, ok := known[n.Protocol]
		if !ok {
			problems = append(problems, n.Problem(fmt.Sprintf("this build of Causeway has no protocol %q; it has %s",
				n.Protocol, strings.Join(slices.Sorted(maps.Keys(known)), ", "))))
			continue
		}
		made, err := construct(c.Options(n))
		if err != nil {
			problems = append(problems, n.Problems(err)...)
			continue
		}
		list = append(list, made)
	}
	if len(problems) > 0 {
		return list, problems
	}
	return list, nil
}
