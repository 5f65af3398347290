package venv

import (
	"context"
	"crypto/sha256"
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

// installTime bounds the making of a virtual environment.
const installTime = 8 * time.Minute

// Python makes an environment with these packages, a list as pip freeze prints it,
// unless it is there, and returns the path of its Python. name is part of the
// environment's. The error says what is missing: Python 3 with its venv module, or a
// way to PyPI.
func Python(ctx context.Context, name, packages string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for %s: %w", name, err)
	}
	python, err := install(ctx, filepath.Join(cache, "causeway"), name, packages)
	if err != nil {
		return "", fmt.Errorf("install %s: %w", name, err)
	}
	return python, nil
}

// install is Python below dir.
func install(ctx context.Context, dir, name, packages string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, installTime)
	defer cancel()
	// The version is in the name too: an environment belongs to one Python.
	version, err := output(ctx, "python3", "-c", "import venv, ensurepip, sys; print(sys.version, sys.prefix)")
	if err != nil {
		return "", fmt.Errorf("no Python 3 with venv (on Debian and Ubuntu: apt-get install python3-venv): %w", err)
	}
	sum := sha256.Sum256([]byte(version + packages))
	env := filepath.Join(dir, name+"-"+hex.EncodeToString(sum[:6]))
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
