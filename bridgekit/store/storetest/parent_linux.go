package storetest

import "syscall"

// dieWithParent has the kernel stop a process, as by Stop("immediate"), when its parent
// dies.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }
