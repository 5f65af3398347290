package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/command"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack"
)

func newSlack() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slack",
		Short: "Set up bridging with Slack",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSlackManifest())
	for _, op := range command.Operators() {
		if op.Name == "bridge-all" { // looked for here by who sets a workspace up
			cmd.AddCommand(newOperator(op))
		}
	}
	return cmd
}

// manifestOptions are the flags of slack manifest.
type manifestOptions struct {
	file, name, public string
	http, pkce, json   bool
}

func newSlackManifest() *cobra.Command {
	var o manifestOptions
	cmd := &cobra.Command{
		Use:   "manifest [NETWORK]",
		Short: "Print the manifest from which a workspace creates its own app",
		Long:  manifestLong,
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "config", "c", configName, "the configuration `FILE`, if there is one already")
	f.StringVar(&o.name, "name", "Causeway", "what the app is called on Slack")
	f.StringVar(&o.public, "public-url", "", "Causeway's public `URL`; default: public.url of the configuration")
	f.BoolVar(&o.http, "http", false, "have events pushed to the public address instead of through a socket")
	f.BoolVar(&o.pkce, "pkce", false, "have people sign in by PKCE, without a client secret; Slack does not let that be undone")
	f.BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (o *manifestOptions) run(cmd *cobra.Command, args []string) error {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	public, err := o.address(name, cmd.Flags().Changed("config"))
	if err != nil {
		return err
	}
	if o.http && public == "" {
		return usageError{errors.New("events are pushed to a public address: set public.url in the configuration, or give --public-url")}
	}
	data, err := slack.Manifest(slack.ManifestOptions{Name: o.name, Public: public, HTTP: o.http, PKCE: o.pkce}, o.json)
	if err != nil {
		return usageError{err}
	}
	_, err = cmd.OutOrStdout().Write(data)
	return err
}

// address is where Slack reaches a network; "": nowhere. Without a configuration
// the flags and arguments have to say it.
func (o *manifestOptions) address(name string, chosen bool) (string, error) {
	base := strings.TrimSuffix(o.public, "/")
	if _, err := os.Stat(o.file); err == nil || chosen {
		c, err := config.Load(o.file)
		if err != nil {
			return "", err
		}
		if base == "" {
			base = c.Public.URL
		}
		if name, err = slackNetwork(c, name); err != nil {
			return "", err
		}
	}
	if base == "" {
		return "", nil
	}
	if name == "" {
		return "", usageError{errors.New("say which network this is for, such as slack.acme: its name is in the addresses")}
	}
	if err := config.CheckNetworkName(name); err != nil {
		return "", usageError{err}
	}
	return base + network.VisitsPath(network.NetworkID(name)), nil
}

// slackNetwork is the network that name means: the only one if it is empty. One that
// is not configured yet is taken as it is.
func slackNetwork(c *config.Config, name string) (string, error) {
	var all []string
	for _, n := range c.Networks {
		if n.Protocol == "slack" {
			all = append(all, string(n.ID))
		}
	}
	switch {
	case name != "" || len(all) == 0:
		return name, nil
	case len(all) > 1:
		return "", usageError{fmt.Errorf("say for which network: %s", strings.Join(all, ", "))}
	}
	return all[0], nil
}

const manifestLong = `Print the manifest of a Slack app. On https://api.slack.com/apps choose Create New
App and From a manifest, and paste it. The app belongs to the workspace that creates
it, so Slack counts it as internal. Behind each scope stands what is lost without it.

  causeway slack manifest                     events come through a socket
  causeway slack manifest slack.acme --http   they are pushed to the public address

Where Causeway has a public address, the manifest also has what people need who
sign in as themselves by OAuth.
`
