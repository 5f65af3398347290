//go:build !(linux && amd64)

package clock

import (
	"errors"
	"time"
)

// Works reports whether Set can be done here.
const Works = false

// Set cannot be done here: it is written for Linux on amd64.
func Set(time.Duration) error {
	return errors.New("a running process' clock jumps on Linux on amd64 only")
}
