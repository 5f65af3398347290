package venv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/causeway-chat/causeway/testbed/kept"
)

// installTime bounds the making of a virtual environment.
const installTime = 8 * time.Minute

// Python makes an environment with these packages, a list as pip freeze prints it,
// unless it is there, and returns the path of its Python. name is part of the
// environment's. The error says what is missing: Python 3 with its venv module, or a
// way to PyPI.
func Python(ctx context.Context, name, packages string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, installTime)
	defer cancel()
	// The version is in the key too: an environment belongs to one Python.
	version, err := kept.Output(ctx, "", "python3", "-c", "import venv, ensurepip, sys; print(sys.version, sys.prefix)")
	if err != nil {
		return "", fmt.Errorf("install %s: no Python 3 with venv (on Debian and Ubuntu: apt-get install python3-venv): %w", name, err)
	}
	env, err := kept.Dir(name, version+packages, func(env string) error {
		if _, err := kept.Output(ctx, "", "python3", "-m", "venv", env); err != nil {
			return err
		}
		list := filepath.Join(env, "packages.txt")
		if err := os.WriteFile(list, []byte(packages), 0o600); err != nil {
			return err
		}
		_, err := kept.Output(ctx, "", filepath.Join(env, "bin", "python"), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "2", "-r", list)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("install %s: %w", name, err)
	}
	return filepath.Join(env, "bin", "python"), nil
}
