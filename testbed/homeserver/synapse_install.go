package homeserver

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// synapsePackages is what pip installs.
//
//go:embed synapse.txt
var synapsePackages string

// installTime bounds the making of the virtual environment.
const installTime = 8 * time.Minute

// Synapse returns a Launcher for Synapse from PyPI in a virtual environment. The
// first call on a machine makes the environment in the user's cache directory
// (half a minute and 250 MB); callers in other processes wait for it meanwhile. The
// error says what is missing: Python 3 with its venv module, or a way to PyPI.
//
// The Launcher's server is what an administrator gets who sets nothing, but for
// the people in Options.Users: Synapse's limits for them are lifted.
func Synapse(ctx context.Context) (Launcher, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find a place for synapse: %w", err)
	}
	python, err := installSynapse(ctx, filepath.Join(cache, "causeway"), synapsePackages)
	if err != nil {
		return nil, fmt.Errorf("install synapse: %w", err)
	}
	return synapse(python).launch, nil
}

// installSynapse makes an environment with these packages below dir, unless it is
// there, and returns the path of its Python.
func installSynapse(ctx context.Context, dir, packages string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, installTime)
	defer cancel()
	// The version is in the name too: an environment belongs to one Python.
	version, err := output(ctx, "python3", "-c", "import venv, ensurepip, sys; print(sys.version, sys.prefix)")
	if err != nil {
		return "", fmt.Errorf("no Python 3 with venv (on Debian and Ubuntu: apt-get install python3-venv): %w", err)
	}
	sum := sha256.Sum256([]byte(version + packages))
	env := filepath.Join(dir, "synapse-"+hex.EncodeToString(sum[:6]))
	python, whole := filepath.Join(env, "bin", "python"), filepath.Join(env, "whole")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	unlock, err := lock(env + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(whole); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return python, err
	}
	if err := os.RemoveAll(env); err != nil { // what somebody began and did not finish
		return "", err
	}
	if _, err := output(ctx, "python3", "-m", "venv", env); err != nil {
		return "", err
	}
	list := filepath.Join(env, "packages.txt")
	if err := os.WriteFile(list, []byte(packages), 0o600); err != nil {
		return "", err
	}
	_, err = output(ctx, python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "2", "-r", list)
	if err != nil {
		return "", err
	}
	return python, os.WriteFile(whole, nil, 0o600)
}

// output runs a program and returns what it printed; the error holds the end of
// what it said besides.
func output(ctx context.Context, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		said := strings.TrimSpace(errs.String())
		return "", fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, said[max(0, len(said)-600):])
	}
	return strings.TrimSpace(string(out)), nil
}
