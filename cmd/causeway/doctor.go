package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/web"
	"github.com/causeway-chat/causeway/registration"
)

// checkTime is how long one check may take.
const checkTime = 15 * time.Second

func newDoctor() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check everything and say what to do about what is wrong",
		Long:  doctorLong,
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	asJSON := cmd.Flags().Bool("json", false, "print the results as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		out := cmd.OutOrStdout()
		d := &doctor{report: textReport(out)}
		if *asJSON {
			d.report = func(result) {} // all at the end
		}
		d.run(cmd.Context(), *file)
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		if *asJSON {
			if err := jsonReport(out, d.results); err != nil {
				return err
			}
		} else {
			fmt.Fprintln(out, summary(d.results))
		}
		if d.failed() {
			return errReported
		}
		return nil
	}
	return cmd
}

// A doctor examines one installation. It changes nothing but that the bot's
// account exists afterwards. One goroutine uses it.
type doctor struct {
	report  func(result) // called as each result is known
	results []result

	config   *config.Config
	networks []network.Connector
	main     registration.Registration
	puppet   registration.Registration // if there is one
	running  bool                      // a Causeway with this configuration runs
}

func (d *doctor) add(s status, check, text, remedy string) {
	r := result{Status: s, Check: check, Text: text, Remedy: remedy}
	d.results = append(d.results, r)
	d.report(r)
}

func (d *doctor) ok(check, text string)           { d.add(statOK, check, text, "") }
func (d *doctor) skip(check, text string)         { d.add(statSkip, check, text, "") }
func (d *doctor) warn(check, text, remedy string) { d.add(statWarn, check, text, remedy) }
func (d *doctor) fail(check, text, remedy string) { d.add(statFail, check, text, remedy) }

func (d *doctor) failed() bool {
	return slices.ContainsFunc(d.results, func(r result) bool { return r.Status == statFail })
}

// run makes all checks in the order in which one needs the other. What cannot
// be checked because of an earlier failure is left out.
func (d *doctor) run(ctx context.Context, file string) {
	if !d.configuration(file) {
		return
	}
	registered := d.registrations()
	d.process(ctx)
	if registered {
		d.matrix(ctx)
	}
	d.database(ctx)
	d.listeners(ctx)
	d.remote(ctx)
	d.encryption(ctx)
}

// configuration loads the file; false: there is nothing to go on with.
func (d *doctor) configuration(file string) bool {
	const check = "configuration"
	c, err := config.Load(file)
	if err != nil {
		d.problems(check, err)
		return false
	}
	d.config = c
	if d.networks, err = openNetworks(c); err != nil {
		d.problems(check, err)
	} else {
		d.ok(check, c.File())
	}
	for _, advice := range c.Advice() {
		d.warn(check, advice, "")
	}
	return true
}

// problems reports each problem of a configuration file.
func (d *doctor) problems(check string, err error) {
	var list config.Problems
	if !errors.As(err, &list) {
		d.fail(check, err.Error(), "")
	}
	for _, p := range list {
		d.fail(check, p.Error(), "")
	}
}

// registrations compares the files with the configuration. False: the main one
// cannot be read, so there are no tokens.
func (d *doctor) registrations() bool {
	for i, file := range registrationFiles(d.config) {
		name := "registration file"
		findings := file.check()
		for _, f := range findings {
			if f.fatal {
				d.fail(name, f.text, "")
			} else {
				d.warn(name, f.text, "")
			}
		}
		if len(findings) == 0 {
			d.ok(name, file.path)
		}
		r, err := registration.Read(file.path)
		switch {
		case err != nil && i == 0:
			return false
		case err == nil && i == 0:
			d.main = r
		case err == nil:
			d.puppet = r
		}
	}
	return true
}

// process asks the Causeway that runs, if one does, how it fares.
func (d *doctor) process(ctx context.Context) {
	const check = "running Causeway"
	report, err := web.NewClient(controlPath(d.config)).Status(ctx)
	d.running = !errors.Is(err, web.ErrNotRunning)
	switch {
	case !d.running: // most checks are for before the first run
	case err != nil:
		d.warn(check, err.Error(), "look at its log")
	case report.Ready:
		d.ok(check, "all is well")
	default:
		for _, text := range report.Wrong {
			d.warn(check, text, "")
		}
	}
}

// remote reaches for each network.
func (d *doctor) remote(ctx context.Context) {
	for _, n := range d.networks {
		within, cancel := context.WithTimeout(ctx, checkTime)
		found, err := n.Probe(within)
		cancel()
		name := string(n.Info().ID)
		if err == nil {
			d.ok(name, found)
			continue
		}
		text, remedy := networkWords(err)
		if found != "" {
			d.warn(name, found+"; "+text, remedy)
			continue
		}
		d.fail(name, text, remedy)
	}
}

// networkWords is what a network's error says, apart from what to do about it.
func networkWords(err error) (text, remedy string) {
	var e *network.Error
	if errors.As(err, &e) && e.Err != nil && e.User != "" {
		return e.Err.Error(), e.User
	}
	return network.UserText(err), ""
}

const doctorLong = `Check the configuration, the registration files, the homeserver and the way back
from it, the database, the listeners and each network. Each line says "ok", or
"FAIL" or "warn" with what to do about it; "skip" is what could not be checked. It
may run beside "causeway run", and changes nothing but that the bot has an
account. The exit status is 1 if something fails.
`

// oneLine is text without line breaks, for the report.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
