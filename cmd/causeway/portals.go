package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/portal"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// lifeOptions are the flags of the commands that end portals and clean rooms up.
type lifeOptions struct {
	file                string
	network, name, idle string
	closed, json        bool
	yes, remove         bool
}

// newLife are the commands that end portals and clean rooms up.
func newLife() []*cobra.Command {
	o := &lifeOptions{}
	unbridge := &cobra.Command{
		Use:   "unbridge",
		Short: "End the bridging of the chats that the flags choose; without --yes, say which",
		Long:  unbridgeLong,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.unbridge(cmd) },
	}
	f := unbridge.Flags()
	f.StringVar(&o.network, "network", "", "only those of a `NETWORK`, as in the configuration")
	f.StringVar(&o.name, "name", "", "only those whose chat's name has `WORDS` in it")
	f.StringVar(&o.idle, "inactive", "", "only those in which nothing crossed for a `TIME`, such as 90d")
	f.BoolVar(&o.closed, "closed", false, "also those that have no room any more")
	f.BoolVar(&o.remove, "delete", false, "have everybody leave the rooms that Causeway made")
	orphans := &cobra.Command{
		Use:   "orphans",
		Short: "Find rooms and bridged people that no portal knows, and portals without a room; with --yes, clean up",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.orphans(cmd) },
	}
	cleanups := &cobra.Command{
		Use:   "cleanups",
		Short: "Show how far the rooms are that people leave one after another",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.cleanups(cmd) },
	}
	all := []*cobra.Command{unbridge, orphans, cleanups}
	for _, c := range all {
		c.Flags().StringVarP(&o.file, "config", "c", configName, "the configuration `FILE`")
		c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	}
	for _, c := range all[:2] {
		c.Flags().BoolVar(&o.yes, "yes", false, "do it")
	}
	return all
}

// chosen are the portals that the flags choose.
func (o *lifeOptions) chosen(cmd *cobra.Command, ctl *web.Client) ([]portal.Listed, error) {
	f := portal.Filter{Network: network.NetworkID(o.network), Name: o.name, Closed: o.closed}
	if o.idle != "" {
		var err error
		if f.Inactive, err = config.ParseDuration(o.idle); err != nil {
			return nil, usageError{fmt.Errorf("--inactive %s: %w", o.idle, err)}
		}
	}
	return ctl.Portals(cmd.Context(), f)
}

func portalTable(w io.Writer, all []portal.Listed, now time.Time) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "There are no such portals.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NUMBER\tNETWORK\tCHAT\tSTATE\tINACTIVE\tROOM")
	for _, p := range all {
		room := string(p.Room)
		if p.Room != "" && !p.Made {
			room += " (was there before)"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Network, oneLine(p.Name), p.State, age(now.Sub(p.Active)), room)
	}
	return t.Flush()
}

func (o *lifeOptions) unbridge(cmd *cobra.Command) error {
	if o.network == "" && o.name == "" && o.idle == "" {
		return usageError{fmt.Errorf("say which portals: --network, --name or --inactive")}
	}
	ctl, err := dial(o.file)
	if err != nil {
		return err
	}
	all, err := o.chosen(cmd, ctl)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	if len(all) == 0 || !o.yes {
		return o.preview(w, all)
	}
	var numbers []int64
	for _, p := range all {
		numbers = append(numbers, p.ID)
	}
	n, err := ctl.Unbridge(cmd.Context(), numbers, o.remove)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(w, map[string]any{"unbridged": n})
	}
	_, err = fmt.Fprintf(w, "%s ended. People leave the rooms one after another; see: causeway cleanups\n", counted(n, "portal is", "portals are"))
	return err
}

// preview says what unbridge would do.
func (o *lifeOptions) preview(w io.Writer, all []portal.Listed) error {
	if o.json {
		return printJSON(w, all)
	}
	if err := portalTable(w, all, time.Now()); err != nil || len(all) == 0 {
		return err
	}
	what := "Bridged people would leave their rooms, which stay."
	if o.remove {
		what = "Everybody would leave the rooms that Causeway made; of the others, bridged people."
	}
	_, err := fmt.Fprintf(w, "%s would end. %s What is not delivered yet never would be.\nTo do it, add --yes.\n", counted(len(all), "portal", "portals"), what)
	return err
}

func (o *lifeOptions) orphans(cmd *cobra.Command) error {
	ask := (*web.Client).Orphans
	if o.yes {
		ask = (*web.Client).CleanOrphans
	}
	return show(cmd, o.file, o.json, ask, func(w io.Writer, all []portal.Orphan) error { return orphanTable(w, all, o.yes) })
}

func orphanTable(w io.Writer, all []portal.Orphan, done bool) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "Nothing is left over.")
		return err
	}
	words := map[portal.OrphanKind]string{
		portal.OrphanRoom: "no portal knows it", portal.OrphanGhosts: "people of networks that it is not bridged to", portal.OrphanPortal: "its room is gone",
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOM\tNAME\tPORTAL\tBRIDGED\tPEOPLE\tWHY")
	for _, o := range all {
		number := "-"
		if o.Portal != 0 {
			number = strconv.FormatInt(o.Portal, 10)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%s\n", o.Room, oneLine(o.Name), number, o.Ghosts, o.People, words[o.Kind])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	next := "To have bridged people leave and close portals without a room, add --yes."
	if done {
		next = "This is being cleaned up; see: causeway cleanups"
	}
	_, err := fmt.Fprintln(w, next)
	return err
}

func (o *lifeOptions) cleanups(cmd *cobra.Command) error {
	return show(cmd, o.file, o.json, (*web.Client).Cleanups, cleanupTable)
}

func cleanupTable(w io.Writer, all []store.Cleanup) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "No room is being cleaned up, nor was in the last 30 days.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOM\tNAME\tLEFT\tSTATE")
	for _, c := range all {
		state := "under way"
		if !c.Finished.IsZero() {
			state = "done"
		}
		if c.Trouble != "" {
			state += ": " + oneLine(c.Trouble)
		}
		total := "?"
		if c.Total >= 0 {
			total = strconv.Itoa(c.Total)
		}
		fmt.Fprintf(t, "%s\t%s\t%d of %s\t%s\n", c.Room, oneLine(c.Name), c.Done, total, state)
	}
	return t.Flush()
}

// counted is a number of things.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

const unbridgeLong = `Ask the running Causeway to end the bridging of chats, the longest inactive first.
It goes on when the command has ended, also over a restart: people leave rooms one
after another.

  causeway unbridge --network irc.libera --inactive 90d         says what would happen
  causeway unbridge --network irc.libera --inactive 90d --yes   does it
  causeway cleanups                                             how far it is
`
