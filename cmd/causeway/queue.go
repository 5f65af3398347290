package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/command"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// queueLimit is how many entries a running Causeway lists.
const queueLimit = 1000

// queueOptions are the flags of queue and its subcommands.
type queueOptions struct {
	file      *string
	all, json bool
}

func newQueue() *cobra.Command {
	var o queueOptions
	help := command.Help("queue")
	cmd := &cobra.Command{
		Use:   "queue",
		Short: strings.ToUpper(help[:1]) + help[1:],
		Long:  queueLong,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.list(cmd) },
	}
	f := cmd.PersistentFlags()
	o.file = f.StringP("config", "c", configName, "the configuration `FILE`")
	f.BoolVar(&o.json, "json", false, "print JSON")
	list := &cobra.Command{
		Use:   "list",
		Short: "List what has failed (the same as without a command)",
		Args:  cobra.NoArgs,
		RunE:  cmd.RunE,
	}
	for _, c := range []*cobra.Command{cmd, list} {
		c.Flags().BoolVar(&o.all, "all", false, "list also what waits to be delivered")
	}
	cmd.AddCommand(list,
		o.one("show", "Explain one entry", o.show),
		o.one("retry", "Deliver a failed entry again, now behind what came after it", o.retry),
		o.one("drop", "Give a failed entry up and erase it", o.drop),
	)
	return cmd
}

// one is a subcommand for one entry.
func (o *queueOptions) one(name, short string, do func(context.Context, io.Writer, *web.Client, int64) error) *cobra.Command {
	return &cobra.Command{
		Use:   name + " NUMBER",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.ParseInt(strings.TrimPrefix(args[0], "#"), 10, 64)
			if err != nil || n <= 0 {
				return usageError{fmt.Errorf("%q is not the number of an entry; see: causeway queue", args[0])}
			}
			ctl, err := dial(*o.file)
			if err != nil {
				return err
			}
			err = do(cmd.Context(), cmd.OutOrStdout(), ctl, n)
			if err != nil && strings.HasSuffix(err.Error(), journal.ErrNoEntry.Error()) { // as it comes over the socket
				return fmt.Errorf("%w with the number %d; see: causeway queue --all", err, n)
			}
			return err
		},
	}
}

func (o *queueOptions) list(cmd *cobra.Command) error {
	ctl, err := dial(*o.file)
	if err != nil {
		return err
	}
	items, err := ctl.Queue(cmd.Context(), o.all)
	if err != nil {
		return err
	}
	if o.json {
		views := make([]queueView, 0, len(items))
		for _, item := range items {
			views = append(views, viewOf(item))
		}
		return printJSON(cmd.OutOrStdout(), views)
	}
	return queueTable(cmd.OutOrStdout(), items, o.all, time.Now())
}

// queueTable prints items without what is in the messages, which nobody has here.
func queueTable(w io.Writer, items []journal.Item, all bool, now time.Time) error {
	if len(items) == 0 {
		text := "Nothing has failed."
		if all {
			text = "Nothing waits, and nothing has failed."
		}
		_, err := fmt.Fprintln(w, text)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NUMBER\tSTATE\tWAY\tKIND\tTRIES\tAGE\tREASON")
	for _, item := range items {
		v := viewOf(item)
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%s\t%s\n", v.Number, v.State, v.Way, oneLine(v.Kind), v.Tries, age(now.Sub(v.Created)), oneLine(v.because()))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(items) == queueLimit {
		fmt.Fprintf(w, "These are the oldest %d.\n", queueLimit)
	}
	_, err := fmt.Fprintln(w, "Next: causeway queue show NUMBER, retry NUMBER or drop NUMBER")
	return err
}

func (o *queueOptions) show(ctx context.Context, w io.Writer, ctl *web.Client, n int64) error {
	item, err := ctl.Item(ctx, n)
	if err != nil {
		return err
	}
	v := viewOf(item)
	if o.json {
		return printJSON(w, v)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"number", strconv.FormatInt(v.Number, 10)}, {"state", v.State}, {"way", v.Way}, {"kind", v.Kind},
		{"tries", strconv.Itoa(v.Tries)}, {"came", v.Created.Format(time.RFC3339)}, {"changed", v.Changed.Format(time.RFC3339)},
		{"reason", v.Reason}, {"waits for", v.WaitsFor},
	} {
		if row[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", row[0], oneLine(row[1]))
		}
	}
	return t.Flush()
}

func (o *queueOptions) retry(ctx context.Context, w io.Writer, ctl *web.Client, n int64) error {
	if err := ctl.Retry(ctx, n); err != nil {
		return err
	}
	return o.done(w, n, "will be tried again")
}

func (o *queueOptions) drop(ctx context.Context, w io.Writer, ctl *web.Client, n int64) error {
	if err := ctl.Drop(ctx, n); err != nil {
		return err
	}
	return o.done(w, n, "is dropped and erased")
}

func (o *queueOptions) done(w io.Writer, n int64, what string) error {
	if o.json {
		return printJSON(w, map[string]any{"number": n, "done": true})
	}
	_, err := fmt.Fprintf(w, "Entry %d %s.\n", n, what)
	return err
}

// A queueView is an entry as people see it, and as --json prints it.
type queueView struct {
	Number   int64     `json:"number"`
	State    string    `json:"state"`
	Way      string    `json:"way"`
	Kind     string    `json:"kind"`
	Tries    int       `json:"tries"`
	Reason   string    `json:"reason,omitempty"`
	WaitsFor string    `json:"waits_for,omitempty"`
	Created  time.Time `json:"created"`
	Changed  time.Time `json:"changed"`
}

func viewOf(i journal.Item) queueView {
	way := fmt.Sprintf("room %d", i.Lane.Number())
	switch i.Lane.Way() {
	case journal.In:
		way = fmt.Sprintf("to Matrix, portal %d", i.Lane.Number())
	case journal.Out:
		way = fmt.Sprintf("from Matrix, portal %d", i.Lane.Number())
	case journal.Account:
		way = fmt.Sprintf("login %d", i.Lane.Number())
	case journal.Control:
		way = "to the bot"
	}
	return queueView{
		Number: i.ID, State: i.State.String(), Way: way, Kind: i.Kind, Tries: i.Attempts,
		Reason: i.Reason, WaitsFor: i.Cause, Created: i.Created, Changed: i.Changed,
	}
}

// because is why an entry is where it is.
func (v queueView) because() string {
	switch {
	case v.Reason != "":
		return v.Reason
	case v.WaitsFor != "":
		return "waits for " + v.WaitsFor
	}
	return "-"
}

// age is a duration with one unit.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

const queueLong = `Ask the running Causeway for what it could not deliver. What failed stays until
somebody retries or drops it, or for 30 days. What people wrote is not shown.

  causeway queue                 what has failed
  causeway queue --all           and what still waits
  causeway queue retry 17
`
