package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// hubOptions are the flags of hub and its subcommands.
type hubOptions struct {
	file *string
	json bool
}

func newHub() *cobra.Command {
	var o hubOptions
	cmd := &cobra.Command{
		Use:   "hub",
		Short: "List the rooms in which several networks meet, and change what passes there",
		Long:  hubLong,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.list(cmd) },
	}
	f := cmd.PersistentFlags()
	o.file = f.StringP("config", "c", configName, "the configuration `FILE`")
	f.BoolVar(&o.json, "json", false, "print JSON")
	cmd.AddCommand(
		&cobra.Command{
			Use: "show ROOM", Short: "Show what passes in a room, of one network or several, and why", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, a []string) error { return o.show(cmd, id.RoomID(a[0])) },
		},
		&cobra.Command{
			Use: "set ROOM NETWORK SETTING VALUE", Short: "Change what passes between a network and the others of a room", Args: cobra.ExactArgs(4),
			RunE: func(cmd *cobra.Command, a []string) error {
				x := web.HubChange{Room: id.RoomID(a[0]), Network: network.NetworkID(a[1]), Setting: strings.ToLower(a[2]), Value: strings.ToLower(a[3])}
				return o.change(cmd, "set", x, fmt.Sprintf("For %s %s is %s from now on.", x.Network, x.Setting, hub.Said(x.Value)))
			},
		},
		&cobra.Command{
			Use: "bans ROOM", Short: "Show the ban list of a room", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, a []string) error { return o.bans(cmd, id.RoomID(a[0])) },
		},
		&cobra.Command{
			Use: "ban ROOM WHO [REASON]", Short: "Keep somebody from being heard in a room, whichever network they are on", Args: cobra.RangeArgs(2, 3),
			RunE: func(cmd *cobra.Command, a []string) error {
				x := web.HubChange{Room: id.RoomID(a[0]), Who: hub.Banned(a[1]), Reason: strings.Join(a[2:], " ")}
				return o.change(cmd, "ban", x, "From now on nothing is carried of what they say there.")
			},
		},
		&cobra.Command{
			Use: "unban ROOM WHO", Short: "Take somebody off the ban list", Args: cobra.ExactArgs(2),
			RunE: func(cmd *cobra.Command, a []string) error {
				return o.change(cmd, "unban", web.HubChange{Room: id.RoomID(a[0]), Who: hub.Banned(a[1])}, "They are not on the list.")
			},
		},
		o.purge(),
	)
	return cmd
}

func (o *hubOptions) purge() *cobra.Command {
	since := time.Hour
	cmd := &cobra.Command{
		Use: "purge ROOM WHO", Short: "Remove what one person wrote of late, in the room and on all of its networks", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.change(cmd, "purge", web.HubChange{Room: id.RoomID(a[0]), Who: hub.Banned(a[1]), Since: time.Now().Add(-since)}, "")
		},
	}
	cmd.Flags().DurationVar(&since, "since", since, "how far back")
	return cmd
}

func (o *hubOptions) list(cmd *cobra.Command) error {
	return show(cmd, *o.file, o.json, (*web.Client).Hubs, func(w io.Writer, views []hub.View) error {
		return hubTable(w, views, time.Now())
	})
}

func hubTable(w io.Writer, views []hub.View, now time.Time) error {
	if len(views) == 0 {
		_, err := fmt.Fprintln(w, "No room has several networks.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOM\tNETWORK\tCHAT\tSTATE\tWAITING\tLAST\tSETTINGS")
	for _, v := range views {
		last := "-"
		switch {
		case v.Heard:
			last = age(now.Sub(v.Last)) + " ago from there"
		case !v.Last.IsZero():
			last = age(now.Sub(v.Last)) + " ago to there"
		}
		var set []string
		for _, s := range (*hub.Policy)(nil).Settings() {
			if v.Settings[s.Name] != s.Value { // the rest is as ever
				set = append(set, s.Name+"="+v.Settings[s.Name])
			}
		}
		if !v.Relay {
			set = append(set, "no relay")
		} else if v.Through != "" {
			set = append(set, "relay="+oneLine(v.Through))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", oneLine(v.Room), v.Network, oneLine(v.Chat), v.Status, v.Waiting, last, strings.Join(set, " "))
	}
	return t.Flush()
}

func (o *hubOptions) show(cmd *cobra.Command, room id.RoomID) error {
	ask := func(ctl *web.Client, ctx context.Context) ([]hub.View, error) { return ctl.Hub(ctx, room) }
	return show(cmd, *o.file, o.json, ask, settingsTable)
}

func settingsTable(w io.Writer, views []hub.View) error {
	if len(views) == 0 {
		_, err := fmt.Fprintln(w, "This room is not bridged.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NETWORK\tCHAT\tSETTING\tVALUE\tWHY")
	for _, v := range views {
		for _, s := range (*hub.Policy)(nil).Settings() {
			why := map[string]string{
				hub.FromRoom: "set in the room", hub.FromFile: "policy of " + string(v.Network) + " in the configuration",
			}[v.Why[s.Name]]
			if why == "" {
				why = "default"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", v.Network, oneLine(v.Chat), s.Name, v.Settings[s.Name], why)
		}
	}
	return t.Flush()
}

func (o *hubOptions) bans(cmd *cobra.Command, room id.RoomID) error {
	ask := func(ctl *web.Client, ctx context.Context) ([]store.HubBan, error) { return ctl.HubBans(ctx, room) }
	return show(cmd, *o.file, o.json, ask, banTable)
}

func banTable(w io.Writer, bans []store.HubBan) error {
	if len(bans) == 0 {
		_, err := fmt.Fprintln(w, "Nobody is on this room's ban list.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WHO\tBY\tSINCE\tREASON")
	for _, b := range bans {
		by := b.By
		if by == "" {
			by = "an administrator"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", oneLine(string(b.Who)), oneLine(by), b.At.Format(time.RFC3339), oneLine(b.Reason))
	}
	return t.Flush()
}

// change makes a change and says that it was made.
func (o *hubOptions) change(cmd *cobra.Command, what string, x web.HubChange, done string) error {
	ctl, err := dial(*o.file)
	if err != nil {
		return err
	}
	result, err := ctl.ChangeHub(cmd.Context(), what, x)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	switch {
	case o.json:
		return printJSON(w, result)
	case what == "purge":
		done = fmt.Sprintf("Removed: %d messages.", result.Count)
	case result.Was:
		if done = "They are heard again."; result.Note != "" {
			done += " They are " + result.Note + ", where Causeway could not end it."
		}
	case result.Note != "":
		done += " They are " + result.Note + ", where Causeway may not do that."
	}
	_, err = fmt.Fprintln(w, done)
	return err
}

const hubLong = `Ask the running Causeway for the rooms in which several networks meet: how each
network's connection fares, when its last message came or went, and what passes
otherwise than by default. People in the room have the bot's command hub.

  causeway hub
  causeway hub show '!room:example.org'
  causeway hub set '!room:example.org' irc.libera direction in
  causeway hub ban '!room:example.org' irc.libera/spammer
  causeway hub purge '!room:example.org' irc.libera/spammer --since 2h

Settings are direction (both, in, out, none), joins (yes, no), files (file, link),
reactions (ignore, text, relay, thread), moderators (none, or some of redact,kick,ban) and
gone (stay, kick). The value default leaves one to the configuration, which can have a
policy with reactions, moderators and gone for each network, or to what is built in.
`
