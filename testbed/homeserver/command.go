package homeserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/causeway-chat/causeway/testbed/child"
)

// readyPrefix begins the line with the URL; embed.ReadyPrefix is the same.
const readyPrefix = "READY "

// Tool returns a Launcher that runs the testbed's tesths command. The go command
// builds it if it is not in its cache (over a minute the first time on a small
// machine, a third of a second from then on). The working directory must be in
// the testbed's module, as it is in tests and with "go run -C testbed".
func Tool(ctx context.Context) (Launcher, error) {
	cmd := exec.CommandContext(ctx, "go", "tool", "-n", "tesths")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("build tesths: %w: %s", err, errs.String())
	}
	return Command(strings.TrimSpace(string(out))), nil
}

// Command returns a Launcher that runs argv and the flags of embed.Main behind
// it. A program that embeds the server can so run itself.
func Command(argv ...string) Launcher {
	return func(ctx context.Context, o Options) (Instance, error) {
		args := append(argv[1:len(argv):len(argv)], "-dir", o.Dir, "-addr", o.Addr, "-name", o.Name)
		for _, r := range o.Registrations {
			args = append(args, "-registration", r)
		}
		for _, u := range o.Users {
			args = append(args, "-user", u.Name+":"+u.Password)
		}
		return startCommand(ctx, exec.Command(argv[0], args...), o.Stderr)
	}
}

// command is a homeserver in a process of its own.
type command struct {
	*child.Process
	url string
}

// startCommand starts cmd and waits for its ready line.
func startCommand(ctx context.Context, cmd *exec.Cmd, errs io.Writer) (Instance, error) {
	// Not StdoutPipe: waiting for the process would close it under the reader.
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, errs
	p, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	first := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(r).ReadString('\n')
		first <- line
		_, _ = io.Copy(io.Discard, r) // ends below
	}()
	go func() {
		<-p.Ended()
		_ = w.Close()
	}()
	select {
	case line := <-first:
		if url, ok := strings.CutPrefix(strings.TrimSpace(line), readyPrefix); ok {
			return &command{Process: p, url: url}, nil
		}
		return nil, errors.Join(p.Kill(), fmt.Errorf("not ready: %q: %w", line, p.Err()))
	case <-ctx.Done():
		return nil, errors.Join(p.Kill(), fmt.Errorf("%w while waiting: %w", ctx.Err(), p.Err()))
	}
}

// URL returns the base URL.
func (c *command) URL() string { return c.url }
