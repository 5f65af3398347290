//go:build unix

package registration

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives f the owner and group of old if we may. If not, the file is
// ours, and a homeserver that cannot read it says so when it starts.
func keepOwner(f *os.File, old fs.FileInfo) {
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid))
	}
}
