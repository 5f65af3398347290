package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

func main() {
	if text := os.Getenv(envSpec); text != "" {
		if err := runChild(text); err != nil {
			fmt.Fprintln(os.Stderr, "causeway:", err)
			os.Exit(1)
		}
		return
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		cancel()
		os.Exit(1)
	}
}

// A wish is what the command line asks for.
type wish struct {
	seeds int
	first uint64
	one   uint64
	home  string
	far   string
	db    string
	hub   bool
	only  string

	encrypted bool
	workers   int
	messages  int
	rounds    int
	length    time.Duration
	parallel  int
	keep      bool
}

// where names what the runs are on.
func (x wish) where() string {
	on := x.db
	if x.workers > 1 {
		on = fmt.Sprintf("%s, %d processes", x.db, x.workers)
	}
	if x.home != fakeHome || x.far != memNetwork {
		on += fmt.Sprintf(", %s and %s", x.home, x.far)
	}
	if x.hub {
		on += ", hubs"
	}
	if x.encrypted {
		on += ", encrypted"
	}
	return on
}

// place is where the runs are.
func (x wish) place() place {
	return place{database{x.db == "postgres", x.workers}, x.home, x.far, x.hub, x.encrypted, fault(x.only)}
}

// check says whether there is such a place.
func (x wish) check() bool {
	return (x.home == fakeHome || x.home == dendriteHome || x.home == synapseHome) && (x.far == memNetwork || x.far == ircNetwork || x.far == slackNetwork && x.workers == 1) &&
		(x.db == "sqlite" && x.workers == 1 || x.db == "postgres" && (x.workers == 1 || x.workers == 2)) &&
		x.parallel >= 1 && x.rounds >= 0 && (x.only == "" || slices.Contains(others(x.place().database), fault(x.only))) && (!x.encrypted || x.home == fakeHome) && (!x.hub || x.far == memNetwork && x.home == fakeHome)
}

func command(ctx context.Context, args []string) error {
	var x wish
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.IntVar(&x.seeds, "seeds", 1, "how many different `runs`")
	f.Uint64Var(&x.first, "from", 0, "the first `seed`; 0 is the time")
	f.Uint64Var(&x.one, "seed", 0, "one run, with this `seed`")
	f.StringVar(&x.home, "homeserver", fakeHome, "`homeserver`: fake, or the real dendrite or synapse")
	f.StringVar(&x.far, "network", memNetwork, "`network`: memnet, irc with a real InspIRCd, or slack with its fake")
	f.BoolVar(&x.hub, "hub", false, "three networks whose chats meet in rooms")
	f.StringVar(&x.db, "db", "sqlite", "`database`: sqlite or postgres")
	f.IntVar(&x.workers, "workers", 1, "how many `processes` share the database; 2 needs -db postgres")
	f.BoolVar(&x.encrypted, "encrypted", false, "encrypted rooms; wants -tags goolm")
	f.StringVar(&x.only, "fault", "", "play only this `fault`, beside ends at steps, such as \"clock jumps\"")
	f.IntVar(&x.messages, "messages", 400, "about how many `things` are said and done in a run")
	f.IntVar(&x.rounds, "rounds", 0, "play only so many `rounds` of each run; 0 is all")
	f.DurationVar(&x.length, "for", 0, "begin no run after this `time`; 0 is no end")
	f.IntVar(&x.parallel, "parallel", 2, "how many `runs` at once")
	f.BoolVar(&x.keep, "keep", false, "keep the folders of runs that pass too")
	if err := f.Parse(args); err != nil {
		return err
	}
	if !x.check() || f.NArg() > 0 {
		return fmt.Errorf("what is %q? See -help", args)
	}
	if x.one != 0 {
		x.first, x.seeds = x.one, 1
	} else if x.first == 0 {
		x.first = uint64(time.Now().Unix())
	}
	return series(ctx, x, os.Stdout)
}
