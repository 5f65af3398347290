package nio

import (
	"context"
	_ "embed"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/causeway-chat/causeway/testbed/foreign"
	"github.com/causeway-chat/causeway/testbed/venv"
)

//go:embed nio.txt
var packages string

//go:embed client.py
var script string

// Install makes sure that the client can be started.
func Install(ctx context.Context) error {
	_, err := venv.Python(ctx, "nio", packages)
	return err
}

// Login starts a client that signs in at a homeserver as a new device, or as one
// that it was before if device and dir are the same. What it says about itself goes
// to stderr.
func Login(ctx context.Context, dir, url, user, password, device string, stderr io.Writer) (*foreign.Client, error) {
	python, err := venv.Python(ctx, "nio", packages)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "client.py")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		return nil, err
	}
	args := map[string]any{"url": url, "user": user, "password": password, "store": dir}
	if device != "" {
		args["device"] = device
	}
	return foreign.Start(ctx, exec.Command(python, "-u", path), args, stderr)
}
