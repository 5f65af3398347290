//go:build !linux && !darwin && !freebsd

package main

// diskFree is not known here.
func diskFree(string) (uint64, bool) { return 0, false }
