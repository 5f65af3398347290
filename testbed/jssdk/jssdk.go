package jssdk

import (
	"context"
	_ "embed"
	"io"
	"os/exec"

	"github.com/causeway-chat/causeway/testbed/foreign"
	"github.com/causeway-chat/causeway/testbed/npm"
)

var (
	//go:embed package.json
	packages string
	//go:embed package-lock.json
	lock string
	//go:embed client.mjs
	script string
)

// Install makes sure that the client can be started.
func Install(ctx context.Context) error {
	_, err := npm.Install(ctx, "jssdk", packages, lock)
	return err
}

// Login starts a client that signs in at a homeserver as a new device. strict: it shows
// nothing of devices that their owners have not signed, Element's "exclude insecure
// devices". What it says about itself goes to stderr.
func Login(ctx context.Context, url, user, password string, strict bool, stderr io.Writer) (*foreign.Client, error) {
	dir, err := npm.Install(ctx, "jssdk", packages, lock)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("node", "--input-type=module", "--eval", script)
	cmd.Dir = dir // where the packages are found
	args := map[string]any{"url": url, "user": user, "password": password, "strict": strict}
	return foreign.Start(ctx, cmd, args, stderr)
}
