package embed

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// ReadyPrefix begins the line that Main prints when requests are answered; the
// base URL and a newline follow.
const ReadyPrefix = "READY "

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

// Main is the whole of a homeserver command: it reads args (without the
// command's name), starts a server, makes the users, prints the ready line to
// out and stops when ctx is done. Help and complaints about args go to errs.
func Main(ctx context.Context, args []string, out, errs io.Writer) error {
	var o Options
	var regs, users list
	flags := flag.NewFlagSet("homeserver", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&o.Dir, "dir", "", "data `directory`, made if missing")
	flags.StringVar(&o.Addr, "addr", "", "loopback `address` to listen on; default a free port")
	flags.StringVar(&o.ServerName, "name", "localhost", "server `name` in user IDs")
	flags.StringVar(&o.LogLevel, "log", "error", "log `level`")
	flags.Var(&regs, "registration", "appservice registration `file`, may be repeated")
	flags.Var(&users, "user", "account to make, `name:password`, may be repeated")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.Registrations = regs
	s, err := Start(o)
	if err != nil {
		return err
	}
	for _, u := range users {
		name, password, ok := strings.Cut(u, ":")
		if !ok {
			return errors.Join(fmt.Errorf("user %q has no password", name), s.Stop())
		}
		if _, err := s.CreateUser(ctx, name, password); err != nil {
			return errors.Join(err, s.Stop())
		}
	}
	if _, err := fmt.Fprintln(out, ReadyPrefix+s.URL()); err != nil {
		return errors.Join(err, s.Stop())
	}
	<-ctx.Done()
	return s.Stop()
}
