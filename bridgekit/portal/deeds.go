package portal

import (
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"
)

// deedsKept is for how long it is remembered what a local person was had to do. It
// comes back from the homeserver within seconds, or after its next outage; after
// that it does no harm, because the other direction is remembered too.
const deedsKept = time.Hour

// A deeds remembers what local people did because we had them do it, and what they
// did themselves that we told a network about: neither may come back to where it
// came from. Messages and reactions carry that with them (matrix.Homeserver.Ours);
// receipts, typing and, on some servers, redactions cannot.
type deeds struct {
	mu   sync.Mutex // guards done
	done map[string]time.Time
}

// Kinds of deeds.
const (
	deedReceipt = "receipt" // we marked a Matrix event as read as the person
	deedRead    = "read"    // the person read a remote message in Matrix, and the network was told
	deedTyping  = "typing"  // we show the person as typing
	deedRedact  = "redact"  // we redacted an event as the person
)

func deedKey(kind string, room id.RoomID, who id.UserID, what string) string {
	return strings.Join([]string{kind, string(room), string(who), what}, "\x00")
}

// note remembers a deed. It is called before the deed, which may come back before
// the call that does it returns.
func (d *deeds) note(kind string, room id.RoomID, who id.UserID, what string, until time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = map[string]time.Time{}
	}
	makeRoom(d.done, maxCached)
	d.done[deedKey(kind, room, who, what)] = time.Now().Add(until)
}

// has reports whether a deed is remembered.
func (d *deeds) has(kind string, room id.RoomID, who id.UserID, what string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	until, ok := d.done[deedKey(kind, room, who, what)]
	return ok && time.Now().Before(until)
}
