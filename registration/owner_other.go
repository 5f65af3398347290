//go:build !unix

package registration

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: files here have no owner that a mode refers to.
func keepOwner(*os.File, fs.FileInfo) {}
