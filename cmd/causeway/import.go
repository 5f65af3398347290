package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/cmd/causeway/matterbridge"
)

func newImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Come over from another bridge",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "matterbridge FILE",
		Short: "Print what a matterbridge configuration is for Causeway; change nothing",
		Long:  importMatterbridgeLong,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("read the configuration of matterbridge: %w; say where it is: causeway import matterbridge FILE", err)
			}
			out, err := matterbridge.Convert(args[0], data)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(out)
			return err
		},
	})
	return cmd
}

const importMatterbridgeLong = `Read the TOML file of matterbridge and print what belongs into causeway.yaml for its
IRC and Slack accounts, what to write in which Matrix room for its gateways, and what
cannot be carried over, with lines and reasons. Nothing is changed, and passwords and
tokens are not printed: the output names a file for each.

  causeway import matterbridge matterbridge.toml
  causeway import matterbridge matterbridge.toml >> causeway.yaml

The second is for a causeway.yaml without networks, as causeway init writes it. All that
is not a network is a comment there.
`
