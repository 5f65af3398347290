package npm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/causeway-chat/causeway/testbed/kept"
)

// installTime bounds an installation.
const installTime = 8 * time.Minute

// Install makes a directory with the packages of a package.json and its
// package-lock.json, unless it is there, and returns its path. Scripts of the packages
// are not run. name is part of the directory's. The error says what is missing:
// Node.js, npm, or a way to the packages.
func Install(ctx context.Context, name, packages, lock string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, installTime)
	defer cancel()
	version, err := kept.Output(ctx, "", "node", "--version")
	if err == nil {
		_, err = kept.Output(ctx, "", "npm", "--version")
	}
	if err != nil {
		return "", fmt.Errorf("install %s: no Node.js with npm (on Debian and Ubuntu: apt-get install nodejs npm): %w", name, err)
	}
	dir, err := kept.Dir(name, version+packages+lock, func(dir string) error {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		for file, text := range map[string]string{"package.json": packages, "package-lock.json": lock} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				return err
			}
		}
		_, err := kept.Output(ctx, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
		return err
	})
	if err != nil {
		return "", fmt.Errorf("install %s: %w", name, err)
	}
	return dir, nil
}
