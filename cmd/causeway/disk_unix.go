//go:build linux || darwin || freebsd

package main

import "syscall"

// diskFree is how many bytes a user without special rights can still write
// beside path.
func diskFree(path string) (uint64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, false
	}
	return uint64(max(int64(s.Bavail), 0)) * uint64(s.Bsize), true
}
