package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// build is what the program knows about itself.
type build struct {
	version string
	commit  string // "" if unknown
	changed bool   // the commit's files had been changed
	modules map[string]bool
}

// readBuild reads what the Go command has written into the program.
func readBuild() build {
	b := build{version: "development", modules: map[string]bool{}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value
		case "vcs.modified":
			b.changed = s.Value == "true"
		}
	}
	for _, m := range info.Deps {
		b.modules[m.Path] = true
	}
	return b
}

// licences says under which terms the program is conveyed. Libraries that ask
// for more than being named are in it if they are in this build.
func (b build) licences() string {
	if b.modules["go.mau.fi/libsignal"] {
		return "GPL-3.0 as a whole, because it contains go.mau.fi/libsignal; Causeway's own sources are Apache-2.0"
	}
	var mpl []string
	for _, path := range []string{"maunium.net/go/mautrix", "go.mau.fi/util", "go.mau.fi/whatsmeow"} {
		if b.modules[path] {
			mpl = append(mpl, path)
		}
	}
	if len(mpl) == 0 {
		return "Apache-2.0"
	}
	return "Apache-2.0; it contains " + strings.Join(mpl, ", ") + " under MPL-2.0"
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is, and its licences",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := readBuild()
			commit := b.commit
			switch {
			case commit == "":
				commit = "unknown"
			case b.changed:
				commit += ", with changes"
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "causeway %s\ncommit   %s\ngo       %s %s/%s\nlicence  %s\n",
				b.version, commit, strings.TrimPrefix(runtime.Version(), "go"), runtime.GOOS, runtime.GOARCH, b.licences())
			return err
		},
	}
}
