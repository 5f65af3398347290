package portal

// A bell wakes the goroutine that waits for it. It remembers one ring, so what was
// queued before it rang is seen; several rings at once are one.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

// ring wakes. It never blocks.
func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}
