//go:build !linux

package child

import "os/exec"

// dieWithParent does nothing: only Linux has the means.
func dieWithParent(*exec.Cmd) {}
