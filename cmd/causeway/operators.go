package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/command"
)

// newOperators are the commands that the bot knows too: their names, arguments and
// words are those of its table, and a running Causeway does them.
func newOperators() []*cobra.Command {
	var out []*cobra.Command
	for _, op := range command.Operators() {
		out = append(out, newOperator(op))
	}
	return out
}

func newOperator(op command.Operator) *cobra.Command {
	var asJSON, yes bool
	cmd := &cobra.Command{
		Use:   strings.TrimSpace(op.Name + " " + op.Args),
		Short: strings.ToUpper(op.Help[:1]) + op.Help[1:],
		Long:  strings.ToUpper(op.Help[:1]) + op.Help[1:] + ".\nIt asks the running Causeway. The bot knows the same command.\n",
		Args:  cobra.MaximumNArgs(strings.Count(op.Args, "[") + strings.Count(op.Args, "<")),
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	if op.Confirm {
		cmd.Flags().BoolVar(&yes, "yes", false, "do it; without it, say what would be done")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctl, err := dial(*file)
		if err != nil {
			return err
		}
		if yes {
			args = append(args, "confirm")
		}
		var r command.Report
		if err := ctl.Command(cmd.Context(), op.Name, args, &r); err != nil {
			return err
		}
		if op.Confirm && !yes {
			r.Words = strings.ReplaceAll(r.Words, " confirm.", " --yes")
		}
		return printReport(cmd.OutOrStdout(), r, asJSON)
	}
	return cmd
}

// printReport prints a table, or JSON for programs. What is no table and has items
// is JSON in any case.
func printReport(w io.Writer, r command.Report, asJSON bool) error {
	if asJSON && len(r.Items) == 0 {
		return printJSON(w, map[string]string{"words": r.Words})
	}
	if asJSON || len(r.Columns) == 0 && len(r.Items) > 0 && r.Words == "" {
		var b bytes.Buffer
		if err := json.Indent(&b, r.Items, "", "  "); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		_, err := fmt.Fprintln(w, b.String())
		return err
	}
	if len(r.Rows) > 0 {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, strings.ToUpper(strings.Join(r.Columns, "\t")))
		for _, row := range r.Rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				if cells[i] = oneLine(cell); cells[i] == "" {
					cells[i] = "-"
				}
			}
			fmt.Fprintln(t, strings.Join(cells, "\t"))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if r.Words == "" {
		return nil
	}
	_, err := fmt.Fprintln(w, r.Words)
	return err
}
