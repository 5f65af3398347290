package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

func newRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore a backup into an empty database",
		Long:  restoreLong,
		Args:  cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	replace := cmd.Flags().Bool("replace", false, "move an SQLite database that is in the way aside")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := config.Load(*file)
		if err != nil {
			return err
		}
		in := cmd.InOrStdin()
		if args[0] != stdio {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			in = f
		}
		return restoreBackup(cmd.Context(), c, in, *replace, cmd.OutOrStdout())
	}
	return cmd
}

func restoreBackup(ctx context.Context, c *config.Config, in io.Reader, replace bool, w io.Writer) error {
	if replace && c.Database.Dialect != config.SQLite {
		return usageError{errors.New("--replace is for SQLite; make an empty database and name it in " + c.File())}
	}
	if err := notRunning(ctx, c); err != nil {
		return err
	}
	restore := restoreOver
	if c.Database.Dialect == config.SQLite {
		restore = restoreBeside
	}
	copied, aside, err := restore(ctx, c, in, replace)
	if err != nil {
		return err
	}
	if err := printCopied(w, copied); err != nil {
		return err
	}
	if aside != "" {
		fmt.Fprintf(w, "\nThe database that was there is %s now.\n", aside)
	}
	_, err = fmt.Fprintf(w, "\nWhat happened after the backup was made is looked up on both sides before anything is delivered, so that nothing arrives twice.\nDo by hand again, since then: signing in and out, plumbing and unbridging rooms.\nNow start: causeway run\n")
	return err
}

// restoreOver restores into a PostgreSQL database.
func restoreOver(ctx context.Context, c *config.Config, in io.Reader, _ bool) (copied store.Copied, aside string, err error) {
	copied, err = store.Restore(ctx, databaseSource(c.Database), c.Key.For(config.KeySeal), in)
	return copied, "", emptyRemedy(err, "make an empty one and name it in "+c.File())
}

// restoreBeside restores into a file beside the SQLite database, which takes its
// place when it is whole.
func restoreBeside(ctx context.Context, c *config.Config, in io.Reader, replace bool) (copied store.Copied, aside string, err error) {
	path := c.Database.Source
	empty, err := store.Empty(ctx, "sqlite:"+path)
	if err == nil && !empty && !replace {
		err = emptyRemedy(fmt.Errorf("%s: %w", path, store.ErrNotEmpty), "to move it aside: --replace")
	}
	if err == nil {
		err = store.Alone(ctx, "sqlite:"+path)
	}
	if err != nil {
		return copied, "", err
	}
	fresh := path + ".restoring"
	if err := removeDatabase(fresh); err != nil { // of a restore that was interrupted
		return copied, "", err
	}
	copied, err = store.Restore(ctx, "sqlite:"+fresh, c.Key.For(config.KeySeal), in)
	if err != nil {
		return copied, "", errors.Join(err, removeDatabase(fresh))
	}
	if !empty {
		aside = path + ".replaced-" + time.Now().UTC().Format("20060102T150405Z")
		err = moveDatabase(path, aside)
	} else {
		err = removeDatabase(path)
	}
	if err == nil {
		err = moveDatabase(fresh, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return copied, aside, err
}

// sqliteFiles are the endings of the files of one SQLite database. The log comes
// first: without it the rest is older, not wrong.
func sqliteFiles() []string { return []string{"-wal", "-shm", ""} }

func moveDatabase(from, to string) error {
	for _, suffix := range sqliteFiles() {
		if err := os.Rename(from+suffix, to+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func removeDatabase(path string) error {
	for _, suffix := range sqliteFiles() {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

const restoreLong = `Read what causeway backup wrote into the database that the configuration names, which
must be empty: with --replace an SQLite database in its place is moved aside, never
deleted. Causeway must not run. - in place of the file is standard input. The
key file must be the one that the backup was made with.

The file is checked first: one that was cut off, changed, or made with another key or
by a newer Causeway is refused, and changes nothing.

After a restore Causeway looks on both sides for what happened since the backup was
made, and goes on from there. docs/backup.md says what it finds and what it cannot.

  causeway restore causeway.backup
  causeway restore --replace causeway.backup
`
