package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// stdio stands for standard input or output in place of a file.
const stdio = "-"

func newBackup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Back the database up, while Causeway runs or not",
		Long:  backupLong,
		Args:  cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := config.Load(*file)
		if err != nil {
			return err
		}
		export := func(w io.Writer) (store.Copied, error) {
			return store.Export(cmd.Context(), databaseSource(c.Database), c.Key.For(config.KeySeal), w)
		}
		if args[0] == stdio {
			copied, err := export(cmd.OutOrStdout())
			if err == nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "Backed up %d rows.\n", rowsOf(copied))
			}
			return err
		}
		copied, size, err := writeBackup(args[0], export)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "Backed up %d rows to %s (%d KB).\nIt cannot be restored without the key of %s: keep copies of that file, of its key file and of the registrations elsewhere.\n",
			rowsOf(copied), args[0], (size+1023)/1024, c.File())
		return err
	}
	return cmd
}

// databaseSource is what package store takes for a configured database.
func databaseSource(d config.Database) string {
	if d.Dialect == config.SQLite {
		return "sqlite:" + d.Source
	}
	return d.Source
}

func rowsOf(c store.Copied) (n int64) {
	for _, t := range c.Tables {
		n += t.Rows
	}
	return n
}

// writeBackup writes a file that nobody else can read, which gets its name when it
// is whole and on the disk.
func writeBackup(path string, export func(io.Writer) (store.Copied, error)) (copied store.Copied, size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return copied, 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if copied, err = export(f); err != nil {
		return copied, 0, err
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return copied, 0, err
	}
	return copied, info.Size(), errors.Join(f.Close(), syncDir(filepath.Dir(path)))
}

// syncDir makes renames in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func newMigrateDB() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate-db",
		Short: "Move everything to another database, from SQLite to PostgreSQL or back",
		Long:  migrateLong,
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	to := cmd.Flags().String("to", "", "the new, empty `DATABASE`: postgres://USER@HOST/NAME or sqlite:FILE")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var target config.Database
		if err := target.UnmarshalText([]byte(*to)); err != nil {
			return usageError{fmt.Errorf("--to: %w", err)}
		}
		c, err := config.Load(*file)
		if err != nil {
			return err
		}
		if target.Dialect == config.SQLite && !filepath.IsAbs(target.Source) {
			target.Source = filepath.Join(c.Dir(), target.Source)
		}
		return migrateDB(cmd.Context(), c, target, cmd.OutOrStdout())
	}
	return cmd
}

func migrateDB(ctx context.Context, c *config.Config, target config.Database, w io.Writer) error {
	if target == c.Database {
		return usageError{errors.New("--to names the database that is in use already")}
	}
	if err := notRunning(ctx, c); err != nil {
		return err
	}
	copied, err := store.Move(ctx, databaseSource(c.Database), databaseSource(target), c.Key.For(config.KeySeal))
	if err != nil {
		return emptyRemedy(err, "name one that is empty")
	}
	if err := printCopied(w, copied); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\nNothing was changed in the old database. Now write in %s, with the password if it has one:\n  database: %s\nand start Causeway. Do not start it with the old database again: what happens in between would be missing there.\n",
		c.File(), target)
	return err
}

// notRunning fails if a Causeway runs with the configuration. The database itself
// is asked too, by those that need it alone.
func notRunning(ctx context.Context, c *config.Config) error {
	if running(ctx, c) {
		return fmt.Errorf("a Causeway runs with %s: stop it first", c.File())
	}
	return nil
}

// emptyRemedy says what to do about a database that is not empty.
func emptyRemedy(err error, remedy string) error {
	if errors.Is(err, store.ErrNotEmpty) {
		return fmt.Errorf("%w; %s", err, remedy)
	}
	return err
}

func printCopied(w io.Writer, c store.Copied) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, one := range c.Tables {
		fmt.Fprintf(t, "%d\t %s\n", one.Rows, one.Name)
	}
	fmt.Fprintf(t, "%d\t rows of %s\n", rowsOf(c), c.Taken.Local().Format(time.DateTime))
	return t.Flush()
}

const backupLong = `Write everything in the database to a file, as one moment saw it. Causeway may run
meanwhile and does not wait. The file is the same for SQLite and PostgreSQL, so it can
be restored into either. - in place of the file is standard output.

What is sealed in the database is sealed in the file: passwords, and what waits to be
delivered. What is open there is open here: who is in which chat, and which message
is which. The configuration, its key file and the registrations are not in it, so that a
backup alone opens nothing; keep copies of them elsewhere.

  causeway backup causeway.backup
  causeway backup - | ssh host 'cat > causeway.backup'
`

const migrateLong = `Copy everything in the database of the configuration into another, empty one. Causeway
must not run. It prints what it copied and what to write in the configuration. A
password can come from the environment: PGPASSWORD=... causeway migrate-db --to ...

  causeway migrate-db --to postgres://causeway@localhost/causeway
  causeway migrate-db --to sqlite:causeway.db
`
