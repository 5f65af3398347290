package slackclients

import (
	"context"
	_ "embed"
	"os/exec"

	"github.com/causeway-chat/causeway/testbed/npm"
	"github.com/causeway-chat/causeway/testbed/venv"
)

var (
	//go:embed package.json
	nodePackages string
	//go:embed package-lock.json
	nodeLock string
	//go:embed slack.txt
	pythonPackages string
	//go:embed session.mjs
	nodeSession string
	//go:embed session.py
	pythonSession string
)

// A client runs its scripted session with an argument, which is JSON.
type client struct {
	name string
	// command is the process; the error says what is missing for it.
	command func(ctx context.Context, argument string) (*exec.Cmd, error)
}

func clients() []client {
	return []client{{"node", node}, {"python", python}}
}

func node(ctx context.Context, argument string) (*exec.Cmd, error) {
	dir, err := npm.Install(ctx, "slack-node", nodePackages, nodeLock)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "node", "--input-type=module", "--eval", nodeSession, argument)
	cmd.Dir = dir // where the packages are found
	return cmd, nil
}

func python(ctx context.Context, argument string) (*exec.Cmd, error) {
	program, err := venv.Python(ctx, "slack-python", pythonPackages)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, program, "-u", "-c", pythonSession, argument), nil
}

// Install makes sure that the clients can be started.
func Install(ctx context.Context) error {
	for _, c := range clients() {
		if _, err := c.command(ctx, ""); err != nil {
			return err
		}
	}
	return nil
}
