//go:build !linux

package storetest

import "syscall"

// dieWithParent does nothing: only Linux has the means.
func dieWithParent(*syscall.SysProcAttr) {}
