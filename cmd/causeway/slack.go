package main

import (
	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridges/slack"
)

const slackLong = `What is peculiar to Slack. docs/slack.md says how a workspace is bridged.`

const manifestLong = `Print the manifest of an app for Slack, as JSON.

Make the app from it: https://api.slack.com/apps, Create New App, From a manifest.
It belongs to your workspace alone. Then make an app-level token with the scope
connections:write (Basic Information), install the app (Install App) and put both
tokens into the configuration.`

// newSlack is the command about Slack.
func newSlack() *cobra.Command {
	cmd := &cobra.Command{Use: "slack", Short: "Make the app that a Slack workspace needs", Long: slackLong}
	manifest := &cobra.Command{Use: "manifest", Short: "Print the manifest of the app", Long: manifestLong, Args: cobra.NoArgs}
	name := manifest.Flags().String("name", "Causeway", "the app's `NAME`, of at most 35 characters")
	manifest.RunE = func(cmd *cobra.Command, _ []string) error {
		text, err := slack.Manifest(*name)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	cmd.AddCommand(manifest)
	return cmd
}
