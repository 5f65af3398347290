package homeserver

import (
	"context"
	_ "embed"

	"github.com/causeway-chat/causeway/testbed/venv"
)

// synapsePackages is what pip installs.
//
//go:embed synapse.txt
var synapsePackages string

// Synapse returns a Launcher for Synapse from PyPI in a virtual environment. The
// first call on a machine makes the environment in the user's cache directory
// (half a minute and 250 MB); callers in other processes wait for it meanwhile. The
// error says what is missing: Python 3 with its venv module, or a way to PyPI.
//
// The Launcher's server is what an administrator gets who sets nothing, but for
// the people in Options.Users: Synapse's limits for them are lifted.
func Synapse(ctx context.Context) (Launcher, error) {
	python, err := venv.Python(ctx, "synapse", synapsePackages)
	if err != nil {
		return nil, err
	}
	return synapse(python).launch, nil
}
