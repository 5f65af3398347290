package clock

import (
	"errors"
	"time"
)

// Works reports whether Set can be done here.
const Works = true

// Set has the clock be d ahead of the machine's from now on; behind it, if d is negative.
// Parts of seconds are left out. One at a time may call it.
func Set(d time.Duration) error {
	if !shift(int64(d / time.Second)) {
		return errors.New("the kernel has no vDSO, so the clock cannot jump")
	}
	return nil
}

// shift has the runtime ask moved, and moved add seconds; false if it asks the kernel
// itself.
func shift(seconds int64) bool
