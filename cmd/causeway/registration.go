package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/registration"
)

func newRegistration() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "registration",
		Short: "Check, show or renew how the homeserver knows Causeway",
		Args:  cobra.NoArgs,
		// Without it cobra takes a misspelt subcommand for an argument and prints help.
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRegistrationCheck(), newRegistrationShow(), newRegistrationUpdate())
	return cmd
}

func newRegistrationCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare the registration files with the configuration",
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := config.Load(*file)
		if err != nil {
			return err
		}
		bad := false
		for _, one := range registrationFiles(c) {
			findings := one.check()
			for _, f := range findings {
				bad = bad || f.fatal
				fmt.Fprintln(cmd.OutOrStdout(), f.text)
			}
			if len(findings) == 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: ok\n", one.path)
			}
		}
		if bad {
			return errReported
		}
		return nil
	}
	return cmd
}

func newRegistrationShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Say again what the homeserver's configuration needs",
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	secrets := cmd.Flags().Bool("secrets", false, "print the messages for admin rooms, which hold the tokens")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := config.Load(*file)
		if err != nil {
			return err
		}
		if *secrets {
			return showSecrets(cmd.OutOrStdout(), c)
		}
		var paths []string
		for _, one := range registrationFiles(c) {
			paths = append(paths, one.path)
		}
		_, err = io.WriteString(cmd.OutOrStdout(), homeserverText(c.Homeserver.Domain, paths))
		return err
	}
	return cmd
}

// showSecrets prints the messages to send to an admin room.
func showSecrets(w io.Writer, c *config.Config) error {
	var b strings.Builder
	for _, one := range registrationFiles(c) {
		r, err := registration.Read(one.path)
		if err != nil {
			return err
		}
		text, err := r.YAML()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s, for Conduit:\n\n@conduit:%s: register_appservice\n```\n%s```\n\n", filepath.Base(one.path), c.Homeserver.Domain, text)
		fmt.Fprintf(&b, "%s, for Continuwuity:\n\n!admin appservices register\n```\n%s```\n\n", filepath.Base(one.path), text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func newRegistrationUpdate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Make the registration files follow the configuration again",
		Long: `Write the registration files as the configuration asks for, with the tokens that
they have and the keys that others have added. Restart the homeserver afterwards.
`,
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	renew := cmd.Flags().Bool("new-tokens", false, "replace the tokens too, for example because somebody else has seen them")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := config.Load(*file)
		if err != nil {
			return err
		}
		changed := false
		for _, one := range registrationFiles(c) {
			did, err := one.update(*renew)
			if err != nil {
				return err
			}
			words := "is as it should be"
			if did {
				changed, words = true, "written"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", one.path, words)
		}
		if changed {
			fmt.Fprintln(cmd.OutOrStdout(), "Now restart the homeserver; if it uses copies, copy the files again first.")
		}
		return nil
	}
	return cmd
}

// A registrationFile is one of the configured registration files.
type registrationFile struct {
	path  string
	fresh registration.Registration // as the configuration asks for, with new tokens
	rules func(registration.Registration) []registration.Problem
}

// registrationFiles are the files that the configuration names.
func registrationFiles(c *config.Config) []registrationFile {
	o := registration.Options{URL: c.Appservice.URL, Domain: c.Homeserver.Domain, Prefix: c.Appservice.Prefix, Bot: c.Bot.Name}
	files := []registrationFile{{
		path: c.Appservice.Registration, fresh: registration.New(o),
		rules: func(r registration.Registration) []registration.Problem { return registration.Check(r, o) },
	}}
	if c.Appservice.DoublePuppet != "" {
		files = append(files, registrationFile{
			path: c.Appservice.DoublePuppet, fresh: registration.NewDoublePuppet(o),
			rules: func(r registration.Registration) []registration.Problem { return registration.CheckDoublePuppet(r, o) },
		})
	}
	return files
}

// A finding is one thing to say about a registration file.
type finding struct {
	text  string // which file, what is wrong and what to do
	fatal bool   // Causeway cannot work so
}

// check compares the file with the configuration; nothing found is good. A field
// that differs is named once, with both values, and not again for what follows.
func (f registrationFile) check() []finding {
	r, err := registration.Read(f.path)
	if err != nil {
		return []finding{{err.Error(), true}}
	}
	var list []finding
	var named []string
	for _, d := range registration.Compare(r, registration.Keep(r, f.fresh)) {
		list = append(list, finding{f.path + ": " + d.String() + "; run 'causeway registration update' and restart the homeserver", true})
		named = append(named, d.Field)
	}
	for _, p := range f.rules(r) {
		field, _, _ := strings.Cut(p.Field, "[")
		if !slices.Contains(named, field) {
			list = append(list, finding{f.path + ": " + p.String(), p.Fatal})
		}
	}
	return list
}

// update writes the file if that changes what the homeserver would see.
func (f registrationFile) update(renew bool) (bool, error) {
	old, err := registration.Read(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("%w (or move the file away: a new one gets new tokens)", err)
	}
	next := registration.Keep(old, f.fresh)
	if renew {
		next.ASToken, next.HSToken = f.fresh.ASToken, f.fresh.HSToken
	}
	if err == nil && registration.Equal(old, next) {
		return false, nil
	}
	return true, registration.Write(f.path, next, true)
}
