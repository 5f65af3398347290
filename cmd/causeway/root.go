package main

import (
	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/config"
)

// newRoot is the command tree. It sets *started when a command's own code begins,
// so that run can tell a wrong call from one that did not work.
func newRoot(started *bool) *cobra.Command {
	root := &cobra.Command{
		Use:           "causeway",
		Short:         "Causeway joins chat networks to Matrix.",
		Long:          rootText,
		Version:       readBuild().version,
		SilenceErrors: true, // main says it
		SilenceUsage:  true,
		// A command must not have a PersistentPreRun of its own: it would replace this one.
		PersistentPreRun: func(*cobra.Command, []string) { *started = true },
	}
	root.SetVersionTemplate("causeway {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newInit(),
		newDoctor(),
		newRun(),
		newQueue(),
		newHub(),
		newBackup(),
		newRestore(),
		newMigrateDB(),
		newRegistration(),
		newSlack(),
		newImport(),
		newVersion(),
		// A command without code is a topic of help: causeway help configuration.
		&cobra.Command{Use: "configuration", Short: "Every key of causeway.yaml", Long: config.Reference()},
	)
	root.AddCommand(newOperators()...)
	root.AddCommand(newLife()...)
	return root
}

// configFlag gives a command the flag that says where the configuration is.
func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("config", "c", configName, "the configuration `FILE`")
}

const rootText = `Causeway joins chat networks to Matrix: one program, one configuration and one
registration for all of them.

Begin with:
  causeway init      writes the configuration and says what the homeserver needs
  causeway doctor    checks everything and says what to do about what is wrong
  causeway run       bridges

Keep a backup: causeway backup FILE
`
